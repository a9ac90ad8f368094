//! The step `switch`: waits until the new containers are ready, removes the jobs that are no components any more, and runs
//! the one-off components that come last. The previous containers of each job run until its new ones are ready.

use std::{collections::BTreeMap, time::Duration};

use hearth_base::{ErrorKind, JobName, Result, Role};
use hearth_kit::{DelegatedClient, events::TopicReader};
use hearth_wire::{
    components::{Revision, RevisionComponent, StepState},
    events::Topic,
    jobs::{Job, JobsQuery, Run, RunProblem, RunState, internal::RouteEvent},
};
use jiff::SignedDuration;
use tokio::time::sleep;

use super::{
    super::{revision_spec, running::RunningDeployment},
    one_off,
    runs::{ended_by_itself, list_newest_runs},
    startup_errors::{self, FailedComponent},
};
use crate::{
    context::ComponentsContext,
    spec::{ComponentPhase, ComponentSpec},
    store::ComponentProgress,
};

/// The deployment fails after this many ended runs of the new definition.
const MAX_STARTUP_CRASHES: usize = 3;
/// The pause between two polls of the job if no event arrives.
const JOB_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The time for which a component without a port has to run: a program that fails at its start has ended by then.
const STEADY_TIME: SignedDuration = SignedDuration::from_secs(5);
/// The deployment fails after the component has listened on loopback only for this time: waiting longer changes
/// nothing.
const LOOPBACK_TIMEOUT: SignedDuration = SignedDuration::from_secs(10);
/// The deployment fails after the component has listened on another port only for this time. A program may open the
/// port of a helper first.
const OTHER_PORT_TIMEOUT: SignedDuration = SignedDuration::from_secs(20);

/// Waits for all components and removes the jobs that the deployment no longer names.
pub async fn run_switch_step(running: &RunningDeployment<'_>) -> Result<StepState> {
    let main = running.read(|content| content.list_components(ComponentPhase::Main)).await;
    running.run_side_by_side(&main, |name| async move { wait_until_ready(running, &name).await }).await?;
    remove_unnamed_jobs(running, |_| true).await?;
    let after = running.read(|content| content.list_components(ComponentPhase::After)).await;
    for name in &after {
        let one = std::slice::from_ref(name);
        running
            .run_side_by_side(one, |name| async move { one_off::run_to_end(running, &name).await })
            .await?;
    }
    Ok(StepState::Done)
}

/// Waits until the new definition of a job is ready, has crashed too often, or is over its deadline.
pub async fn wait_until_ready(running: &RunningDeployment<'_>, name: &JobName) -> Result<()> {
    let component = running.find_component(name).await?;
    if component.progress.is_done {
        return Ok(());
    }
    let (spec, progress) = (component.spec, component.progress);
    if let Some(schedule) = &spec.job.schedule {
        return complete_component(running, name, &format!("it runs at {schedule}")).await;
    }
    let cx = running.cx;
    let mut routes = TopicReader::new(&cx.clients, RouteEvent::TOPIC_INFO);
    let mut unreachable_since = None;
    loop {
        // The first call moves the reader to the end of the stream, before the job is read: no later event is
        // missed.
        wait_for_route(running, &mut routes).await?;
        let jobs = cx.clients.create_delegated_client(Role::Jobs, running.mandate).await?;
        let failed = FailedComponent { jobs: &jobs, name, spec: &spec };
        let job = jobs.client.jobs().show(&jobs.tool, name, &JobsQuery::default()).await?;
        if is_ready(&job, progress.generation) && runs_steadily(cx, &jobs, name, &spec).await? {
            return complete_component(running, name, "it is ready").await;
        }
        let runs = list_own_runs(&jobs, name, &progress).await?;
        let ended: Vec<&Run> = runs.iter().filter(|run| ended_by_itself(run)).collect();
        if ended.len() >= MAX_STARTUP_CRASHES {
            return Err(startup_errors::build_crash_error(&failed, &ended).await);
        }
        let unreachable = runs.iter().find_map(|run| Some((run, find_unreachable_timeout(run)?)));
        unreachable_since = unreachable.map(|_| unreachable_since.unwrap_or_else(|| cx.now()));
        if let (Some((run, timeout)), Some(since)) = (unreachable, unreachable_since)
            && since + timeout <= cx.now()
        {
            return Err(startup_errors::build_unreachable_error(&failed, run).await);
        }
        let reason = job.status.messages.join("; ");
        if progress.ready_deadline.is_none_or(|deadline| deadline <= cx.now()) {
            return Err(startup_errors::build_not_ready_error(&failed, &runs, &reason).await);
        }
        let message = if reason.is_empty() { "it is being started".to_owned() } else { reason };
        running.save_message(name, message).await?;
    }
}

