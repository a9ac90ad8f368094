//! Pipeline of one build: fetch, detect, image, push. Each step except detect is a run with a derived id that
//! is started at most once, so that another builder can continue the build where it is.

mod base_images;
mod client_settings;
mod compiler_settings;
mod detect;
mod failure;
mod fetch;
mod image;
mod image_report;
mod log;
mod output_signs;
mod package_sources;
mod process;
mod push;
mod reproduction;
mod sandbox_files;
mod sbom;
mod source_credentials;
mod source_date;
mod source_images;
mod source_report;
mod step_log;

use std::sync::{Mutex, PoisonError};

use hearth_base::{Digest, Error, ErrorKind, Result, Role, TokenId};
use hearth_kit::log_error;
use hearth_runtime_api::{Process, RunId, WorkloadId};
use hearth_wire::{
    builds::{
        BuildFailure as Explanation, BuildFailureClass, BuildStep,
        internal::{BuildLease, BuildLeaseOutcome},
    },
    images::{PROCESSES_LABEL, internal::ImageResolution},
};
use tokio::sync::watch;

use crate::{
    context::BuilderContext,
    runs::{AttemptRuns, derive_run_id},
};
use failure::BuildFailure;
use image_report::ImageReport;
use log::BuildLog;

/// Steps that are runs.
const RUN_STEPS: [&str; 3] = ["fetch", "image", "push"];

/// Progress of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildProgress {
    pub step: BuildStep,
    pub message: String,
}

/// State that the steps of one attempt share.
pub struct BuildAttempt<'a> {
    pub cx: &'a BuilderContext,
    pub lease: &'a BuildLease,
    pub runs: AttemptRuns<'a>,
    pub log: BuildLog<'a>,
    progress: watch::Sender<Option<BuildProgress>>,
    /// Registry tokens to revoke.
    tokens: Mutex<Vec<TokenId>>,
}

