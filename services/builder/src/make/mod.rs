//! One build: fetch, detect, image, push. Each step is a run that is started once however often it is asked for, so
//! a build that is taken over goes on where it is.

mod base;
mod detect;
mod failure;
mod fetch;
mod image;
mod log;
mod process;
mod push;
mod report;
mod tail;

use hearth_base::{Digest, Error, Kind, Result, Role};
use hearth_kit::log_error;
use hearth_runtime_api::{Process, RunId, WorkloadId};
use hearth_wire::{
    builds::{
        BuildStep,
        internal::{Lease, LeaseEnd},
    },
    images::{PROCESSES_LABEL, internal::Resolved},
};
use tokio::sync::watch;

use crate::{
    cx::Cx,
    runs::{Runs, run_id},
};
use failure::Failure;
use log::Log;

/// The steps that are runs.
const STEPS: [&str; 3] = ["fetch", "image", "push"];

/// Where a build is, for whoever watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub step: BuildStep,
    pub message: String,
}

/// What the steps of one attempt share.
pub struct Make<'a> {
    pub cx: &'a Cx,
    pub lease: &'a Lease,
    pub runs: Runs<'a>,
    pub log: Log<'a>,
    say: watch::Sender<Option<Said>>,
}

impl Make<'_> {
    /// Tells where the build is.
    fn say(&self, step: BuildStep, message: &str) {
        self.say.send_replace(Some(Said { step, message: message.to_owned() }));
    }
}

/// Makes an image, or finds out why there is none.
pub async fn make(
    cx: &Cx,
    lease: &Lease,
    stopping: watch::Receiver<bool>,
    say: watch::Sender<Option<Said>>,
) -> LeaseEnd {
    let runs = Runs { cx, build: lease.build, attempt: lease.attempt, stopping: stopping.clone() };
    let make = Make { cx, lease, runs, log: Log::new(cx, lease), say };
    let made = if lease.stop { Err(Failure::Stopped) } else { steps(&make).await };
    // Whatever the reason, an order to stop is obeyed; and nothing runs on behind the end of a build.
    let made = if *stopping.borrow() { Err(Failure::Stopped) } else { made };
    let end = match made {
        Ok(end) => end,
        Err(failure) => {
            stop_all(&make).await;
            failure.into()
        }
    };
    make.log.close(&end).await;
    end
}

async fn steps(make: &Make<'_>) -> Result<LeaseEnd, Failure> {
    make.log.open().await?;
    make.say(BuildStep::Fetch, "The source is fetched.");
    let source = fetch::fetch(make).await?;
    make.say(BuildStep::Detect, "It is found out how to build it.");
    let plan = detect::detect(make, &source).await?;
    make.say(BuildStep::Image, "The image is made.");
    image::image(make, &plan).await?;
    make.say(BuildStep::Push, "The image is stored.");
    let digest = push::push(make).await?;
    let lease = make.lease;
    let name = format!("tool-{}/{}@{digest}", lease.tool_name, lease.image_name);
    let stored = make.cx.of(Role::Images)?.images_internal().resolve(lease.tool, &name).await?;
    Ok(made(lease, digest, &stored, &plan))
}

fn made(lease: &Lease, digest: Digest, stored: &Resolved, plan: &hearth_plan::Plan) -> LeaseEnd {
    let label = stored.config.labels.get(PROCESSES_LABEL);
    let processes = label.and_then(|label| hearth_plan::processes_of(label)).unwrap_or_default();
    let names: Vec<&str> = processes.keys().map(String::as_str).collect();
    let processes_said = match names.as_slice() {
        [] => "It names no process.".to_owned(),
        [one] => format!("Its process is {one}."),
        many => format!("Its processes are {}.", many.join(", ")),
    };
    let found = plan.because.first().map_or("", String::as_str);
    LeaseEnd::Made {
        digest: digest.to_string(),
        image: tagged(&stored.reference, lease),
        processes,
        message: format!("{found} {processes_said}"),
    }
}

/// The image's full name with its tag before the digest, as people know it.
fn tagged(reference: &str, lease: &Lease) -> String {
    let name = format!("tool-{}/{}", lease.tool_name, lease.image_name);
    match reference.split_once('@') {
        Some((before, digest)) if before.ends_with(&name) => format!("{before}:latest@{digest}"),
        _ => reference.to_owned(),
    }
}

/// Stops whatever of this attempt runs, and waits until it does not.
async fn stop_all(make: &Make<'_>) {
    for step in STEPS {
        let stopped = async {
            let run = make.runs.id(step)?;
            make.runs.stop(run).await?;
            make.runs.follow_run(run, &mut tail::Unread).await.map(drop)
        };
        match stopped.await {
            Ok(()) => {}
            // It was never started, and never will be.
            Err(error) if error.kind() == Kind::Conflict => {}
            Err(error) => {
                log_error!(&error, build = %make.lease.build, "run of a build not stopped")
            }
        }
    }
}

/// Forgets the runs of this attempt and of those before: how they ended has been told.
pub async fn settle(cx: &Cx, lease: &Lease) {
    for attempt in 1..=lease.attempt {
        for step in STEPS {
            let settled = async {
                let run = run_id(lease.build, attempt, step)?;
                cx.runtime.acknowledge(WorkloadId::Run(run)).await
            };
            if let Err(error) = settled.await {
                log_error!(&error, build = %lease.build, "ended run of a build not acknowledged");
            }
        }
    }
}

/// Starts the run of a step, in the builder's image. Its id.
async fn start_step(make: &Make<'_>, step: &str, process: Process) -> Result<RunId> {
    let image = make.cx.of(Role::Images)?.images_internal().resolve(make.lease.tool, BUILDER).await;
    let image = image.map_err(|error| {
        let missing = Error::unavailable("no-builder-image", "this Hearth has no image to build with yet");
        if error.kind() == Kind::NotFound {
            missing.help("hearthd image bootstrap").because(error)
        } else {
            error
        }
    })?;
    let run = make.runs.id(step)?;
    make.runs.start_run(&process::workload(make, run, image.reference.parse()?, process)).await?;
    Ok(run)
}

/// The image that builds run in.
const BUILDER: &str = "hearth/builder";
