//! What credentials may be used for.

use hearth_base::{Kind, Result, ToolRole};
use hearth_testkit::{Hearth, in_every_shape, until};
use hearth_wire::{
    accounts::TokenCreate,
    reply::Paging,
    tools::{MemberPut, ToolCreate, ToolQuery},
};

fn label(label: &str) -> TokenCreate {
    TokenCreate { label: label.to_owned(), scopes: None, expires: None }
}

async fn a_token_is_good_for_its_scopes_and_no_more(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let create = ToolCreate { name: "hello".parse()?, description: String::new() };
    let tool = operator.client.tools().create(&create).await?.name;
    let reader = hearth.showing(&operator.token(&["*:read"]).await?)?;
    assert!(reader.tools().show(&tool).await.is_ok());
    assert_eq!(reader.tools().delete(&tool).await.unwrap_err().kind(), Kind::Forbidden);
    assert!(!reader.accounts().me().await?.operator);
    assert_eq!(reader.accounts().user_list(&Paging::default()).await.unwrap_err().kind(), Kind::Forbidden);
    // Nor can it make itself a wider one.
    assert_eq!(reader.accounts().token_create(&label("more")).await.unwrap_err().kind(), Kind::Forbidden);
    Ok(())
}

async fn a_revoked_token_is_refused_at_once(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let made = operator.client.accounts().token_create(&label("bot")).await?;
    let bot = hearth.showing(&made.secret)?;
    assert!(bot.accounts().me().await.is_ok());
    operator.client.accounts().token_revoke(made.token.id).await?;
    let refused = until("the token is refused", async || Ok(bot.accounts().me().await.err())).await?;
    assert_eq!((refused.kind(), refused.code()), (Kind::Unauthenticated, "credential-refused"));
    Ok(())
}

async fn a_tools_token_is_that_tools_alone_and_ends_with_its_makers_role(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.person(&operator, "bob").await?;
    let tools = operator.client.tools();
    let create = |name: &str| ToolCreate { name: name.parse().unwrap(), description: String::new() };
    let hello = tools.create(&create("hello")).await?.name;
    let other = tools.create(&create("other")).await?.name;
    tools.member_put(&hello, &bob.name, &MemberPut { role: ToolRole::Maintainer }).await?;
    let made = until("bob is a maintainer", async || {
        Ok(bob.client.tools().token_create(&hello, &label("bot")).await.ok())
    });
    let bot = hearth.showing(&made.await?.secret)?;
    assert_eq!(bot.accounts().me().await?.kind, "tool");
    let seen = bot.tools().list(&ToolQuery::default()).await?.items;
    assert_eq!(seen.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["hello"]);
    assert_eq!(bot.tools().show(&other).await.unwrap_err().kind(), Kind::Forbidden);
    assert_eq!(bot.tools().token_create(&hello, &label("more")).await.unwrap_err().code(), "token-by-token");
    tools.member_remove(&hello, &bob.name).await?;
    until("the bot's token is refused", async || Ok(bot.accounts().me().await.err())).await?;
    Ok(())
}

async fn a_tools_token_is_no_wider_than_what_made_it_and_ends_when_its_maker_is_demoted(
    hearth: Hearth,
) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.person(&operator, "bob").await?;
    let tools = operator.client.tools();
    let create = ToolCreate { name: "hello".parse()?, description: String::new() };
    let tool = tools.create(&create).await?.name;
    tools.member_put(&tool, &bob.name, &MemberPut { role: ToolRole::Maintainer }).await?;
    let narrow = hearth.showing(&bob.token(&["accounts:write"]).await?)?;
    let wide = until("bob is a maintainer", async || {
        let refused = narrow.tools().token_create(&tool, &label("wide")).await.err();
        Ok(refused.filter(|refused| refused.code() == "scope-too-wide"))
    });
    assert_eq!(wide.await?.kind(), Kind::Forbidden);
    let bot = hearth.showing(&bob.client.tools().token_create(&tool, &label("bot")).await?.secret)?;
    assert!(bot.accounts().me().await.is_ok());
    tools.member_put(&tool, &bob.name, &MemberPut { role: ToolRole::Viewer }).await?;
    until("the bot's token is refused", async || Ok(bot.accounts().me().await.err())).await?;
    assert!(tools.token_list(&tool, &Paging::default()).await?.items.is_empty());
    Ok(())
}

async fn a_child_of_another_tool_is_not_found(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tools = operator.client.tools();
    let create = |name: &str| ToolCreate { name: name.parse().unwrap(), description: String::new() };
    let (one, two) = (tools.create(&create("one")).await?.name, tools.create(&create("two")).await?.name);
    let token = tools.token_create(&one, &label("bot")).await?.token;
    assert_eq!(tools.token_revoke(&two, token.id).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(operator.client.accounts().token_revoke(token.id).await.unwrap_err().kind(), Kind::NotFound);
    tools.token_revoke(&one, token.id).await.map(drop)
}

async fn no_secret_is_in_the_log_or_the_database(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let token = operator.token(&[]).await?;
    hearth.showing(&token)?.accounts().me().await?;
    assert!(hearth.log("hearth").len() + hearth.log("gateway").len() > 100);
    let mut kept = vec![hearth.log("hearth"), hearth.log("gateway"), hearth.log("accounts")];
    for folder in ["db", "run"] {
        for entry in std::fs::read_dir(hearth.state().join(folder)).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            kept.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    for secret in [token.reveal(), operator.session.reveal(), "a password for tests"] {
        assert!(kept.iter().all(|text| !text.contains(secret)));
    }
    Ok(())
}

in_every_shape!(
    a_token_is_good_for_its_scopes_and_no_more,
    a_revoked_token_is_refused_at_once,
    a_tools_token_is_that_tools_alone_and_ends_with_its_makers_role,
    a_tools_token_is_no_wider_than_what_made_it_and_ends_when_its_maker_is_demoted,
    a_child_of_another_tool_is_not_found,
    no_secret_is_in_the_log_or_the_database,
);
