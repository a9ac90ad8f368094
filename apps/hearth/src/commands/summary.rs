//! `hearth` without a command: shows the settings and the next command.

use hearth_base::{ErrorKind, Result, ToolName};
use hearth_wire::jobs::StatusShort;

use super::status::{self, NOT_YOUR_TOOL, SignInState, StatusView};
use crate::{
    context::CommandContext, job_calls::list_jobs, session::INVALID_TOKEN_ADVICE, settings::Sourced,
};

/// Prints the settings and the next command.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<StatusView>()?;
    let (status, signed) = status::collect_status(cx).await?;
    result.print_record(&status, &status::build_table(cx, &status))?;
    let server = cx.settings.resolve_server()?.value;
    let next = match &signed {
        SignInState::Out { answers: true } => "hearth login".to_owned(),
        SignInState::Refused(error) if error.kind() == ErrorKind::Unauthenticated => {
            match cx.settings.environment.token {
                Some(_) => INVALID_TOKEN_ADVICE.to_owned(),
                None => "hearth login".to_owned(),
            }
        }
        SignInState::Out { answers: false } | SignInState::Refused(_) if server.is_local() => {
            server.start_command()
        }
        SignInState::Out { answers: false } | SignInState::Refused(_) => "hearth login ADDRESS".to_owned(),
        SignInState::In(_) => match cx.settings.find_tool() {
            Ok(Some(_)) if status.tool.note.as_deref() == Some(NOT_YOUR_TOOL) => {
                "hearth tool list".to_owned()
            }
            Ok(Some(tool)) => choose_next_for_tool(cx, tool).await,
            Ok(None) => format!("hearth new {}", cx.propose_tool_name()),
            Err(error) => error.help_text().unwrap_or("hearth status").to_owned(),
        },
    };
    cx.printer.print_note("");
    cx.printer.print_next(&next);
    cx.printer.print_note("More: hearth -h");
    Ok(())
}

/// Chooses the next command for a tool: the logs of a failed job first, then the tool's status.
async fn choose_next_for_tool(cx: &CommandContext, tool: Sourced<ToolName>) -> String {
    let name = tool.value.clone();
    let Ok(session) = cx.open_session_for_tool(tool) else { return "hearth tool show".to_owned() };
    match list_jobs(&session, false).await.as_deref() {
        Ok([]) => "hearth deploy".to_owned(),
        Ok(jobs) => match jobs.iter().find(|job| job.status.short == StatusShort::Failed) {
            Some(failed) => format!("hearth logs {}", failed.name),
            None => format!("hearth status {name}"),
        },
        Err(_) => "hearth tool show".to_owned(),
    }
}
