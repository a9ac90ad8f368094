//! Requests of tools to the operators: made, decided once, and carried out.

use hearth_base::{ErrorKind, PackageSourceName, Result, Role, ToolName, ToolRole};
use hearth_testkit::{Hearth, HearthShape, MailServer, Person, in_every_shape, wait_until};
use hearth_wire::{
    accounts::{
        AuditQuery, PackageSourceRequest, RequestAcceptance, RequestKind, RequestRefusal, RequestState,
        ToolRequest, ToolRequestCreate, ToolRequestQuery,
    },
    builds::{PackageSourceAccess, PackageSourcePut},
    tools::QuotaPatch,
};

fn build_source_request(name: &str) -> ToolRequestCreate {
    ToolRequestCreate {
        kind: RequestKind::PackageSource,
        reason: "the index needs it".to_owned(),
        quota: None,
        package_source: Some(PackageSourceRequest { name: name.parse().unwrap(), url: None }),
    }
}

fn build_quota_request(memory: &str) -> ToolRequestCreate {
    let quota: QuotaPatch = serde_json::from_value(serde_json::json!({ "memory": memory })).unwrap();
    let reason = "the index grows".to_owned();
    ToolRequestCreate { kind: RequestKind::Quota, reason, quota: Some(quota), package_source: None }
}

fn build_source_put() -> PackageSourcePut {
    PackageSourcePut {
        file: "Types: deb\nURIs: http://pond.example\nSuites: stable\nComponents: main\n".to_owned(),
        key: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQABBA==\n-----END PGP PUBLIC KEY BLOCK-----\n"
            .to_owned(),
        access: PackageSourceAccess::Granted,
        overrides_debian: false,
    }
}

fn build_refusal() -> RequestRefusal {
    RequestRefusal { answer: "no room".to_owned() }
}

async fn wait_for_sources(person: &Person, tool: &ToolName, expected: &[&str]) -> Result<()> {
    wait_until("the package source is granted", async || {
        let sources = person.client.builds().list_tool_package_sources(tool).await?;
        let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        Ok((names == expected).then_some(()))
    })
    .await
}

async fn request_is_decided_once_and_carried_out(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let ada = hearth.invite_person(&operator, "ada").await?;
    let viewer = hearth.invite_person(&operator, "viewer").await?;
    let tool = ada.create_tool("pond").await?;
    ada.add_member(&tool, &viewer, ToolRole::Viewer).await?;
    let (tools, accounts) = (ada.client.tools(), operator.client.accounts());

    let quota = tools.create_request(&tool, &build_quota_request("9Gi")).await?;
    let source = tools.create_request(&tool, &build_source_request("debian-pond")).await?;
    assert_eq!((quota.state, quota.author.as_str()), (RequestState::Open, "user ada"));
    let same = tools.create_request(&tool, &build_source_request("debian-pond")).await.unwrap_err();
    assert_eq!((same.kind(), same.code()), (ErrorKind::Conflict, "request-open"));
    let without = ToolRequestCreate { package_source: None, ..build_source_request("x") };
    let refused = tools.create_request(&tool, &without).await.unwrap_err();
    assert_eq!(refused.code(), "request-details");
    let refused = viewer.client.tools().create_request(&tool, &build_quota_request("1Gi")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    let refused =
        ada.client.accounts().accept_request(quota.id, &RequestAcceptance::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);

    let open = ToolRequestQuery { state: Some(RequestState::Open), ..ToolRequestQuery::default() };
    let listed: Vec<ToolRequest> = accounts.list_requests(&open).await?.items;
    assert_eq!(listed, [source.clone(), quota.clone()]);
    let accepted = accounts.accept_request(quota.id, &RequestAcceptance::default()).await?;
    assert_eq!((accepted.state, accepted.decided_by.is_some()), (RequestState::Accepted, true));
    assert_eq!(tools.show_quota(&tool).await?.memory, "9Gi".parse()?);
    let again = accounts.refuse_request(quota.id, &build_refusal()).await.unwrap_err();
    assert_eq!((again.kind(), again.code()), (ErrorKind::Conflict, "request-decided"));

    // Nothing is accepted that cannot be granted.
    let missing = accounts.accept_request(source.id, &RequestAcceptance::default()).await.unwrap_err();
    assert_eq!(missing.code(), "no-package-source");
    let name: PackageSourceName = "pond".parse()?;
    operator.client.builds().put_package_source(&name, &build_source_put()).await?;
    let acceptance =
        RequestAcceptance { answer: "under another name".to_owned(), package_source: Some(name) };
    let accepted = accounts.accept_request(source.id, &acceptance).await?;
    assert_eq!(accepted.package_source.unwrap().name.as_str(), "pond");
    wait_for_sources(&ada, &tool, &["pond"]).await?;
    let shown = viewer.client.tools().show_request(&tool, source.id).await?;
    assert_eq!((shown.state, shown.answer.as_str()), (RequestState::Accepted, "under another name"));

    let audit = AuditQuery { action: Some("request.accept".to_owned()), ..AuditQuery::default() };
    assert_eq!(operator.client.audit().list(&audit).await?.items.len(), 2);
    Ok(())
}

async fn open_requests_are_limited_and_end_with_their_tool(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let ada = hearth.invite_person(&operator, "ada").await?;
    let (tool, accounts) = (ada.create_tool("pond").await?, operator.client.accounts());
    let tools = ada.client.tools();
    let mut requests = Vec::new();
    for number in 0..10 {
        requests.push(tools.create_request(&tool, &build_source_request(&format!("s{number}"))).await?);
    }
    let refused = tools.create_request(&tool, &build_source_request("more")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Exhausted, "too-many-requests-open"));
    let withdrawn = tools.withdraw_request(&tool, requests[0].id).await?;
    assert_eq!(withdrawn.state, RequestState::Withdrawn);
    let refused = accounts.refuse_request(requests[0].id, &build_refusal()).await.unwrap_err();
    assert_eq!(refused.code(), "request-decided");
    let refused = accounts.refuse_request(requests[1].id, &build_refusal()).await?;
    assert_eq!((refused.state, refused.answer.as_str()), (RequestState::Refused, "no room"));
    let last = tools.create_request(&tool, &build_source_request("more")).await?;
    // Withdrawn requests count for a day, so that mail to the operators is limited too: 11 were made, 30 are allowed.
    tools.withdraw_request(&tool, last.id).await?;
    for number in 11..30 {
        let request = tools.create_request(&tool, &build_source_request(&format!("s{number}"))).await?;
        tools.withdraw_request(&tool, request.id).await?;
    }
    let refused = tools.create_request(&tool, &build_source_request("more")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Exhausted, "too-many-requests-today"));

    let page = ToolRequestQuery { limit: hearth_base::PageLimit::new(4)?, ..ToolRequestQuery::default() };
    let first = tools.list_requests(&tool, &page).await?;
    let second = tools.list_requests(&tool, &ToolRequestQuery { cursor: first.next, ..page }).await?;
    assert_eq!((first.items.len(), second.items.len()), (4, 4));
    assert!(first.items[3].id > second.items[0].id, "the newest first");

    tools.delete(&tool).await?;
    let open = ToolRequestQuery { state: Some(RequestState::Open), ..ToolRequestQuery::default() };
    assert!(accounts.list_requests(&open).await?.items.is_empty());
    Ok(())
}

