//! Package sources: strictly parsed, granted to tools by operators and by accepted requests, and part of leases.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, routing::get};
use hearth_base::{Access, Clock, Entropy, ErrorKind, Result, Role, ToolId, ToolRequestId};
use hearth_client::Client;
use hearth_kit::db::Db;
use hearth_testkit::{FakeEventStream, on_every_store, wait_until};
use hearth_wire::{
    accounts::{
        PackageSourceRequest, RequestEvent, RequestEventData, RequestKind, RequestState, ToolRequest,
    },
    builds::{PackageSourceAccess, PackageSourcePut},
    events::Topic,
    reply::{Data, Listed, Messages},
};
use jiff::SignedDuration;

use crate::fixture::{BuildsFixture, start_fixture};

/// The smallest text that is an OpenPGP public key in ASCII armor.
const SMALL_KEY: &str =
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQABBA==\n-----END PGP PUBLIC KEY BLOCK-----\n";

pub fn build_put(access: PackageSourceAccess) -> PackageSourcePut {
    PackageSourcePut {
        file: "# pond\nTypes: deb\nURIs: http://pond.example/debian\nSuites: stable\nComponents: main\n"
            .to_owned(),
        key: SMALL_KEY.to_owned(),
        access,
        overrides_debian: false,
    }
}

/// A further tool with its maintainer, and an operator who sees it.
struct GrantedTool {
    id: ToolId,
    name: hearth_base::ToolName,
    maintainer: Client,
}

fn create_tool(fixture: &BuildsFixture, name: &str) -> Result<GrantedTool> {
    let (id, name) = (ToolId::new(fixture.stand.clock.now(), &Entropy::System), name.parse()?);
    let maintainer = fixture.stand.member(id, &name, Access::Write)?;
    Ok(GrantedTool { id, name, maintainer })
}

async fn list_usable(tool: &GrantedTool) -> Result<Vec<String>> {
    let sources = tool.maintainer.builds().list_tool_package_sources(&tool.name).await?;
    Ok(sources.into_iter().map(|source| source.name.to_string()).collect())
}

async fn build_gets_the_sources_of_its_tool_only(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let operator = fixture.stand.operator()?;
    let (pond, common) = ("pond".parse()?, "common".parse()?);
    operator.builds().put_package_source(&pond, &build_put(PackageSourceAccess::Granted)).await?;
    operator.builds().put_package_source(&common, &build_put(PackageSourceAccess::All)).await?;
    let (ada, bob) = (create_tool(&fixture, "ada")?, create_tool(&fixture, "bob")?);
    assert_eq!(list_usable(&ada).await?, ["common"]);
    let operator_of_ada = fixture.stand.tool_operator(ada.id, &ada.name)?;
    operator_of_ada.builds().grant_package_source(&ada.name, &pond).await?;
    assert_eq!(list_usable(&ada).await?, ["common", "pond"]);
    assert_eq!(list_usable(&bob).await?, ["common"]);
    for (tool, expected) in [(&ada, &["common", "pond"][..]), (&bob, &["common"])] {
        let create = hearth_wire::builds::BuildCreate {
            source_url: Some(fixture.git.repository_url("hello")),
            ..Default::default()
        };
        tool.maintainer.builds().start(&tool.name, &create, &Default::default()).await?;
        let lease = fixture.claim_lease().await?.unwrap();
        let names: Vec<&str> = lease.package_sources.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, expected);
        assert!(lease.package_sources[0].file.starts_with("Types: deb\nURIs: http://pond.example/debian\n"));
        fixture.finish_lease(&lease, crate::fixture::build_success_end()).await?;
    }
    let listed = operator.builds().list_package_sources().await?;
    assert_eq!(listed.iter().map(|source| source.granted).collect::<Vec<_>>(), [0, 1]);

    operator_of_ada.builds().revoke_package_source(&ada.name, &pond).await?;
    assert_eq!(list_usable(&ada).await?, ["common"]);
    // A later source of the same name begins without grants.
    operator_of_ada.builds().grant_package_source(&ada.name, &pond).await?;
    operator.builds().remove_package_source(&pond).await?;
    operator.builds().put_package_source(&pond, &build_put(PackageSourceAccess::Granted)).await?;
    assert_eq!(list_usable(&ada).await?, ["common"]);
    Ok(())
}

