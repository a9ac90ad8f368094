//! Builders: the record of their claims, and which of them get builds.
//!
//! A builder that fails several builds in a row for reasons outside of their sources is suspended for some minutes,
//! while another builder gets builds: the only one is never without work.

use hearth_base::{BuildId, Error, Result, UserName};
use hearth_kit::{
    audit::{Change, ChangeAuthor},
    db::Tx,
};
use hearth_wire::builds::{self as wire, BuilderState, internal::BuilderProcess};
use jiff::{SignedDuration, Timestamp};

use super::{build_task::BUILD_TASK, builder_notices};
use crate::{
    context::BuildsContext,
    store::{Builder, QueuedBuild, Suspension},
};

/// Time since the last claim after which a builder counts as absent, unless it runs a build. Claims wait up to 25
/// seconds.
const ABSENCE_LIMIT: SignedDuration = SignedDuration::from_secs(60);
/// Time after which an absent builder is forgotten.
const FORGET_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Longest id of a builder, in bytes.
pub const MAX_ID_BYTES: usize = 100;
/// Most labels of a builder.
const MAX_LABELS: usize = 32;
/// Longest label, in bytes.
const MAX_LABEL_BYTES: usize = 64;

/// Records a claim of a builder.
pub async fn record_claim(
    cx: &BuildsContext,
    process: &BuilderProcess,
    labels: Vec<String>,
    slots: u32,
) -> Result<()> {
    let are_valid = |labels: &[String]| {
        labels.len() <= MAX_LABELS && labels.iter().all(|label| (1..=MAX_LABEL_BYTES).contains(&label.len()))
    };
    if !(1..=MAX_ID_BYTES).contains(&process.place.len()) || !are_valid(&labels) {
        return Err(Error::invalid("builder", "the id of the builder or one of its labels is invalid").help(
            format!("use at most {MAX_LABELS} labels with 1 to {MAX_LABEL_BYTES} bytes (builder.labels)"),
        ));
    }
    let builder = Builder {
        id: process.place.clone(),
        labels,
        // A builder of an earlier release does not say its number: its claims show how many it has.
        slots: match slots {
            0 => cx.settings.builder_slots,
            slots => slots.min(cx.settings.builder_slots),
        },
        last_seen: cx.now(),
        failures: 0,
        failed_build: None,
        last_error: None,
        suspension: None,
    };
    let tx = cx.store.begin().await?;
    cx.store.record_builder_claim(&tx, &builder).await?;
    tx.commit().await
}

/// Determines the state of a builder. `running` is the number of its builds.
pub fn determine_state(builder: &Builder, running: usize, now: Timestamp) -> BuilderState {
    let is_suspended = builder
        .suspension
        .as_ref()
        .is_some_and(|suspension| suspension.until.is_none_or(|until| until > now));
    if now.duration_since(builder.last_seen) > ABSENCE_LIMIT && running == 0 {
        BuilderState::Absent
    } else if is_suspended {
        BuilderState::Suspended
    } else {
        BuilderState::Active
    }
}

/// Returns true if a builder gets no builds: an operator suspended it, or it kept failing while another one is active.
pub fn is_held_back(builder: &Builder, builders: &[Builder], now: Timestamp) -> bool {
    let is_active = |other: &&Builder| determine_state(other, 0, now) == BuilderState::Active;
    match &builder.suspension {
        None => false,
        Some(Suspension { until: None, .. }) => true,
        Some(Suspension { until: Some(until), .. }) => {
            *until > now && builders.iter().any(|other| other.id != builder.id && is_active(&other))
        }
    }
}

/// Counts the slots of the builders that get builds.
pub fn count_slots(builders: &[Builder], running: &[QueuedBuild], now: Timestamp) -> u32 {
    let active = builders.iter().filter(|builder| {
        let own = count_running(&builder.id, running);
        determine_state(builder, own, now) != BuilderState::Absent && !is_held_back(builder, builders, now)
    });
    active.map(|builder| builder.slots).fold(0, u32::saturating_add)
}

/// Counts the builds that a builder runs.
fn count_running(id: &str, running: &[QueuedBuild]) -> usize {
    running.iter().filter(|build| !build.settled && build.builder.as_deref() == Some(id)).count()
}

