//! Leases of builds: heartbeat and end. `claim.rs` begins them.
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

use hearth_base::{BuildId, Digest, Result, Role, ToolId};
use hearth_inventory::MAX_DIFFERENCES;
use hearth_kit::{db::Tx, queue::QueueItem, wake::WakeReason};
use hearth_wire::{
    builds::{
        BuildFailure, BuildStatus, BuildStep, ImageComparison,
        internal::{BuildFinish, BuildHeartbeat, BuildLeaseOutcome},
    },
    images::internal::PinPut,
};
use jiff::SignedDuration;

use super::{
    build_end, build_task::BUILD_TASK, builders, cleanup, credentials, provenance::PROVENANCE_TASK,
    ticket::decode_ticket,
};
use crate::{
    context::BuildsContext,
    store::{Build, build_topic},
};

/// Attempts after which a build fails, when each was ended by something other than its source.
const MAX_ATTEMPTS: u32 = 3;
/// Attempts after which a build fails that its builder stops again and again. They are more, because an operator may
/// restart builders several times during one build.
const MAX_STOPPED_ATTEMPTS: u32 = 10;
/// Longest message of a builder, in characters.
const MAX_MESSAGE_CHARS: usize = 4000;

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
    wait_for_stop(cx, id, timeout).await
}

/// Returns true as soon as a build has ended or been deleted, false after `timeout`.
pub async fn wait_for_stop(cx: &BuildsContext, id: BuildId, timeout: Duration) -> Result<bool> {
    let mut listener = cx.store.listen_to_topics([build_topic(id)]);
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
pub async fn finish_lease(cx: &BuildsContext, id: BuildId, finish: BuildFinish) -> Result<()> {
    let BuildFinish { ticket, outcome, failure } = finish;
    let item = decode_ticket(&ticket)?.into_item(BUILD_TASK);
    if let BuildLeaseOutcome::Succeeded { digest, .. } = &outcome {
        pin_image(cx, id, &item, digest).await?;
    }
    let tx = cx.store.begin().await?;
    let mut pause = SignedDuration::ZERO;
    let (mut tool, mut builder) = (None, None);
    let error = match &outcome {
        BuildLeaseOutcome::Retry { message } => Some(message.clone()),
        _ => None,
    };
    let says_nothing = matches!(outcome, BuildLeaseOutcome::Stopped);
    if let Some(mut build) = cx.store.lock_build(&tx, id).await? {
        tool = Some(build.tool);
        builder = build.builder.clone().filter(|_| !says_nothing);
        let had_ended = build.has_ended();
        if had_ended {
            // The build has ended already, so nothing refers to the image.
            if matches!(outcome, BuildLeaseOutcome::Succeeded { .. }) {
                cx.store.queue.enqueue(&tx, cleanup::UNPIN_TASK, &id.to_string(), &id, cx.now()).await?;
            }
        } else {
            pause = record_lease_end(cx, &mut build, outcome)?;
            build.failure =
                failure.filter(|_| build.status == BuildStatus::BuildFailure).map(shorten_failure);
            if build.digest.is_some() {
                cx.store.queue.enqueue(&tx, PROVENANCE_TASK, &id.to_string(), &id, cx.now()).await?;
            }
        }
        build.settled = build.has_ended();
        if build.has_ended() && !had_ended {
            build_end::store_ended_build(cx, &tx, &mut build).await?;
        } else {
            cx.store.update_build(&tx, &build).await?;
        }
    }
    release_queue_item(cx, &tx, &item, tool, pause).await?;
    credentials::mark_credentials_revoked(cx, &tx, id).await?;
    tx.commit().await?;
    // In a transaction of its own: a claim locks builders before builds.
    let tx = cx.store.begin().await?;
    builders::record_result(cx, &tx, builder.as_deref(), id, error.as_deref()).await?;
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
    pin_build_image(cx, item.key.parse()?, id, digest.parse()?).await
}

/// Pins an image for its build.
pub async fn pin_build_image(cx: &BuildsContext, tool: ToolId, id: BuildId, digest: Digest) -> Result<()> {
    let put = PinPut { tool, digest };
    cx.clients
        .create_client(Role::Images)?
        .images_internal()
        .pin_image(&cleanup::format_pin_holder(id), &put)
        .await
        .map(|_| ())
}

/// Records the end of an attempt in the build. Returns the pause before the tool's next build.
pub fn record_lease_end(
    cx: &BuildsContext,
    build: &mut Build,
    outcome: BuildLeaseOutcome,
) -> Result<SignedDuration> {
    let (status, message) = match outcome {
        BuildLeaseOutcome::Succeeded { digest, image, processes, message, inputs, materials, comparison } => {
            build.digest = Some(digest.parse()?);
            build.inputs = inputs;
            build.image_record.materials = materials.map(|materials| *materials);
            build.image_record.comparison = comparison.map(|comparison| shorten_comparison(*comparison));
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
        BuildLeaseOutcome::Retry { message } if build.attempt < MAX_ATTEMPTS => {
            return schedule_retry(build, message);
        }
        BuildLeaseOutcome::Retry { message } => (BuildStatus::BuildFailure, message),
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
        Some(next) => {
            // A start meanwhile enqueued the item again and kept its due time: it is set here in any case, so that the
            // tool waits behind all others.
            let due_at = cx.now() + pause;
            cx.store.queue.enqueue(tx, BUILD_TASK, &item.key, &next.tool, due_at).await?;
            cx.store.queue.reschedule_item(tx, item, due_at).await
        }
        None => cx.store.queue.finish_item(tx, item).await,
    }
}

/// Limits the files of a comparison, whose names are those of the source.
fn shorten_comparison(mut comparison: ImageComparison) -> ImageComparison {
    comparison.files.truncate(MAX_DIFFERENCES);
    comparison
}

/// Shortens a message of a builder.
pub fn truncate_message(text: String) -> String {
    let mut text = text;
    if let Some((at, _)) = text.char_indices().nth(MAX_MESSAGE_CHARS) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// Shortens the texts of an explanation, which quotes output of the source.
pub fn shorten_failure(failure: BuildFailure) -> BuildFailure {
    let BuildFailure { class, line, next_step } = failure;
    BuildFailure { class, line: line.map(truncate_message), next_step: truncate_message(next_step) }
}
