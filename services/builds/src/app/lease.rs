//! Builds for builders: claimed, beaten for, and finished once.

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
        internal::{Beat, Builder, Lease, LeaseEnd, LeaseSource},
    },
    images::internal::PinPut,
};
use jiff::SignedDuration;

use super::{clean, start::BUILD_TASK, time_limit};
use crate::{
    cx::Cx,
    git::Address,
    store::{Build, build_topic},
};

/// After so many attempts that something beside the source ended, a build has failed.
const ATTEMPTS: u32 = 3;
/// The longest sentence that a builder may leave.
const SENTENCE: usize = 4000;

/// A build to make, as soon as there is one, or nothing after `patience`.
pub async fn claim(cx: &Cx, builder: Option<Builder>, patience: Duration) -> Result<Option<Lease>> {
    let holder = builder.map(|Builder { place, life }| LeaseHolder { role: Role::Builder, place, life });
    let until = tokio::time::Instant::now() + patience;
    loop {
        for item in cx.store.queue.claim_for(holder.as_ref(), BUILD_TASK, 1).await? {
            if let Some(lease) = lease_next_build(cx, &item).await? {
                return Ok(Some(lease));
            }
        }
        let left = until.saturating_duration_since(tokio::time::Instant::now());
        let waited = cx.stop.unless(cx.store.queue.wait_for(holder.as_ref(), BUILD_TASK, left)).await;
        if left.is_zero() || waited.is_none() {
            return Ok(None);
        }
    }
}

/// The tool's next build. None: nothing of it is left to do, and the item is finished.
async fn lease_next_build(cx: &Cx, item: &QueueItem<ToolId>) -> Result<Option<Lease>> {
    let tx = cx.store.begin().await?;
    let Some(mut build) = cx.store.build_next(&tx, item.payload).await? else {
        cx.store.queue.finish(&tx, item).await?;
        tx.commit().await?;
        return Ok(None);
    };
    if build.status == BuildStatus::BuildPending {
        build.status = BuildStatus::BuildRunning;
        build.started = Some(cx.now());
        build.settled = false;
        time_limit::set(cx, &tx, &mut build).await?;
        cx.store.build_save(&tx, &build).await?;
    }
    tx.commit().await?;
    create_lease(cx, &build, &item.ticket()).map(Some)
}

fn create_lease(cx: &Cx, build: &Build, ticket: &LeaseTicket) -> Result<Lease> {
    let parameters = &build.parameters;
    let source = match parameters.upload {
        Some(id) => LeaseSource::Upload { id, digest: build.resolved_ref.clone(), size: build.source_size },
        None => LeaseSource::Git {
            url: parameters.source_url.clone(),
            mirror: parameters.source_url.parse::<Address>()?.mirror(&cx.outbound)?,
            commit: build.resolved_ref.clone(),
            reference: build.full_ref.clone(),
        },
    };
    Ok(Lease {
        ticket: write_ticket(ticket)?,
        build: build.id,
        attempt: build.attempt,
        tool: build.tool,
        tool_name: build.tool_name.clone(),
        source,
        envvars: parameters.envvars.clone(),
        image_name: parameters.image_name.clone(),
        deadline: build.deadline.ok_or_else(|| Error::internal("a build runs without a deadline"))?,
        stop: build.is_over(),
    })
}

/// Lengthens a lease, notes where the build is, and tells whether it is to be stopped: as soon as it is, or after
/// `patience` that it is not.
pub async fn beat(cx: &Cx, id: BuildId, beat: Beat, patience: Duration) -> Result<bool> {
    let Beat { ticket, step, message, wait: _ } = beat;
    let item = read_ticket(&ticket)?.into_item(BUILD_TASK);
    let mut listener = cx.store.listen_to_topics([build_topic(id)]);
    cx.store.queue.heartbeat(&item).await?;
    if step.is_some() || message.is_some() {
        let tx = cx.store.begin().await?;
        if let Some(mut build) = cx.store.build_locked(&tx, id).await?.filter(|build| !build.is_over()) {
            build.step = step.unwrap_or(build.step);
            build.message = message.map_or(build.message, cut);
            cx.store.build_save(&tx, &build).await?;
        }
        tx.commit().await?;
    }
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        if stopped(cx, id).await? {
            return Ok(true);
        }
        if listener.wait(deadline, &cx.stop).await != WakeReason::Changed {
            return Ok(false);
        }
    }
}