in_every_shape!(request_is_decided_once_and_carried_out, open_requests_are_limited_and_end_with_their_tool);

#[tokio::test]
async fn accepted_source_is_granted_by_a_build_service_that_was_down() -> Result<()> {
    let mut hearth = Hearth::start(HearthShape::SPLIT_ON_FILES).await?;
    let operator = hearth.operator().await?;
    let tool = operator.create_tool("pond").await?;
    let name = "pond".parse()?;
    operator.client.builds().put_package_source(&name, &build_source_put()).await?;
    let request = operator.client.tools().create_request(&tool, &build_source_request("pond")).await?;
    operator.client.accounts().accept_request(request.id, &RequestAcceptance::default()).await?;
    hearth.kill(Role::Builds).await?;
    hearth.start_missing_processes().await?;
    wait_for_sources(&operator, &tool, &["pond"]).await?;
    hearth.stop().await
}

#[tokio::test]
async fn operators_and_maintainers_get_mail_about_a_request() -> Result<()> {
    let server = MailServer::start().await?;
    let shape = HearthShape::TOGETHER_ON_FILES;
    let hearth = Hearth::start_with(shape, &server.build_configuration()).await?;
    let operator = hearth.operator().await?;
    let ada = hearth.invite_person(&operator, "ada").await?;
    operator.confirm_mail_address(&hearth, &server, "op@example.org").await?;
    ada.confirm_mail_address(&hearth, &server, "ada@example.org").await?;
    let tool = ada.create_tool("pond").await?;
    let request = ada.client.tools().create_request(&tool, &build_quota_request("9Gi")).await?;
    let find_mail = async |to: &str, text: String| {
        wait_until("the mail arrives", async || {
            let mails = server.read_mails()?.into_iter();
            // Long lines are broken with `=`, which is encoded itself (RFC 2045, section 6.7).
            let decode = |mail: String| mail.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
            let mut mails = mails.map(decode);
            Ok(mails.find(|mail| mail.contains(to) && mail.contains(&text)))
        })
        .await
    };
    let mail = find_mail("op@example.org", format!("hearth admin requests accept {}", request.id)).await?;
    assert!(mail.contains("the index grows") && mail.contains("user ada"), "{mail}");
    assert!(mail.contains("The tool pond asks for: quota memory=9Gi"), "{mail}");
    operator.client.accounts().refuse_request(request.id, &build_refusal()).await?;
    let mail = find_mail("ada@example.org", "no room".to_owned()).await?;
    assert!(mail.contains("refused: quota memory=9Gi"), "{mail}");
    hearth.stop().await
}
