//! A webhook's life, and who may see and change what.

use hearth_base::{Kind, Result};
use hearth_kit::db::Db;
use hearth_testkit::{MailServer, answer_to, on_every_store};
use hearth_wire::{
    notify::{EventType, WebhookCreate, WebhookPatch},
    reply::Paging,
};
use http::{Method, StatusCode};
use serde_json::json;

use crate::stage::{Stage, with};

/// A stage from which this place that nobody is at may be told things.
async fn stage(db: Db) -> Result<Stage> {
    let place = "127.0.0.1:9".parse()?;
    with(db, MailServer::start().await?, |config| config.outbound.allow = vec![place]).await
}

fn create() -> WebhookCreate {
    WebhookCreate { url: "http://127.0.0.1:9/told?key=k3y".to_owned(), events: Vec::new() }
}

async fn a_webhook_is_made_changed_shown_and_deleted(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let (calls, tool) = (stage.maintainer.notify(), &stage.tool);
    let made = calls.webhook_create(tool, &create()).await?;
    assert!(made.secret.reveal().starts_with("whsec_"), "{made:?}");
    assert!(made.webhook.enabled && made.webhook.events.is_empty());
    let id = made.webhook.id;
    assert_eq!(calls.webhook(tool, id).await?, made.webhook);
    let [started, failed] = ["job.run.started", "job.run.failed"].map(EventType::of_event);
    let events = vec![failed.clone(), started.clone(), failed.clone()];
    let patch = WebhookPatch { events: Some(events), enabled: Some(false), ..WebhookPatch::default() };
    let changed = calls.webhook_patch(tool, id, &patch).await?;
    assert_eq!(changed.events, [started, failed]);
    assert!(!changed.enabled && changed.reason.is_none());
    assert_eq!(calls.webhook_test(tool, id).await.unwrap_err().code(), "webhook-off");
    let rotated = calls.webhook_rotate(tool, id).await?;
    assert_ne!(rotated.secret, made.secret);
    assert_eq!(calls.webhooks(tool, &Paging::default()).await?.items, [changed]);
    calls.webhook_delete(tool, id).await?;
    let gone = calls.webhook(tool, id).await.unwrap_err();
    assert_eq!((gone.kind(), gone.code()), (Kind::NotFound, "no-such-webhook"));
    Ok(())
}

async fn a_viewer_sees_no_more_of_an_address_than_its_host_and_no_secret(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let made = stage.maintainer.notify().webhook_create(&stage.tool, &create()).await?;
    let path = "/notify/v1/tool/hello/webhooks";
    for client in [&stage.viewer, &stage.maintainer] {
        let (_, listed) = answer_to(client, Method::GET, path, None).await?;
        assert!(!listed.to_string().contains("whsec_"), "{listed}");
    }
    let seen = stage.viewer.notify().webhook(&stage.tool, made.webhook.id).await?;
    assert_eq!(seen.url, "http://127.0.0.1/…");
    let calls = stage.viewer.notify();
    for refused in [
        calls.webhook_create(&stage.tool, &create()).await.err(),
        calls.webhook_rotate(&stage.tool, made.webhook.id).await.err(),
        calls.webhook_delete(&stage.tool, made.webhook.id).await.err(),
        calls.webhook_test(&stage.tool, made.webhook.id).await.err(),
    ] {
        assert_eq!(refused.unwrap().kind(), Kind::Forbidden);
    }
    Ok(())
}

async fn the_quota_holds_and_another_tools_webhook_is_nobodys(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let calls = stage.maintainer.notify();
    let mut made = None;
    for _ in 0..3 {
        made = Some(calls.webhook_create(&stage.tool, &create()).await?.webhook);
    }
    let refused = calls.webhook_create(&stage.tool, &create()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Conflict, "webhooks-quota"));
    let id = hearth_base::ToolId::new(jiff::Timestamp::UNIX_EPOCH, &hearth_base::Entropy::System);
    let other = "other".parse()?;
    let stranger = stage.stand.member(id, &other, hearth_base::Access::Own)?;
    let theirs = stranger.notify().webhook(&other, made.unwrap().id).await.unwrap_err();
    assert_eq!(theirs.kind(), Kind::NotFound);
    Ok(())
}

async fn an_address_that_nothing_is_sent_to_is_refused_with_the_reason(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    for (url, why) in [
        ("http://127.0.0.1:8080/", "private address"),
        ("http://127.0.0.1:80/", "private address"),
        ("http://169.254.169.254/latest/meta-data", "private address"),
        ("http://[::1]/", "private address"),
        ("http://[::ffff:127.0.0.1]/", "private address"),
        ("http://2130706433/", ""),
        ("http://0x7f.1/", ""),
        ("http://10.0.0.1:1/", "private address"),
        ("https://1.1.1.1:25/", "port 25"),
        ("http://localhost:1234/", "private address"),
        ("ftp://example.org/", "only plain http"),
        ("http://user:pass@example.org/", "only plain http"),
        ("file:///etc/passwd", ""),
        ("/relative", "only plain http"),
        ("", "no address"),
        ("http://a b/", "no address"),
        ("http://a\r\nHost: b/", "no address"),
        ("http://example.org/#part", "no #part"),
        (&format!("http://example.org/{}", "a".repeat(3000)), "2048 characters"),
        ("http://nowhere.invalid/", ""),
    ] {
        let body = json!({ "url": url });
        let (status, refused) =
            answer_to(&stage.maintainer, Method::POST, "/notify/v1/tool/hello/webhooks", Some(&body)).await?;
        let sentence = refused["messages"]["error"][0].as_str().unwrap_or_default();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{url:?} {refused}");
        assert!(sentence.contains("cannot be a webhook's address") && sentence.contains(why), "{sentence}");
        assert!(sentence.len() < 400 && !sentence.contains(['\r', '\n']), "{sentence}");
    }
    for body in
        [json!({}), json!({"url": 3}), json!({"url": "http://127.0.0.1:9/", "events": ["job.exploded"]})]
    {
        let (status, _) =
            answer_to(&stage.maintainer, Method::POST, "/notify/v1/tool/hello/webhooks", Some(&body)).await?;
        assert!(matches!(status.as_u16(), 400 | 422), "{body} {status}");
    }
    let none = stage.viewer.notify().webhooks(&stage.tool, &Paging::default()).await?;
    assert!(none.items.is_empty());
    Ok(())
}

on_every_store!(
    a_webhook_is_made_changed_shown_and_deleted,
    a_viewer_sees_no_more_of_an_address_than_its_host_and_no_secret,
    the_quota_holds_and_another_tools_webhook_is_nobodys,
    an_address_that_nothing_is_sent_to_is_refused_with_the_reason,
);
