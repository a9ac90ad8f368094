//! Loops beside the API. Each may die at any moment, and be run twice: what they do is in rows.

pub mod deliver;
pub mod follow;
pub mod gather;
pub mod housekeeping;
pub mod mail;

use std::future::Future;

use hearth_base::{Error, Id, IdKind, Result};
use hearth_kit::{db::work::Claim, log_error, tasks::Stop};
use jiff::SignedDuration;

use crate::cx::Cx;

/// Until something is tried again that Hearth itself was in the way of.
const RETRY: SignedDuration = SignedDuration::from_secs(30);

/// Does each piece of a kind that is due. What somebody else was in the way of is never put aside: nothing that people
/// are to be told is lost because a service was away.
async fn each<K: IdKind, F>(cx: &Cx, stop: &Stop, kind: &'static str, done: impl Fn(Claim<()>, Id<K>) -> F)
where
    F: Future<Output = Result<()>>,
{
    let done = &done;
    cx.store
        .work
        .each::<(), _>(&*cx.clock, stop, kind, |claim| async move {
            let id = claim.key.parse()?;
            match done(claim.clone(), id).await {
                Ok(()) => Ok(()),
                Err(error) => later(cx, &claim, &error, kind).await,
            }
        })
        .await;
}

async fn later(cx: &Cx, claim: &Claim<()>, error: &Error, kind: &'static str) -> Result<()> {
    log_error!(error, kind, key = claim.key, "delivery waits; will retry");
    let tx = cx.store.begin().await?;
    cx.store.work.again(&tx, claim, cx.now() + RETRY).await?;
    tx.commit().await
}
