//! Detection of the build plan.

use hearth_plan::{BuildPlan, InMemorySource};

use super::{BuildAttempt, failure::BuildFailure};

/// Detects the build plan from the source, and writes the reasons to the log.
pub async fn detect_plan(
    attempt: &BuildAttempt<'_>,
    source: &InMemorySource,
) -> Result<BuildPlan, BuildFailure> {
    match hearth_plan::plan_build(source) {
        Ok(plan) => {
            attempt.log.write_notes("detect", &plan.reasons).await?;
            Ok(plan)
        }
        Err(error) => {
            let mut sentences: Vec<String> =
                error.public_messages().map(|sentence| format!("{sentence}.")).collect();
            sentences.extend(error.help_text().map(|help| format!("To do: {help}.")));
            attempt.log.write_notes("detect", &sentences).await?;
            Err(BuildFailure::Source(sentences.join("\n")))
        }
    }
}
