//! Deploy tokens: where they are accepted, and when they end.

use hearth_base::{ErrorKind, PageLimit, Result, Secret, ToolName, ToolRole};
use hearth_client::Client;
use hearth_testkit::{Hearth, HearthShape, Person, ReleasePlan, in_every_shape, wait_until};
use hearth_wire::{
    accounts::{TokenCreate, UserPatch},
    components::DeployToken,
    reply::{Paging, Refusal},
};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;

/// A UUID that is no token.
const WRONG_TOKEN: &str = "00000000-0000-4000-8000-000000000000";

/// The text of a token.
fn expose_token(token: &DeployToken) -> String {
    token.token.as_ref().unwrap().expose_secret().to_owned()
}

/// Creates a deployment of an image. `query` is the rest of the query.
async fn send_deployment(client: &Client, tool: &ToolName, query: &str) -> Result<(StatusCode, Refusal)> {
    let path = format!("/components/v1/tool/{tool}/deployment?queue=true{query}");
    let call = client.build_call(Method::POST, &path).json(&json!({"source": {"image": "nothing"}}));
    let (head, body) = call.send_raw().await?.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok((head.status, serde_json::from_slice(&body).unwrap_or_default()))
}

fn join_messages(refusal: &Refusal) -> String {
    refusal.messages.as_ref().map(|messages| messages.error.join(" ")).unwrap_or_default()
}

/// Creates a deployment with this token in the query. Returns `accepted`, or the code of the refusal.
async fn try_token(hearth: &Hearth, tool: &ToolName, token: &str) -> Result<String> {
    let (status, refusal) = send_deployment(&hearth.anonymous()?, tool, &format!("&token={token}")).await?;
    let is_accepted = status == StatusCode::OK || refusal.code == "deployment-queue";
    Ok(if is_accepted { "accepted".to_owned() } else { refusal.code })
}

/// Checks that a token is refused at once, and waits for the code: until the gateway knows, the mandate is refused.
async fn check_refusal(hearth: &Hearth, tool: &ToolName, token: &str, code: &str) -> Result<()> {
    assert_ne!(try_token(hearth, tool, token).await?, "accepted");
    let has_code = async || Ok((try_token(hearth, tool, token).await? == code).then_some(()));
    wait_until("the gateway knows", has_code).await
}

async fn deploy_token_creates_deployments_of_its_tool_from_query_and_header(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (hello, other) = (operator.create_tool("hello").await?, operator.create_tool("other").await?);
    let components = operator.client.components();
    let token = components.create_deploy_token(&hello).await?;
    assert_eq!((token.suspended, &token.owner), (false, &Some(operator.name.clone())));
    assert_eq!(expose_token(&components.show_deploy_token(&hello).await?), expose_token(&token));
    let secret = expose_token(&token);
    let anonymous = hearth.anonymous()?;
    for text in [secret.clone(), secret.to_uppercase()] {
        let (status, refusal) = send_deployment(&anonymous, &hello, &format!("&token={text}")).await?;
        assert_eq!(status, StatusCode::OK, "{refusal:?}");
        let bearer = hearth.client_with_token(&Secret::new(text))?;
        let (status, refusal) = send_deployment(&bearer, &hello, "").await?;
        assert_eq!(status, StatusCode::OK, "{refusal:?}");
    }
    // The header decides; the token in the query is removed whatever the header has.
    let (status, _) = send_deployment(&operator.client, &hello, &format!("&token={WRONG_TOKEN}")).await?;
    assert_eq!(status, StatusCode::OK);
    let bearer = hearth.client_with_token(&Secret::new(WRONG_TOKEN))?;
    assert_eq!(
        send_deployment(&bearer, &hello, &format!("&token={secret}")).await?.0,
        StatusCode::UNAUTHORIZED
    );
    // Another tool, with and without a token, and a tool that does not exist give the same answer.
    let mut answers = vec![send_deployment(&anonymous, &other, &format!("&token={secret}")).await?];
    components.create_deploy_token(&other).await?;
    for (tool, token) in [
        (&other, secret.as_str()),
        (&"missing".parse()?, secret.as_str()),
        (&hello, WRONG_TOKEN),
        (&hello, "mistyped"),
        (&hello, ""),
    ] {
        answers.push(send_deployment(&anonymous, tool, &format!("&token={token}")).await?);
    }
    answers.push(send_deployment(&bearer, &hello, "").await?);
    for (status, refusal) in &answers {
        let text = join_messages(refusal);
        assert_eq!((*status, refusal.code.as_str()), (StatusCode::UNAUTHORIZED, "deploy-token-refused"));
        assert!(
            text.contains("does not match the tool's token") && text.contains("Unable to find"),
            "{text}"
        );
    }
    // Without any credential, and with a credential that the query does not accept.
    assert_eq!(send_deployment(&anonymous, &hello, "").await?.1.code, "not-signed-in");
    let personal = operator.create_token(&[]).await?;
    let (_, refusal) =
        send_deployment(&anonymous, &hello, &format!("&token={}", personal.expose_secret())).await?;
    assert_eq!(refusal.code, "deploy-token-refused");
    check_audit_log(&operator, &hello, &["deploy-token.create", "deploy-token.use"]).await
}

