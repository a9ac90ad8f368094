//! Deliveries to receivers that accept, refuse, redirect or do not answer.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::{Access, Entropy, Result, Secret, ToolId, ToolName, UserId};
use hearth_kit::db::Db;
use hearth_notify::NotifySettings;
use hearth_testkit::{
    MailServer, ReceivedRequest, ReceiverReply, WebhookReceiver, on_every_store, wait_until,
};
use hearth_wire::notify::{
    DeliveryState, EventType, WebhookCreate, WebhookPatch, WebhookPayload, WebhookSecret,
};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

use crate::{
    fixture::{NotifyFixture, start_notify_with},
    store::remove_webhook_owners,
};

/// Starts the service with a webhook that receives all events.
async fn start_with_receiver(db: Db) -> Result<(NotifyFixture, WebhookReceiver, WebhookSecret)> {
    let receiver = WebhookReceiver::start().await?;
    let place = receiver.address().parse()?;
    let server = MailServer::start().await?;
    let fixture = start_notify_with(db, server, |config| config.outbound.allow = vec![place]).await?;
    let create = WebhookCreate { url: receiver.url(), events: Vec::new() };
    let made = fixture.maintainer.notify().create_webhook(&fixture.tool, &create).await?;
    Ok((fixture, receiver, made))
}

/// True if the signature of a request is valid.
fn is_genuine(request: &ReceivedRequest, secret: &Secret) -> bool {
    let key = STANDARD.decode(secret.expose_secret().trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, sent) = (request.header_value("webhook-id"), request.header_value("webhook-timestamp"));
    mac.update([id, sent, request.body.as_str()].join(".").as_bytes());
    let signature = request.header_value("webhook-signature").strip_prefix("v1,").unwrap_or_default();
    STANDARD.decode(signature).is_ok_and(|signature| mac.verify_slice(&signature).is_ok())
}

async fn wait_for_requests(receiver: &WebhookReceiver, count: usize) -> Result<Vec<ReceivedRequest>> {
    wait_until(&format!("{count} requests"), async || {
        Ok(Some(receiver.requests()).filter(|requests| requests.len() >= count))
    })
    .await
}

async fn delivery_is_signed_and_holds_the_event(db: Db) -> Result<()> {
    let (fixture, receiver, made) = start_with_receiver(db).await?;
    fixture.append_failure("tidy");
    let first = wait_for_requests(&receiver, 1).await?.remove(0);
    assert_eq!(first.request_line, "POST /events?key=k3y HTTP/1.1\r\n");
    assert_eq!(first.header_value("content-type"), "application/json");
    assert_eq!(first.header_value("webhook-timestamp"), fixture.now().as_second().to_string());
    assert!(is_genuine(&first, &made.secret), "{first:?}");
    let payload: WebhookPayload = serde_json::from_str(&first.body).unwrap();
    assert_eq!((payload.event.as_str(), payload.timestamp), ("job.run.failed", fixture.now()));
    assert_eq!(payload.data["tool"], "hello");
    assert_eq!(payload.data["run"]["exit_code"], 1);
    assert_eq!(payload.data["run"]["last_lines"][0], "no such table: dups");
    let [delivery] = &fixture.wait_for_delivery_state(&made.webhook, DeliveryState::Delivered).await?[..]
    else {
        panic!("one delivery")
    };
    assert_eq!((delivery.status, delivery.tries), (Some(204), 1));
    assert_eq!(delivery.message, first.header_value("webhook-id"));
    // Later requests are signed with the new secret.
    let rotated = fixture.maintainer.notify().rotate_webhook_secret(&fixture.tool, made.webhook.id).await?;
    let test = fixture.maintainer.notify().send_test_event(&fixture.tool, made.webhook.id).await?;
    assert_eq!(test.event, EventType::webhook_test());
    let second = wait_for_requests(&receiver, 2).await?.remove(1);
    assert!(is_genuine(&second, &rotated.secret) && !is_genuine(&second, &made.secret));
    Ok(())
}

