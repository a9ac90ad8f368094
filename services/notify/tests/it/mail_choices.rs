//! Choices of members: the event types about a tool that are mailed to each of them.

use hearth_base::{Access, ErrorKind, Result};
use hearth_client::Client;
use hearth_kit::db::Db;
use hearth_testkit::{MailServer, on_every_store, send_json_request};
use hearth_wire::{
    components::events::{DeploymentEvent, DeploymentEventData},
    events::{Notice, Topic},
    notify::{EventType, MailSettings, MailSettingsPut, MailState, WebhookCreate, WebhookPatch},
};
use http::Method;
use jiff::SignedDuration;
use serde_json::json;

use crate::fixture::{NotifyFixture, find_header, start_notify, start_notify_with};

fn parse_types(names: &[&str]) -> Vec<EventType> {
    names.iter().map(|name| EventType::from_event(name)).collect()
}

/// Logs a maintainer in.
fn log_in(fixture: &NotifyFixture, name: &str) -> Result<Client> {
    let recipients = fixture.services.recipients.lock().unwrap();
    let user = recipients.iter().find(|recipient| recipient.name.as_str() == name).unwrap().user;
    fixture.stand.member_with_user_id(user, fixture.id, &fixture.tool, Access::Write)
}

async fn choose_events(fixture: &NotifyFixture, name: &str, events: &[&str]) -> Result<MailSettings> {
    let put = MailSettingsPut { off: false, events: Some(parse_types(events)) };
    log_in(fixture, name)?.notify().update_mail_settings(&fixture.tool, &put).await
}

/// Appends an event of `components` with a notice.
fn append_deployment(fixture: &NotifyFixture, build: fn(DeploymentEventData) -> DeploymentEvent) {
    let data = json!({
        "tool": "hello", "tool_id": fixture.id, "deployment": "deployment_00000000000000000000000001",
        "by": "user ada", "description": "", "state": "successful",
        "created": "2026-05-04T12:00:00Z", "ended": "2026-05-04T12:00:05Z", "url": "http://localhost:8080/",
    });
    let event = build(serde_json::from_value(data).unwrap());
    let notice = Notice {
        subject: "deployment".to_owned(),
        summary: event.event_type().to_owned(),
        ..Notice::default()
    };
    fixture.services.deployments.append_event(fixture.now(), &event, Some(&notice)).unwrap();
}

async fn failure_is_mailed_and_success_is_not_without_a_choice(db: Db) -> Result<()> {
    let fixture = start_notify(db).await?;
    let settings = log_in(&fixture, "ada")?.notify().show_mail_settings(&fixture.tool).await?;
    for (name, mailed) in [
        ("job.run.failed", true),
        ("deployment.failed", true),
        ("deployment.rolled_back", true),
        ("build.failed", true),
        ("deployment.succeeded", false),
        ("build.succeeded", false),
    ] {
        let event = EventType::from_event(name);
        assert_eq!(settings.events.contains(&event), mailed, "{name}");
        assert!(settings.available_events.contains(&event), "{name}");
    }
    assert_eq!(settings.events, settings.default_events);
    append_deployment(&fixture, DeploymentEvent::Succeeded);
    append_deployment(&fixture, DeploymentEvent::Failed);
    let mails = fixture.wait_for_mails(2).await?;
    for mail in &mails {
        assert_eq!(find_header(mail, "Subject"), "[hearth] hello/deployment deployment.failed");
        assert!(mail.contains("hearth notify events --tool hello"), "{mail}");
    }
    Ok(())
}

async fn each_member_gets_mail_about_the_chosen_events(db: Db) -> Result<()> {
    let fixture = start_notify(db).await?;
    let chosen = choose_events(&fixture, "ada", &["deployment.succeeded", "build.failed"]).await?;
    assert_eq!(chosen.events, parse_types(&["build.failed", "deployment.succeeded"]));
    assert!(choose_events(&fixture, "bob", &[]).await?.events.is_empty());
    append_deployment(&fixture, DeploymentEvent::Failed);
    append_deployment(&fixture, DeploymentEvent::Succeeded);
    fixture.append_failure("tidy");
    let mails = fixture.wait_for_mails(1).await?;
    assert_eq!(find_header(&mails[0], "To"), "ada@example.org");
    assert_eq!(find_header(&mails[0], "Subject"), "[hearth] hello/deployment deployment.succeeded");
    let sent = fixture.wait_for_mail_state(MailState::Sent).await?;
    assert_eq!(sent.iter().map(|mail| mail.events).collect::<Vec<_>>(), [1]);
    // Nothing that nobody has chosen waits for the next mail.
    fixture.advance_time(SignedDuration::from_secs(61));
    append_deployment(&fixture, DeploymentEvent::Succeeded);
    let mails = fixture.wait_for_mails(2).await?;
    assert_eq!(find_header(&mails[1], "To"), "ada@example.org");
    assert_eq!(find_header(&mails[1], "Subject"), "[hearth] hello/deployment deployment.succeeded");
    Ok(())
}