async fn check_audit_log(person: &Person, tool: &ToolName, actions: &[&str]) -> Result<()> {
    let paging = Paging { limit: PageLimit::new(100)?, cursor: None };
    let entries = person.client.audit().list_for_tool(tool, &paging).await?.items;
    for action in actions {
        let entry = entries.iter().find(|entry| entry.action == *action);
        let entry = entry.unwrap_or_else(|| panic!("no entry {action}: {entries:?}"));
        let who = match *action {
            "deploy-token.use" => format!("deploy token of {tool} by service components"),
            _ => "user ".to_owned(),
        };
        assert!(entry.who.starts_with(&who), "{entry:?}");
    }
    Ok(())
}

async fn replaced_and_deleted_deploy_tokens_are_refused_at_once(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tool = operator.create_tool("hello").await?;
    let components = operator.client.components();
    for missing in [
        components.show_deploy_token(&tool).await.unwrap_err(),
        components.replace_deploy_token(&tool).await.unwrap_err(),
        components.delete_deploy_token(&tool).await.unwrap_err(),
    ] {
        assert_eq!((missing.kind(), missing.code()), (ErrorKind::NotFound, "no-such-deploy-token"));
        assert!(missing.public_message().contains("Unable to find"), "{missing}");
    }
    let first = expose_token(&components.create_deploy_token(&tool).await?);
    let again = components.create_deploy_token(&tool).await.unwrap_err();
    assert_eq!((again.kind(), again.code()), (ErrorKind::Conflict, "deploy-token-exists"));
    assert_eq!(try_token(&hearth, &tool, &first).await?, "accepted");
    let second = expose_token(&components.replace_deploy_token(&tool).await?);
    assert_ne!(first, second);
    let refused = "deploy-token-refused";
    check_refusal(&hearth, &tool, &first, refused).await?;
    assert_eq!(try_token(&hearth, &tool, &second).await?, "accepted");
    assert_eq!(expose_token(&components.delete_deploy_token(&tool).await?), second);
    check_refusal(&hearth, &tool, &second, refused).await?;
    check_audit_log(&operator, &tool, &["deploy-token.replace", "deploy-token.delete"]).await?;
    // The deletion of the tool ends the token, and a new tool of that name has none.
    let third = expose_token(&components.create_deploy_token(&tool).await?);
    operator.client.tools().delete(&tool).await?;
    check_refusal(&hearth, &tool, &third, refused).await?;
    wait_until("the name is free", async || Ok(operator.create_tool("hello").await.ok())).await?;
    assert_eq!(components.show_deploy_token(&tool).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(try_token(&hearth, &tool, &third).await?, refused);
    Ok(())
}

async fn deploy_token_is_suspended_when_somebody_who_knows_it_loses_the_right(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (ann, bob) =
        (hearth.invite_person(&operator, "ann").await?, hearth.invite_person(&operator, "bob").await?);
    let tool = ann.create_tool("hello").await?;
    let (anns, bobs) = (ann.client.components(), bob.client.components());
    ann.add_member(&tool, &bob, ToolRole::Maintainer).await?;
    let made = wait_until("bob is a maintainer", async || Ok(bobs.create_deploy_token(&tool).await.ok()));
    let of_bob = expose_token(&made.await?);
    assert_eq!(try_token(&hearth, &tool, &of_bob).await?, "accepted");
    // A viewer does not see the token, and a former owner's token is suspended.
    ann.add_member(&tool, &bob, ToolRole::Viewer).await?;
    check_refusal(&hearth, &tool, &of_bob, "deploy-token-suspended").await?;
    wait_until("bob is a viewer", async || Ok(bobs.show_deploy_token(&tool).await.err())).await?;
    let (_, refusal) = send_deployment(&hearth.anonymous()?, &tool, &format!("&token={of_bob}")).await?;
    assert!(join_messages(&refusal).contains("is suspended") && refusal.help.is_some(), "{refusal:?}");
    // A new role does not revive it.
    ann.add_member(&tool, &bob, ToolRole::Maintainer).await?;
    check_refusal(&hearth, &tool, &of_bob, "deploy-token-suspended").await?;
    assert!(anns.show_deploy_token(&tool).await?.suspended);
    let of_ann = anns.create_deploy_token(&tool).await?;
    assert_eq!((of_ann.suspended, &of_ann.owner), (false, &Some(ann.name.clone())));
    let of_ann = expose_token(&of_ann);
    assert_eq!(try_token(&hearth, &tool, &of_ann).await?, "accepted");
    assert_eq!(try_token(&hearth, &tool, &of_bob).await?, "deploy-token-refused");
    // The end of a maintainer who has not seen the token does not matter; that of one who has seen it does.
    ann.client.tools().remove_member(&tool, &bob.name).await?;
    assert_eq!(try_token(&hearth, &tool, &of_ann).await?, "accepted");
    ann.add_member(&tool, &bob, ToolRole::Maintainer).await?;
    wait_until("bob is a maintainer", async || Ok(bobs.show_deploy_token(&tool).await.ok())).await?;
    ann.client.tools().remove_member(&tool, &bob.name).await?;
    check_refusal(&hearth, &tool, &of_ann, "deploy-token-suspended").await?;
    let replaced = expose_token(&anns.replace_deploy_token(&tool).await?);
    assert_eq!(try_token(&hearth, &tool, &replaced).await?, "accepted");
    // A disabled owner.
    let disable = |disabled| UserPatch { disabled: Some(disabled), operator: None };
    operator.client.accounts().update_user(&ann.name, &disable(true)).await?;
    check_refusal(&hearth, &tool, &replaced, "deploy-token-suspended").await?;
    operator.client.accounts().update_user(&ann.name, &disable(false)).await?;
    check_refusal(&hearth, &tool, &replaced, "deploy-token-suspended").await?;
    check_audit_log(&operator, &tool, &["deploy-token.suspend", "deploy-token.show"]).await
}

async fn deploy_token_of_a_tool_token_ends_with_it(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let ann = hearth.invite_person(&operator, "ann").await?;
    let tool = ann.create_tool("hello").await?;
    let create = TokenCreate { label: "kubeconfig".to_owned(), scopes: None, expires: None };
    let made = ann.client.tools().create_token(&tool, &create).await?;
    let published_client = hearth.client_with_token(&made.secret)?;
    let token = published_client.components().create_deploy_token(&tool).await?;
    assert_eq!(token.owner, Some(ann.name.clone()));
    let text = expose_token(&token);
    assert_eq!(try_token(&hearth, &tool, &text).await?, "accepted");
    // A credential with fewer scopes neither creates nor sees one.
    let scopes = Some(hearth_base::Scopes::from_scopes(["components:write".parse()?]));
    let narrow = TokenCreate { scopes, ..create };
    let narrow = hearth.client_with_token(&ann.client.tools().create_token(&tool, &narrow).await?.secret)?;
    let refused = narrow.components().show_deploy_token(&tool).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "scope-too-wide"));
    ann.client.tools().revoke_token(&tool, made.token.id).await?;
    check_refusal(&hearth, &tool, &text, "deploy-token-suspended").await
}