async fn webhook_receives_only_subscribed_events(db: Db) -> Result<()> {
    let (fixture, receiver, made) = start_with_receiver(db).await?;
    let patch = WebhookPatch { events: Some(vec!["job.run.succeeded".parse()?]), ..WebhookPatch::default() };
    fixture.maintainer.notify().update_webhook(&fixture.tool, made.webhook.id, &patch).await?;
    fixture.append_failure("tidy");
    fixture.append_event(fixture.now(), &fixture.build_run_event("well", 0), None);
    let only = wait_for_requests(&receiver, 1).await?.remove(0);
    assert!(only.body.contains("job.run.succeeded"), "{only:?}");
    let deliveries = fixture.wait_for_delivery_state(&made.webhook, DeliveryState::Delivered).await?;
    assert_eq!(deliveries.len(), 1, "{deliveries:?}");
    Ok(())
}

async fn failed_delivery_is_retried_with_the_same_id(db: Db) -> Result<()> {
    let (fixture, receiver, made) = start_with_receiver(db).await?;
    let flood = format!("\u{1b}[31mno\r\n{}", "x".repeat(1 << 20));
    receiver.set_reply(ReceiverReply { status: "500 Oh", body: flood, ..ReceiverReply::default() });
    fixture.append_failure("tidy");
    let [waiting] =
        &fixture.wait_for_newest_delivery(&made.webhook, |delivery| delivery.tries == 1).await?[..]
    else {
        panic!("one delivery")
    };
    assert_eq!((waiting.state, waiting.status), (DeliveryState::Waiting, Some(500)));
    assert_eq!(waiting.next, Some(fixture.now() + SignedDuration::from_secs(5)));
    // The receiver is at a private address, which the operator allowed: status and time are kept, no content.
    let owner = fixture.stand.member(fixture.id, &fixture.tool, Access::Own)?;
    let paging = Default::default();
    let seen = owner.notify().list_deliveries(&fixture.tool, made.webhook.id, &paging).await?.items;
    assert_eq!((seen[0].reply.as_deref(), seen[0].answered), (None, Some(fixture.now())));
    receiver.set_reply(ReceiverReply::default());
    fixture.advance_time(SignedDuration::from_secs(6));
    let all = wait_until("the request is repeated", async || {
        let requests = receiver.requests();
        let first = requests.first().map(|request| request.header_value("webhook-id").to_owned());
        let same = requests
            .iter()
            .filter(|request| Some(request.header_value("webhook-id")) == first.as_deref())
            .count();
        Ok((same == 2).then_some(requests))
    })
    .await?;
    let again =
        all.iter().rev().find(|request| request.header_value("webhook-id") == waiting.message).unwrap();
    assert!(is_genuine(again, &made.secret), "signed with the time of this attempt");
    assert_ne!(again.header_value("webhook-timestamp"), all[0].header_value("webhook-timestamp"));
    Ok(())
}

async fn redirect_is_not_followed(db: Db) -> Result<()> {
    let (fixture, receiver, made) = start_with_receiver(db).await?;
    let elsewhere = WebhookReceiver::start().await?;
    let headers = format!("Location: {}\r\n", elsewhere.url());
    receiver.set_reply(ReceiverReply { status: "307 Elsewhere", headers, ..ReceiverReply::default() });
    fixture.append_failure("tidy");
    let deliveries = fixture.wait_for_newest_delivery(&made.webhook, |delivery| delivery.tries == 1).await?;
    assert_eq!((deliveries[0].state, deliveries[0].status), (DeliveryState::Waiting, Some(307)));
    assert!(elsewhere.requests().is_empty());
    Ok(())
}