/// Records how a builder ended a build: `error` is the reason outside of the source, if there was one. Suspends a
/// builder that keeps failing.
pub async fn record_result(
    cx: &BuildsContext,
    tx: &Tx,
    id: Option<&str>,
    build: BuildId,
    error: Option<&str>,
) -> Result<()> {
    let Some(id) = id else { return Ok(()) };
    let Some(mut builder) = cx.store.lock_builder(tx, id).await? else { return Ok(()) };
    match error {
        None if builder.failures == 0 => return Ok(()),
        None => (builder.failures, builder.failed_build) = (0, None),
        // Further attempts at one build show the same problem.
        Some(_) if builder.failed_build == Some(build) => return Ok(()),
        Some(error) => {
            builder.failures += 1;
            builder.failed_build = Some(build);
            builder.last_error = Some(error.to_owned());
            let may_suspend = builder.suspension.as_ref().is_none_or(|suspension| suspension.until.is_some());
            if builder.failures >= cx.settings.builder_failures && may_suspend {
                let until = cx.now() + SignedDuration::from_mins(i64::from(cx.settings.builder_pause));
                let reason = format!("it failed {} builds in a row", builder.failures);
                tracing::error!(builder = id, failures = builder.failures, error, %until, "builder suspended");
                let former = builder.suspension.replace(Suspension { reason, until: Some(until) });
                builder_notices::announce_suspension(cx, tx, &builder, former.as_ref()).await?;
            }
        }
    }
    cx.store.update_builder(tx, &builder).await
}

/// Lists all builders for operators.
pub async fn list_builders(cx: &BuildsContext) -> Result<Vec<wire::Builder>> {
    let running = cx.store.list_queued_builds(cx.store.db_reader()).await?;
    let builders = cx.store.list_builders().await?;
    Ok(builders.into_iter().map(|builder| render_builder(builder, &running, cx.now())).collect())
}

fn render_builder(builder: Builder, running: &[QueuedBuild], now: Timestamp) -> wire::Builder {
    let running = count_running(&builder.id, running);
    let state = determine_state(&builder, running, now);
    let Builder { id, labels, slots, last_seen, failures, failed_build: _, last_error, suspension } = builder;
    let suspension = suspension.filter(|suspension| suspension.until.is_none_or(|until| until > now));
    let (suspension_reason, suspended_until) =
        suspension.map_or((None, None), |Suspension { reason, until }| (Some(reason), until));
    wire::Builder {
        id,
        labels,
        slots,
        running: u32::try_from(running).unwrap_or(u32::MAX),
        state,
        last_seen,
        failures,
        last_error,
        suspension_reason,
        suspended_until,
    }
}

/// Suspends a builder until an operator returns it. Its running builds continue.
pub async fn suspend_builder(
    cx: &BuildsContext,
    author: &ChangeAuthor,
    id: &str,
    operator: &UserName,
) -> Result<wire::Builder> {
    let suspension = Suspension { reason: format!("{operator} suspended it"), until: None };
    change_builder(cx, author, id, "builder.suspend", |builder| builder.suspension = Some(suspension)).await
}

/// Lets a builder get builds again, with a new count of failures.
pub async fn return_builder(cx: &BuildsContext, author: &ChangeAuthor, id: &str) -> Result<wire::Builder> {
    change_builder(cx, author, id, "builder.return", |builder| {
        builder.suspension = None;
        (builder.failures, builder.failed_build) = (0, None);
    })
    .await
}

async fn change_builder(
    cx: &BuildsContext,
    author: &ChangeAuthor,
    id: &str,
    action: &'static str,
    change: impl FnOnce(&mut Builder),
) -> Result<wire::Builder> {
    let tx = cx.store.begin().await?;
    let builder = cx.store.lock_builder(&tx, id).await?;
    let mut builder =
        builder.ok_or_else(|| Error::not_found("builder", id).help("hearth admin builders list"))?;
    change(&mut builder);
    cx.store.update_builder(&tx, &builder).await?;
    cx.record_change(&tx, author, Change { action, tool: None, subject: id.to_owned() }).await?;
    cx.store.queue.wake_task(&tx, BUILD_TASK);
    tx.commit().await?;
    let running = cx.store.list_queued_builds(cx.store.db_reader()).await?;
    Ok(render_builder(builder, &running, cx.now()))
}

/// Forgets builders that have been absent for a week.
pub async fn forget_absent_builders(cx: &BuildsContext, now: Timestamp) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.delete_absent_builders(&tx, now - FORGET_AFTER).await?;
    tx.commit().await
}