/// The log of every process at the most verbose level, and the databases.
async fn check_that_token_is_not_recorded(shape: HearthShape) -> Result<()> {
    let mut hearth = Hearth::create_stopped(shape, "", ReleasePlan::ALL_CURRENT)?;
    hearth.replace_in_config("level = \"info\"", "level = \"trace\"")?;
    hearth.start_missing_processes().await?;
    let operator = hearth.operator().await?;
    let tool = operator.create_tool("hello").await?;
    let secret = expose_token(&operator.client.components().create_deploy_token(&tool).await?);
    assert_eq!(try_token(&hearth, &tool, &secret).await?, "accepted");
    let bearer = hearth.client_with_token(&Secret::new(secret.clone()))?;
    assert_eq!(send_deployment(&bearer, &tool, "").await?.0, StatusCode::OK);
    // In places where it is not accepted, and where the request is invalid.
    let anonymous = hearth.anonymous()?;
    for (method, path) in [
        (Method::GET, format!("/components/v1/tool/hello/deployment?token={secret}")),
        (Method::POST, format!("/components/v1/tool/hello/deployment/?token={secret}&nothing=1")),
        (Method::POST, format!("/components/v1/tool/other/deployment?token={secret}")),
        (Method::PUT, format!("/components/v1/tool/hello/deployment?token={secret}")),
        (Method::POST, format!("/nothing?token={secret}")),
    ] {
        for client in [&anonymous, &bearer, &operator.client] {
            let call = client.build_call(method.clone(), &path);
            let answer = call.send_raw().await?.into_body().collect().await.unwrap().to_bytes();
            assert!(!String::from_utf8_lossy(&answer).contains(&secret), "{method} {path}");
        }
    }
    let mut recorded = Vec::new();
    let databases = hearth.state_folder().join("db");
    let logs = hearth.durable_folder().parent().unwrap().to_owned();
    for folder in [logs, databases] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                recorded.push((
                    path.clone(),
                    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned(),
                ));
            }
        }
    }
    // The logs have the requests, and more than usual.
    for expected in ["/tool/hello/deployment", "DEBUG"] {
        assert!(recorded.iter().any(|(_, text)| text.contains(expected)), "{expected} is in no log");
    }
    for (path, text) in &recorded {
        assert!(!text.contains(&secret), "{}", path.display());
    }
    hearth.stop().await
}

