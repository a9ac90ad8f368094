//! Mails about events: one for each maintainer, gathered and limited.

use hearth_base::{Access, ErrorKind, Result};
use hearth_kit::db::Db;
use hearth_notify::NotifySettings;
use hearth_testkit::{MailServer, on_every_store, wait_until};
use hearth_wire::notify::{MailSettingsPut, MailState};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::fixture::{build_failure_notice, find_header, start_notify, start_notify_with};

/// Builds the request of a client of release 0.1.0.
fn switch_mail(off: bool) -> MailSettingsPut {
    MailSettingsPut { off, events: None }
}

async fn failure_becomes_one_mail_to_each_maintainer(db: Db) -> Result<()> {
    let fixture = start_notify(db).await?;
    fixture.append_failure("tidy");
    let mails = fixture.wait_for_mails(2).await?;
    let mut to: Vec<&str> = mails.iter().map(|mail| find_header(mail, "To")).collect();
    to.sort_unstable();
    assert_eq!(to, ["ada@example.org", "bob@example.org"]);
    for mail in &mails {
        assert_eq!(find_header(mail, "X-To"), find_header(mail, "To"));
        assert_eq!(find_header(mail, "X-From"), "hearth@hearth.example");
        assert_eq!(find_header(mail, "Subject"), "[hearth] hello/tidy failed: exit status 1");
        assert_eq!(find_header(mail, "Auto-Submitted"), "auto-generated");
        for line in ["no such table: dups", "hearth jobs logs tidy --tool hello", "hearth notify off"] {
            assert!(mail.contains(line), "{line}\n{mail}");
        }
    }
    assert_ne!(find_header(&mails[0], "Message-ID"), find_header(&mails[1], "Message-ID"));
    assert_eq!(fixture.wait_for_mail_state(MailState::Sent).await?.len(), 2);
    Ok(())
}

async fn events_within_the_window_become_one_mail(db: Db) -> Result<()> {
    let fixture = start_notify(db).await?;
    fixture.services.recipients.lock().unwrap().truncate(1);
    fixture.append_failure("first");
    fixture.wait_for_mails(1).await?;
    fixture.wait_for_mail_state(MailState::Sent).await?;
    for job in ["second", "third", "third"] {
        fixture.append_failure(job);
    }
    wait_until("the notices are waiting", async || {
        let settings = fixture.viewer.notify().show_mail_settings(&fixture.tool).await?;
        Ok((settings.waiting == 3 && settings.next == Some(fixture.now() + SignedDuration::from_secs(60)))
            .then_some(()))
    })
    .await?;
    fixture.advance_time(SignedDuration::from_secs(61));
    let mails = fixture.wait_for_mails(2).await?;
    assert_eq!(find_header(&mails[1], "Subject"), "[hearth] hello: 3 events (second 1, third 2)");
    assert_eq!(mails[1].matches("hello/third failed").count(), 2, "{}", mails[1]);
    Ok(())
}

async fn events_over_the_hourly_limit_become_one_mail_with_their_count(db: Db) -> Result<()> {
    let server = MailServer::start().await?;
    let fixture = start_notify_with(db, server, |config| {
        config.change_section(|notify: &mut NotifySettings| notify.mails_per_hour = 2)
    })
    .await?;
    fixture.services.recipients.lock().unwrap().truncate(1);
    for count in 1..=2 {
        fixture.append_failure("loud");
        fixture.wait_for_mails(count).await?;
        fixture.wait_for_mail_state(MailState::Sent).await?;
        fixture.advance_time(SignedDuration::from_secs(61));
    }
    for _ in 0..30 {
        fixture.append_failure("loud");
    }
    wait_until("the notices are waiting", async || {
        Ok((fixture.viewer.notify().show_mail_settings(&fixture.tool).await?.waiting == 30).then_some(()))
    })
    .await?;
    fixture.advance_time(SignedDuration::from_secs(61));
    assert_eq!(fixture.server.read_mails()?.len(), 2);
    fixture.advance_time(SignedDuration::from_hours(1));
    let mails = fixture.wait_for_mails(3).await?;
    assert_eq!(find_header(&mails[2], "Subject"), "[hearth] hello: 30 events (loud 20 and more)");
    assert!(mails[2].contains("And 10 more."), "{}", mails[2]);
    Ok(())
}

