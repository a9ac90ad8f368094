//! Claims of builders: the next build is chosen and leased. The states are in `lease.rs`.

use std::{collections::BTreeMap, time::Duration};

use hearth_base::{Error, Result, Role, ToolId};
use hearth_kit::{
    db::Tx,
    queue::{LeaseHolder, LeaseTicket},
};
use hearth_wire::builds::{
    BuildStatus,
    internal::{
        BuildClaim, BuildLease, BuildLeaseSource, BuilderProcess, LeasePackageSource, LeaseSourceCredential,
    },
};
use jiff::{SignedDuration, Timestamp};

use super::{
    build_task::BUILD_TASK,
    builders, credentials, package_sources,
    schedule::{self, CandidateBuild, ClaimingBuilder, RunningBuild, ScheduleLimits},
    source_credentials,
    ticket::encode_ticket,
    time_limit,
};
use crate::{
    context::BuildsContext,
    git::RepositoryAddress,
    store::{Build, QueuedBuild},
};

/// Longest wait before the clock is read again.
const CLOCK_CHECK_INTERVAL: Duration = Duration::from_secs(30);
/// Shortest wait between two looks at the queue without a change of it.
const MIN_CLAIM_PAUSE: Duration = Duration::from_millis(50);

/// Claims a tool's queue item and leases its next build, which the rules of [`schedule`] choose. Waits up to `timeout`
/// for one.
pub async fn claim_build(
    cx: &BuildsContext,
    claim: BuildClaim,
    timeout: Duration,
) -> Result<Option<BuildLease>> {
    let BuildClaim { wait: _, builder, labels, slots, isolates_previews } = claim;
    if let Some(process) = &builder {
        builders::record_claim(cx, process, labels, slots).await?;
    }
    let holder = builder.map(|BuilderProcess { place, life }| LeaseHolder {
        role: Role::Builder,
        folder_id: place,
        life,
    });
    let until = tokio::time::Instant::now() + timeout;
    let mut listener = cx.store.queue.listen_to_task(BUILD_TASK);
    loop {
        let next_change = match lease_next_build(cx, holder.as_ref(), isolates_previews).await? {
            ClaimResult::Leased(lease) => return Ok(Some(*lease)),
            ClaimResult::Changed => continue,
            ClaimResult::Waiting(next_change) => next_change,
        };
        let remaining = until.saturating_duration_since(tokio::time::Instant::now());
        let pause = next_change
            .map_or(CLOCK_CHECK_INTERVAL, |at| {
                Duration::try_from(at.duration_since(cx.now())).unwrap_or_default()
            })
            .clamp(MIN_CLAIM_PAUSE, CLOCK_CHECK_INTERVAL);
        let waited = cx.stop.run_until_shutdown(listener.wait_for(pause.min(remaining))).await;
        if remaining.is_zero() || waited.is_none() {
            return Ok(None);
        }
    }
}

/// Result of one look at the queue.
enum ClaimResult {
    Leased(Box<BuildLease>),
    /// The queue has changed meanwhile: look again.
    Changed,
    /// There is no build for the builder, until this time or a change of the queue.
    Waiting(Option<Timestamp>),
}

/// Leases the next build of the tool that the builder is to serve.
async fn lease_next_build(
    cx: &BuildsContext,
    holder: Option<&LeaseHolder>,
    isolates_previews: bool,
) -> Result<ClaimResult> {
    let now = cx.now();
    let items = cx.store.queue.list_queued_items(cx.store.db_reader(), holder, BUILD_TASK).await?;
    let next_change = items.iter().filter_map(|item| item.next_change(now)).min();
    // A claim without a due item takes no write lock.
    if !items.iter().any(|item| item.is_claimable(now)) {
        return Ok(ClaimResult::Waiting(next_change));
    }
    let tx = cx.store.begin().await?;
    let (tool, former_builder) = match choose_tool(cx, &tx, holder, isolates_previews).await? {
        ChosenTool::Tool(tool, former_builder) => (tool, former_builder),
        ChosenTool::None { until } => {
            tx.commit().await?;
            return Ok(ClaimResult::Waiting(next_change.into_iter().chain(until).min()));
        }
    };
    // The build is locked before the item, as at its end.
    let build = cx.store.lock_next_build(&tx, tool).await?;
    if !isolates_previews && build.as_ref().is_some_and(|build| build.parameters.preview.is_some()) {
        // It was not the tool's next build when the tool was chosen.
        return Ok(ClaimResult::Changed);
    }
    let item = cx.store.queue.claim_item(&tx, holder, BUILD_TASK, &tool.to_string()).await?;
    let (mut build, item) = match (build, item) {
        (Some(build), Some(item)) => (build, item),
        (None, Some(item)) => {
            cx.store.queue.finish_item(&tx, &item).await?;
            tx.commit().await?;
            return Ok(ClaimResult::Changed);
        }
        (_, None) => {
            tx.commit().await?;
            return Ok(ClaimResult::Changed);
        }
    };
    if build.status == BuildStatus::BuildPending {
        build.status = BuildStatus::BuildRunning;
        build.started = Some(now);
        build.settled = false;
        time_limit::set_deadline(cx, &tx, &mut build).await?;
    }
    let id = holder.map(|holder| holder.folder_id.as_str());
    if former_builder.is_some() && former_builder.as_deref() != id {
        let reason = "it lost its lease: its heartbeats ended";
        builders::record_result(cx, &tx, former_builder.as_deref(), build.id, Some(reason)).await?;
        credentials::mark_credentials_revoked(cx, &tx, build.id).await?;
    }
    build.builder = id.map(str::to_owned);
    cx.store.update_build(&tx, &build).await?;
    tx.commit().await?;
    credentials::revoke_former_credentials(cx, build.id).await;
    let package_sources = package_sources::list_lease_sources(cx, build.tool).await?;
    let source_credentials = source_credentials::list_lease_credentials(cx, &build).await?;
    let lease = create_lease(cx, &build, &item.to_ticket(), package_sources, source_credentials)?;
    Ok(ClaimResult::Leased(Box::new(lease)))
}