async fn client_of_an_earlier_release_keeps_the_choice(db: Db) -> Result<()> {
    let fixture = start_notify(db).await?;
    choose_events(&fixture, "ada", &["deployment.succeeded"]).await?;
    let (ada, path) = (log_in(&fixture, "ada")?, "/notify/v1/tool/hello/mail");
    for off in [true, false] {
        let (status, answer) = send_json_request(&ada, Method::PUT, path, Some(&json!({"off": off}))).await?;
        assert_eq!((status.as_u16(), &answer["data"]["off"]), (200, &json!(off)), "{answer}");
        assert_eq!(answer["data"]["events"], json!(["deployment.succeeded"]));
    }
    let reset = MailSettingsPut { off: false, events: Some(ada_defaults(&ada, &fixture).await?) };
    let settings = ada.notify().update_mail_settings(&fixture.tool, &reset).await?;
    assert_eq!(settings.events, settings.default_events);
    Ok(())
}

async fn ada_defaults(ada: &Client, fixture: &NotifyFixture) -> Result<Vec<EventType>> {
    Ok(ada.notify().show_mail_settings(&fixture.tool).await?.default_events)
}

async fn event_type_without_mail_is_refused(db: Db) -> Result<()> {
    let fixture = start_notify(db).await?;
    for name in ["deployment.cancelled", "request.created", "webhook.test", "deployment.*", "x"] {
        let refused = choose_events(&fixture, "ada", &[name]).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "event-type"), "{name}");
        assert!(refused.help_text().unwrap().contains("deployment.rolled_back"), "{refused:?}");
    }
    Ok(())
}

async fn webhook_gets_the_chosen_events_of_builds_and_deployments(db: Db) -> Result<()> {
    let address = "127.0.0.1:9".parse()?;
    let fixture =
        start_notify_with(db, MailServer::start().await?, |config| config.outbound.allow = vec![address])
            .await?;
    let (calls, tool) = (fixture.maintainer.notify(), &fixture.tool);
    let events =
        parse_types(&["build.failed", "build.succeeded", "build.cancelled", "deployment.rolled_back"]);
    let create = WebhookCreate { url: "http://127.0.0.1:9/".to_owned(), events };
    let made = calls.create_webhook(tool, &create).await?.webhook;
    let expected = ["build.succeeded", "build.failed", "build.cancelled", "deployment.rolled_back"];
    assert_eq!(made.events, parse_types(&expected));
    let patch =
        WebhookPatch { events: Some(parse_types(&["deployment.cancelled"])), ..WebhookPatch::default() };
    calls.update_webhook(tool, made.id, &patch).await?;
    append_deployment(&fixture, DeploymentEvent::Failed);
    append_deployment(&fixture, DeploymentEvent::Cancelled);
    let is_cancelled = |name: &EventType| name.as_str() == "deployment.cancelled";
    let deliveries =
        fixture.wait_for_newest_delivery(&made, |delivery| is_cancelled(&delivery.event)).await?;
    assert_eq!(deliveries.len(), 1, "{deliveries:?}");
    Ok(())
}

async fn service_without_the_topic_does_not_stop_other_events(db: Db) -> Result<()> {
    let mut fixture = start_notify(db).await?;
    fixture.services.deployments.set_missing(true);
    fixture.restart_service().await?;
    append_deployment(&fixture, DeploymentEvent::Failed);
    fixture.append_failure("tidy");
    let mails = fixture.wait_for_mails(2).await?;
    assert!(find_header(&mails[0], "Subject").contains("hello/tidy"), "{}", mails[0]);
    Ok(())
}

on_every_store!(
    failure_is_mailed_and_success_is_not_without_a_choice,
    each_member_gets_mail_about_the_chosen_events,
    client_of_an_earlier_release_keeps_the_choice,
    event_type_without_mail_is_refused,
    webhook_gets_the_chosen_events_of_builds_and_deployments,
    service_without_the_topic_does_not_stop_other_events,
);
