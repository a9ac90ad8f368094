//! Takes deployments that are due, and each to its end. One that this process lets go of is taken up by another.

use std::time::Duration;

use futures::{FutureExt, future::BoxFuture};
use hearth_base::{Error, Result};
use hearth_kit::{
    db::work::{Claim, Work},
    tasks::Stop,
};
use hearth_wire::components::DeploymentId;
use tokio::task::JoinSet;

use crate::{
    app::{create::WORK, drive},
    cx::Cx,
};

/// How many deployments one process takes at one time.
const MOST: usize = 64;

/// How long it is at most between two looks for work.
const LOOK: Duration = Duration::from_secs(2);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    // Tasks of their own: what holds the database's one writer must go on while this waits for it.
    let mut under_way = JoinSet::new();
    while !stop.is_set() {
        let room = MOST - under_way.len();
        match claim(&cx, room).await {
            Ok(claims) => {
                for claim in claims {
                    under_way.spawn(one(cx.clone(), claim, stop.clone()));
                }
            }
            Err(error) => {
                tracing::warn!(%error, cause = error.cause().map(ToString::to_string), "deployments wait");
                stop.pause(Duration::from_secs(1)).await;
            }
        }
        tokio::select! {
            Some(_) = under_way.join_next() => {}
            _ = cx.store.work.wait(&*cx.clock, WORK, LOOK), if room > 0 => {}
            () = stop.wait() => {}
        }
    }
    while under_way.join_next().await.is_some() {}
}

async fn claim(cx: &Cx, room: usize) -> Result<Vec<Claim<DeploymentId>>> {
    match u64::try_from(room) {
        Ok(room) if room > 0 => cx.store.work.claim(WORK, room, cx.now()).await,
        _ => Ok(Vec::new()),
    }
}

/// Takes one deployment as far as it goes.
fn one(cx: Cx, claim: Claim<DeploymentId>, stop: Stop) -> BoxFuture<'static, ()> {
    async move {
        let id = claim.content;
        let last = claim.failures + 1 >= Work::TRIES;
        let ended = tokio::select! {
            done = drive::drive(&cx, id, last).boxed() => Ended::Done(done),
            lost = cx.store.work.hold(&claim, &*cx.clock) => Ended::Lost(lost),
            () = stop.wait() => Ended::Stopped,
        };
        if let Err(error) = finish(&cx, &claim, ended).boxed().await {
            let cause = error.cause().map(ToString::to_string);
            tracing::warn!(deployment = %id, %error, cause, "a deployment is left to whoever takes it next");
        }
    }
    .boxed()
}

/// How far a deployment was taken.
enum Ended {
    /// As far as it goes, or to an error that may pass.
    Done(Result<()>),
    /// The claim is somebody else's.
    Lost(Error),
    /// This process stops: another may go on at once.
    Stopped,
}

async fn finish(cx: &Cx, claim: &Claim<DeploymentId>, ended: Ended) -> Result<()> {
    let tx = match ended {
        Ended::Lost(error) => return Err(error),
        Ended::Done(Err(error)) => {
            let cause = error.cause().map(ToString::to_string);
            tracing::warn!(deployment = %claim.content, %error, cause, "a deployment is tried again");
            return cx.store.work.fail(claim, &error, cx.now()).await.map(|_| ());
        }
        Ended::Done(Ok(())) => {
            let tx = cx.store.begin().await?;
            cx.store.work.finish(&tx, claim).await?;
            tx
        }
        Ended::Stopped => {
            let tx = cx.store.begin().await?;
            cx.store.work.again(&tx, claim, cx.now()).await?;
            tx
        }
    };
    tx.commit().await
}