async fn complete_component(running: &RunningDeployment<'_>, name: &JobName, message: &str) -> Result<()> {
    running.change_component(name, |component| component.progress.is_done = true).await;
    running.set_message(name, message).await;
    Ok(())
}

/// Deletes the selected jobs that ran so far, and that are no components of this complete one. It stores their definitions
/// first, for a rollback.
pub async fn remove_unnamed_jobs(
    running: &RunningDeployment<'_>,
    is_selected: impl Fn(&RevisionComponent) -> bool,
) -> Result<()> {
    let former = list_former_components(running).await?;
    if former.is_empty() {
        return Ok(());
    }
    let jobs = running.cx.clients.create_delegated_client(Role::Jobs, running.mandate).await?;
    for (name, component) in former {
        if !is_selected(&component) {
            continue;
        }
        let is_named = running
            .read(|content| content.components.contains_key(&name) || revision_spec::is_kept(content, &name));
        if is_named.await {
            continue;
        }
        let query = JobsQuery { include_unset: Some(false) };
        match jobs.client.jobs().show(&jobs.tool, &name, &query).await {
            Ok(job) => {
                let definition = job.to_definition()?;
                running
                    .save_change(|content| {
                        content.removals.insert(name.clone(), definition);
                    })
                    .await?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        }
        match jobs.client.jobs().delete(&jobs.tool, &name).await {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Lists what ran so far: the components of the previous revision, or of a preview, which has none, its jobs.
async fn list_former_components(
    running: &RunningDeployment<'_>,
) -> Result<BTreeMap<JobName, RevisionComponent>> {
    let Some(number) = running.read(|content| content.find_preview()).await else {
        let previous = running.cx.store.find_newest_revision(running.tool).await?;
        return Ok(previous.as_ref().map(Revision::list_components).unwrap_or_default());
    };
    let jobs = running.cx.clients.create_delegated_client(Role::Jobs, running.mandate).await?;
    let query = JobsQuery { include_unset: Some(false) };
    let all = jobs.client.jobs().list(&jobs.tool, &query).await?;
    let of_preview =
        all.iter().filter(|job| job.preview.is_some() && job.name.find_preview() == Some(number));
    of_preview.map(|job| Ok((job.name.clone(), RevisionComponent::new(job.to_definition()?)))).collect()
}

/// Waits for a change of routes or [`JOB_POLL_INTERVAL`]. The first call only moves the reader to the end of
/// the stream.
async fn wait_for_route(running: &RunningDeployment<'_>, routes: &mut TopicReader) -> Result<()> {
    if let Err(error) = running.wait_unless_interrupted(routes.wait(JOB_POLL_INTERVAL)).await? {
        tracing::debug!(%error, "events of jobs not read; will poll");
        running.wait_unless_interrupted(sleep(JOB_POLL_INTERVAL)).await?;
    }
    Ok(())
}

/// Finds how long a run may listen where nothing reaches it; `None` if its problem is another one.
fn find_unreachable_timeout(run: &Run) -> Option<SignedDuration> {
    match run.problem? {
        RunProblem::ListensOnLoopback => Some(LOOPBACK_TIMEOUT),
        RunProblem::ListensOnOtherPort => Some(OTHER_PORT_TIMEOUT),
        RunProblem::Other => None,
    }
}

/// True if all containers of the job have this definition and at least one is ready. A sleeping page was ready before it
/// fell asleep.
fn is_ready(job: &Job, generation: Option<u64>) -> bool {
    let new = generation.is_none_or(|generation| job.status.generation >= generation);
    new && job.status.up_to_date && (job.status.ready > 0 || job.status.asleep.is_some())
}

/// True if the component has run for [`STEADY_TIME`]. A component with a port proves itself by its checks instead.
async fn runs_steadily(
    cx: &ComponentsContext,
    jobs: &DelegatedClient,
    name: &JobName,
    spec: &ComponentSpec,
) -> Result<bool> {
    if spec.job.port.is_some() {
        return Ok(true);
    }
    let runs = list_newest_runs(jobs, name).await?;
    let running = runs.iter().filter(|run| run.state == RunState::Running);
    let started = running.filter_map(|run| run.started).max();
    Ok(started.is_none_or(|started| started + STEADY_TIME <= cx.now()))
}

/// Lists the runs of the new definition, the newest first.
async fn list_own_runs(
    jobs: &DelegatedClient,
    name: &JobName,
    progress: &ComponentProgress,
) -> Result<Vec<Run>> {
    let runs = list_newest_runs(jobs, name).await?;
    let since = progress.job_changed_at;
    Ok(runs.into_iter().filter(|run| since.is_none_or(|since| run.created >= since)).collect())
}
