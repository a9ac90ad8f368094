//! The step `start`: gives the images to the jobs. It stores the previous definitions first, for a rollback.
//!
//! | order | components | done when |
//! |---|---|---|
//! | 1 | one-off components that run before | they have succeeded; nothing else has changed |
//! | 2 | components without a page | they are ready, if a page follows |
//! | 3 | the component with the page | the step `switch` waits for it |
//!
//! So visitors see the previous page until everything that the new one needs is ready.

use std::time::Duration;

use hearth_base::{Error, ErrorKind, JobName, Result, Role};
use hearth_kit::DelegatedClient;
use hearth_wire::{
    components::StepState,
    jobs::{JobType, JobsQuery, StatusShort},
};
use jiff::SignedDuration;
use tokio::time::sleep;

use super::{
    super::{preview_spec::build_unsupported_error, running::RunningDeployment},
    one_off, switch,
};
use crate::{
    spec::ComponentPhase,
    store::{ComponentRollout, PreviousJob},
};

/// Creates or updates the jobs.
pub async fn run_start_step(running: &RunningDeployment<'_>) -> Result<StepState> {
    wait_for_rollbacks(running).await?;
    let names: Vec<JobName> = running.read(|content| content.components.keys().cloned().collect()).await;
    record_previous_jobs(running, &names).await?;
    let before = running.read(|content| content.list_components(ComponentPhase::Before)).await;
    for name in &before {
        let one = std::slice::from_ref(name);
        running
            .run_side_by_side(one, |name| async move { one_off::run_to_end(running, &name).await })
            .await?;
    }
    let (published, others) = split_by_page(running).await;
    running.run_side_by_side(&others, |name| async move { start_component(running, &name).await }).await?;
    if !published.is_empty() {
        running
            .run_side_by_side(&others, |name| async move { switch::wait_until_ready(running, &name).await })
            .await?;
        // A tool has one page: that of another name makes room for the new one.
        switch::remove_unnamed_jobs(running, |component| component.job.publish == Some(true)).await?;
        running
            .run_side_by_side(&published, |name| async move { start_component(running, &name).await })
            .await?;
    }
    Ok(StepState::Done)
}

async fn wait_for_rollbacks(running: &RunningDeployment<'_>) -> Result<()> {
    while running.cx.store.has_cancelling_deployments(running.tool).await? {
        let names: Vec<JobName> = running.read(|content| content.components.keys().cloned().collect()).await;
        for name in &names {
            running.set_message(name, "it waits for the rollback of an earlier deployment").await;
        }
        running
            .run_side_by_side(&names[..1.min(names.len())], |_| async move {
                running.save_change(|_| ()).await?;
                running.wait_unless_interrupted(sleep(Duration::from_millis(500))).await
            })
            .await?;
    }
    Ok(())
}

/// Stores the previous definitions of all jobs that change, before the first of them does.
async fn record_previous_jobs(running: &RunningDeployment<'_>, names: &[JobName]) -> Result<()> {
    running
        .run_side_by_side(names, |name| async move {
            let component = running.find_component(&name).await?;
            if component.progress.before.is_some() {
                return Ok(());
            }
            let is_complete = running.read(|content| content.is_complete).await;
            let jobs = running.cx.clients.create_delegated_client(Role::Jobs, running.mandate).await?;
            let before = read_previous_job(&jobs, &name, &component, is_complete).await?;
            running
                .change_component(&name, |component| {
                    if !is_complete {
                        keep_schedule(component, &before);
                    }
                    component.progress.before = Some(before);
                })
                .await;
            Ok(())
        })
        .await?;
    running.save_change(|_| ()).await
}

/// Lists the main components: those with the page, and the others.
async fn split_by_page(running: &RunningDeployment<'_>) -> (Vec<JobName>, Vec<JobName>) {
    running
        .read(|content| {
            let main = content.list_components(ComponentPhase::Main);
            main.into_iter()
                .partition(|name| content.components.get(name).is_some_and(|found| found.spec.is_published()))
        })
        .await
}