async fn status_410_disables_a_webhook_until_it_is_enabled(db: Db) -> Result<()> {
    let (fixture, receiver, made) = start_with_receiver(db).await?;
    receiver.set_reply(ReceiverReply { status: "410 Gone", ..ReceiverReply::default() });
    fixture.append_failure("tidy");
    let deliveries = fixture.wait_for_delivery_state(&made.webhook, DeliveryState::Failed).await?;
    assert_eq!((deliveries[0].status, deliveries[0].next), (Some(410), None));
    let off = fixture.viewer.notify().show_webhook(&fixture.tool, made.webhook.id).await?;
    assert!(!off.enabled && off.reason.as_deref().unwrap().contains("410"), "{off:?}");
    receiver.set_reply(ReceiverReply::default());
    let on = WebhookPatch { enabled: Some(true), ..WebhookPatch::default() };
    let on = fixture.maintainer.notify().update_webhook(&fixture.tool, made.webhook.id, &on).await?;
    assert!(on.enabled && on.reason.is_none());
    fixture.advance_time(SignedDuration::from_secs(1));
    fixture.append_failure("tidy");
    fixture.wait_for_delivery_state(&made.webhook, DeliveryState::Delivered).await.map(drop)
}

async fn three_days_without_a_delivery_disable_a_webhook(db: Db) -> Result<()> {
    let (fixture, receiver, made) = start_with_receiver(db).await?;
    receiver.set_reply(ReceiverReply { status: "503 Away", ..ReceiverReply::default() });
    fixture.append_failure("tidy");
    let mut tries = 1;
    let failed = loop {
        let delivery = fixture
            .wait_for_newest_delivery(&made.webhook, |delivery| delivery.tries >= tries)
            .await?
            .remove(0);
        let Some(next) = delivery.next else { break delivery };
        tries += 1;
        fixture.advance_time(next.duration_since(fixture.now()));
    };
    assert_eq!(failed.state, DeliveryState::Failed);
    assert_eq!((failed.tries, failed.status), (10, Some(503)));
    let off = fixture.viewer.notify().show_webhook(&fixture.tool, made.webhook.id).await?;
    assert!(!off.enabled && off.reason.as_deref().unwrap().contains("three days"), "{off:?}");
    Ok(())
}

async fn connection_error_and_private_address_are_recorded(db: Db) -> Result<()> {
    let (mut fixture, receiver, made) = start_with_receiver(db).await?;
    drop(receiver);
    fixture.append_failure("tidy");
    let down = fixture.wait_for_newest_delivery(&made.webhook, |delivery| delivery.tries == 1).await?;
    assert_eq!((down[0].state, down[0].status), (DeliveryState::Waiting, None));
    assert!(down[0].reply.as_deref().unwrap().contains("127.0.0.1"), "{down:?}");
    // The operator no longer allows the address.
    let mut config = (*fixture.stand.kit.config).clone();
    config.outbound.allow.clear();
    fixture.stand.kit.config = std::sync::Arc::new(config);
    fixture.restart_service().await?;
    fixture.advance_time(SignedDuration::from_secs(6));
    let private = wait_until("the address is refused", async || {
        let calls = fixture.viewer.notify();
        let deliveries =
            calls.list_deliveries(&fixture.tool, made.webhook.id, &Default::default()).await?.items;
        Ok(deliveries.into_iter().find(|delivery| {
            delivery.reply.as_deref().is_some_and(|reply| reply.contains("has a private address"))
        }))
    });
    assert_eq!(private.await?.state, DeliveryState::Waiting);
    Ok(())
}

async fn delivery_times_out_after_fifteen_seconds(db: Db) -> Result<()> {
    let (fixture, receiver, made) = start_with_receiver(db).await?;
    receiver.set_reply(ReceiverReply { delay: Duration::from_secs(60), ..ReceiverReply::default() });
    fixture.append_failure("tidy");
    let slow = fixture.wait_for_newest_delivery(&made.webhook, |delivery| delivery.tries == 1).await?;
    assert!(slow[0].reply.as_deref().unwrap().contains("did not respond in time"), "{slow:?}");
    Ok(())
}

