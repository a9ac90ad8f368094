//! What receivers do with what they are told, good and bad.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::{Result, Secret};
use hearth_kit::db::Db;
use hearth_testkit::{MailServer, Mood, Receiver, Told, on_every_store, until};
use hearth_wire::notify::{DeliveryState, EventType, Payload, WebhookCreate, WebhookPatch, WebhookSecret};
use hmac::{Hmac, KeyInit, Mac};
use jiff::SignedDuration;
use sha2::Sha256;

use crate::stage::{Stage, with};

/// A stage with a receiver that is told of everything.
async fn stage(db: Db) -> Result<(Stage, Receiver, WebhookSecret)> {
    let receiver = Receiver::start().await?;
    let place = receiver.place().parse()?;
    let server = MailServer::start().await?;
    let stage = with(db, server, |config| config.outbound.allow = vec![place]).await?;
    let create = WebhookCreate { url: receiver.url(), events: Vec::new() };
    let made = stage.maintainer.notify().webhook_create(&stage.tool, &create).await?;
    Ok((stage, receiver, made))
}

/// Whether somebody who knows the secret finds that Hearth has sent this.
fn is_genuine(told: &Told, secret: &Secret) -> bool {
    let key = STANDARD.decode(secret.reveal().trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, sent) = (told.header("webhook-id"), told.header("webhook-timestamp"));
    mac.update([id, sent, told.body.as_str()].join(".").as_bytes());
    let given = told.header("webhook-signature").strip_prefix("v1,").unwrap_or_default();
    STANDARD.decode(given).is_ok_and(|given| mac.verify_slice(&given).is_ok())
}

async fn told(receiver: &Receiver, count: usize) -> Result<Vec<Told>> {
    until(&format!("told {count} times"), async || {
        Ok(Some(receiver.told()).filter(|told| told.len() >= count))
    })
    .await
}

async fn what_is_told_is_signed_and_says_what_happened(db: Db) -> Result<()> {
    let (stage, receiver, made) = stage(db).await?;
    stage.fails("tidy");
    let first = told(&receiver, 1).await?.remove(0);
    assert_eq!(first.request, "POST /told?key=k3y HTTP/1.1\r\n");
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(first.header("webhook-timestamp"), stage.now().as_second().to_string());
    assert!(is_genuine(&first, &made.secret), "{first:?}");
    let payload: Payload = serde_json::from_str(&first.body).unwrap();
    assert_eq!((payload.event.as_str(), payload.timestamp), ("job.run.failed", stage.now()));
    assert_eq!(payload.data["tool"], "hello");
    assert_eq!(payload.data["run"]["exit_code"], 1);
    assert_eq!(payload.data["run"]["last_lines"][0], "no such table: dups");
    let [delivery] = &stage.delivered(&made.webhook, DeliveryState::Delivered).await?[..] else {
        panic!("one delivery")
    };
    assert_eq!((delivery.status, delivery.tries), (Some(204), 1));
    assert_eq!(delivery.message, first.header("webhook-id"));
    // Another secret holds from now on.
    let rotated = stage.maintainer.notify().webhook_rotate(&stage.tool, made.webhook.id).await?;
    let test = stage.maintainer.notify().webhook_test(&stage.tool, made.webhook.id).await?;
    assert_eq!(test.event, EventType::test());
    let second = told(&receiver, 2).await?.remove(1);
    assert!(is_genuine(&second, &rotated.secret) && !is_genuine(&second, &made.secret));
    Ok(())
}

async fn a_webhook_is_told_of_what_it_asked_for(db: Db) -> Result<()> {
    let (stage, receiver, made) = stage(db).await?;
    let patch = WebhookPatch { events: Some(vec!["job.run.succeeded".parse()?]), ..WebhookPatch::default() };
    stage.maintainer.notify().webhook_patch(&stage.tool, made.webhook.id, &patch).await?;
    stage.fails("tidy");
    stage.append(stage.now(), &stage.run("well", 0), None);
    let only = told(&receiver, 1).await?.remove(0);
    assert!(only.body.contains("job.run.succeeded"), "{only:?}");
    let deliveries = stage.delivered(&made.webhook, DeliveryState::Delivered).await?;
    assert_eq!(deliveries.len(), 1, "{deliveries:?}");
    Ok(())
}

