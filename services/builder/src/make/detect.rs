//! How the source becomes an image.

use hearth_plan::{InMemory, Plan};

use super::{Make, failure::Failure};

/// Finds out how the source becomes an image, and writes into the log why.
pub async fn detect(make: &Make<'_>, source: &InMemory) -> Result<Plan, Failure> {
    match hearth_plan::plan(source) {
        Ok(plan) => {
            make.log.notes("detect", &plan.because).await?;
            Ok(plan)
        }
        Err(error) => {
            let mut said: Vec<String> = error.sentences().map(|sentence| format!("{sentence}.")).collect();
            said.extend(error.next().map(|help| format!("To do: {help}.")));
            make.log.notes("detect", &said).await?;
            Err(Failure::Source(said.join("\n")))
        }
    }
}
