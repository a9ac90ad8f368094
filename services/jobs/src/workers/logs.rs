//! Takes the lines of containers and hands them over. Asking the runtime for the next lines says that those
//! before are kept, so that is asked only when it is so: nothing is lost, whoever dies.

use std::{collections::BTreeSet, time::Duration};

use hearth_base::{Kind, Result};
use hearth_kit::tasks::Stop;
use hearth_runtime_api::LogPage;
use tokio::task::JoinSet;

use super::{Backoff, log};
use crate::{
    app::tell,
    cx::Cx,
    store::{Run, Tail},
};

/// The most containers at one time.
const MOST: usize = 1024;
/// How long one look waits for lines.
const WAIT: Duration = Duration::from_secs(20);
/// The longest wait without looking for containers again.
const LOOK: Duration = Duration::from_secs(30);

/// Runs until it is told to stop.
pub async fn run(cx: Cx, stop: Stop) {
    let mut seen = cx.seen.subscribe();
    let mut taken = BTreeSet::new();
    let mut takers = JoinSet::new();
    while !stop.is_set() {
        seen.mark_unchanged();
        match cx.store.runs_with_logs(MOST as u64).await {
            Ok(runs) => {
                for run in runs {
                    if taken.len() < MOST && taken.insert(run.id()) {
                        takers.spawn(take(cx.clone(), run, stop.clone()));
                    }
                }
            }
            Err(error) => log(&error, "the containers whose logs are wanted cannot be read"),
        }
        tokio::select! {
            () = stop.wait() => return,
            _ = seen.changed() => {}
            Some(Ok(run)) = takers.join_next() => {
                taken.remove(&run);
            }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Takes one container's log to its end; gives the run's id back.
async fn take(cx: Cx, run: Run, stop: Stop) -> String {
    let id = run.id();
    let (mut next, mut tail) = (run.log_next, run.tail.clone());
    let mut backoff = Backoff::up_to(Duration::from_secs(30));
    loop {
        match stop.unless(part(&cx, &run, next, &mut tail)).await {
            None => return id,
            Some(Ok(None)) => return id,
            Some(Ok(Some(further))) => {
                next = further;
                backoff.reset();
            }
            Some(Err(error)) => {
                tracing::debug!(run = id, %error, "a log waits");
                if backoff.wait(&stop).await {
                    return id;
                }
            }
        }
    }
}

/// Takes what there is from `next` on, and says where to go on; nothing at the end.
async fn part(cx: &Cx, run: &Run, next: u64, tail: &mut Tail) -> Result<Option<u64>> {
    let page = match cx.runtime.logs(run.instance, next, WAIT).await {
        // It is forgotten there: whatever it wrote has been taken, or is lost.
        Err(error) if error.kind() == Kind::NotFound => {
            if !is_past(cx, run).await? {
                return Err(error);
            }
            LogPage { lines: Vec::new(), next, complete: true }
        }
        page => page?,
    };
    let (further, complete) = (page.next, page.complete);
    if page.lines.is_empty() && !complete {
        return Ok(Some(further));
    }
    let mut longer = tail.clone();
    longer.push(page.lines.iter().map(|line| line.text.as_str()));
    cx.neighbours.log_append(run, page).await?;
    let tx = cx.store.begin().await?;
    if complete {
        let name = cx.store.tool_locked(&tx, run.tool).await?;
        if let Some(before) = cx.store.run_in(&tx, &run.id()).await? {
            let now = Run { log_done: true, tail: longer.clone(), ..before.clone() };
            tell::run(cx, &tx, name.as_ref(), &before, &now).await?;
        }
        cx.store.ask(&tx, run.instance.workload, cx.now()).await?;
    }
    cx.store.log_taken(&tx, &run.id(), further, complete, &longer).await?;
    cx.store.commit(tx).await?;
    *tail = longer;
    Ok((!complete).then_some(further))
}

/// Whether a container is over, or was forgotten with its tool.
async fn is_past(cx: &Cx, run: &Run) -> Result<bool> {
    Ok(cx.store.run(&run.id()).await?.is_none_or(|now| now.is_over()))
}
