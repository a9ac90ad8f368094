//! Events about runs, appended in the transaction that changes the run.

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
    context::JobsContext,
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

/// Appends events to the transaction, in this order.
pub async fn append_events(
    cx: &JobsContext,
    tx: &Tx,
    announced: impl IntoIterator<Item = AnnouncedEvent>,
) -> Result<()> {
    let event = |AnnouncedEvent { event, notice }| cx.create_event(&event)?.with_notice(notice.as_ref());
    let events: Vec<NewEvent> = announced.into_iter().map(event).collect::<Result<_>>()?;
    cx.store.events.append(tx, events).await
}

/// Builds the events of a run's change: its process started, and it ended. The end event is appended once, by
/// the later of the two transactions that store the run's outcome and the end of its log; both hold the
/// tool's lock. A deleted tool has no events.
pub fn build_change_events(
    owner: RunOwner<'_>,
    before: &Run,
    now: &Run,
) -> impl Iterator<Item = AnnouncedEvent> {
    let complete = |run: &Run| run.has_ended() && run.log_done;
    let announce = |event: fn(RunEventData) -> RunEvent| {
        let data = owner.name.map(|name| build_run_data(name, owner.job, now))?;
        // A job that was deleted meanwhile sends no mail.
        let emails = owner.job.and_then(|job| job.spec.emails).unwrap_or(Emails::None);
        let event = event(data);
        Some(AnnouncedEvent { notice: notice::build_notice(&event, emails), event })
    };
    let began = before.started.is_none() && now.started.is_some();
    let ended = !complete(before) && complete(now);
    let began = began.then(|| announce(RunEvent::Started)).flatten();
    let ended = ended.then(|| announce(to_end_event)).flatten();
    began.into_iter().chain(ended)
}

/// Builds the event of a run's end.
fn to_end_event(data: RunEventData) -> RunEvent {
    let RunEventData { job_type, run, .. } = &data;
    match run.end {
        Some(RunEnd::Stopped) => RunEvent::Stopped(data),
        // A continuous job has no good end of its own: exit status 0 is a failure too.
        Some(RunEnd::Exited) if run.exit_code == Some(0) && !is_kept_running(*job_type) => {
            RunEvent::Succeeded(data)
        }
        _ => RunEvent::Failed(data),
    }
}

fn build_run_data(tool: &ToolName, job: Option<&Job>, run: &Run) -> RunEventData {
    let type_of_deleted = match (run.instance.workload, run.due) {
        (WorkloadId::Set(_), _) => JobType::Continuous,
        (WorkloadId::Run(_), Some(_)) => JobType::Scheduled,
        (WorkloadId::Run(_), None) => JobType::OneOff,
    };
    let again = run.will_retry;
    let run_view = view::to_wire_run(run.clone());
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
    use crate::app::runs::notice::tests::sample_run_data;

    #[test]
    fn continuous_job_that_ends_by_itself_failed() {
        let mut ended = sample_run_data(JobType::Continuous, 0, 1);
        assert!(matches!(to_end_event(ended.clone()), RunEvent::Failed(_)));
        ended.run.end = Some(RunEnd::Stopped);
        assert!(matches!(to_end_event(ended), RunEvent::Stopped(_)));
        assert!(matches!(to_end_event(sample_run_data(JobType::OneOff, 0, 1)), RunEvent::Succeeded(_)));
        assert!(matches!(to_end_event(sample_run_data(JobType::OneOff, 1, 1)), RunEvent::Failed(_)));
    }
}
