//! What mail servers do: refuse for now, refuse for ever, want TLS and to know who it is.

use std::fs;

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_notify::{NotifySettings, Smtp};
use hearth_testkit::{MailServer, on_every_store};
use hearth_wire::notify::MailState;
use jiff::SignedDuration;

use crate::{
    neighbours::person,
    stage::{header, smtp, stage, with},
};

async fn what_is_refused_for_now_is_tried_again_with_the_same_id(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    stage.neighbours.people.lock().unwrap().truncate(1);
    stage.server.refuse(Some("451 4.3.0 come back later"))?;
    stage.fails("tidy");
    let [mail] = &stage.said(|mail| mail.tries == 1).await?[..] else { panic!("one mail") };
    assert_eq!(mail.state, MailState::Waiting);
    assert_eq!(mail.next, Some(stage.now() + SignedDuration::from_secs(60)));
    assert!(mail.said.as_deref().unwrap().contains("come back later"), "{mail:?}");
    stage.passes(SignedDuration::from_secs(61));
    let [again] = &stage.said(|mail| mail.tries == 2).await?[..] else { panic!("one mail") };
    assert_eq!(again.next, Some(stage.now() + SignedDuration::from_secs(120)));
    stage.server.refuse(None)?;
    stage.passes(SignedDuration::from_secs(121));
    let [sent] = &stage.settled(MailState::Sent).await?[..] else { panic!("one mail") };
    assert_eq!((sent.tries, sent.said.as_deref()), (3, None));
    assert_eq!(header(&stage.mails(1).await?[0], "Message-ID"), format!("<{}@hearth.example>", mail.id));
    Ok(())
}

async fn what_is_refused_for_ever_is_said_without_the_address(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    *stage.neighbours.people.lock().unwrap() = vec![person("never")];
    stage.fails("tidy");
    let [mail] = &stage.settled(MailState::Failed).await?[..] else { panic!("one mail") };
    let said = mail.said.as_deref().unwrap();
    assert!(said.contains("550") || said.contains("nobody of that name"), "{said}");
    assert!(said.contains("nobody of that name") && !said.contains("never@"), "{said}");
    assert_eq!((mail.tries, mail.next), (1, None));
    Ok(())
}

async fn a_server_that_is_away_for_a_day_is_given_up(db: Db) -> Result<()> {
    let mut server = MailServer::start().await?;
    let settings = smtp(&server)?;
    server = MailServer::start().await?;
    let stage = with(db, server, |config| {
        config.change(|notify: &mut NotifySettings| notify.smtp = Some(settings));
    })
    .await?;
    stage.neighbours.people.lock().unwrap().truncate(1);
    stage.fails("tidy");
    let mut tries = 1;
    let failed = loop {
        let mail = stage.said(|mail| mail.tries >= tries).await?.remove(0);
        let Some(next) = mail.next else { break mail };
        assert_eq!(mail.state, MailState::Waiting, "{mail:?}");
        tries += 1;
        stage.passes(next.duration_since(stage.now()));
    };
    assert_eq!(failed.state, MailState::Failed);
    assert!(failed.said.as_deref().unwrap().starts_with("given up after a day"), "{failed:?}");
    assert!((8..20).contains(&failed.tries), "{failed:?}");
    Ok(())
}

async fn mail_travels_by_tls_and_somebody_signs_in(db: Db) -> Result<()> {
    let stage = with(db, MailServer::secured().await?, |_| {}).await?;
    stage.fails("tidy");
    let mails = stage.mails(2).await?;
    assert!(mails.iter().all(|mail| header(mail, "X-Tls") == "yes"), "{mails:#?}");
    Ok(())
}

async fn a_wrong_password_or_certificate_is_no_fault_of_the_mail(db: Db) -> Result<()> {
    let server = MailServer::secured().await?;
    fs::write(server.password_file(), "wrong\n").unwrap();
    let stage = with(db, server, |_| {}).await?;
    stage.neighbours.people.lock().unwrap().truncate(1);
    stage.fails("tidy");
    let [mail] = &stage.said(|mail| mail.tries > 0).await?[..] else { panic!("one mail") };
    assert_eq!(mail.state, MailState::Waiting, "{mail:?}");
    assert!(!mail.said.as_deref().unwrap().contains("wrong"), "{mail:?}");
    Ok(())
}

async fn a_certificate_that_nobody_vouches_for_is_not_taken(db: Db) -> Result<()> {
    let server = MailServer::secured().await?;
    let settings = smtp(&server)?;
    let stage = with(db, server, |config| {
        let smtp = Smtp { ca_file: None, ..settings };
        config.change(|notify: &mut NotifySettings| notify.smtp = Some(smtp));
    })
    .await?;
    stage.neighbours.people.lock().unwrap().truncate(1);
    stage.fails("tidy");
    let [mail] = &stage.said(|mail| mail.tries > 0).await?[..] else { panic!("one mail") };
    assert_eq!(mail.state, MailState::Waiting, "{mail:?}");
    assert!(stage.server.mails()?.is_empty());
    Ok(())
}

on_every_store!(
    what_is_refused_for_now_is_tried_again_with_the_same_id,
    what_is_refused_for_ever_is_said_without_the_address,
    a_server_that_is_away_for_a_day_is_given_up,
    mail_travels_by_tls_and_somebody_signs_in,
    a_wrong_password_or_certificate_is_no_fault_of_the_mail,
    a_certificate_that_nobody_vouches_for_is_not_taken,
);
