//! Operator settings and outages of `accounts`.

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_notify::NotifySettings;
use hearth_testkit::{MailServer, WebhookReceiver, on_every_store, wait_until};
use hearth_wire::notify::{DeliveryState, MailState, WebhookCreate};
use jiff::SignedDuration;

use crate::fixture::{start_notify, start_notify_with};

async fn webhooks_work_without_a_mail_server(db: Db) -> Result<()> {
    let receiver = WebhookReceiver::start().await?;
    let place = receiver.address().parse()?;
    let server = MailServer::start().await?;
    let fixture = start_notify_with(db, server, |config| {
        config.change_section(|notify: &mut NotifySettings| notify.smtp = None);
        config.outbound.allow = vec![place];
    })
    .await?;
    let create = WebhookCreate { url: receiver.url(), events: Vec::new() };
    let made = fixture.maintainer.notify().create_webhook(&fixture.tool, &create).await?.webhook;
    fixture.append_failure("tidy");
    fixture.wait_for_delivery_state(&made, DeliveryState::Delivered).await?;
    let settings = fixture.viewer.notify().show_mail_settings(&fixture.tool).await?;
    assert!(!settings.sends && settings.waiting == 0, "{settings:?}");
    assert!(fixture.viewer.notify().list_mails(&fixture.tool, &Default::default()).await?.items.is_empty());
    Ok(())
}

async fn mail_waits_while_accounts_is_unavailable(db: Db) -> Result<()> {
    let fixture = start_notify(db).await?;
    *fixture.services.accounts_unavailable.lock().unwrap() = true;
    fixture.append_failure("tidy");
    wait_until("accounts was called", async || {
        Ok((*fixture.services.recipients_calls.lock().unwrap() > 0).then_some(()))
    })
    .await?;
    *fixture.services.accounts_unavailable.lock().unwrap() = false;
    // In steps shorter than a lease, so that a mail that is being sent keeps its lease.
    wait_until("the mails are written", async || {
        let mails = fixture.viewer.notify().list_mails(&fixture.tool, &Default::default()).await?.items;
        if mails.is_empty() {
            fixture.advance_time(SignedDuration::from_secs(10));
        }
        Ok((!mails.is_empty()).then_some(()))
    })
    .await?;
    fixture.wait_for_mails(2).await?;
    fixture.wait_for_mail_state(MailState::Sent).await.map(drop)
}

on_every_store!(webhooks_work_without_a_mail_server, mail_waits_while_accounts_is_unavailable,);
