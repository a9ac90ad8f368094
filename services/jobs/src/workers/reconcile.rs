//! Brings workloads to where they should be: leased work, several at a time.

use std::{future::Future, time::Duration};

use hearth_base::Result;
use hearth_kit::{db::work::Claim, tasks::Stop};
use tokio::task::JoinSet;

use super::{Backoff, log};
use crate::{
    app::reconcile::{Next, step},
    cx::Cx,
    store::Store,
};

/// The most at one time.
const MOST: usize = 16;
const IDLE: Duration = Duration::from_secs(3600);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    futures::future::join(
        kind(&cx, &stop, Store::RECONCILE, |cx, claim| async move { workload(&cx, claim).await }),
        kind(&cx, &stop, Store::UNPIN, |cx, claim| async move { unpin(&cx, claim).await }),
    )
    .await;
}

/// Does one kind of work until it is time to stop.
async fn kind<F>(cx: &Cx, stop: &Stop, kind: &'static str, work: impl Fn(Cx, Claim<()>) -> F)
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let mut backoff = Backoff::up_to(Duration::from_secs(10));
    // Tasks of their own: what holds the database's one writer must go on while this waits for it.
    let mut under_way = JoinSet::new();
    while !stop.is_set() {
        let room = (MOST - under_way.len()) as u64;
        match claim(cx, kind, room).await {
            Ok(claims) if claims.is_empty() => backoff.reset(),
            Ok(claims) => {
                for claim in claims {
                    under_way.spawn(work(cx.clone(), claim));
                }
                continue;
            }
            Err(error) => {
                log(&error, "work cannot be claimed");
                backoff.wait(stop).await;
                continue;
            }
        }
        tokio::select! {
            () = stop.wait() => return,
            Some(done) = under_way.join_next() => {
                if let Ok(Err(error)) = done {
                    log(&error, "work is tried again");
                }
            }
            news = cx.store.work.wait(kind, cx.now(), IDLE), if room > 0 => {
                if let Err(error) = news {
                    log(&error, "work cannot be waited for");
                    backoff.wait(stop).await;
                }
            }
        }
    }
}

async fn claim(cx: &Cx, kind: &'static str, room: u64) -> Result<Vec<Claim<()>>> {
    match room {
        0 => Ok(Vec::new()),
        room => cx.store.work.claim(kind, room, cx.now()).await,
    }
}

async fn workload(cx: &Cx, claim: Claim<()>) -> Result<()> {
    let Ok(id) = claim.key.parse() else { return finish(cx, &claim).await };
    match beating(cx, &claim, step(cx, id)).await? {
        Next::Rest => finish(cx, &claim).await,
        Next::At(due) => {
            let tx = cx.store.begin().await?;
            cx.store.work.again(&tx, &claim, due).await?;
            tx.commit().await
        }
    }
}

async fn unpin(cx: &Cx, claim: Claim<()>) -> Result<()> {
    match cx.neighbours.unpin(&claim.key).await {
        Ok(()) => finish(cx, &claim).await,
        Err(error) => cx.store.work.fail(&claim, &error, cx.now()).await.map(|_| ()),
    }
}

async fn finish(cx: &Cx, claim: &Claim<()>) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.work.finish(&tx, claim).await?;
    // Asked for again meanwhile, it is there to be claimed.
    cx.store.commit(tx).await
}

/// Does `work` while the lease is kept alive; gives up when it is lost.
async fn beating<T>(cx: &Cx, claim: &Claim<()>, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        lost = cx.store.work.hold(claim, &*cx.clock) => Err(lost),
    }
}
