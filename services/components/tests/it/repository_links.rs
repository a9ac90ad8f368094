//! Links between a tool and a repository.

use axum::http::Method;
use hearth_base::{Result, Secret};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::{
    components::{ForgeKind, PreviewSource, RepositoryLinkCreate, RepositoryLinkPatch},
    reply::Paging,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    fixture::{ComponentsFixture, start_components},
    forge_deliveries::{PUSHED_COMMIT, REPOSITORY_URL, SentDelivery},
};

const LINKS_PATH: &str = "hello/repository-links";

fn build_create() -> RepositoryLinkCreate {
    RepositoryLinkCreate {
        forge: ForgeKind::Github,
        repository: REPOSITORY_URL.to_owned(),
        branches: vec!["main".to_owned()],
        paths: vec!["src/**".to_owned()],
        environment: Some("production".to_owned()),
        previews: PreviewSource::Repository,
        status_token: Some(Secret::new("t0ken")),
    }
}

async fn link_is_created_listed_changed_and_deleted(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (calls, tool) = (fixture.maintainer.components(), &fixture.tool);
    let made = calls.create_repository_link(tool, &build_create()).await?;
    let link = made.link;
    assert!(made.secret.expose_secret().starts_with("hfs_") && made.secret.expose_secret().len() == 68);
    assert!(link.webhook_url.ends_with(&format!("/components/v1/forge-webhooks/{}", link.id)));
    assert_eq!((link.environment.as_deref(), link.has_status_token), (None, true));
    assert_eq!(link.previews, PreviewSource::Repository);
    assert_eq!(
        (link.owner.as_ref().map(ToString::to_string).as_deref(), link.suspended),
        (Some("somebody"), false)
    );
    assert_eq!(calls.show_repository_link(tool, link.id).await?, link);
    assert_eq!(
        fixture.viewer.components().list_repository_links(tool).await?.links,
        std::slice::from_ref(&link)
    );
    // Neither the secret nor the token is shown again.
    let path = format!("{LINKS_PATH}/{}", link.id);
    let (_, shown) = ComponentsFixture::send(&fixture.maintainer, Method::GET, &path, None).await;
    let text = shown.to_string();
    assert!(!text.contains("t0ken") && !text.contains(made.secret.expose_secret()), "{text}");

    let patch = RepositoryLinkPatch {
        branches: Some(vec!["release/*".to_owned()]),
        paths: Some(Vec::new()),
        environment: Some("staging".to_owned()),
        previews: Some(PreviewSource::Forks),
        status_token: Some(Secret::new("")),
    };
    let changed = calls.update_repository_link(tool, link.id, &patch).await?;
    assert_eq!((&changed.branches[..], changed.paths.len()), (&["release/*".to_owned()][..], 0));
    assert_eq!((changed.environment.as_deref(), changed.has_status_token), (Some("staging"), false));
    assert_eq!(changed.previews, PreviewSource::Forks);

    assert_eq!(fixture.services.lock_state().accounts.count_standing_mandates(), 1);
    calls.delete_repository_link(tool, link.id).await?;
    assert_eq!(
        calls.show_repository_link(tool, link.id).await.unwrap_err().code(),
        "no-such-repository-link"
    );
    assert!(calls.list_repository_links(tool).await?.links.is_empty());
    assert_eq!(fixture.services.lock_state().accounts.count_standing_mandates(), 0);
    Ok(())
}

async fn invalid_link_is_refused_and_leaves_no_mandate(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let base = json!({"forge": "github", "repository": REPOSITORY_URL, "branches": ["main"]});
    let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    for (field, value, code) in [
        ("repository", json!("git@code.example:ada/hello.git"), "repository-address"),
        ("repository", json!("https://user:s3cret@code.example/ada/hello"), "repository-address"),
        ("repository", json!("https://code.example"), "repository-address"),
        ("branches", json!([]), "repository-branches"),
        ("branches", json!(["*********"]), "pattern"),
        ("branches", json!(many.clone()), "pattern"),
        ("paths", json!(many), "pattern"),
        ("environment", json!("Staging!"), "environment-name"),
        ("environment", json!("pr-7"), "environment-name"),
        ("previews", json!("all"), "body"),
        ("status_token", json!("two words"), "status-token"),
    ] {
        let mut document = base.clone();
        document[field] = value;
        let (status, answer) =
            ComponentsFixture::send(&fixture.maintainer, Method::POST, LINKS_PATH, Some(document)).await;
        assert!(matches!(status, 400 | 422), "{field}: {status} {answer}");
        assert!(status == 422 || answer["code"] == json!(code), "{field}: {answer}");
        assert!(!answer.to_string().contains("s3cret"), "{answer}");
    }
    assert_eq!(fixture.services.lock_state().accounts.count_standing_mandates(), 0);
    for _ in 0..20 {
        fixture.maintainer.components().create_repository_link(&fixture.tool, &build_create()).await?;
    }
    let refused =
        fixture.maintainer.components().create_repository_link(&fixture.tool, &build_create()).await;
    assert_eq!(refused.unwrap_err().code(), "repository-links");
    assert_eq!(fixture.services.lock_state().accounts.count_standing_mandates(), 20);
    Ok(())
}

