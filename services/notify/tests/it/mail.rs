//! From an event to a mail: once to each, gathered, in bounds.

use hearth_base::{Access, Kind, Result};
use hearth_kit::db::Db;
use hearth_notify::NotifySettings;
use hearth_testkit::{MailServer, on_every_store, until};
use hearth_wire::notify::{MailSettingsPut, MailState};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::stage::{failure, header, stage, with};

async fn a_failure_becomes_one_mail_to_each_maintainer(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.fails("tidy");
    let mails = stage.mails(2).await?;
    let mut to: Vec<&str> = mails.iter().map(|mail| header(mail, "To")).collect();
    to.sort_unstable();
    assert_eq!(to, ["ada@example.org", "bob@example.org"]);
    for mail in &mails {
        assert_eq!(header(mail, "X-To"), header(mail, "To"));
        assert_eq!(header(mail, "X-From"), "hearth@hearth.example");
        assert_eq!(header(mail, "Subject"), "[hearth] hello/tidy failed: exit status 1");
        assert_eq!(header(mail, "Auto-Submitted"), "auto-generated");
        for line in ["no such table: dups", "hearth jobs logs tidy --tool hello", "hearth notify off"] {
            assert!(mail.contains(line), "{line}\n{mail}");
        }
    }
    assert_ne!(header(&mails[0], "Message-ID"), header(&mails[1], "Message-ID"));
    assert_eq!(stage.settled(MailState::Sent).await?.len(), 2);
    Ok(())
}

async fn what_follows_within_the_window_becomes_one_mail(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.people.lock().unwrap().truncate(1);
    stage.fails("first");
    stage.mails(1).await?;
    stage.settled(MailState::Sent).await?;
    for job in ["second", "third", "third"] {
        stage.fails(job);
    }
    until("they wait", async || {
        let told = stage.viewer.notify().mail(&stage.tool).await?;
        Ok((told.waiting == 3 && told.next == Some(stage.now() + SignedDuration::from_secs(60)))
            .then_some(()))
    })
    .await?;
    stage.passes(SignedDuration::from_secs(61));
    let mails = stage.mails(2).await?;
    assert_eq!(header(&mails[1], "Subject"), "[hearth] hello: 3 events (second 1, third 2)");
    assert_eq!(mails[1].matches("hello/third failed").count(), 2, "{}", mails[1]);
    Ok(())
}

async fn more_than_an_hour_may_have_becomes_one_mail_that_says_how_many(db: Db) -> Result<()> {
    let server = MailServer::start().await?;
    let stage =
        with(db, server, |config| config.change(|notify: &mut NotifySettings| notify.mails_per_hour = 2))
            .await?;
    stage.neighbours.people.lock().unwrap().truncate(1);
    for count in 1..=2 {
        stage.fails("loud");
        stage.mails(count).await?;
        stage.settled(MailState::Sent).await?;
        stage.passes(SignedDuration::from_secs(61));
    }
    for _ in 0..30 {
        stage.fails("loud");
    }
    until("they wait", async || {
        Ok((stage.viewer.notify().mail(&stage.tool).await?.waiting == 30).then_some(()))
    })
    .await?;
    stage.passes(SignedDuration::from_secs(61));
    assert_eq!(stage.server.mails()?.len(), 2);
    stage.passes(SignedDuration::from_hours(1));
    let mails = stage.mails(3).await?;
    assert_eq!(header(&mails[2], "Subject"), "[hearth] hello: 30 events (loud 20 and more)");
    assert!(mails[2].contains("And 10 more."), "{}", mails[2]);
    Ok(())
}

async fn what_nobody_wants_is_not_sent(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let ada = stage.neighbours.people.lock().unwrap()[0].user;
    let ada = stage.stand.member_called(ada, stage.id, &stage.tool, Access::Write)?;
    let told = ada.notify().mail_put(&stage.tool, &MailSettingsPut { off: true }).await?;
    assert!(told.sends && told.off && told.recipients == ["bob".parse()?], "{told:?}");
    // Without a notice nobody wants mail about it.
    for code in [1, 0] {
        stage.append(stage.now(), &stage.run("tidy", code), None);
    }
    stage.fails("last");
    let mails = stage.mails(1).await?;
    assert!(header(&mails[0], "Subject").contains("hello/last"), "{}", mails[0]);
    assert_eq!(header(&mails[0], "To"), "bob@example.org");
    let told = ada.notify().mail_put(&stage.tool, &MailSettingsPut { off: false }).await?;
    assert!(!told.off && told.recipients.len() == 2, "{told:?}");
    assert_eq!(
        stage.viewer.notify().mail_put(&stage.tool, &MailSettingsPut { off: true }).await.unwrap_err().kind(),
        Kind::Forbidden
    );
    Ok(())
}

async fn an_event_is_taken_once_whoever_dies(db: Db) -> Result<()> {
    let mut stage = stage(db).await?;
    stage.server.refuse(Some("451 4.3.0 not now"))?;
    stage.fails("tidy");
    stage.said(|mail| mail.tries == 1 && mail.state == MailState::Waiting).await?;
    for _ in 0..3 {
        stage.dies_and_comes_back().await?;
    }
    stage.server.refuse(None)?;
    stage.passes(SignedDuration::from_secs(61));
    stage.settled(MailState::Sent).await?;
    stage.mails(2).await.map(drop)
}

async fn what_is_old_or_not_understood_is_left_out(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let long_ago = stage.now() - SignedDuration::from_hours(25);
    stage.append(long_ago, &stage.run("old", 1), Some(&failure("old")));
    stage.append_unknown("of.another.release", json!({ "subject": ["of another time"] }));
    stage.append_unknown("of.another.release", Value::Bool(true));
    stage.fails("new");
    assert!(header(&stage.mails(2).await?[0], "Subject").contains("hello/new"));
    Ok(())
}

async fn events_that_are_no_longer_kept_stop_nothing(db: Db) -> Result<()> {
    let mut stage = stage(db).await?;
    stage.fails("first");
    stage.mails(2).await?;
    assert!(stage.stand.kill_workers().await);
    stage.neighbours.stream.delete_all(10);
    stage.stand.passes(SignedDuration::from_hours(2));
    stage.dies_and_comes_back().await?;
    stage.fails("second");
    assert!(header(&stage.mails(4).await?[3], "Subject").contains("hello/second"));
    Ok(())
}

async fn an_event_type_that_no_release_knows_becomes_a_mail_by_its_notice(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    let notice =
        json!({ "subject": "main", "summary": "backup failed", "next_command": "hearth backups list" });
    stage.append_unknown("backup.failed", notice);
    let mails = stage.mails(2).await?;
    assert_eq!(header(&mails[0], "Subject"), "[hearth] hello/main backup failed");
    assert!(mails[0].contains("hearth backups list --tool hello"), "{}", mails[0]);
    Ok(())
}

on_every_store!(
    an_event_type_that_no_release_knows_becomes_a_mail_by_its_notice,
    a_failure_becomes_one_mail_to_each_maintainer,
    what_follows_within_the_window_becomes_one_mail,
    more_than_an_hour_may_have_becomes_one_mail_that_says_how_many,
    what_nobody_wants_is_not_sent,
    an_event_is_taken_once_whoever_dies,
    what_is_old_or_not_understood_is_left_out,
    events_that_are_no_longer_kept_stop_nothing,
);