async fn what_is_not_taken_is_tried_again_with_the_same_id(db: Db) -> Result<()> {
    let (stage, receiver, made) = stage(db).await?;
    let flood = format!("\u{1b}[31mno\r\n{}", "x".repeat(1 << 20));
    receiver.answers(Mood { status: "500 Oh", body: flood, ..Mood::default() });
    stage.fails("tidy");
    let [waiting] = &stage.newest(&made.webhook, |delivery| delivery.tries == 1).await?[..] else {
        panic!("one delivery")
    };
    assert_eq!((waiting.state, waiting.status), (DeliveryState::Waiting, Some(500)));
    assert_eq!(waiting.next, Some(stage.now() + SignedDuration::from_secs(5)));
    let said = waiting.said.as_deref().unwrap();
    assert!(said.starts_with("[31mno") && said.chars().count() == 200, "{said:?}");
    assert!(!said.chars().any(char::is_control), "{said:?}");
    receiver.answers(Mood::default());
    stage.passes(SignedDuration::from_secs(6));
    let all = until("it is told again", async || {
        let told = receiver.told();
        let first = told.first().map(|told| told.header("webhook-id").to_owned());
        let same = told.iter().filter(|told| Some(told.header("webhook-id")) == first.as_deref()).count();
        Ok((same == 2).then_some(told))
    })
    .await?;
    let again = all.iter().rev().find(|told| told.header("webhook-id") == waiting.message).unwrap();
    assert!(is_genuine(again, &made.secret), "signed anew, with the time of this try");
    assert_ne!(again.header("webhook-timestamp"), all[0].header("webhook-timestamp"));
    Ok(())
}

async fn a_redirect_is_not_followed(db: Db) -> Result<()> {
    let (stage, receiver, made) = stage(db).await?;
    let elsewhere = Receiver::start().await?;
    let headers = format!("Location: {}\r\n", elsewhere.url());
    receiver.answers(Mood { status: "307 Elsewhere", headers, ..Mood::default() });
    stage.fails("tidy");
    let deliveries = stage.newest(&made.webhook, |delivery| delivery.tries == 1).await?;
    assert_eq!((deliveries[0].state, deliveries[0].status), (DeliveryState::Waiting, Some(307)));
    assert!(elsewhere.told().is_empty());
    Ok(())
}

async fn one_that_is_gone_is_switched_off_until_somebody_wants_it_again(db: Db) -> Result<()> {
    let (stage, receiver, made) = stage(db).await?;
    receiver.answers(Mood { status: "410 Gone", ..Mood::default() });
    stage.fails("tidy");
    let deliveries = stage.delivered(&made.webhook, DeliveryState::Failed).await?;
    assert_eq!((deliveries[0].status, deliveries[0].next), (Some(410), None));
    let off = stage.viewer.notify().webhook(&stage.tool, made.webhook.id).await?;
    assert!(!off.enabled && off.reason.as_deref().unwrap().contains("410"), "{off:?}");
    receiver.answers(Mood::default());
    let on = WebhookPatch { enabled: Some(true), ..WebhookPatch::default() };
    let on = stage.maintainer.notify().webhook_patch(&stage.tool, made.webhook.id, &on).await?;
    assert!(on.enabled && on.reason.is_none());
    stage.passes(SignedDuration::from_secs(1));
    stage.fails("tidy");
    stage.delivered(&made.webhook, DeliveryState::Delivered).await.map(drop)
}

async fn one_that_takes_nothing_for_three_days_is_switched_off(db: Db) -> Result<()> {
    let (stage, receiver, made) = stage(db).await?;
    receiver.answers(Mood { status: "503 Away", ..Mood::default() });
    stage.fails("tidy");
    let mut tries = 1;
    let failed = loop {
        let told = stage.newest(&made.webhook, |delivery| delivery.tries >= tries).await?.remove(0);
        let Some(next) = told.next else { break told };
        tries += 1;
        stage.passes(next.duration_since(stage.now()));
    };
    assert_eq!(failed.state, DeliveryState::Failed);
    assert_eq!((failed.tries, failed.status), (10, Some(503)));
    let off = stage.viewer.notify().webhook(&stage.tool, made.webhook.id).await?;
    assert!(!off.enabled && off.reason.as_deref().unwrap().contains("three days"), "{off:?}");
    Ok(())
}