#[tokio::test]
async fn deploy_token_is_in_no_log_and_no_database_in_one_process() -> Result<()> {
    check_that_token_is_not_recorded(HearthShape::TOGETHER_ON_FILES).await
}

#[tokio::test]
async fn deploy_token_is_in_no_log_and_no_database_in_split_processes() -> Result<()> {
    check_that_token_is_not_recorded(HearthShape::SPLIT_ON_FILES).await
}

#[tokio::test]
async fn guesses_of_deploy_tokens_are_limited() -> Result<()> {
    let settings = "[gateway]\ninvalid_credentials = 3\n";
    let hearth = Hearth::start_with(HearthShape::TOGETHER_ON_FILES, settings).await?;
    let operator = hearth.operator().await?;
    let tool = operator.create_tool("hello").await?;
    let secret = expose_token(&operator.client.components().create_deploy_token(&tool).await?);
    assert_eq!(try_token(&hearth, &tool, &secret).await?, "accepted");
    let guess = async || Ok(Some(try_token(&hearth, &tool, WRONG_TOKEN).await?));
    let limited = async || Ok(guess().await?.filter(|code| code == "rate-limit"));
    wait_until("guesses are refused", limited).await?;
    // The pipeline with the valid token at the same address goes on.
    assert_eq!(try_token(&hearth, &tool, &secret).await?, "accepted");
    hearth.stop().await
}

in_every_shape!(
    deploy_token_creates_deployments_of_its_tool_from_query_and_header,
    replaced_and_deleted_deploy_tokens_are_refused_at_once,
    deploy_token_is_suspended_when_somebody_who_knows_it_loses_the_right,
    deploy_token_of_a_tool_token_ends_with_it,
);
