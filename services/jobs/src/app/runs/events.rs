//! What is told of runs and due times to whoever passes it on to people, in the change that makes it so.

use hearth_base::ToolName;
use hearth_runtime_api::WorkloadId;
use hearth_wire::jobs::{
    Emails, JobType,
    internal::{JobsEvent, RunTold},
};

use super::view;
use crate::store::{Job, Run};

/// Whose a run is: the tool's name unless it is ending, and the job unless it was deleted.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    pub name: Option<&'a ToolName>,
    pub job: Option<&'a Job>,
}

/// What is told of that which a change made of a run: that its process began, and that it is over. The latter is told
/// once both its end and its log are there, by whichever change comes second; so the tool is locked. Of an ending tool
/// nothing is told.
pub fn run(of: Whose<'_>, before: &Run, now: &Run) -> impl Iterator<Item = JobsEvent> {
    let complete = |run: &Run| run.is_over() && run.log_done;
    let told = |what: fn(RunTold) -> JobsEvent| of.name.map(|name| what(told(name, of.job, now)));
    let began = before.started.is_none() && now.started.is_some();
    let ended = !complete(before) && complete(now);
    let began = began.then(|| told(JobsEvent::RunBegan)).flatten();
    let ended = ended.then(|| told(JobsEvent::RunEnded)).flatten();
    began.into_iter().chain(ended)
}

fn told(name: &ToolName, job: Option<&Job>, run: &Run) -> RunTold {
    let gone = match (run.instance.workload, run.due) {
        (WorkloadId::Set(_), _) => JobType::Continuous,
        (WorkloadId::Run(_), Some(_)) => JobType::Scheduled,
        (WorkloadId::Run(_), None) => JobType::OneOff,
    };
    RunTold {
        tool: run.tool,
        name: name.clone(),
        job_type: job.map_or(gone, Job::job_type),
        // Nobody wants mail of a job that was deleted meanwhile.
        emails: job.and_then(|job| job.spec.emails).unwrap_or(Emails::None),
        again: run.again,
        run: view::run(run.clone()),
    }
}