async fn endless_answer_counts_as_an_answer(db: Db) -> Result<()> {
    let (fixture, receiver, made) = start_with_receiver(db).await?;
    receiver.set_reply(ReceiverReply {
        status: "200 OK",
        body: "fine".to_owned(),
        missing_bytes: 1,
        ..ReceiverReply::default()
    });
    fixture.append_failure("tidy");
    let deliveries = fixture.wait_for_delivery_state(&made.webhook, DeliveryState::Delivered).await?;
    assert_eq!((deliveries[0].status, deliveries[0].reply.as_deref()), (Some(200), None));
    Ok(())
}

async fn failed_webhook_is_backed_off(db: Db) -> Result<()> {
    let (fixture, receiver, made) = start_with_receiver(db).await?;
    let calls = fixture.maintainer.notify();
    receiver.set_reply(ReceiverReply { status: "500 Oh", ..ReceiverReply::default() });
    fixture.append_failure("tidy");
    fixture.wait_for_newest_delivery(&made.webhook, |delivery| delivery.tries == 1).await?;
    fixture.append_failure("other");
    wait_until("the second waits too", async || {
        let all = calls.list_deliveries(&fixture.tool, made.webhook.id, &Default::default()).await?.items;
        Ok((all.len() == 2).then_some(()))
    })
    .await?;
    // Tests skip the back-off; one test may wait at a time.
    calls.send_test_event(&fixture.tool, made.webhook.id).await?;
    let all = wait_for_requests(&receiver, 2).await?;
    assert!(all[1].body.contains("webhook.test"), "only the test was sent: {all:?}");
    let one_waits = wait_until("a test waits for its next try", async || {
        Ok(calls.send_test_event(&fixture.tool, made.webhook.id).await.err())
    });
    assert_eq!(one_waits.await?.code(), "webhook-test");
    receiver.set_reply(ReceiverReply::default());
    // An update ends the back-off.
    calls.update_webhook(&fixture.tool, made.webhook.id, &WebhookPatch::default()).await?;
    fixture.advance_time(SignedDuration::from_mins(6));
    wait_until("all are delivered", async || {
        let all = calls.list_deliveries(&fixture.tool, made.webhook.id, &Default::default()).await?.items;
        Ok(all.iter().all(|delivery| delivery.state == DeliveryState::Delivered).then_some(()))
    })
    .await
}

async fn slow_receivers_of_one_tool_do_not_delay_another_tool(db: Db) -> Result<()> {
    let (slow, quick) = (WebhookReceiver::start().await?, WebhookReceiver::start().await?);
    let allow = vec![slow.address().parse()?, quick.address().parse()?];
    let fixture = start_notify_with(db, MailServer::start().await?, |config| {
        config.outbound.allow = allow;
        let mut settings = (*config.read_section::<NotifySettings>()).clone();
        (settings.webhook_lanes, settings.webhook_lanes_per_tool) = (2, 1);
        config.set_section(settings);
    })
    .await?;
    let calls = fixture.maintainer.notify();
    let mut made = Vec::new();
    for _ in 0..3 {
        let create = WebhookCreate { url: slow.url(), events: Vec::new() };
        made.push(calls.create_webhook(&fixture.tool, &create).await?.webhook);
    }
    slow.set_reply(ReceiverReply { delay: Duration::from_secs(600), ..ReceiverReply::default() });
    fixture.append_failure("tidy");
    wait_until("a slow receiver has a request", async || Ok((!slow.requests().is_empty()).then_some(())))
        .await?;
    let id = ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
    let other: ToolName = "other".parse()?;
    let owner = fixture.stand.member(id, &other, Access::Write)?;
    let create = WebhookCreate { url: quick.url(), events: Vec::new() };
    let theirs = owner.notify().create_webhook(&other, &create).await?.webhook;
    owner.notify().send_test_event(&other, theirs.id).await?;
    wait_for_requests(&quick, 1).await?;
    // The requests of the slow tool are still unanswered: they never held the lane of the other tool.
    for webhook in &made {
        let all = calls.list_deliveries(&fixture.tool, webhook.id, &Default::default()).await?.items;
        assert!(all.iter().all(|delivery| delivery.tries == 0), "{all:?}");
    }
    assert_eq!(slow.requests().len(), 1, "one lane is the share of a tool");
    Ok(())
}

