//! Permissions of tokens.

use hearth_base::{ErrorKind, Result, ToolRole};
use hearth_testkit::{Hearth, HearthShape, in_every_shape, wait_until};
use hearth_wire::{
    accounts::{InvitationCreate, TokenCreate, UserPatch},
    notify::{WebhookCreate, WebhookPatch},
    reply::Paging,
    tools::{ToolCreate, ToolQuery},
};

fn build_token_request(label: &str) -> TokenCreate {
    TokenCreate { label: label.to_owned(), scopes: None, expires: None }
}

async fn token_is_limited_to_its_scopes(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tool = operator.create_tool("hello").await?;
    let reader = hearth.client_with_token(&operator.create_token(&["*:read"]).await?)?;
    assert!(reader.tools().show(&tool).await.is_ok());
    assert_eq!(reader.tools().delete(&tool).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert!(!reader.accounts().show_caller().await?.operator);
    assert_eq!(
        reader.accounts().list_users(&Paging::default()).await.unwrap_err().kind(),
        ErrorKind::Forbidden
    );
    // A token cannot create a token with more scopes.
    assert_eq!(
        reader.accounts().create_token(&build_token_request("more")).await.unwrap_err().kind(),
        ErrorKind::Forbidden
    );
    Ok(())
}

async fn revoked_token_is_refused_at_once(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let made = operator.client.accounts().create_token(&build_token_request("bot")).await?;
    let bot = hearth.client_with_token(&made.secret)?;
    assert!(bot.accounts().show_caller().await.is_ok());
    operator.client.accounts().revoke_token(made.token.id).await?;
    let refused =
        wait_until("the token is refused", async || Ok(bot.accounts().show_caller().await.err())).await?;
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unauthenticated, "credential-refused"));
    Ok(())
}

async fn tool_token_is_limited_to_its_tool_and_ends_with_the_creators_role(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let tools = operator.client.tools();
    let create = |name: &str| ToolCreate { name: name.parse().unwrap(), description: String::new() };
    let hello = tools.create(&create("hello")).await?.name;
    let other = tools.create(&create("other")).await?.name;
    operator.add_member(&hello, &bob, ToolRole::Maintainer).await?;
    let made = wait_until("bob is a maintainer", async || {
        Ok(bob.client.tools().create_token(&hello, &build_token_request("bot")).await.ok())
    });
    let bot = hearth.client_with_token(&made.await?.secret)?;
    assert_eq!(bot.accounts().show_caller().await?.kind, "tool");
    let seen = bot.tools().list(&ToolQuery::default()).await?.items;
    assert_eq!(seen.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["hello"]);
    assert_eq!(bot.tools().show(&other).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(
        bot.tools().create_token(&hello, &build_token_request("more")).await.unwrap_err().code(),
        "token-by-token"
    );
    tools.remove_member(&hello, &bob.name).await?;
    wait_until("the bot's token is refused", async || Ok(bot.accounts().show_caller().await.err())).await?;
    Ok(())
}

async fn tool_token_has_at_most_the_creators_scopes_and_ends_with_the_creators_role(
    hearth: Hearth,
) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let tools = operator.client.tools();
    let create = ToolCreate { name: "hello".parse()?, description: String::new() };
    let tool = tools.create(&create).await?.name;
    operator.add_member(&tool, &bob, ToolRole::Maintainer).await?;
    let narrow = hearth.client_with_token(&bob.create_token(&["accounts:write"]).await?)?;
    let wide = wait_until("bob is a maintainer", async || {
        let refused = narrow.tools().create_token(&tool, &build_token_request("wide")).await.err();
        Ok(refused.filter(|refused| refused.code() == "scope-too-wide"))
    });
    assert_eq!(wide.await?.kind(), ErrorKind::Forbidden);
    let bot = hearth.client_with_token(
        &bob.client.tools().create_token(&tool, &build_token_request("bot")).await?.secret,
    )?;
    assert!(bot.accounts().show_caller().await.is_ok());
    operator.add_member(&tool, &bob, ToolRole::Viewer).await?;
    wait_until("the bot's token is refused", async || Ok(bot.accounts().show_caller().await.err())).await?;
    // The token stays in the list, suspended, until another maintainer takes it over with a new secret.
    let listed = tools.list_tokens(&tool, &Paging::default()).await?.items;
    assert!(matches!(&listed[..], [token] if token.suspended), "{listed:?}");
    assert_eq!(listed[0].owner, Some(bob.name.clone()));
    // A new role of the former owner does not revive it.
    operator.add_member(&tool, &bob, ToolRole::Maintainer).await?;
    assert_eq!(bot.accounts().show_caller().await.unwrap_err().code(), "credential-refused");
    let taken = tools.take_over_token(&tool, listed[0].id).await?;
    assert!(hearth.client_with_token(&taken.secret)?.tools().show(&tool).await.is_ok());
    assert_eq!(bot.accounts().show_caller().await.unwrap_err().code(), "credential-refused");
    let listed = tools.list_tokens(&tool, &Paging::default()).await?.items;
    assert_eq!((listed[0].suspended, &listed[0].owner), (false, &Some(operator.name.clone())));
    Ok(())
}