async fn opted_out_maintainer_gets_no_mail(db: Db) -> Result<()> {
    let fixture = start_notify(db).await?;
    let ada = fixture.services.recipients.lock().unwrap()[0].user;
    let ada = fixture.stand.member_with_user_id(ada, fixture.id, &fixture.tool, Access::Write)?;
    let settings = ada.notify().update_mail_settings(&fixture.tool, &switch_mail(true)).await?;
    assert!(settings.sends && settings.off && settings.recipients == ["bob".parse()?], "{settings:?}");
    // Events without a notice cause no mail.
    for code in [1, 0] {
        fixture.append_event(fixture.now(), &fixture.build_run_event("tidy", code), None);
    }
    fixture.append_failure("last");
    let mails = fixture.wait_for_mails(1).await?;
    assert!(find_header(&mails[0], "Subject").contains("hello/last"), "{}", mails[0]);
    assert_eq!(find_header(&mails[0], "To"), "bob@example.org");
    let settings = ada.notify().update_mail_settings(&fixture.tool, &switch_mail(false)).await?;
    assert!(!settings.off && settings.recipients.len() == 2, "{settings:?}");
    assert_eq!(
        fixture
            .viewer
            .notify()
            .update_mail_settings(&fixture.tool, &switch_mail(true))
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::Forbidden
    );
    Ok(())
}

async fn event_becomes_one_mail_despite_restarts(db: Db) -> Result<()> {
    let mut fixture = start_notify(db).await?;
    fixture.server.set_refusal(Some("451 4.3.0 not now"))?;
    fixture.append_failure("tidy");
    fixture.wait_for_mail_outcomes(|mail| mail.tries == 1 && mail.state == MailState::Waiting).await?;
    for _ in 0..3 {
        fixture.restart_service().await?;
    }
    fixture.server.set_refusal(None)?;
    fixture.advance_time(SignedDuration::from_secs(61));
    fixture.wait_for_mail_state(MailState::Sent).await?;
    fixture.wait_for_mails(2).await.map(drop)
}

async fn old_or_unreadable_events_become_no_mail(db: Db) -> Result<()> {
    let fixture = start_notify(db).await?;
    let long_ago = fixture.now() - SignedDuration::from_hours(25);
    fixture.append_event(long_ago, &fixture.build_run_event("old", 1), Some(&build_failure_notice("old")));
    fixture.append_unknown("of.another.release", json!({ "subject": ["of another time"] }));
    fixture.append_unknown("of.another.release", Value::Bool(true));
    fixture.append_failure("new");
    assert!(find_header(&fixture.wait_for_mails(2).await?[0], "Subject").contains("hello/new"));
    Ok(())
}

async fn deleted_events_do_not_stop_the_consumer(db: Db) -> Result<()> {
    let mut fixture = start_notify(db).await?;
    fixture.append_failure("first");
    fixture.wait_for_mails(2).await?;
    assert!(fixture.stand.kill_workers().await);
    fixture.services.stream.delete_all(10);
    fixture.stand.advance_clock(SignedDuration::from_hours(2));
    fixture.restart_service().await?;
    fixture.append_failure("second");
    assert!(find_header(&fixture.wait_for_mails(4).await?[3], "Subject").contains("hello/second"));
    Ok(())
}

async fn unknown_event_type_with_a_notice_becomes_a_mail(db: Db) -> Result<()> {
    let fixture = start_notify(db).await?;
    let notice =
        json!({ "subject": "main", "summary": "backup failed", "next_command": "hearth backups list" });
    fixture.append_unknown("backup.failed", notice);
    let mails = fixture.wait_for_mails(2).await?;
    assert_eq!(find_header(&mails[0], "Subject"), "[hearth] hello/main backup failed");
    assert!(mails[0].contains("hearth backups list --tool hello"), "{}", mails[0]);
    Ok(())
}

on_every_store!(
    unknown_event_type_with_a_notice_becomes_a_mail,
    failure_becomes_one_mail_to_each_maintainer,
    events_within_the_window_become_one_mail,
    events_over_the_hourly_limit_become_one_mail_with_their_count,
    opted_out_maintainer_gets_no_mail,
    event_becomes_one_mail_despite_restarts,
    old_or_unreadable_events_become_no_mail,
    deleted_events_do_not_stop_the_consumer,
);
