//! Leases of builds: claim, heartbeat and end.
//!
//! | call | state of the build | effect |
//! |---|---|---|
//! | claim | pending | becomes running, and gets its deadline |
//! | claim | running, its lease has expired | leased again with the same attempt |
//! | claim | ended while leased | leased with `stop` set, so that a builder stops its runs |
//! | heartbeat | running | step and message are recorded |
//! | heartbeat | ended or deleted | the response tells to stop |
//! | end with `Made` or `Failed` | running | ends with that outcome |
//! | end with `Again`, `Stopped` | running | retried after a pause; fails at `MAX_ATTEMPTS`, `MAX_STOPPED_ATTEMPTS` |
//! | any end | ended | becomes settled; a new image is unpinned |

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hearth_base::{BuildId, Error, Result, Role, ToolId};
use hearth_kit::{
    db::Tx,
    queue::{LeaseHolder, LeaseTicket, QueueItem},
    wake::WakeReason,
};
use hearth_wire::{
    builds::{
        BuildStatus, BuildStep,
        internal::{BuildHeartbeat, BuildLease, BuildLeaseOutcome, BuildLeaseSource, BuilderProcess},
    },
    images::internal::PinPut,
};
use jiff::SignedDuration;

use super::{cleanup, start::BUILD_TASK, time_limit};
use crate::{
    context::BuildsContext,
    git::RepositoryAddress,
    store::{Build, build_topic},
};

/// Attempts after which a build fails, when each was ended by something other than its source.
const MAX_ATTEMPTS: u32 = 3;
/// Attempts after which a build fails that its builder stops again and again. They are more, because an operator may
/// restart builders several times during one build.
const MAX_STOPPED_ATTEMPTS: u32 = 10;
/// Longest message of a builder, in characters.
const MAX_MESSAGE_CHARS: usize = 4000;

/// Claims a tool's queue item and leases its next build. Waits up to `timeout` for one.
pub async fn claim_build(
    cx: &BuildsContext,
    builder: Option<BuilderProcess>,
    timeout: Duration,
) -> Result<Option<BuildLease>> {
    let holder = builder.map(|BuilderProcess { place, life }| LeaseHolder {
        role: Role::Builder,
        folder_id: place,
        life,
    });
    let until = tokio::time::Instant::now() + timeout;
    loop {
        for item in cx.store.queue.claim_items_for_holder(holder.as_ref(), BUILD_TASK, 1).await? {
            if let Some(lease) = lease_next_build(cx, &item).await? {
                return Ok(Some(lease));
            }
        }
        let remaining = until.saturating_duration_since(tokio::time::Instant::now());
        let waited = cx
            .stop
            .run_until_shutdown(cx.store.queue.wait_for_holder(holder.as_ref(), BUILD_TASK, remaining))
            .await;
        if remaining.is_zero() || waited.is_none() {
            return Ok(None);
        }
    }
}

/// Leases the tool's next build. `None` when no build of the tool is left; the queue item is finished then.
async fn lease_next_build(cx: &BuildsContext, item: &QueueItem<ToolId>) -> Result<Option<BuildLease>> {
    let tx = cx.store.begin().await?;
    let Some(mut build) = cx.store.lock_next_build(&tx, item.payload).await? else {
        cx.store.queue.finish_item(&tx, item).await?;
        tx.commit().await?;
        return Ok(None);
    };
    if build.status == BuildStatus::BuildPending {
        build.status = BuildStatus::BuildRunning;
        build.started = Some(cx.now());
        build.settled = false;
        time_limit::set_deadline(cx, &tx, &mut build).await?;
        cx.store.update_build(&tx, &build).await?;
    }
    tx.commit().await?;
    create_lease(cx, &build, &item.to_ticket()).map(Some)
}

