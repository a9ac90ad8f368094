//! The life cycle of webhooks and the rights to read and change them.

use hearth_base::{ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_testkit::{MailServer, on_every_store, send_json_request};
use hearth_wire::{
    notify::{EventType, WebhookCreate, WebhookPatch},
    reply::Paging,
};
use http::{Method, StatusCode};
use serde_json::json;

use crate::fixture::{NotifyFixture, start_notify_with};

/// Starts the service with an allowed private address without a listener.
async fn start_with_allowed_address(db: Db) -> Result<NotifyFixture> {
    let place = "127.0.0.1:9".parse()?;
    start_notify_with(db, MailServer::start().await?, |config| config.outbound.allow = vec![place]).await
}

fn build_webhook_create() -> WebhookCreate {
    WebhookCreate { url: "http://127.0.0.1:9/told?key=k3y".to_owned(), events: Vec::new() }
}

async fn webhook_is_created_updated_shown_and_deleted(db: Db) -> Result<()> {
    let fixture = start_with_allowed_address(db).await?;
    let (calls, tool) = (fixture.maintainer.notify(), &fixture.tool);
    let made = calls.create_webhook(tool, &build_webhook_create()).await?;
    assert!(made.secret.expose_secret().starts_with("whsec_"), "{made:?}");
    assert!(made.webhook.enabled && made.webhook.events.is_empty());
    let id = made.webhook.id;
    assert_eq!(calls.show_webhook(tool, id).await?, made.webhook);
    let [started, failed] = ["job.run.started", "job.run.failed"].map(EventType::from_event);
    let events = vec![failed.clone(), started.clone(), failed.clone()];
    let patch = WebhookPatch { events: Some(events), enabled: Some(false), ..WebhookPatch::default() };
    let changed = calls.update_webhook(tool, id, &patch).await?;
    assert_eq!(changed.events, [started, failed]);
    assert!(!changed.enabled && changed.reason.is_none());
    assert_eq!(calls.send_test_event(tool, id).await.unwrap_err().code(), "webhook-off");
    let rotated = calls.rotate_webhook_secret(tool, id).await?;
    assert_ne!(rotated.secret, made.secret);
    assert_eq!(calls.list_webhooks(tool, &Paging::default()).await?.items, [changed]);
    calls.delete_webhook(tool, id).await?;
    let missing = calls.show_webhook(tool, id).await.unwrap_err();
    assert_eq!((missing.kind(), missing.code()), (ErrorKind::NotFound, "no-such-webhook"));
    Ok(())
}

async fn viewer_sees_only_the_host_of_an_address_and_no_secret(db: Db) -> Result<()> {
    let fixture = start_with_allowed_address(db).await?;
    let made = fixture.maintainer.notify().create_webhook(&fixture.tool, &build_webhook_create()).await?;
    let path = "/notify/v1/tool/hello/webhooks";
    for client in [&fixture.viewer, &fixture.maintainer] {
        let (_, listed) = send_json_request(client, Method::GET, path, None).await?;
        assert!(!listed.to_string().contains("whsec_"), "{listed}");
    }
    let seen = fixture.viewer.notify().show_webhook(&fixture.tool, made.webhook.id).await?;
    assert_eq!(seen.url, "http://127.0.0.1/…");
    let calls = fixture.viewer.notify();
    for refused in [
        calls.create_webhook(&fixture.tool, &build_webhook_create()).await.err(),
        calls.rotate_webhook_secret(&fixture.tool, made.webhook.id).await.err(),
        calls.delete_webhook(&fixture.tool, made.webhook.id).await.err(),
        calls.send_test_event(&fixture.tool, made.webhook.id).await.err(),
    ] {
        assert_eq!(refused.unwrap().kind(), ErrorKind::Forbidden);
    }
    Ok(())
}

async fn quota_is_enforced_and_webhooks_of_other_tools_are_not_found(db: Db) -> Result<()> {
    let fixture = start_with_allowed_address(db).await?;
    let calls = fixture.maintainer.notify();
    let mut made = None;
    for _ in 0..3 {
        made = Some(calls.create_webhook(&fixture.tool, &build_webhook_create()).await?.webhook);
    }
    let refused = calls.create_webhook(&fixture.tool, &build_webhook_create()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "webhooks-quota"));
    let id = hearth_base::ToolId::new(jiff::Timestamp::UNIX_EPOCH, &hearth_base::Entropy::System);
    let other = "other".parse()?;
    let stranger = fixture.stand.member(id, &other, hearth_base::Access::Own)?;
    let theirs = stranger.notify().show_webhook(&other, made.unwrap().id).await.unwrap_err();
    assert_eq!(theirs.kind(), ErrorKind::NotFound);
    Ok(())
}

async fn forbidden_address_is_refused_with_the_reason(db: Db) -> Result<()> {
    let fixture = start_with_allowed_address(db).await?;
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
        ("ftp://example.org/", "only http://"),
        ("http://user:pass@example.org/", "only http://"),
        ("file:///etc/passwd", ""),
        ("/relative", "only http://"),
        ("", "not a URL"),
        ("http://a b/", "not a URL"),
        ("http://a\r\nHost: b/", "not a URL"),
        ("http://example.org/#part", "no #part"),
        (&format!("http://example.org/{}", "a".repeat(3000)), "2048 characters"),
        ("http://nowhere.invalid/", ""),
    ] {
        let body = json!({ "url": url });
        let (status, refused) = send_json_request(
            &fixture.maintainer,
            Method::POST,
            "/notify/v1/tool/hello/webhooks",
            Some(&body),
        )
        .await?;
        let sentence = refused["messages"]["error"][0].as_str().unwrap_or_default();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{url:?} {refused}");
        assert!(sentence.contains("invalid webhook address") && sentence.contains(why), "{sentence}");
        assert!(sentence.len() < 400 && !sentence.contains(['\r', '\n']), "{sentence}");
    }
    for body in
        [json!({}), json!({"url": 3}), json!({"url": "http://127.0.0.1:9/", "events": ["job.exploded"]})]
    {
        let (status, _) = send_json_request(
            &fixture.maintainer,
            Method::POST,
            "/notify/v1/tool/hello/webhooks",
            Some(&body),
        )
        .await?;
        assert!(matches!(status.as_u16(), 400 | 422), "{body} {status}");
    }
    let none = fixture.viewer.notify().list_webhooks(&fixture.tool, &Paging::default()).await?;
    assert!(none.items.is_empty());
    Ok(())
}

on_every_store!(
    webhook_is_created_updated_shown_and_deleted,
    viewer_sees_only_the_host_of_an_address_and_no_secret,
    quota_is_enforced_and_webhooks_of_other_tools_are_not_found,
    forbidden_address_is_refused_with_the_reason,
);
