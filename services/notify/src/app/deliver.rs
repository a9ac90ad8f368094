//! Telling a webhook: signed, without following redirects, tried again as the Standard Webhooks specification
//! recommends (section "Deliverability and reliability").

use std::time::Duration;

use bytes::Bytes;
use hearth_base::{DeliveryId, Error, Result, one_line};
use hearth_kit::{
    db::{Tx, work::Claim},
    outbound::{Fetched, Limits},
};
use hearth_wire::notify::DeliveryState;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::{SignedDuration, Timestamp};

use super::sign;
use crate::{
    cx::Cx,
    store::{Delivery, Webhook},
};

/// The pauses between tries, in seconds: about three days together.
const PAUSES: [i64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// How long a receiver may take, and how much of its answer is looked at.
const LIMITS: Limits = Limits { size: 1024, time: Duration::from_secs(15) };
/// The most characters of an answer that are kept.
const SAID: usize = 200;

/// Tells a webhook, notes what became of it, and ends the claim.
pub async fn deliver(cx: &Cx, claim: &Claim<()>, id: DeliveryId) -> Result<()> {
    let waiting = cx.store.delivery(&id.to_string()).await?;
    let waiting = waiting.filter(|delivery| delivery.state == DeliveryState::Waiting);
    let webhook = match &waiting {
        Some(delivery) => cx.store.webhook(delivery.tool, delivery.webhook).await?,
        None => None,
    };
    let answer = match (&waiting, webhook.filter(|webhook| webhook.enabled)) {
        (Some(delivery), Some(webhook)) => Some(post(cx, &webhook, delivery).await),
        _ => None,
    };
    let now = cx.now();
    let tx = cx.store.begin().await?;
    // Deleted meanwhile: nothing is noted.
    let Some(mut delivery) = cx.store.delivery_in(&tx, id).await? else {
        cx.store.work.finish(&tx, claim).await?;
        return cx.store.commit(tx).await;
    };
    match answer {
        Some(answer) => note(cx, &tx, &mut delivery, answer, now).await?,
        None => {
            (delivery.state, delivery.next) = (DeliveryState::Failed, None);
            delivery.said = Some("the webhook is switched off".to_owned());
        }
    }
    if delivery.next.is_none() {
        // What runs wrote is not kept here for longer than it takes.
        delivery.body.clear();
    }
    cx.store.delivery_put(&tx, &delivery).await?;
    match delivery.next {
        Some(next) => cx.store.work.again(&tx, claim, next).await?,
        None => cx.store.work.finish(&tx, claim).await?,
    }
    cx.store.commit(tx).await
}

async fn post(cx: &Cx, webhook: &Webhook, delivery: &Delivery) -> Result<Fetched> {
    let address = webhook.url.parse().map_err(Error::internal)?;
    let secret = cx.vault.open_value(webhook.place(), &webhook.secret)?;
    let (sent, message) = (cx.now(), &delivery.message);
    let signature = sign::signature(&secret, message, sent, &delivery.body)?;
    let mut headers = HeaderMap::new();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    for (name, value) in [
        ("webhook-id", message.clone()),
        ("webhook-timestamp", sent.as_second().to_string()),
        ("webhook-signature", signature),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).map_err(Error::internal)?);
    }
    cx.outbound.post(&address, headers, Bytes::from(delivery.body.clone()), LIMITS).await
}

async fn note(
    cx: &Cx,
    tx: &Tx,
    delivery: &mut Delivery,
    answer: Result<Fetched>,
    now: Timestamp,
) -> Result<()> {
    delivery.tries += 1;
    delivery.next = None;
    (delivery.status, delivery.said) = match &answer {
        Ok(answer) => {
            let said = one_line(&String::from_utf8_lossy(&answer.content), SAID);
            (Some(answer.status.as_u16()), Some(said).filter(|said| !said.is_empty()))
        }
        Err(error) => (None, Some(one_line(error.public(), SAID))),
    };
    let status = answer.ok().map(|answer| answer.status);
    if status.is_some_and(|status| status.is_success()) {
        delivery.state = DeliveryState::Delivered;
        return Ok(());
    }
    if status == Some(StatusCode::GONE) {
        delivery.state = DeliveryState::Failed;
        return switch_off(cx, tx, delivery, "it answered 410: it wants to be told nothing any more").await;
    }
    let pause = usize::try_from(delivery.tries - 1).ok().and_then(|tried| PAUSES.get(tried));
    let Some(pause) = pause else {
        delivery.state = DeliveryState::Failed;
        if cx.store.delivered_since(tx, delivery.webhook, delivery.created).await? {
            return Ok(());
        }
        return switch_off(cx, tx, delivery, "for three days it took nothing").await;
    };
    delivery.next = Some(now + SignedDuration::from_secs(*pause));
    Ok(())
}

async fn switch_off(cx: &Cx, tx: &Tx, delivery: &Delivery, reason: &str) -> Result<()> {
    let webhook = cx.store.webhook_locked(tx, delivery.tool, delivery.webhook).await?;
    let Some(mut webhook) = webhook else { return Ok(()) };
    (webhook.enabled, webhook.reason) = (false, Some(reason.to_owned()));
    cx.store.webhook_put(tx, &webhook).await
}
