//! Tools and who belongs to them.

use hearth_base::{Kind, Result, ToolName, ToolRole};
use hearth_testkit::{Hearth, in_every_shape, until};
use hearth_wire::{
    accounts::TokenCreate,
    reply::Paging,
    tools::{MemberPut, QuotaPatch, ToolCreate, ToolQuery},
};

fn create(name: &str) -> ToolCreate {
    ToolCreate { name: name.parse().unwrap(), description: String::new() }
}

fn put(role: ToolRole) -> MemberPut {
    MemberPut { role }
}

async fn whoever_makes_a_tool_owns_it(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.person(&operator, "bob").await?;
    let made = bob.client.tools().create(&create("hello")).await?;
    assert_eq!(made.role, Some(ToolRole::Owner));
    assert_eq!(bob.client.tools().show(&made.name).await?, made);
    assert_eq!(bob.client.tools().list(&ToolQuery::default()).await?.items, std::slice::from_ref(&made));
    assert!(operator.client.tools().list(&ToolQuery::default()).await?.items.is_empty());
    let all = ToolQuery { all: true, ..ToolQuery::default() };
    assert_eq!(operator.client.tools().list(&all).await?.items.len(), 1);
    assert_eq!(bob.client.tools().list(&all).await.unwrap_err().kind(), Kind::Forbidden);
    Ok(())
}

async fn a_name_that_is_taken_or_reserved_is_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    operator.client.tools().create(&create("hello")).await?;
    for (name, code) in [("hello", "tool-name-taken"), ("www", "tool-name-reserved")] {
        let refused = operator.client.tools().create(&create(name)).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (Kind::Conflict, code));
    }
    Ok(())
}

async fn new_tool_name_with_two_hyphens_in_a_row_is_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    for name in ["a--b", "hello---world", "hello--staging"] {
        let refused = operator.client.tools().create(&create(name)).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (Kind::Invalid, "tool-name"), "{name}");
        assert!(
            refused.next().is_some_and(|next| next.starts_with("call it hello-") || next == "call it a-b")
        );
        // Such a name is refused as new, and means nothing else than any other name where it is only read.
        let missing = operator.client.tools().show(&name.parse()?).await.unwrap_err();
        assert_eq!(missing.code(), "no-such-tool", "{name}");
    }
    assert!(operator.client.tools().list(&ToolQuery::default()).await?.items.is_empty());
    Ok(())
}

async fn a_stranger_learns_nothing_of_what_exists(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.person(&operator, "bob").await?;
    let hello = operator.client.tools().create(&create("hello")).await?.name;
    let seen = |name: ToolName| async move {
        let refused = bob.client.tools().show(&name).await.unwrap_err();
        (refused.kind(), refused.code().to_owned(), refused.public().to_owned())
    };
    let there = seen(hello).await;
    assert_eq!(there.0, Kind::Forbidden);
    let bob = hearth.sign_in("bob".parse()?).await?;
    for path in ["nothing", "%2e%2e", "Not%20a%20name", "%FF"] {
        let call = bob.client.call(http::Method::GET, &format!("/tools/v1/tool/{path}"));
        let refused = call.bytes().await.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.code(), refused.public()),
            (there.0, &*there.1, &*there.2),
            "{path}"
        );
        let call = operator.client.call(http::Method::GET, &format!("/tools/v1/tool/{path}"));
        assert_eq!(call.bytes().await.unwrap_err().code(), "no-such-tool", "{path}");
    }
    Ok(())
}

async fn roles_take_effect_at_once(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.person(&operator, "bob").await?;
    let tool = operator.client.tools().create(&create("hello")).await?.name;
    assert!(bob.client.tools().show(&tool).await.is_err());
    operator.client.tools().member_put(&tool, &bob.name, &put(ToolRole::Viewer)).await?;
    until("bob sees the tool", async || Ok(bob.client.tools().show(&tool).await.ok())).await?;
    assert_eq!(bob.client.tools().delete(&tool).await.unwrap_err().kind(), Kind::Forbidden);
    let members = operator.client.tools().member_list(&tool, &Paging::default()).await?.items;
    let shown: Vec<_> = members.iter().map(|member| (member.user.as_str(), member.role)).collect();
    assert_eq!(shown, [("bob", ToolRole::Viewer), ("operator", ToolRole::Owner)]);
    operator.client.tools().member_remove(&tool, &bob.name).await?;
    until("bob is a stranger again", async || Ok(bob.client.tools().show(&tool).await.err())).await?;
    Ok(())
}

