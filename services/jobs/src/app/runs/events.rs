//! Events about runs, appended in the change that makes them true.

use hearth_base::{Result, ToolName};
use hearth_kit::{db::Tx, events::NewEvent};
use hearth_runtime_api::WorkloadId;
use hearth_wire::{
    events::Notice,
    jobs::{
        Emails, JobType, RunEnd,
        events::{RunEvent, RunEventData},
    },
};

use super::{
    notice::{self, is_kept_running},
    view,
};
use crate::{
    cx::Cx,
    store::{Job, Run},
};

/// The owner of a run: the tool's name unless it is ending, and the job unless it was deleted.
#[derive(Debug, Clone, Copy)]
pub struct RunOwner<'a> {
    pub name: Option<&'a ToolName>,
    pub job: Option<&'a Job>,
}

/// An event about a run or its due time, with the content of a mail about it, if its maintainers want one.
#[derive(Debug)]
pub struct AnnouncedEvent {
    pub event: RunEvent,
    pub notice: Option<Notice>,
}

/// Appends events to the change, in this order.
pub async fn append_events(
    cx: &Cx,
    tx: &Tx,
    announced: impl IntoIterator<Item = AnnouncedEvent>,
) -> Result<()> {
    let event = |AnnouncedEvent { event, notice }| cx.event(&event)?.with_notice(notice.as_ref());
    let events: Vec<NewEvent> = announced.into_iter().map(event).collect::<Result<_>>()?;
    cx.store.events.append(tx, events).await
}

/// The events that a change of a run brings: its process began, and it is over. The second comes once both the run's end
/// and its log are there, with whichever change is later; so the tool is locked. A tool that is being deleted has none.
pub fn events_of_change(of: RunOwner<'_>, before: &Run, now: &Run) -> impl Iterator<Item = AnnouncedEvent> {
    let complete = |run: &Run| run.is_over() && run.log_done;
    let announce = |event: fn(RunEventData) -> RunEvent| {
        let data = of.name.map(|name| run_data(name, of.job, now))?;
        // Nobody wants mail about a job that was deleted meanwhile.
        let emails = of.job.and_then(|job| job.spec.emails).unwrap_or(Emails::None);
        let event = event(data);
        Some(AnnouncedEvent { notice: notice::of_event(&event, emails), event })
    };
    let began = before.started.is_none() && now.started.is_some();
    let ended = !complete(before) && complete(now);
    let began = began.then(|| announce(RunEvent::Started)).flatten();
    let ended = ended.then(|| announce(run_ended)).flatten();
    began.into_iter().chain(ended)
}

/// The event of a run that is over.
fn run_ended(data: RunEventData) -> RunEvent {
    let RunEventData { job_type, run, .. } = &data;
    match run.end {
        Some(RunEnd::Stopped) => RunEvent::Stopped(data),
        // What is to be kept running should not end by itself, in whatever way.
        Some(RunEnd::Exited) if run.exit_code == Some(0) && !is_kept_running(*job_type) => {
            RunEvent::Succeeded(data)
        }
        _ => RunEvent::Failed(data),
    }
}

fn run_data(tool: &ToolName, job: Option<&Job>, run: &Run) -> RunEventData {
    let type_of_deleted = match (run.instance.workload, run.due) {
        (WorkloadId::Set(_), _) => JobType::Continuous,
        (WorkloadId::Run(_), Some(_)) => JobType::Scheduled,
        (WorkloadId::Run(_), None) => JobType::OneOff,
    };
    let again = run.again;
    let run_view = view::run(run.clone());
    RunEventData {
        tool: tool.clone(),
        tool_id: run.tool,
        job: run_view.job.clone(),
        job_type: job.map_or(type_of_deleted, Job::job_type),
        again,
        run: run_view,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::runs::notice::tests::run_data;

    #[test]
    fn a_job_that_is_kept_running_fails_when_it_ends_by_itself() {
        let mut ended = run_data(JobType::Continuous, 0, 1);
        assert!(matches!(run_ended(ended.clone()), RunEvent::Failed(_)));
        ended.run.end = Some(RunEnd::Stopped);
        assert!(matches!(run_ended(ended), RunEvent::Stopped(_)));
        assert!(matches!(run_ended(run_data(JobType::OneOff, 0, 1)), RunEvent::Succeeded(_)));
        assert!(matches!(run_ended(run_data(JobType::OneOff, 1, 1)), RunEvent::Failed(_)));
    }
}