/// Whether a build is to be stopped: it is over, or was forgotten.
async fn stopped(cx: &Cx, id: BuildId) -> Result<bool> {
    Ok(cx.store.build_by_id(id).await?.is_none_or(|build| build.is_over()))
}

/// Ends a lease, and with it the build or this attempt at it. What was cancelled meanwhile stays cancelled.
pub async fn finish(cx: &Cx, id: BuildId, ticket: &str, end: LeaseEnd) -> Result<()> {
    let item = read_ticket(ticket)?.into_item(BUILD_TASK);
    if let LeaseEnd::Made { digest, .. } = &end {
        pin_image(cx, id, &item, digest).await?;
    }
    let tx = cx.store.begin().await?;
    let mut pause = SignedDuration::ZERO;
    let mut tool = None;
    if let Some(mut build) = cx.store.build_locked(&tx, id).await? {
        tool = Some(build.tool);
        if build.is_over() {
            // The image, if there is one, is nobody's.
            if matches!(end, LeaseEnd::Made { .. }) {
                cx.store.queue.enqueue(&tx, clean::UNPIN_TASK, &id.to_string(), &id, cx.now()).await?;
            }
        } else {
            pause = ended(cx, &mut build, end)?;
        }
        build.settled = build.is_over();
        cx.store.build_save(&tx, &build).await?;
    }
    give_back(cx, &tx, &item, tool, pause).await?;
    tx.commit().await?;
    match tool {
        Some(tool) => clean::clean(cx, tool, u64::from(cx.settings.kept)).await.map(|_| ()),
        None => Ok(()),
    }
}

/// The image is pinned before anybody is told of it.
async fn pin_image(cx: &Cx, id: BuildId, item: &QueueItem<()>, digest: &str) -> Result<()> {
    // A lease that is lost must not move the pin of whoever has it now.
    cx.store.queue.heartbeat(item).await?;
    let tool = item.key.parse()?;
    let put = PinPut { tool, digest: digest.parse()? };
    cx.clients.of(Role::Images)?.images_internal().pin(&clean::holder(id), &put).await.map(|_| ())
}

/// Writes how it ended into a build. How long to wait before the tool's next turn.
fn ended(cx: &Cx, build: &mut Build, end: LeaseEnd) -> Result<SignedDuration> {
    let (status, message) = match end {
        LeaseEnd::Made { digest, image, processes, message } => {
            build.digest = Some(digest.parse()?);
            build.destination_image = image;
            build.processes = processes;
            (BuildStatus::BuildSuccess, message)
        }
        LeaseEnd::Failed { message } => (BuildStatus::BuildFailure, message),
        // It was not asked to stop: whatever made the builder think so, the build is not lost.
        LeaseEnd::Stopped => return again(build, "It was stopped.".to_owned()),
        LeaseEnd::Again { message } if build.attempt < ATTEMPTS => return again(build, message),
        LeaseEnd::Again { message } => (BuildStatus::BuildFailure, message),
    };
    build.status = status;
    build.message = cut(message);
    build.step = BuildStep::Done;
    build.ended = Some(cx.now());
    Ok(SignedDuration::ZERO)
}

fn again(build: &mut Build, message: String) -> Result<SignedDuration> {
    build.message = cut(message);
    build.step = BuildStep::Waiting;
    let pause = SignedDuration::from_secs(i64::from(5 * build.attempt));
    build.attempt += 1;
    Ok(pause)
}

/// Ends the tool's turn: for good when nothing of it waits.
async fn give_back(
    cx: &Cx,
    tx: &Tx,
    item: &QueueItem<()>,
    tool: Option<ToolId>,
    pause: SignedDuration,
) -> Result<()> {
    let next = match tool {
        Some(tool) => cx.store.build_next(tx, tool).await?,
        None => None,
    };
    match next {
        Some(_) => cx.store.queue.repeat(tx, item, cx.now() + pause).await,
        None => cx.store.queue.finish(tx, item).await,
    }
}

fn cut(text: String) -> String {
    let mut text = text;
    if let Some((at, _)) = text.char_indices().nth(SENTENCE) {
        text.truncate(at);
        text.push('…');
    }
    text
}

fn write_ticket(ticket: &LeaseTicket) -> Result<String> {
    serde_json::to_vec(ticket).map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes)).map_err(Error::internal)
}

fn read_ticket(text: &str) -> Result<LeaseTicket> {
    let refused = || Error::invalid("ticket", "this is no ticket");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
    serde_json::from_slice(&bytes).map_err(|_| refused())
}
