//! A fake of the request by which a failed deployment restores a job.

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use hearth_wire::{
    jobs::internal::{FormerJob, JobRestore},
    reply::Done,
};

use super::{FakeServicesState, reply_named};

/// The call that restores the job `web`.
pub const RESTORE_WEB_CALL: &str = "POST jobs tools * jobs web restore";

/// Returns a job to its former state.
pub async fn restore_job(
    State(all): FakeServicesState,
    Path((_, name)): Path<(String, String)>,
    Json(JobRestore { tool, state: former }): Json<JobRestore>,
) -> Response {
    let now = all.now();
    all.change_state(|state| match former {
        FormerJob::Absent => {
            state.jobs.all.remove(&format!("{tool} {name}"));
        }
        FormerJob::Definition(definition) => {
            state.jobs.update(tool.as_str(), *definition, now);
        }
        FormerJob::OneOff { newest_run } => {
            state.jobs.stop_newer_runs(tool.as_str(), &name, newest_run.as_deref())
        }
    });
    reply_named(Done {})
}
