//! `hearth` alone: where you are, and what to do next.

use hearth_base::{Kind, Result, ToolName};
use hearth_wire::jobs::StatusShort;

use super::status::{self, NOT_YOURS, Signed, Status};
use crate::{context::Context, job_calls::list_jobs, settings::Sourced};

/// Says it.
pub async fn run(cx: &Context) -> Result<()> {
    let answer = cx.printer.answer::<Status>()?;
    let (status, signed) = status::gather(cx).await?;
    answer.shown(&status, &status::table(cx, &status))?;
    let server = cx.settings.server()?.value;
    let next = match &signed {
        Signed::Out { answers: true } => "hearth login".to_owned(),
        Signed::Refused(error) if error.kind() == Kind::Unauthenticated => "hearth login".to_owned(),
        Signed::Out { answers: false } | Signed::Refused(_) if server.is_local() => "hearth up".to_owned(),
        Signed::Out { answers: false } | Signed::Refused(_) => "hearth login ADDRESS".to_owned(),
        Signed::In(_) => match cx.settings.tool() {
            Ok(Some(_)) if status.tool.note.as_deref() == Some(NOT_YOURS) => "hearth tool list".to_owned(),
            Ok(Some(tool)) => with_tool(cx, tool).await,
            Ok(None) => format!("hearth new {}", cx.proposed_name()),
            Err(error) => error.next().unwrap_or("hearth status").to_owned(),
        },
    };
    cx.printer.note("");
    cx.printer.next(&next);
    cx.printer.note("More: hearth -h");
    Ok(())
}

/// What comes next for somebody who has a tool: whatever is in trouble, then its page.
async fn with_tool(cx: &Context, tool: Sourced<ToolName>) -> String {
    let name = tool.value.clone();
    let Ok(at) = cx.at(tool) else { return "hearth tool show".to_owned() };
    match list_jobs(&at, false).await.as_deref() {
        Ok([]) => "hearth deploy".to_owned(),
        Ok(jobs) => match jobs.iter().find(|job| job.status.short == StatusShort::Failed) {
            Some(failed) => format!("hearth logs {}", failed.name),
            None => format!("hearth status {name}"),
        },
        Err(_) => "hearth tool show".to_owned(),
    }
}