async fn only_maintainers_of_the_tool_manage_its_links(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let made = fixture.maintainer.components().create_repository_link(&fixture.tool, &build_create()).await?;
    let path = format!("{LINKS_PATH}/{}", made.link.id);
    let document = || Some(json!({"forge": "github", "repository": REPOSITORY_URL, "branches": ["main"]}));
    for (method, path, content) in [
        (Method::POST, LINKS_PATH.to_owned(), document()),
        (Method::PATCH, path.clone(), Some(json!({}))),
        (Method::DELETE, path.clone(), None),
        (Method::POST, format!("{path}/secret"), None),
    ] {
        for client in [&fixture.viewer, &fixture.stranger] {
            let (status, answer) =
                ComponentsFixture::send(client, method.clone(), &path, content.clone()).await;
            assert_eq!((status, &answer["code"]), (403, &json!("forbidden")), "{path}");
        }
    }
    let deliveries = format!("{path}/deliveries");
    for path in [LINKS_PATH, &path, &deliveries] {
        assert_eq!(ComponentsFixture::send(&fixture.stranger, Method::GET, path, None).await.0, 403);
        assert_eq!(ComponentsFixture::send(&fixture.viewer, Method::GET, path, None).await.0, 200);
    }
    // The link of another tool is not found.
    let other = path.replacen("hello", "other", 1);
    for (method, path) in [
        (Method::GET, other.clone()),
        (Method::DELETE, other.clone()),
        (Method::GET, format!("{other}/deliveries")),
        (Method::POST, format!("{other}/secret")),
    ] {
        let (status, answer) = ComponentsFixture::send(&fixture.other, method, &path, None).await;
        assert_eq!((status, &answer["code"]), (404, &json!("no-such-repository-link")), "{path}");
    }
    Ok(())
}

async fn links_survive_a_restart_and_end_with_their_tool(db: Db) -> Result<()> {
    let mut fixture = start_components(db).await?;
    let made = fixture.maintainer.components().create_repository_link(&fixture.tool, &build_create()).await?;
    fixture.kill_service().await;
    fixture.restart_service().await?;
    fixture.stranger = fixture.stand.stranger()?;
    let push = SentDelivery::push(ForgeKind::Github, "one", "refs/heads/main", PUSHED_COMMIT);
    let (status, answer) = push.send(&fixture.stranger, &made.link, &made.secret).await?;
    assert_eq!(status, 202, "{answer}");
    fixture.services.change_state(|state| state.accounts.delete_tool(fixture.id));
    fixture.wait_for_fake_state("the duty is done", |state| state.accounts.cleanup_duties.is_empty()).await?;
    let (status, _) = push.send(&fixture.stranger, &made.link, &made.secret).await?;
    assert_eq!(status, 404);
    assert!(fixture.viewer.components().list_repository_links(&fixture.tool).await?.links.is_empty());
    Ok(())
}

async fn delivery_log_is_paged_and_old_deliveries_are_deleted(db: Db) -> Result<()> {
    let fixture = start_components(db).await?;
    let (calls, tool) = (fixture.maintainer.components(), &fixture.tool);
    let link = calls.create_repository_link(tool, &build_create()).await?;
    for number in 0..5 {
        fixture.stand.advance_clock(SignedDuration::from_secs(1));
        let event = SentDelivery::of_event(
            ForgeKind::Github,
            &number.to_string(),
            "ping",
            Value::Object(Default::default()),
        );
        assert_eq!(event.send(&fixture.stranger, &link.link, &link.secret).await?.0, 200);
    }
    let mut paging = Paging { limit: hearth_base::PageLimit::new(2)?, cursor: None };
    let mut seen = Vec::new();
    loop {
        let page = calls.list_forge_deliveries(tool, link.link.id, &paging).await?;
        seen.extend(page.items.into_iter().map(|delivery| delivery.forge_id));
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["4", "3", "2", "1", "0"]);
    fixture.stand.advance_clock(SignedDuration::from_hours(24 * 31));
    wait_until("old deliveries are deleted", async || {
        fixture.stand.advance_clock(SignedDuration::from_secs(1));
        let left = calls.list_forge_deliveries(tool, link.link.id, &Paging::default()).await?.items;
        Ok(left.is_empty().then_some(()))
    })
    .await
}

on_every_store!(
    link_is_created_listed_changed_and_deleted,
    invalid_link_is_refused_and_leaves_no_mandate,
    only_maintainers_of_the_tool_manage_its_links,
    links_survive_a_restart_and_end_with_their_tool,
    delivery_log_is_paged_and_old_deliveries_are_deleted,
);
