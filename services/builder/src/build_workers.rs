//! Workers that claim builds one after the other, and keep their leases while they run.

use std::time::Duration;

use hearth_base::{ErrorKind, Result, Role};
use hearth_kit::{log_error, tasks::ShutdownSignal};
use hearth_wire::builds::{
    BuildFailure,
    internal::{BuildClaim, BuildFinish, BuildHeartbeat, BuildLease, BuildLeaseOutcome},
};
use tokio::sync::watch;

use crate::{context::BuilderContext, pipeline};

/// Longest wait of one claim, in seconds.
const CLAIM_WAIT_SECONDS: u64 = 25;
/// Longest wait of one heartbeat for a stop request, in seconds. A lease lasts 30.
const HEARTBEAT_WAIT_SECONDS: u64 = 8;
/// Delay before a retry when a service does not respond.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Claims and runs builds until `stop`. A build that is running then continues in its sandbox, and the
/// builder that claims it next adopts its runs.
pub async fn run(cx: BuilderContext, stop: ShutdownSignal) {
    loop {
        match stop.run_until_shutdown(claim_and_run(&cx)).await {
            None => return,
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, cause = error.cause().map(ToString::to_string), "claim of a build failed; will retry");
                if stop.pause(RETRY_DELAY).await {
                    return;
                }
            }
        }
    }
}

/// Claims one build and runs it.
async fn claim_and_run(cx: &BuilderContext) -> Result<()> {
    let builds = cx.create_client(Role::Builds)?;
    let claim = build_claim(cx);
    let reply = match builds.builds().claim_build(&claim).await {
        // A service of an earlier release knows neither labels and slots nor previews.
        Err(error) if error.kind() == ErrorKind::Unprocessable => {
            let claim = BuildClaim { labels: Vec::new(), slots: 0, isolates_previews: false, ..claim };
            builds.builds().claim_build(&claim).await?
        }
        reply => reply?,
    };
    match reply.lease {
        Some(lease) => run_lease(cx, &lease).await,
        None => Ok(()),
    }
}

fn build_claim(cx: &BuilderContext) -> BuildClaim {
    let (labels, slots) = (cx.settings.labels.clone(), cx.settings.parallel);
    let builder = cx.builder.clone();
    BuildClaim { wait: CLAIM_WAIT_SECONDS, builder, labels, slots, isolates_previews: true }
}

/// Runs a leased build, reports its end, and acknowledges its runs.
async fn run_lease(cx: &BuilderContext, lease: &BuildLease) -> Result<()> {
    tracing::info!(build = %lease.build, tool = %lease.tool, attempt = lease.attempt, "build claimed");
    let (stop, stopping) = watch::channel(lease.stop);
    let (progress, progress_updates) = watch::channel(None);
    let attempt = pipeline::run_build(cx, lease, stopping, progress);
    let (outcome, failure) = tokio::select! {
        // The lease is lost: its new holder owns the runs, so they are not stopped here.
        error = keep_lease(cx, lease, &stop, progress_updates) => return Err(error),
        ended = attempt => ended,
    };
    finish_lease(cx, lease, outcome, failure).await?;
    pipeline::acknowledge_runs(cx, lease).await;
    Ok(())
}

/// Extends a lease by heartbeats with the build's progress, and forwards a stop request to `stop`. Returns
/// when the lease is lost.
async fn keep_lease(
    cx: &BuilderContext,
    lease: &BuildLease,
    stop: &watch::Sender<bool>,
    mut progress_updates: watch::Receiver<Option<pipeline::BuildProgress>>,
) -> hearth_base::Error {
    loop {
        let latest = progress_updates
            .has_changed()
            .unwrap_or(false)
            .then(|| progress_updates.borrow_and_update().clone())
            .flatten();
        let (step, message) =
            latest.map_or((None, None), |progress| (Some(progress.step), Some(progress.message)));
        // After a stop request there is nothing more to wait for.
        let wait = if *stop.borrow() { 0 } else { HEARTBEAT_WAIT_SECONDS };
        let beat = BuildHeartbeat { ticket: lease.ticket.clone(), step, message, wait };
        let response = async { cx.create_client(Role::Builds)?.builds().heartbeat(lease.build, &beat).await };
        tokio::select! {
            response = response => match response {
                Ok(response) => drop(stop.send_if_modified(|stop| !std::mem::replace(stop, response.stop || *stop) && *stop)),
                Err(error) if error.kind() == ErrorKind::Conflict => return error,
                Err(_) => tokio::time::sleep(RETRY_DELAY).await,
            },
            // A new step is reported at once.
            Ok(()) = progress_updates.changed() => { progress_updates.mark_changed(); continue }
        }
        if *stop.borrow() {
            tokio::time::sleep(Duration::from_secs(HEARTBEAT_WAIT_SECONDS)).await;
        }
    }
}

/// Reports the end of a lease. Retries while `builds` is unavailable; a lost lease is an error.
async fn finish_lease(
    cx: &BuilderContext,
    lease: &BuildLease,
    outcome: BuildLeaseOutcome,
    failure: Option<BuildFailure>,
) -> Result<()> {
    let finish = BuildFinish { ticket: lease.ticket.clone(), outcome, failure };
    loop {
        match cx.create_client(Role::Builds)?.builds().finish_build(lease.build, &finish).await {
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) => {
                log_error!(&error, build = %lease.build, "end of a build not reported; will retry");
                tokio::time::sleep(RETRY_DELAY).await;
            }
            ended => return ended,
        }
    }
}