impl BuildAttempt<'_> {
    /// Records a registry token, which is revoked when the build ends.
    fn record_token(&self, token: TokenId) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).push(token);
    }

    /// Takes the recorded registry tokens.
    fn take_tokens(&self) -> Vec<TokenId> {
        std::mem::take(&mut *self.tokens.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reports the current step.
    fn report_progress(&self, step: BuildStep, message: &str) {
        self.progress.send_replace(Some(BuildProgress { step, message: message.to_owned() }));
    }
}

/// Runs the steps of a build and returns its outcome, with the explanation of a failure. After a failure or stop request
/// no run of the attempt is left running.
pub async fn run_build(
    cx: &BuilderContext,
    lease: &BuildLease,
    stopping: watch::Receiver<bool>,
    progress: watch::Sender<Option<BuildProgress>>,
) -> (BuildLeaseOutcome, Option<Explanation>) {
    let runs = AttemptRuns { cx, build: lease.build, attempt: lease.attempt, stopping: stopping.clone() };
    let attempt =
        BuildAttempt { cx, lease, runs, log: BuildLog::new(cx, lease), progress, tokens: Mutex::default() };
    let result = if lease.stop { Err(BuildFailure::from_stop()) } else { run_steps(&attempt).await };
    // A stop request overrides the result, so that a cancelled build is never reported as failed.
    let result = if *stopping.borrow() { Err(BuildFailure::from_stop()) } else { result };
    let (outcome, failure) = match result {
        Ok(outcome) => (outcome, None),
        Err(failure) => {
            stop_runs(&attempt).await;
            failure.into_outcome()
        }
    };
    tokio::join!(
        sandbox_files::revoke_registry_tokens(&attempt),
        attempt.log.close(&outcome, failure.as_ref())
    );
    (outcome, failure)
}

/// Runs the steps in order up to the pushed image.
async fn run_steps(attempt: &BuildAttempt<'_>) -> Result<BuildLeaseOutcome, BuildFailure> {
    attempt.log.open().await?;
    attempt.report_progress(BuildStep::Fetch, "Fetching the source.");
    let source =
        fetch::fetch_source(attempt).await.map_err(|failure| failure.or_class(BuildFailureClass::Source))?;
    attempt.report_progress(BuildStep::Detect, "Detecting how to build the source.");
    let plan = detect::detect_plan(attempt, &source.files).await?;
    attempt.report_progress(BuildStep::Image, "Building the image.");
    let built = image::build_image(attempt, &plan, source.time)
        .await
        .map_err(|failure| failure.or_class(BuildFailureClass::CommandFailed))?;
    attempt.report_progress(BuildStep::Push, "Pushing the image.");
    let pushed = push::push_image(attempt).await?;
    let digest = pushed.digest;
    sbom::store_sbom(attempt, digest, &pushed.inventory).await;
    let lease = attempt.lease;
    let name = format!("tool-{}/{}@{digest}", lease.tool_name, lease.image_name);
    let stored = attempt.cx.create_client(Role::Images)?.images_internal().resolve(lease.tool, &name).await?;
    let result = reproduction::describe_result(lease, digest, built.materials.as_ref(), &pushed.comparison);
    let mut outcome = build_success(lease, digest, &stored, &plan, built);
    if let (BuildLeaseOutcome::Succeeded { message, comparison, .. }, Some(result)) = (&mut outcome, result) {
        *message = result.0;
        *comparison = result.1.map(Box::new);
    }
    Ok(outcome)
}

/// Builds the outcome of a successful build from the stored image.
fn build_success(
    lease: &BuildLease,
    digest: Digest,
    stored: &ImageResolution,
    plan: &hearth_plan::BuildPlan,
    built: ImageReport,
) -> BuildLeaseOutcome {
    let label = stored.config.labels.get(PROCESSES_LABEL);
    let processes = label.and_then(|label| hearth_plan::parse_label_value(label)).unwrap_or_default();
    let names: Vec<&str> = processes.keys().map(String::as_str).collect();
    let processes_text = match names.as_slice() {
        [] => "It has no process.".to_owned(),
        [one] => format!("Its process is {one}."),
        many => format!("Its processes are {}.", many.join(", ")),
    };
    let found = plan.reasons.first().map_or("", String::as_str);
    BuildLeaseOutcome::Succeeded {
        digest: digest.to_string(),
        image: insert_tag(&stored.reference, lease),
        processes,
        message: format!("{found} {processes_text}"),
        inputs: built.inputs,
        materials: built.materials.map(Box::new),
        comparison: None,
    }
}

/// Inserts the tag before the digest of the image's full name.
fn insert_tag(reference: &str, lease: &BuildLease) -> String {
    let name = format!("tool-{}/{}", lease.tool_name, lease.image_name);
    match reference.split_once('@') {
        Some((before, digest)) if before.ends_with(&name) => format!("{before}:latest@{digest}"),
        _ => reference.to_owned(),
    }
}

/// Stops all runs of this attempt, and waits for their ends.
async fn stop_runs(attempt: &BuildAttempt<'_>) {
    for step in RUN_STEPS {
        let stopped = async {
            let run = attempt.runs.run_id(step)?;
            attempt.runs.stop(run).await?;
            attempt.runs.follow_run(run, &mut step_log::DiscardLines).await.map(drop)
        };
        match stopped.await {
            Ok(()) => {}
            // The run was never started, and after the stop it cannot be started.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => {
                log_error!(&error, build = %attempt.lease.build, "run of a build not stopped")
            }
        }
    }
}

/// Acknowledges the runs of this and earlier attempts, so that the runtime may delete them. Called once the
/// end of the build has been reported.
pub async fn acknowledge_runs(cx: &BuilderContext, lease: &BuildLease) {
    for attempt in 1..=lease.attempt {
        for step in RUN_STEPS {
            let settled = async {
                let run = derive_run_id(lease.build, attempt, step)?;
                cx.runtime.acknowledge_workload(WorkloadId::Run(run)).await
            };
            if let Err(error) = settled.await {
                log_error!(&error, build = %lease.build, "ended run of a build not acknowledged");
            }
        }
    }
}

/// Starts the run of a step in the builder's image. Returns its id.
async fn start_step(attempt: &BuildAttempt<'_>, step: &str, process: Process) -> Result<RunId> {
    let image = attempt
        .cx
        .create_client(Role::Images)?
        .images_internal()
        .resolve(attempt.lease.tool, BUILDER_IMAGE)
        .await;
    let image = image.map_err(|error| {
        let missing = Error::unavailable("no-builder-image", "the builder image has not been built yet");
        if error.kind() == ErrorKind::NotFound {
            missing.help("ask an operator of this Hearth to run: hearthd image bootstrap").with_cause(error)
        } else {
            error
        }
    })?;
    let run = attempt.runs.run_id(step)?;
    attempt.runs.start_run(&process::build_workload(attempt, run, image.reference.parse()?, process)).await?;
    Ok(run)
}

/// Image in which builds run.
pub const BUILDER_IMAGE: &str = "hearth/builder";