async fn somebody_always_owns_a_tool(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tool = operator.client.tools().create(&create("hello")).await?.name;
    let tools = operator.client.tools();
    for refused in [
        tools.member_put(&tool, &operator.name, &put(ToolRole::Viewer)).await.map(drop).unwrap_err(),
        tools.member_remove(&tool, &operator.name).await.map(drop).unwrap_err(),
    ] {
        assert_eq!((refused.kind(), refused.code()), (Kind::Conflict, "last-owner"));
    }
    assert_eq!(tools.show(&tool).await?.role, Some(ToolRole::Owner));
    let nobody = tools.member_put(&tool, &"nobody".parse()?, &put(ToolRole::Viewer)).await.unwrap_err();
    assert_eq!((nobody.kind(), nobody.code()), (Kind::NotFound, "no-such-user"));
    Ok(())
}

async fn a_deleted_tools_name_is_free_and_nothing_is_inherited(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.person(&operator, "bob").await?;
    let tools = operator.client.tools();
    let first = tools.create(&create("hello")).await?;
    tools.member_put(&first.name, &bob.name, &put(ToolRole::Viewer)).await?;
    let token = TokenCreate { label: "bot".to_owned(), scopes: None, expires: None };
    let token = tools.token_create(&first.name, &token).await?.secret;
    let bot = hearth.showing(&token)?;
    assert_eq!(bot.tools().show(&first.name).await?.id, first.id);
    tools.delete(&first.name).await?;
    until("the bot's token is refused", async || Ok(bot.accounts().me().await.err())).await?;
    let second = until("the name is free", async || Ok(tools.create(&create("hello")).await.ok())).await?;
    assert_ne!(second.id, first.id);
    until("the name means the new tool", async || {
        Ok(tools.show(&second.name).await.ok().filter(|shown| shown.id == second.id))
    })
    .await?;
    until("bob is a stranger", async || Ok(bob.client.tools().show(&second.name).await.err())).await?;
    assert!(tools.token_list(&second.name, &Paging::default()).await?.items.is_empty());
    let audit = operator.client.audit().of_tool(&second.name, &Paging::default()).await?.items;
    assert_eq!(audit.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["tool.create"]);
    Ok(())
}

async fn lists_are_paged(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let names: Vec<_> = (0..5).map(|number| format!("tool-{number}")).collect();
    for name in &names {
        operator.client.tools().create(&create(name)).await?;
    }
    let mut seen = Vec::new();
    let mut query = ToolQuery { limit: hearth_base::Limit::new(2)?, ..ToolQuery::default() };
    loop {
        let page = operator.client.tools().list(&query).await?;
        assert!(page.items.len() <= 2);
        seen.extend(page.items.into_iter().map(|tool| tool.name.to_string()));
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, names);
    Ok(())
}

async fn an_operator_changes_a_quota_and_back(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tools = operator.client.tools();
    let tool = tools.create(&create("hello")).await?.name;
    let default = tools.quota(&tool).await?;
    let patch: QuotaPatch = serde_json::from_str(r#"{"memory": "1Gi", "replicas": 2}"#).unwrap();
    let changed = tools.quota_patch(&tool, &patch).await?;
    assert_eq!((changed.memory.to_string().as_str(), changed.replicas), ("1Gi", 2));
    let back: QuotaPatch = serde_json::from_str(r#"{"memory": null, "replicas": null}"#).unwrap();
    tools.quota_patch(&tool, &back).await?;
    assert_eq!(tools.quota(&tool).await?, default);
    Ok(())
}

in_every_shape!(
    whoever_makes_a_tool_owns_it,
    a_name_that_is_taken_or_reserved_is_refused,
    new_tool_name_with_two_hyphens_in_a_row_is_refused,
    a_stranger_learns_nothing_of_what_exists,
    roles_take_effect_at_once,
    somebody_always_owns_a_tool,
    a_deleted_tools_name_is_free_and_nothing_is_inherited,
    lists_are_paged,
    an_operator_changes_a_quota_and_back,
);
