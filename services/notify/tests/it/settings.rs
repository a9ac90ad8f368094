//! What an operator sets, and what ends with a tool.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_notify::NotifySettings;
use hearth_testkit::{MailServer, Receiver, on_every_store, until};
use hearth_wire::notify::{DeliveryState, MailState, WebhookCreate};
use jiff::SignedDuration;

use crate::stage::{stage, with};

async fn without_a_mail_server_nothing_is_kept_for_mail_and_webhooks_work(db: Db) -> Result<()> {
    let receiver = Receiver::start().await?;
    let place = receiver.place().parse()?;
    let server = MailServer::start().await?;
    let stage = with(db, server, |config| {
        config.change(|notify: &mut NotifySettings| notify.smtp = None);
        config.outbound.allow = vec![place];
    })
    .await?;
    let create = WebhookCreate { url: receiver.url(), events: Vec::new() };
    let made = stage.maintainer.notify().webhook_create(&stage.tool, &create).await?.webhook;
    stage.fails("tidy");
    stage.delivered(&made, DeliveryState::Delivered).await?;
    let told = stage.viewer.notify().mail(&stage.tool).await?;
    assert!(!told.sends && told.waiting == 0, "{told:?}");
    assert!(stage.viewer.notify().mails(&stage.tool, &Default::default()).await?.items.is_empty());
    Ok(())
}

async fn mail_waits_while_nobody_says_who_maintains_a_tool(db: Db) -> Result<()> {
    let stage = stage(db).await?;
    *stage.neighbours.accounts_away.lock().unwrap() = true;
    stage.fails("tidy");
    until("it was asked in vain", async || Ok((*stage.neighbours.asked.lock().unwrap() > 0).then_some(())))
        .await?;
    *stage.neighbours.accounts_away.lock().unwrap() = false;
    // In steps that are shorter than a lease: what is being sent meanwhile is not taken for left behind.
    until("the mails are written", async || {
        let mails = stage.viewer.notify().mails(&stage.tool, &Default::default()).await?.items;
        if mails.is_empty() {
            stage.passes(SignedDuration::from_secs(10));
        }
        Ok((!mails.is_empty()).then_some(()))
    })
    .await?;
    stage.mails(2).await?;
    stage.settled(MailState::Sent).await.map(drop)
}

on_every_store!(
    without_a_mail_server_nothing_is_kept_for_mail_and_webhooks_work,
    mail_waits_while_nobody_says_who_maintains_a_tool,
);
