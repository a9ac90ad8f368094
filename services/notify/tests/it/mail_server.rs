//! Behavior of mail servers: temporary and permanent refusals, TLS and sign-in.

use std::fs;

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_notify::{NotifySettings, Smtp};
use hearth_testkit::{MailServer, on_every_store};
use hearth_wire::notify::MailState;
use jiff::SignedDuration;

use crate::{
    fake_services::build_recipient,
    fixture::{build_smtp_settings, find_header, start_notify, start_notify_with},
};

async fn temporary_refusal_is_retried_with_the_same_id(db: Db) -> Result<()> {
    let fixture = start_notify(db).await?;
    fixture.services.recipients.lock().unwrap().truncate(1);
    fixture.server.set_refusal(Some("451 4.3.0 come back later"))?;
    fixture.append_failure("tidy");
    let [mail] = &fixture.wait_for_mail_outcomes(|mail| mail.tries == 1).await?[..] else {
        panic!("one mail")
    };
    assert_eq!(mail.state, MailState::Waiting);
    assert_eq!(mail.next, Some(fixture.now() + SignedDuration::from_secs(60)));
    assert!(mail.reply.as_deref().unwrap().contains("come back later"), "{mail:?}");
    fixture.advance_time(SignedDuration::from_secs(61));
    let [again] = &fixture.wait_for_mail_outcomes(|mail| mail.tries == 2).await?[..] else {
        panic!("one mail")
    };
    assert_eq!(again.next, Some(fixture.now() + SignedDuration::from_secs(120)));
    fixture.server.set_refusal(None)?;
    fixture.advance_time(SignedDuration::from_secs(121));
    let [sent] = &fixture.wait_for_mail_state(MailState::Sent).await?[..] else { panic!("one mail") };
    assert_eq!((sent.tries, sent.reply.as_deref()), (3, None));
    assert_eq!(
        find_header(&fixture.wait_for_mails(1).await?[0], "Message-ID"),
        format!("<{}@hearth.example>", mail.id)
    );
    Ok(())
}

async fn permanent_refusal_is_recorded_without_the_address(db: Db) -> Result<()> {
    let fixture = start_notify(db).await?;
    *fixture.services.recipients.lock().unwrap() = vec![build_recipient("never")];
    fixture.append_failure("tidy");
    let [mail] = &fixture.wait_for_mail_state(MailState::Failed).await?[..] else { panic!("one mail") };
    let reply = mail.reply.as_deref().unwrap();
    assert!(reply.contains("550") || reply.contains("nobody of that name"), "{reply}");
    assert!(reply.contains("nobody of that name") && !reply.contains("never@"), "{reply}");
    assert_eq!((mail.tries, mail.next), (1, None));
    Ok(())
}

async fn mail_fails_after_a_day_without_a_server(db: Db) -> Result<()> {
    let mut server = MailServer::start().await?;
    let settings = build_smtp_settings(&server)?;
    server = MailServer::start().await?;
    let fixture = start_notify_with(db, server, |config| {
        config.change_section(|notify: &mut NotifySettings| notify.smtp = Some(settings));
    })
    .await?;
    fixture.services.recipients.lock().unwrap().truncate(1);
    fixture.append_failure("tidy");
    let mut tries = 1;
    let failed = loop {
        let mail = fixture.wait_for_mail_outcomes(|mail| mail.tries >= tries).await?.remove(0);
        let Some(next) = mail.next else { break mail };
        assert_eq!(mail.state, MailState::Waiting, "{mail:?}");
        tries += 1;
        fixture.advance_time(next.duration_since(fixture.now()));
    };
    assert_eq!(failed.state, MailState::Failed);
    assert!(failed.reply.as_deref().unwrap().starts_with("given up after a day"), "{failed:?}");
    assert!((8..20).contains(&failed.tries), "{failed:?}");
    Ok(())
}

async fn mail_is_sent_with_tls_and_sign_in(db: Db) -> Result<()> {
    let fixture = start_notify_with(db, MailServer::start_with_tls().await?, |_| {}).await?;
    fixture.append_failure("tidy");
    let mails = fixture.wait_for_mails(2).await?;
    assert!(mails.iter().all(|mail| find_header(mail, "X-Tls") == "yes"), "{mails:#?}");
    Ok(())
}

async fn refused_sign_in_is_retried(db: Db) -> Result<()> {
    let server = MailServer::start_with_tls().await?;
    fs::write(server.password_file(), "wrong\n").unwrap();
    let fixture = start_notify_with(db, server, |_| {}).await?;
    fixture.services.recipients.lock().unwrap().truncate(1);
    fixture.append_failure("tidy");
    let [mail] = &fixture.wait_for_mail_outcomes(|mail| mail.tries > 0).await?[..] else {
        panic!("one mail")
    };
    assert_eq!(mail.state, MailState::Waiting, "{mail:?}");
    assert!(!mail.reply.as_deref().unwrap().contains("wrong"), "{mail:?}");
    Ok(())
}

async fn untrusted_certificate_is_refused(db: Db) -> Result<()> {
    let server = MailServer::start_with_tls().await?;
    let settings = build_smtp_settings(&server)?;
    let fixture = start_notify_with(db, server, |config| {
        let smtp = Smtp { ca_file: None, ..settings };
        config.change_section(|notify: &mut NotifySettings| notify.smtp = Some(smtp));
    })
    .await?;
    fixture.services.recipients.lock().unwrap().truncate(1);
    fixture.append_failure("tidy");
    let [mail] = &fixture.wait_for_mail_outcomes(|mail| mail.tries > 0).await?[..] else {
        panic!("one mail")
    };
    assert_eq!(mail.state, MailState::Waiting, "{mail:?}");
    assert!(fixture.server.read_mails()?.is_empty());
    Ok(())
}

on_every_store!(
    temporary_refusal_is_retried_with_the_same_id,
    permanent_refusal_is_recorded_without_the_address,
    mail_fails_after_a_day_without_a_server,
    mail_is_sent_with_tls_and_sign_in,
    refused_sign_in_is_retried,
    untrusted_certificate_is_refused,
);
