//! Tools and their members.

use hearth_base::{Error, ErrorKind, Result, ToolName, ToolRole};
use hearth_testkit::{Hearth, Person, in_every_shape, wait_until};
use hearth_wire::{
    accounts::TokenCreate,
    reply::Paging,
    tools::{MemberPut, QuotaPatch, ToolCreate, ToolQuery},
};

fn build_tool_create(name: &str) -> ToolCreate {
    ToolCreate { name: name.parse().unwrap(), description: String::new() }
}

fn build_member_put(role: ToolRole) -> MemberPut {
    MemberPut { role }
}

async fn creator_of_a_tool_is_its_owner(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let made = bob.client.tools().create(&build_tool_create("hello")).await?;
    assert_eq!(made.role, Some(ToolRole::Owner));
    assert_eq!(bob.client.tools().show(&made.name).await?, made);
    assert_eq!(bob.client.tools().list(&ToolQuery::default()).await?.items, std::slice::from_ref(&made));
    assert!(operator.client.tools().list(&ToolQuery::default()).await?.items.is_empty());
    let all = ToolQuery { all: true, ..ToolQuery::default() };
    assert_eq!(operator.client.tools().list(&all).await?.items.len(), 1);
    assert_eq!(bob.client.tools().list(&all).await.unwrap_err().kind(), ErrorKind::Forbidden);
    Ok(())
}

async fn taken_or_reserved_name_is_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    operator.client.tools().create(&build_tool_create("hello")).await?;
    for (name, code) in [("hello", "tool-name-taken"), ("www", "tool-name-reserved")] {
        let refused = operator.client.tools().create(&build_tool_create(name)).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, code));
    }
    Ok(())
}

async fn commands_that_create_the_same_tool_at_once_make_one(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    for name in ["one", "two", "three"] {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let new = ["new", name];
        let create = || cli.run_in_folder(folder.path(), &new);
        let outputs = tokio::try_join!(create(), create(), create())?;
        for output in [outputs.0, outputs.1, outputs.2] {
            assert_eq!(output.status, Some(0), "{output:?}");
        }
    }
    assert_eq!(operator.client.tools().list(&ToolQuery::default()).await?.items.len(), 3);
    Ok(())
}

async fn new_tool_name_with_two_hyphens_in_a_row_is_refused(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    for name in ["a--b", "hello---world", "hello--staging"] {
        let refused = operator.client.tools().create(&build_tool_create(name)).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "tool-name"), "{name}");
        assert!(
            refused
                .help_text()
                .is_some_and(|next| next.starts_with("call it hello-") || next == "call it a-b")
        );
        // Only creation refuses such a name; a lookup treats it as any other name.
        let missing = operator.client.tools().show(&name.parse()?).await.unwrap_err();
        assert_eq!(missing.code(), "no-such-tool", "{name}");
    }
    assert!(operator.client.tools().list(&ToolQuery::default()).await?.items.is_empty());
    Ok(())
}

async fn refusals_to_strangers_do_not_reveal_existence(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let hello = operator.client.tools().create(&build_tool_create("hello")).await?.name;
    let read_refusal = |name: ToolName| async move {
        let refused = bob.client.tools().show(&name).await.unwrap_err();
        (refused.kind(), refused.code().to_owned(), refused.public_message().to_owned())
    };
    let existing = read_refusal(hello).await;
    assert_eq!(existing.0, ErrorKind::Forbidden);
    let bob = hearth.sign_in("bob".parse()?).await?;
    for path in ["nothing", "%2e%2e", "Not%20a%20name", "%FF"] {
        let call = bob.client.build_call(http::Method::GET, &format!("/tools/v1/tool/{path}"));
        let refused = call.fetch_bytes().await.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.code(), refused.public_message()),
            (existing.0, &*existing.1, &*existing.2),
            "{path}"
        );
        let call = operator.client.build_call(http::Method::GET, &format!("/tools/v1/tool/{path}"));
        assert_eq!(call.fetch_bytes().await.unwrap_err().code(), "no-such-tool", "{path}");
    }
    Ok(())
}