/// Tool that a builder serves next.
enum ChosenTool {
    /// A tool, with the builder that died with its build.
    Tool(ToolId, Option<String>),
    /// None until this time or a change of the queue.
    None { until: Option<Timestamp> },
}

/// Chooses the tool by the rules of [`schedule`]. The locked rows of the builders make this one claim at a time.
async fn choose_tool(
    cx: &BuildsContext,
    tx: &Tx,
    holder: Option<&LeaseHolder>,
    isolates_previews: bool,
) -> Result<ChosenTool> {
    let now = cx.now();
    let builders = cx.store.lock_builders(tx).await?;
    let own = holder.and_then(|holder| builders.iter().find(|builder| builder.id == holder.folder_id));
    if let Some(own) = own.filter(|own| builders::is_held_back(own, &builders, now)) {
        return Ok(ChosenTool::None {
            until: own.suspension.as_ref().and_then(|suspension| suspension.until),
        });
    }
    let items = cx.store.queue.list_queued_items(&**tx, holder, BUILD_TASK).await?;
    let builds = cx.store.list_queued_builds(&**tx).await?;
    let mut next_builds: BTreeMap<ToolId, &QueuedBuild> = BTreeMap::new();
    // The builds are sorted: the first of a tool is its next one.
    for build in &builds {
        next_builds.entry(build.tool).or_insert(build);
    }
    let (mut candidates, mut running) = (Vec::new(), Vec::new());
    for item in &items {
        let tool: ToolId = item.key.parse()?;
        let build = next_builds.get(&tool);
        let expected = build.and_then(|build| build.expected);
        if item.is_leased(now) {
            running.push(RunningBuild { builder: build.and_then(|build| build.builder.clone()), expected });
        } else if item.is_claimable(now) {
            candidates.push(CandidateBuild {
                tool,
                waiting_since: item.due_at,
                expected,
                label: build
                    .and_then(|build| cx.settings.builder_labels.get(build.tool_name.as_str()).cloned()),
                is_abandoned: item.is_abandoned(now),
                is_preview: build.is_some_and(|build| build.is_preview),
            });
        }
    }
    let claiming = ClaimingBuilder {
        id: holder.map(|holder| holder.folder_id.as_str()),
        labels: own.map_or(&[], |own| &own.labels),
        slots: own.map_or(u32::MAX, |own| own.slots),
        isolates_previews,
    };
    let limits = ScheduleLimits {
        max_running: cx.settings.running_builds,
        total_slots: builders::count_slots(&builders, &builds, now),
        long_build: SignedDuration::from_secs(i64::from(cx.settings.long_build)),
    };
    let Some(tool) = schedule::choose_next_tool(&candidates, &running, &claiming, limits) else {
        return Ok(ChosenTool::None { until: None });
    };
    let is_abandoned = candidates.iter().any(|candidate| candidate.tool == tool && candidate.is_abandoned);
    let former = next_builds.get(&tool).filter(|_| is_abandoned).and_then(|build| build.builder.clone());
    Ok(ChosenTool::Tool(tool, former))
}

fn create_lease(
    cx: &BuildsContext,
    build: &Build,
    ticket: &LeaseTicket,
    package_sources: Vec<LeasePackageSource>,
    source_credentials: Vec<LeaseSourceCredential>,
) -> Result<BuildLease> {
    let parameters = &build.parameters;
    let source = match parameters.upload {
        Some(id) => {
            BuildLeaseSource::Upload { id, digest: build.resolved_ref.clone(), size: build.source_size }
        }
        None => BuildLeaseSource::Git {
            url: parameters.source_url.clone(),
            mirror: match source_credentials::covers_source(build, &source_credentials) {
                true => None,
                false => parameters.source_url.parse::<RepositoryAddress>()?.mirror_url(&cx.outbound)?,
            },
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
        rebuild: parameters.rebuild,
        preview: parameters.preview,
        package_sources,
        source_credentials,
        original_build: build.image_record.original_build.clone(),
        deadline: build.deadline.ok_or_else(|| Error::internal("a running build has no deadline"))?,
        stop: build.has_ended(),
    })
}
