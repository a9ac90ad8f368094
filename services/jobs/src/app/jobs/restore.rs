//! Returns a job to its state before a failed deployment.

use hearth_base::{Error, ErrorKind, JobName, Result};
use hearth_wire::jobs::internal::FormerJob;

use super::{create, delete, stop};
use crate::{
    app::definition::ToolScope,
    context::JobsContext,
    store::{Job, JobKind, JobSpec},
};

/// Returns a job to its former state. A repeated call changes nothing. `job-name` (invalid) if the definition has another
/// name.
pub async fn restore_job(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    name: &JobName,
    former: FormerJob,
) -> Result<()> {
    match former {
        FormerJob::Definition(definition) if definition.name != *name => {
            let what = format!("the definition is of the job {}, the request of {name}", definition.name);
            Err(Error::invalid("job-name", what))
        }
        FormerJob::Definition(definition) => {
            let spec = JobSpec::from_create(*definition)?;
            create::update(cx, scope, spec, create::SpecComparison::AllFields).await.map(|_| ())
        }
        FormerJob::Absent => match delete::delete_job(cx, scope, name).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            deleted => deleted,
        },
        FormerJob::OneOff { newest_run } => stop_newer_run(cx, scope, name, newest_run.as_deref()).await,
    }
}

/// Stops the newest run of a one-off job, unless it is `former_run`.
async fn stop_newer_run(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    name: &JobName,
    former_run: Option<&str>,
) -> Result<()> {
    let found = cx.store.find_job(scope.tool, name).await?;
    let Some(Job { kind: JobKind::OneOff, last_run: Some(newest), .. }) = found else { return Ok(()) };
    if Some(newest.as_str()) == former_run {
        return Ok(());
    }
    stop::stop(cx, scope, name).await.map(|_| ())
}