async fn roles_take_effect_at_once(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let tool = operator.client.tools().create(&build_tool_create("hello")).await?.name;
    assert!(bob.client.tools().show(&tool).await.is_err());
    operator.add_member(&tool, &bob, ToolRole::Viewer).await?;
    wait_until("bob sees the tool", async || Ok(bob.client.tools().show(&tool).await.ok())).await?;
    assert_eq!(bob.client.tools().delete(&tool).await.unwrap_err().kind(), ErrorKind::Forbidden);
    let members = operator.client.tools().list_members(&tool, &Paging::default()).await?.items;
    let shown: Vec<_> = members.iter().map(|member| (member.user.as_str(), member.role)).collect();
    assert_eq!(shown, [("bob", ToolRole::Viewer), ("operator", ToolRole::Owner)]);
    operator.client.tools().remove_member(&tool, &bob.name).await?;
    wait_until("bob is a stranger again", async || Ok(bob.client.tools().show(&tool).await.err())).await?;
    Ok(())
}

async fn last_owner_of_a_tool_stays_owner(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tool = operator.client.tools().create(&build_tool_create("hello")).await?.name;
    let tools = operator.client.tools();
    for refused in [
        tools
            .set_member(&tool, &operator.name, &build_member_put(ToolRole::Viewer))
            .await
            .map(drop)
            .unwrap_err(),
        tools.remove_member(&tool, &operator.name).await.map(drop).unwrap_err(),
    ] {
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "last-owner"));
    }
    assert_eq!(tools.show(&tool).await?.role, Some(ToolRole::Owner));
    let nobody =
        tools.set_member(&tool, &"nobody".parse()?, &build_member_put(ToolRole::Viewer)).await.unwrap_err();
    assert_eq!((nobody.kind(), nobody.code()), (ErrorKind::NotFound, "no-such-user"));
    Ok(())
}

async fn name_of_a_deleted_tool_is_free_and_nothing_is_inherited(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let tools = operator.client.tools();
    let first = tools.create(&build_tool_create("hello")).await?;
    operator.add_member(&first.name, &bob, ToolRole::Viewer).await?;
    let token = TokenCreate { label: "bot".to_owned(), scopes: None, expires: None };
    let token = tools.create_token(&first.name, &token).await?.secret;
    let bot = hearth.client_with_token(&token)?;
    assert_eq!(bot.tools().show(&first.name).await?.id, first.id);
    tools.delete(&first.name).await?;
    wait_until("the bot's token is refused", async || Ok(bot.accounts().show_caller().await.err())).await?;
    let second =
        wait_until("the name is free", async || Ok(tools.create(&build_tool_create("hello")).await.ok()))
            .await?;
    assert_ne!(second.id, first.id);
    wait_until("the name means the new tool", async || {
        Ok(tools.show(&second.name).await.ok().filter(|shown| shown.id == second.id))
    })
    .await?;
    wait_until("bob is a stranger", async || Ok(bob.client.tools().show(&second.name).await.err())).await?;
    assert_eq!(bot.tools().show(&second.name).await.unwrap_err().code(), "credential-refused");
    assert!(tools.list_tokens(&second.name, &Paging::default()).await?.items.is_empty());
    let audit = operator.client.audit().list_for_tool(&second.name, &Paging::default()).await?.items;
    assert_eq!(audit.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["tool.create"]);
    Ok(())
}

