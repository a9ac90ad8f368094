//! A loop over leased work of one kind.

use std::{future::Future, time::Duration};

use hearth_base::Result;
use hearth_kit::{db::work::Claim, tasks::Stop};
use serde::de::DeserializeOwned;

use crate::cx::Cx;

/// Does each piece of a kind that is due, until it is told to stop. `work` ends the claim itself; what fails is
/// given back, and comes again.
pub async fn each<T, F>(cx: &Cx, stop: &Stop, kind: &'static str, work: impl Fn(Claim<T>) -> F)
where
    T: DeserializeOwned + Clone,
    F: Future<Output = Result<()>>,
{
    while !stop.is_set() {
        if let Err(error) = turn(cx, stop, kind, &work).await {
            tracing::warn!(kind, %error, cause = error.cause().map(ToString::to_string), "leased work waits");
            stop.pause(Duration::from_secs(5)).await;
        }
    }
}

async fn turn<T, F>(cx: &Cx, stop: &Stop, kind: &'static str, work: &impl Fn(Claim<T>) -> F) -> Result<()>
where
    T: DeserializeOwned + Clone,
    F: Future<Output = Result<()>>,
{
    for claim in cx.store.work.claim::<T>(kind, 8, cx.clock.now()).await? {
        if let Err(error) = work(claim.clone()).await {
            cx.store.work.fail(&claim, &error, cx.clock.now()).await?;
        }
    }
    let most = Duration::from_secs(600);
    stop.unless(cx.store.work.wait(kind, cx.clock.now(), most)).await.unwrap_or(Ok(()))
}