/// An operator may create a token of any tool, without being a member of it.
async fn tool_token_of_a_former_operator_is_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let ann = hearth.invite_person(&operator, "ann").await?;
    let tool = ann.create_tool("hello").await?;
    let invitation = InvitationCreate { operator: true, note: String::new() };
    let code = operator.client.accounts().create_invitation(&invitation).await?.code;
    let second = hearth.register_person("second", code).await?;
    let made = second.client.tools().create_token(&tool, &build_token_request("bot")).await?;
    let bot = hearth.client_with_token(&made.secret)?;
    assert!(bot.tools().show(&tool).await.is_ok());
    let demote = UserPatch { disabled: None, operator: Some(false) };
    operator.client.accounts().update_user(&second.name, &demote).await?;
    wait_until("the token is refused", async || Ok(bot.tools().show(&tool).await.err())).await?;
    let listed = ann.client.tools().list_tokens(&tool, &Paging::default()).await?.items;
    assert!(matches!(&listed[..], [token] if token.suspended), "{listed:?}");
    Ok(())
}

async fn token_of_another_tool_is_not_found(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tools = operator.client.tools();
    let create = |name: &str| ToolCreate { name: name.parse().unwrap(), description: String::new() };
    let (one, two) = (tools.create(&create("one")).await?.name, tools.create(&create("two")).await?.name);
    let token = tools.create_token(&one, &build_token_request("bot")).await?.token;
    assert_eq!(tools.revoke_token(&two, token.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        operator.client.accounts().revoke_token(token.id).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    tools.revoke_token(&one, token.id).await.map(drop)
}

async fn log_and_database_contain_no_secrets(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let token = operator.create_token(&[]).await?;
    hearth.client_with_token(&token)?.accounts().show_caller().await?;
    assert!(hearth.read_log("hearth").len() + hearth.read_log("gateway").len() > 100);
    let mut stored = vec![hearth.read_log("hearth"), hearth.read_log("gateway"), hearth.read_log("accounts")];
    for folder in ["db", "run"] {
        for entry in std::fs::read_dir(hearth.state_folder().join(folder)).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            stored.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    for secret in [token.expose_secret(), operator.session.expose_secret(), "a password for tests"] {
        assert!(stored.iter().all(|text| !text.contains(secret)));
    }
    Ok(())
}

/// A webhook depends on the right of its owner as a token does.
#[tokio::test]
async fn webhook_of_a_removed_maintainer_is_switched_off_until_another_takes_it_over() -> Result<()> {
    for shape in [HearthShape::TOGETHER_ON_FILES, HearthShape::SPLIT_ON_FILES] {
        let hearth = Hearth::start_with(shape, "[outbound]\nallow = [\"127.0.0.1:9\"]\n").await?;
        let operator = hearth.operator().await?;
        let (ann, bob) =
            (hearth.invite_person(&operator, "ann").await?, hearth.invite_person(&operator, "bob").await?);
        let tool = ann.create_tool("hello").await?;
        ann.add_member(&tool, &bob, ToolRole::Maintainer).await?;
        let create = WebhookCreate { url: "http://127.0.0.1:9/".to_owned(), events: Vec::new() };
        let made = wait_until("bob is a maintainer", async || {
            Ok(bob.client.notify().create_webhook(&tool, &create).await.ok())
        });
        let (id, calls) = (made.await?.webhook.id, ann.client.notify());
        ann.client.tools().remove_member(&tool, &bob.name).await?;
        calls.send_test_event(&tool, id).await?;
        let off = wait_until("the webhook is off", async || {
            Ok(Some(calls.show_webhook(&tool, id).await?).filter(|webhook| !webhook.enabled))
        })
        .await?;
        assert!(off.reason.as_deref().unwrap().contains("its owner bob"), "{off:?}");
        let on = WebhookPatch { enabled: Some(true), ..WebhookPatch::default() };
        assert!(calls.update_webhook(&tool, id, &on).await?.enabled);
        // The receiver does not answer; the webhook of the new owner stays on, and the test is tried.
        calls.send_test_event(&tool, id).await?;
        wait_until("the test is tried", async || {
            let all = calls.list_deliveries(&tool, id, &Paging::default()).await?.items;
            Ok(all.iter().any(|delivery| delivery.tries > 0).then_some(()))
        })
        .await?;
        assert!(calls.show_webhook(&tool, id).await?.enabled);
        hearth.stop().await?;
    }
    Ok(())
}

in_every_shape!(
    token_is_limited_to_its_scopes,
    revoked_token_is_refused_at_once,
    tool_token_is_limited_to_its_tool_and_ends_with_the_creators_role,
    tool_token_has_at_most_the_creators_scopes_and_ends_with_the_creators_role,
    tool_token_of_a_former_operator_is_refused,
    token_of_another_tool_is_not_found,
    log_and_database_contain_no_secrets,
);