async fn membership_needs_the_consent_of_the_person(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let ann = hearth.invite_person(&operator, "ann").await?;
    let bob = hearth.invite_person(&operator, "bob").await?;
    let tool = ann.client.tools().create(&build_tool_create("hello")).await?.name;
    let (tools, memberships) = (ann.client.tools(), bob.client.accounts());
    let offered = tools.set_member(&tool, &bob.name, &build_member_put(ToolRole::Maintainer)).await?;
    assert!(offered.pending, "{offered:?}");
    assert_eq!(bob.client.tools().show(&tool).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(tools.list_members(&tool, &Paging::default()).await?.items.len(), 1);
    assert_eq!(tools.list_member_offers(&tool, &Paging::default()).await?.items, [offered]);
    let offers = memberships.list_membership_offers(&Paging::default()).await?.items;
    assert_eq!(offers[0].tool, tool);
    assert_eq!((offers[0].role, &offers[0].offered_by), (ToolRole::Maintainer, &Some(ann.name.clone())));
    // An offer to one is none to another, and a declined one is gone.
    let other = operator.client.accounts().accept_membership(&tool).await.unwrap_err();
    assert_eq!((other.kind(), other.code()), (ErrorKind::NotFound, "no-such-membership"));
    memberships.end_membership(&tool).await?;
    assert_eq!(memberships.accept_membership(&tool).await.unwrap_err().kind(), ErrorKind::NotFound);
    // A withdrawn one too.
    tools.set_member(&tool, &bob.name, &build_member_put(ToolRole::Owner)).await?;
    tools.remove_member(&tool, &bob.name).await?;
    assert!(memberships.list_membership_offers(&Paging::default()).await?.items.is_empty());
    // An accepted one applies; a member can leave, but not the last owner.
    ann.add_member(&tool, &bob, ToolRole::Viewer).await?;
    wait_until("bob sees the tool", async || Ok(bob.client.tools().show(&tool).await.ok())).await?;
    memberships.end_membership(&tool).await?;
    wait_until("bob is a stranger", async || Ok(bob.client.tools().show(&tool).await.err())).await?;
    let last = ann.client.accounts().end_membership(&tool).await.unwrap_err();
    assert_eq!((last.kind(), last.code()), (ErrorKind::Conflict, "last-owner"));
    Ok(())
}

async fn offers_of_a_former_owner_end(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (ann, bob) =
        (hearth.invite_person(&operator, "ann").await?, hearth.invite_person(&operator, "bob").await?);
    let eve = hearth.invite_person(&operator, "eve").await?;
    let tool = ann.client.tools().create(&build_tool_create("hello")).await?.name;
    ann.add_member(&tool, &bob, ToolRole::Owner).await?;
    wait_until("bob is an owner", async || {
        Ok(bob.client.tools().set_member(&tool, &eve.name, &build_member_put(ToolRole::Owner)).await.ok())
    })
    .await?;
    // Once he is no owner, his offer is worth nothing; nor is one that he made before he was removed.
    ann.client.tools().set_member(&tool, &bob.name, &build_member_put(ToolRole::Viewer)).await?;
    assert_eq!(eve.client.accounts().accept_membership(&tool).await.unwrap_err().kind(), ErrorKind::NotFound);
    ann.client.tools().set_member(&tool, &bob.name, &build_member_put(ToolRole::Owner)).await?;
    wait_until("bob is an owner again", async || {
        Ok(bob.client.tools().set_member(&tool, &eve.name, &build_member_put(ToolRole::Owner)).await.ok())
    })
    .await?;
    ann.client.tools().remove_member(&tool, &bob.name).await?;
    assert_eq!(eve.client.accounts().accept_membership(&tool).await.unwrap_err().kind(), ErrorKind::NotFound);
    Ok(())
}

async fn name_of_a_deleted_tool_is_given_again_only_by_an_operator(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (ann, bob) =
        (hearth.invite_person(&operator, "ann").await?, hearth.invite_person(&operator, "bob").await?);
    ann.client.tools().create(&build_tool_create("hello")).await?;
    ann.client.tools().delete(&"hello".parse()?).await?;
    for person in [&ann, &bob] {
        let refused = wait_until("the name has a tombstone", async || {
            let refused = person.client.tools().create(&build_tool_create("hello")).await.err();
            Ok(refused.filter(|refused| refused.code() != "tool-name-taken"))
        })
        .await?;
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "tool-name-tombstone"));
    }
    assert!(operator.client.tools().create(&build_tool_create("hello")).await.is_ok());
    Ok(())
}