fn create_lease(cx: &BuildsContext, build: &Build, ticket: &LeaseTicket) -> Result<BuildLease> {
    let parameters = &build.parameters;
    let source = match parameters.upload {
        Some(id) => {
            BuildLeaseSource::Upload { id, digest: build.resolved_ref.clone(), size: build.source_size }
        }
        None => BuildLeaseSource::Git {
            url: parameters.source_url.clone(),
            mirror: parameters.source_url.parse::<RepositoryAddress>()?.mirror_url(&cx.outbound)?,
            commit: build.resolved_ref.clone(),
            reference: build.full_ref.clone(),
        },
    };
    Ok(BuildLease {
        ticket: encode_ticket(ticket)?,
        build: build.id,
        attempt: build.attempt,
        tool: build.tool,
        tool_name: build.tool_name.clone(),
        source,
        envvars: parameters.envvars.clone(),
        image_name: parameters.image_name.clone(),
        folder: parameters.folder.clone(),
        recipe: parameters.recipe,
        process: parameters.process.clone(),
        deadline: build.deadline.ok_or_else(|| Error::internal("a running build has no deadline"))?,
        stop: build.has_ended(),
    })
}

/// Extends a lease and records the build's step and message. Returns whether the builder must stop the build:
/// true as soon as it has ended, false after `timeout`.
pub async fn record_heartbeat(
    cx: &BuildsContext,
    id: BuildId,
    beat: BuildHeartbeat,
    timeout: Duration,
) -> Result<bool> {
    let BuildHeartbeat { ticket, step, message, wait: _ } = beat;
    let item = decode_ticket(&ticket)?.into_item(BUILD_TASK);
    let mut listener = cx.store.listen_to_topics([build_topic(id)]);
    cx.store.queue.heartbeat(&item).await?;
    if step.is_some() || message.is_some() {
        let tx = cx.store.begin().await?;
        if let Some(mut build) = cx.store.lock_build(&tx, id).await?.filter(|build| !build.has_ended()) {
            build.step = step.unwrap_or(build.step);
            build.message = message.map_or(build.message, truncate_message);
            cx.store.update_build(&tx, &build).await?;
        }
        tx.commit().await?;
    }
    let deadline = tokio::time::Instant::now() + timeout;
    loop {
        if is_stop_requested(cx, id).await? {
            return Ok(true);
        }
        if listener.wait(deadline, &cx.stop).await != WakeReason::Changed {
            return Ok(false);
        }
    }
}

/// Returns true if the build has ended or been deleted.
async fn is_stop_requested(cx: &BuildsContext, id: BuildId) -> Result<bool> {
    Ok(cx.store.find_build_by_id(id).await?.is_none_or(|build| build.has_ended()))
}

/// Ends a lease, and with it the build or this attempt at it. A build that was cancelled or timed out
/// meanwhile keeps its status, and its new image is unpinned.
pub async fn finish_lease(
    cx: &BuildsContext,
    id: BuildId,
    ticket: &str,
    end: BuildLeaseOutcome,
) -> Result<()> {
    let item = decode_ticket(ticket)?.into_item(BUILD_TASK);
    if let BuildLeaseOutcome::Made { digest, .. } = &end {
        pin_image(cx, id, &item, digest).await?;
    }
    let tx = cx.store.begin().await?;
    let mut pause = SignedDuration::ZERO;
    let mut tool = None;
    if let Some(mut build) = cx.store.lock_build(&tx, id).await? {
        tool = Some(build.tool);
        if build.has_ended() {
            // The build has ended already, so nothing refers to the image.
            if matches!(end, BuildLeaseOutcome::Made { .. }) {
                cx.store.queue.enqueue(&tx, cleanup::UNPIN_TASK, &id.to_string(), &id, cx.now()).await?;
            }
        } else {
            pause = record_lease_end(cx, &mut build, end)?;
        }
        build.settled = build.has_ended();
        cx.store.update_build(&tx, &build).await?;
    }
    release_queue_item(cx, &tx, &item, tool, pause).await?;
    tx.commit().await?;
    match tool {
        Some(tool) => cleanup::delete_old_builds(cx, tool, u64::from(cx.settings.kept)).await.map(|_| ()),
        None => Ok(()),
    }
}