async fn webhook_is_switched_off_when_its_owner_loses_the_right(db: Db) -> Result<()> {
    let (fixture, receiver, made) = start_with_receiver(db).await?;
    assert!(made.webhook.owner.as_deref().is_some_and(|owner| owner.starts_with("user_")), "{made:?}");
    *fixture.services.owners_lost.lock().unwrap() = true;
    fixture.append_failure("tidy");
    fixture.append_failure("other");
    fixture.wait_for_delivery_state(&made.webhook, DeliveryState::Failed).await?;
    let off = fixture.viewer.notify().show_webhook(&fixture.tool, made.webhook.id).await?;
    assert!(!off.enabled && off.reason.as_deref().unwrap().contains("its owner somebody"), "{off:?}");
    assert!(receiver.requests().is_empty());
    // Another maintainer takes it over.
    *fixture.services.owners_lost.lock().unwrap() = false;
    let taker = UserId::new(fixture.now(), &Entropy::System);
    let maintainer = fixture.stand.member_with_user_id(taker, fixture.id, &fixture.tool, Access::Write)?;
    let on = WebhookPatch { enabled: Some(true), ..WebhookPatch::default() };
    let on = maintainer.notify().update_webhook(&fixture.tool, made.webhook.id, &on).await?;
    assert_eq!(on.owner, Some(taker.to_string()));
    fixture.append_failure("again");
    wait_for_requests(&receiver, 1).await.map(drop)
}

async fn webhook_without_an_owner_is_switched_off_until_somebody_takes_it_over(db: Db) -> Result<()> {
    let (fixture, receiver, made) = start_with_receiver(db.clone()).await?;
    remove_webhook_owners(&db).await?;
    fixture.append_failure("tidy");
    fixture.wait_for_delivery_state(&made.webhook, DeliveryState::Failed).await?;
    let off = fixture.viewer.notify().show_webhook(&fixture.tool, made.webhook.id).await?;
    assert!(!off.enabled && off.reason.as_deref().unwrap().contains("has no owner"), "{off:?}");
    assert!(receiver.requests().is_empty());
    let on = WebhookPatch { enabled: Some(true), ..WebhookPatch::default() };
    let on = fixture.maintainer.notify().update_webhook(&fixture.tool, made.webhook.id, &on).await?;
    assert!(on.owner.is_some(), "{on:?}");
    fixture.append_failure("again");
    wait_for_requests(&receiver, 1).await.map(drop)
}

async fn event_of_another_release_is_delivered(db: Db) -> Result<()> {
    let (fixture, receiver, _) = start_with_receiver(db).await?;
    fixture.append_unknown("backup.failed", serde_json::json!({ "subject": ["of another time"] }));
    fixture.append_failure("tidy");
    // A webhook that is subscribed to all events receives it too.
    let all = wait_for_requests(&receiver, 2).await?;
    assert!(all[0].body.contains("backup.failed") || all[1].body.contains("backup.failed"), "{all:?}");
    Ok(())
}

on_every_store!(
    slow_receivers_of_one_tool_do_not_delay_another_tool,
    webhook_is_switched_off_when_its_owner_loses_the_right,
    webhook_without_an_owner_is_switched_off_until_somebody_takes_it_over,
    endless_answer_counts_as_an_answer,
    failed_webhook_is_backed_off,
    event_of_another_release_is_delivered,
    delivery_is_signed_and_holds_the_event,
    webhook_receives_only_subscribed_events,
    failed_delivery_is_retried_with_the_same_id,
    redirect_is_not_followed,
    status_410_disables_a_webhook_until_it_is_enabled,
    three_days_without_a_delivery_disable_a_webhook,
    connection_error_and_private_address_are_recorded,
    delivery_times_out_after_fifteen_seconds,
);