/// Creates or updates the job of a component.
async fn start_component(running: &RunningDeployment<'_>, name: &JobName) -> Result<()> {
    if running.find_component(name).await?.progress.job_changed_at.is_none() {
        let now = running.cx.now();
        running
            .save_change(|content| {
                if let Some(component) = content.components.get_mut(name) {
                    component.progress.job_changed_at = Some(now);
                }
            })
            .await?;
    }
    let component = running.find_component(name).await?;
    let (is_complete, force_run) = running.read(|content| (content.is_complete, content.force_run)).await;
    let jobs = running.cx.clients.create_delegated_client(Role::Jobs, running.mandate).await?;
    let definition = component.build_definition(is_complete);
    let answer = match is_complete {
        true => jobs.client.jobs().replace_job(&jobs.tool, &definition).await?,
        false => jobs.client.jobs().update(&jobs.tool, &definition).await?,
    };
    let changed = answer.job_changed;
    let query = JobsQuery::default();
    if definition.preview.is_some()
        && jobs.client.jobs().show(&jobs.tool, name, &query).await?.preview.is_none()
    {
        jobs.client.jobs().delete(&jobs.tool, name).await?;
        return Err(build_unsupported_error(Role::Jobs));
    }
    // An unchanged job that keeps crashing waits for its next start: a restart ends its back-off.
    let has_failed = !changed
        && !component.spec.is_scheduled()
        && jobs.client.jobs().show(&jobs.tool, name, &query).await?.status.short == StatusShort::Failed;
    if !changed && (force_run || has_failed) {
        jobs.client.jobs().restart(&jobs.tool, name).await?;
    }
    let job = jobs.client.jobs().show(&jobs.tool, name, &query).await?;
    let deadline = running.cx.now() + SignedDuration::from_secs(running.cx.settings.start_timeout.into());
    running
        .change_component(name, |component| {
            component.progress.generation = Some(job.status.generation);
            component.progress.ready_deadline = Some(deadline);
        })
        .await;
    let message = match (&component.progress.before, changed) {
        (Some(PreviousJob::Nothing), _) => "the job was created",
        (_, true) => "the job was updated",
        (_, false) => "the job is unchanged",
    };
    running.set_message(name, message).await;
    Ok(())
}

/// Reads the definition of the job without defaults. Fails if the job is paused, or of a type that the deployment may not
/// replace.
async fn read_previous_job(
    jobs: &DelegatedClient,
    name: &JobName,
    component: &ComponentRollout,
    is_complete: bool,
) -> Result<PreviousJob> {
    let query = JobsQuery { include_unset: Some(false) };
    match jobs.client.jobs().show(&jobs.tool, name, &query).await {
        Ok(job) if job.status.paused.is_some() => Err(build_paused_error(name)),
        Ok(job) if is_deployable(job.job_type, component, is_complete) => {
            job.to_definition().map(|job| PreviousJob::Job(Box::new(job)))
        }
        Ok(job) => Err(build_kind_error(name, job.job_type, component)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(PreviousJob::Nothing),
        Err(error) => Err(error),
    }
}

/// True if the component may take the place of a job of this type. A configuration names the type of each component; a
/// deployment of one folder keeps a schedule, and one with a schedule needs a scheduled job.
fn is_deployable(job_type: JobType, component: &ComponentRollout, is_complete: bool) -> bool {
    let is_one_off = component.spec.phase != ComponentPhase::Main;
    match job_type {
        JobType::OneOff => is_one_off,
        _ if is_one_off => false,
        JobType::Scheduled => true,
        JobType::Continuous | JobType::Webservice => is_complete || !component.spec.is_scheduled(),
    }
}

fn build_kind_error(name: &JobName, found: JobType, component: &ComponentRollout) -> Error {
    let needed = match component.spec.phase {
        ComponentPhase::Before | ComponentPhase::After => "one-off",
        ComponentPhase::Main if component.spec.is_scheduled() => "scheduled",
        ComponentPhase::Main => "continuous or scheduled",
    };
    let what = format!("the tool has a {} job {name}; this deployment needs a {needed} job", found.as_str());
    Error::conflict("component-kind", what)
        .help(format!("delete that job, or name another component: hearth jobs delete {name}"))
}

/// A deployment of one folder without a schedule keeps that of the previous job, which has no page and no port.
fn keep_schedule(component: &mut ComponentRollout, before: &PreviousJob) {
    let PreviousJob::Job(previous) = before else { return };
    let job = &mut component.spec.job;
    if previous.schedule.is_some() && job.schedule.is_none() {
        (job.schedule, job.timezone) = (previous.schedule.clone(), previous.timezone.clone());
        job.job_type = Some(JobType::Scheduled);
        (job.publish, job.port) = (None, None);
    }
}

/// Builds the error about a paused job.
fn build_paused_error(name: &JobName) -> Error {
    let what = format!("the job {name} is paused; a deployment needs it to run");
    Error::conflict("job-paused", what).help(format!("hearth jobs resume {name}, then deploy again"))
}
