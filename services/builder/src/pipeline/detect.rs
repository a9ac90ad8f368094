//! Detection of the build plan.

use hearth_base::Error;
use hearth_plan::{BuildPlan, InMemorySource, RecipeChoice};
use hearth_wire::builds::{self as wire, BuildFailureClass};

use super::{BuildAttempt, failure::BuildFailure, output_signs::explain_class};

/// Code of the error for a plan without the required process.
const NO_PROCESS_CODE: &str = "no-process";

/// Detects the build plan from the source, and writes the reasons to the log.
pub async fn detect_plan(
    attempt: &BuildAttempt<'_>,
    source: &InMemorySource,
) -> Result<BuildPlan, BuildFailure> {
    let choice = attempt.lease.recipe.map(|recipe| match recipe {
        wire::RecipeChoice::Containerfile => RecipeChoice::Containerfile,
        wire::RecipeChoice::Detected => RecipeChoice::Detected,
    });
    let planned = hearth_plan::plan_build_by(source, choice)
        .and_then(|plan| require_process(plan, attempt.lease.process.as_deref()));
    match planned {
        Ok(plan) => {
            attempt.log.write_notes("detect", &plan.reasons).await?;
            Ok(plan)
        }
        Err(error) => {
            let mut sentences: Vec<String> =
                error.public_messages().map(|sentence| format!("{sentence}.")).collect();
            sentences.extend(error.help_text().map(|help| format!("To do: {help}.")));
            attempt.log.write_notes("detect", &sentences).await?;
            let class = match error.code() {
                NO_PROCESS_CODE => BuildFailureClass::StartCommandMissing,
                _ => BuildFailureClass::Plan,
            };
            let mut explanation = explain_class(class, sentences.first().cloned());
            if let Some(help) = error.help_text() {
                explanation.next_step = format!("{help}.");
            }
            Err(BuildFailure::from_source(sentences.join("\n")).with_explanation(Some(explanation)))
        }
    }
}

/// Refuses a plan whose image could not start as this process. Error `no-process` (invalid).
fn require_process(plan: BuildPlan, process: Option<&str>) -> hearth_base::Result<BuildPlan> {
    let Some(process) = process.filter(|process| !plan.can_start(process)) else { return Ok(plan) };
    let names: Vec<&str> = plan.processes.keys().map(String::as_str).collect();
    let has = match names.as_slice() {
        [] => "it has none".to_owned(),
        names => format!("it has {}", names.join(", ")),
    };
    let line = plan.suggested_process.unwrap_or_else(|| format!("{process}: COMMAND"));
    Err(Error::invalid(NO_PROCESS_CODE, format!("the source has no process {process}: {has}"))
        .help(format!("add a Procfile with a line such as {line}, or name a command")))
}