async fn one_that_is_down_or_became_private_is_said_so(db: Db) -> Result<()> {
    let (mut stage, receiver, made) = stage(db).await?;
    drop(receiver);
    stage.fails("tidy");
    let down = stage.newest(&made.webhook, |delivery| delivery.tries == 1).await?;
    assert_eq!((down[0].state, down[0].status), (DeliveryState::Waiting, None));
    assert!(down[0].said.as_deref().unwrap().contains("127.0.0.1"), "{down:?}");
    // The operator allows it no more.
    let mut config = (*stage.stand.kit.config).clone();
    config.outbound.allow.clear();
    stage.stand.kit.config = std::sync::Arc::new(config);
    stage.dies_and_comes_back().await?;
    stage.passes(SignedDuration::from_secs(6));
    let private = until("it is refused here", async || {
        let calls = stage.viewer.notify();
        let told = calls.deliveries(&stage.tool, made.webhook.id, &Default::default()).await?.items;
        Ok(told.into_iter().find(|delivery| {
            delivery.said.as_deref().is_some_and(|said| said.contains("at a private address"))
        }))
    });
    assert_eq!(private.await?.state, DeliveryState::Waiting);
    Ok(())
}

async fn one_that_is_slow_is_given_fifteen_seconds(db: Db) -> Result<()> {
    let (stage, receiver, made) = stage(db).await?;
    receiver.answers(Mood { thinks: Duration::from_secs(60), ..Mood::default() });
    stage.fails("tidy");
    let slow = stage.newest(&made.webhook, |delivery| delivery.tries == 1).await?;
    assert!(slow[0].said.as_deref().unwrap().contains("did not answer in time"), "{slow:?}");
    Ok(())
}

async fn one_whose_answer_has_no_end_has_answered(db: Db) -> Result<()> {
    let (stage, receiver, made) = stage(db).await?;
    receiver.answers(Mood { status: "200 OK", body: "fine".to_owned(), promises: 1, ..Mood::default() });
    stage.fails("tidy");
    let told = stage.delivered(&made.webhook, DeliveryState::Delivered).await?;
    assert_eq!((told[0].status, told[0].said.as_deref()), (Some(200), Some("fine")));
    Ok(())
}

async fn one_that_took_nothing_is_left_alone_until_it_is_tried_again(db: Db) -> Result<()> {
    let (stage, receiver, made) = stage(db).await?;
    let calls = stage.maintainer.notify();
    receiver.answers(Mood { status: "500 Oh", ..Mood::default() });
    stage.fails("tidy");
    stage.newest(&made.webhook, |delivery| delivery.tries == 1).await?;
    stage.fails("other");
    until("the second waits too", async || {
        let all = calls.deliveries(&stage.tool, made.webhook.id, &Default::default()).await?.items;
        Ok((all.len() == 2).then_some(()))
    })
    .await?;
    // Somebody who looks into it is answered at once, one test at a time.
    calls.webhook_test(&stage.tool, made.webhook.id).await?;
    let all = told(&receiver, 2).await?;
    assert!(all[1].body.contains("webhook.test"), "nobody else asks: {all:?}");
    let one_waits = until("a test waits for its next try", async || {
        Ok(calls.webhook_test(&stage.tool, made.webhook.id).await.err())
    });
    assert_eq!(one_waits.await?.code(), "webhook-test");
    receiver.answers(Mood::default());
    // A change of it is a new beginning.
    calls.webhook_patch(&stage.tool, made.webhook.id, &WebhookPatch::default()).await?;
    stage.passes(SignedDuration::from_mins(6));
    until("all are taken", async || {
        let all = calls.deliveries(&stage.tool, made.webhook.id, &Default::default()).await?.items;
        Ok(all.iter().all(|delivery| delivery.state == DeliveryState::Delivered).then_some(()))
    })
    .await
}

async fn an_event_of_another_release_holds_nothing_up(db: Db) -> Result<()> {
    let (stage, receiver, _) = stage(db).await?;
    stage.append_unknown("backup.failed", serde_json::json!({ "subject": ["of another time"] }));
    stage.fails("tidy");
    // Whoever wants everything gets it too.
    let all = told(&receiver, 2).await?;
    assert!(all[0].body.contains("backup.failed") || all[1].body.contains("backup.failed"), "{all:?}");
    Ok(())
}

on_every_store!(
    one_whose_answer_has_no_end_has_answered,
    one_that_took_nothing_is_left_alone_until_it_is_tried_again,
    an_event_of_another_release_holds_nothing_up,
    what_is_told_is_signed_and_says_what_happened,
    a_webhook_is_told_of_what_it_asked_for,
    what_is_not_taken_is_tried_again_with_the_same_id,
    a_redirect_is_not_followed,
    one_that_is_gone_is_switched_off_until_somebody_wants_it_again,
    one_that_takes_nothing_for_three_days_is_switched_off,
    one_that_is_down_or_became_private_is_said_so,
    one_that_is_slow_is_given_fifteen_seconds,
);
