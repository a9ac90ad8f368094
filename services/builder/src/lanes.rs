//! Takes builds one after the other, and keeps their leases while they are made.

use std::time::Duration;

use hearth_base::{Kind, Result, Role};
use hearth_kit::{log_error, tasks::Stop};
use hearth_wire::builds::internal::{Beat, Claim, Finish, Lease, LeaseEnd};
use tokio::sync::watch;

use crate::{cx::Cx, make};

/// How long one question for a build waits, in seconds.
const CLAIM_WAIT: u64 = 25;
/// How long one beat waits for the order to stop, in seconds. A lease lasts 30.
const BEAT_WAIT: u64 = 8;
/// Between two tries when a service does not answer.
const PAUSE: Duration = Duration::from_secs(2);

/// Runs until it is told to stop. A build that is under way then goes on in its sandbox, and is adopted by whoever
/// claims it next.
pub async fn run(cx: Cx, stop: Stop) {
    loop {
        match stop.unless(turn(&cx)).await {
            None => return,
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, cause = error.cause().map(ToString::to_string), "no build can be taken");
                if stop.pause(PAUSE).await {
                    return;
                }
            }
        }
    }
}

async fn turn(cx: &Cx) -> Result<()> {
    let builds = cx.of(Role::Builds)?;
    match builds.builds().claim(&Claim { wait: CLAIM_WAIT, builder: cx.builder.clone() }).await?.lease {
        Some(lease) => one(cx, &lease).await,
        None => Ok(()),
    }
}

async fn one(cx: &Cx, lease: &Lease) -> Result<()> {
    tracing::info!(build = %lease.build, tool = %lease.tool, attempt = lease.attempt, "a build is taken");
    let (stop, stopping) = watch::channel(lease.stop);
    let (say, said) = watch::channel(None);
    let made = make::make(cx, lease, stopping, say);
    let end = tokio::select! {
        // Somebody else has the build by now: what runs is theirs too.
        error = keep(cx, lease, &stop, said) => return Err(error),
        end = made => end,
    };
    finish(cx, lease, end).await?;
    make::settle(cx, lease).await;
    Ok(())
}

/// Keeps a lease, and passes the order to stop on, until the lease is lost.
async fn keep(
    cx: &Cx,
    lease: &Lease,
    stop: &watch::Sender<bool>,
    mut said: watch::Receiver<Option<make::Said>>,
) -> hearth_base::Error {
    loop {
        let news = said.has_changed().unwrap_or(false).then(|| said.borrow_and_update().clone()).flatten();
        let (step, message) = news.map_or((None, None), |said| (Some(said.step), Some(said.message)));
        // Once stopping there is no order to wait for.
        let wait = if *stop.borrow() { 0 } else { BEAT_WAIT };
        let beat = Beat { ticket: lease.ticket.clone(), step, message, wait };
        let beaten = async { cx.of(Role::Builds)?.builds().beat(lease.build, &beat).await };
        tokio::select! {
            beaten = beaten => match beaten {
                Ok(beaten) => drop(stop.send_if_modified(|stop| !std::mem::replace(stop, beaten.stop || *stop) && *stop)),
                Err(error) if error.kind() == Kind::Conflict => return error,
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            // A new step is told at once.
            Ok(()) = said.changed() => { said.mark_changed(); continue }
        }
        if *stop.borrow() {
            tokio::time::sleep(Duration::from_secs(BEAT_WAIT)).await;
        }
    }
}

/// Ends the lease, however long `builds` may be away; only a lost lease ends the trying.
async fn finish(cx: &Cx, lease: &Lease, end: LeaseEnd) -> Result<()> {
    let finish = Finish { ticket: lease.ticket.clone(), end };
    loop {
        match cx.of(Role::Builds)?.builds().finish(lease.build, &finish).await {
            Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::Timeout) => {
                log_error!(&error, build = %lease.build, "end of a build not reported; will retry");
                tokio::time::sleep(PAUSE).await;
            }
            ended => return ended,
        }
    }
}