async fn tools_and_people_share_one_name_space(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let ann = hearth.invite_person(&operator, "ann").await?;
    for person in [&operator, &ann] {
        let refused = person.client.tools().create(&build_tool_create("ann")).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "tool-name-taken"));
    }
    ann.client.tools().create(&build_tool_create("hello")).await?;
    for (name, code) in
        [("hello", "user-name-taken"), ("hostmaster", "user-name-reserved"), ("ann.x", "user-name")]
    {
        let refused = hearth.invite_person(&operator, name).await.unwrap_err();
        assert_eq!(refused.code(), code, "{name}");
    }
    Ok(())
}

async fn only_owners_of_a_tool_see_the_addresses_of_its_audit_log(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let (ann, bob) =
        (hearth.invite_person(&operator, "ann").await?, hearth.invite_person(&operator, "bob").await?);
    let tool = ann.create_tool("hello").await?;
    ann.add_member(&tool, &bob, ToolRole::Maintainer).await?;
    let list = async |person: &Person| person.client.audit().list_for_tool(&tool, &Paging::default()).await;
    let seen = wait_until("bob is a maintainer", async || Ok(list(&bob).await.ok())).await?.items;
    assert!(!seen.is_empty() && seen.iter().all(|entry| entry.client.is_none()), "{seen:?}");
    let seen = list(&ann).await?.items;
    assert!(!seen.is_empty() && seen.iter().all(|entry| entry.client.is_some()), "{seen:?}");
    Ok(())
}

async fn lists_are_paged(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let names: Vec<_> = (0..5).map(|number| format!("tool-{number}")).collect();
    for name in &names {
        operator.client.tools().create(&build_tool_create(name)).await?;
    }
    let mut seen = Vec::new();
    let mut query = ToolQuery { limit: hearth_base::PageLimit::new(2)?, ..ToolQuery::default() };
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

async fn operator_sets_and_resets_a_quota(hearth: Hearth) -> Result<()> {
    let operator = hearth.operator().await?;
    let tools = operator.client.tools();
    let tool = tools.create(&build_tool_create("hello")).await?.name;
    let default = tools.show_quota(&tool).await?;
    let patch: QuotaPatch = serde_json::from_str(r#"{"memory": "1Gi", "replicas": 2}"#).unwrap();
    let changed = tools.update_quota(&tool, &patch).await?;
    assert_eq!((changed.memory.to_string().as_str(), changed.replicas), ("1Gi", 2));
    let reset: QuotaPatch = serde_json::from_str(r#"{"memory": null, "replicas": null}"#).unwrap();
    tools.update_quota(&tool, &reset).await?;
    assert_eq!(tools.show_quota(&tool).await?, default);
    Ok(())
}

in_every_shape!(
    membership_needs_the_consent_of_the_person,
    offers_of_a_former_owner_end,
    name_of_a_deleted_tool_is_given_again_only_by_an_operator,
    tools_and_people_share_one_name_space,
    only_owners_of_a_tool_see_the_addresses_of_its_audit_log,
    creator_of_a_tool_is_its_owner,
    taken_or_reserved_name_is_refused,
    commands_that_create_the_same_tool_at_once_make_one,
    new_tool_name_with_two_hyphens_in_a_row_is_refused,
    refusals_to_strangers_do_not_reveal_existence,
    roles_take_effect_at_once,
    last_owner_of_a_tool_stays_owner,
    name_of_a_deleted_tool_is_free_and_nothing_is_inherited,
    lists_are_paged,
    operator_sets_and_resets_a_quota,
);