async fn unsafe_source_and_foreign_caller_are_refused(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let (operator, name) = (fixture.stand.operator()?, "pond".parse()?);
    let put = build_put(PackageSourceAccess::Granted);
    for (file, key, code) in [
        (format!("{}Trusted: yes\n", put.file), SMALL_KEY.to_owned(), "package-source"),
        (put.file.replace("http:", "file:"), SMALL_KEY.to_owned(), "package-source"),
        (put.file.clone(), "no key".to_owned(), "package-source-key"),
    ] {
        let refused = PackageSourcePut { file, key, ..put.clone() };
        let error = operator.builds().put_package_source(&name, &refused).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, code));
    }
    let refused = fixture.maintainer.builds().put_package_source(&name, &put).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    operator.builds().put_package_source(&name, &put).await?;
    let refused = fixture.maintainer.builds().grant_package_source(&fixture.tool, &name).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    let missing = operator.builds().show_package_source(&"other".parse()?).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    Ok(())
}

/// Fake of `accounts` with an event stream and the list of accepted requests.
#[derive(Clone, Default)]
struct FakeAccounts {
    stream: FakeEventStream,
    accepted: Arc<Mutex<Vec<RequestEventData>>>,
}

impl FakeAccounts {
    fn mount(&self, fixture: &BuildsFixture) {
        let router = Router::new()
            .route("/accounts/v1/internal/accepted-requests", get(list_accepted))
            .merge(self.stream.build_router(RequestEvent::TOPIC_INFO));
        let service = hearth_kit::build_local_service(router.with_state(self.clone()));
        fixture.stand.set_fake_service(Role::Accounts, service);
    }
}

async fn list_accepted(State(accounts): State<FakeAccounts>) -> Json<Data<Listed<RequestEventData>>> {
    let items = accounts.accepted.lock().unwrap().clone();
    Json(Data { data: Listed { items, next: None }, messages: Messages::default() })
}

fn accept_request(fixture: &BuildsFixture, tool: &GrantedTool, source: &str) -> Result<RequestEventData> {
    let now = fixture.stand.clock.now();
    let request = ToolRequest {
        id: ToolRequestId::new(now, &Entropy::System),
        tool: tool.name.clone(),
        kind: RequestKind::PackageSource,
        author: "user ada".to_owned(),
        reason: "depth".to_owned(),
        quota: None,
        package_source: Some(PackageSourceRequest { name: source.parse()?, url: None }),
        state: RequestState::Accepted,
        created: now,
        decided: Some(now),
        decided_by: Some("user operator".to_owned()),
        answer: String::new(),
    };
    Ok(RequestEventData { tool: tool.name.clone(), tool_id: tool.id, request })
}

async fn accepted_request_grants_its_source_once(db: Db) -> Result<()> {
    let fixture = start_fixture(db).await?;
    let (operator, accounts) = (fixture.stand.operator()?, FakeAccounts::default());
    let (pond, tool) = ("pond".parse()?, create_tool(&fixture, "ada")?);
    let operator_of_tool = fixture.stand.tool_operator(tool.id, &tool.name)?;
    operator.builds().put_package_source(&pond, &build_put(PackageSourceAccess::Granted)).await?;
    let wait_for = async |names: &'static [&'static str]| {
        wait_until("the grants are applied", async || Ok((list_usable(&tool).await? == names).then_some(())))
            .await
    };
    // The service cannot reach `accounts` when the request is accepted.
    let accepted = accept_request(&fixture, &tool, "pond")?;
    accounts.stream.append_event(
        fixture.stand.clock.now(),
        &RequestEvent::Accepted(accepted.clone()),
        None,
    )?;
    accounts.mount(&fixture);
    wait_for(&["pond"]).await?;

    // What an operator took away stays away, also when the event comes again or all events were lost.
    operator_of_tool.builds().revoke_package_source(&tool.name, &pond).await?;
    accounts.stream.append_event(
        fixture.stand.clock.now(),
        &RequestEvent::Accepted(accepted.clone()),
        None,
    )?;
    accounts.accepted.lock().unwrap().push(accepted);
    fixture.stand.advance_clock(SignedDuration::from_secs(60));
    operator.builds().put_package_source(&"lake".parse()?, &build_put(PackageSourceAccess::Granted)).await?;
    // Before the events are lost: the service may rebuild its state at once.
    accounts.accepted.lock().unwrap().push(accept_request(&fixture, &tool, "lake")?);
    accounts.stream.delete_all(1000);
    wait_for(&["lake"]).await?;
    // A request for a source that is gone grants nothing to a later one of the same name.
    let gone = accept_request(&fixture, &tool, "river")?;
    fixture.stand.advance_clock(SignedDuration::from_secs(60));
    operator.builds().put_package_source(&"river".parse()?, &build_put(PackageSourceAccess::Granted)).await?;
    let again = accept_request(&fixture, &tool, "pond")?;
    for data in [gone, again] {
        accounts.stream.append_event(fixture.stand.clock.now(), &RequestEvent::Accepted(data), None)?;
    }
    wait_for(&["lake", "pond"]).await
}

on_every_store!(
    build_gets_the_sources_of_its_tool_only,
    unsafe_source_and_foreign_caller_are_refused,
    accepted_request_grants_its_source_once,
);