/// Pins the image, before its digest is published in the build.
async fn pin_image(cx: &BuildsContext, id: BuildId, item: &QueueItem<()>, digest: &str) -> Result<()> {
    // The heartbeat checks the lease first: a builder that has lost it must not move the pin of its
    // successor.
    cx.store.queue.heartbeat(item).await?;
    let tool = item.key.parse()?;
    let put = PinPut { tool, digest: digest.parse()? };
    cx.clients
        .create_client(Role::Images)?
        .images_internal()
        .pin_image(&cleanup::format_pin_holder(id), &put)
        .await
        .map(|_| ())
}

/// Records the end of an attempt in the build. Returns the pause before the tool's next build.
fn record_lease_end(cx: &BuildsContext, build: &mut Build, end: BuildLeaseOutcome) -> Result<SignedDuration> {
    let (status, message) = match end {
        BuildLeaseOutcome::Made { digest, image, processes, message } => {
            build.digest = Some(digest.parse()?);
            build.destination_image = image;
            build.processes = processes;
            (BuildStatus::BuildSuccess, message)
        }
        BuildLeaseOutcome::Failed { message } => (BuildStatus::BuildFailure, message),
        // The build has not ended, so the builder stopped it by mistake or while shutting down: retry it.
        BuildLeaseOutcome::Stopped if build.attempt < MAX_STOPPED_ATTEMPTS => {
            return schedule_retry(build, "The builder stopped the build.".to_owned());
        }
        BuildLeaseOutcome::Stopped => {
            let message = format!("The builder stopped each of {MAX_STOPPED_ATTEMPTS} attempts.");
            (BuildStatus::BuildFailure, message)
        }
        BuildLeaseOutcome::Again { message } if build.attempt < MAX_ATTEMPTS => {
            return schedule_retry(build, message);
        }
        BuildLeaseOutcome::Again { message } => (BuildStatus::BuildFailure, message),
    };
    build.status = status;
    build.message = truncate_message(message);
    build.step = BuildStep::Done;
    build.ended = Some(cx.now());
    Ok(SignedDuration::ZERO)
}

/// Prepares the next attempt. Returns the pause before it: 5 seconds per attempt so far.
fn schedule_retry(build: &mut Build, message: String) -> Result<SignedDuration> {
    build.message = truncate_message(message);
    build.step = BuildStep::Waiting;
    let pause = SignedDuration::from_secs(i64::from(5 * build.attempt));
    build.attempt += 1;
    Ok(pause)
}

/// Releases the tool's queue item: repeats it after `pause` if a build waits, and finishes it otherwise.
async fn release_queue_item(
    cx: &BuildsContext,
    tx: &Tx,
    item: &QueueItem<()>,
    tool: Option<ToolId>,
    pause: SignedDuration,
) -> Result<()> {
    let next = match tool {
        Some(tool) => cx.store.lock_next_build(tx, tool).await?,
        None => None,
    };
    match next {
        Some(_) => cx.store.queue.reschedule_item(tx, item, cx.now() + pause).await,
        None => cx.store.queue.finish_item(tx, item).await,
    }
}

fn truncate_message(text: String) -> String {
    let mut text = text;
    if let Some((at, _)) = text.char_indices().nth(MAX_MESSAGE_CHARS) {
        text.truncate(at);
        text.push('…');
    }
    text
}

fn encode_ticket(ticket: &LeaseTicket) -> Result<String> {
    serde_json::to_vec(ticket).map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes)).map_err(Error::internal)
}

fn decode_ticket(text: &str) -> Result<LeaseTicket> {
    let refused = || Error::invalid("ticket", "the ticket is invalid");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
    serde_json::from_slice(&bytes).map_err(|_| refused())
}
