//! A builder for one source with a few files, and the messages of its builds.

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_base::Result;
use hearth_runtime_api::fake::ScriptStep;
use hearth_wire::builds::internal::BuildLeaseOutcome;

use crate::fixture::{BuilderFixture, IMAGE_DIGEST, start_fixture};

/// Builds the output of the fetch script for a source with these files.
pub fn build_report(files: &[(&str, &str)]) -> Vec<ScriptStep> {
    let mut steps = vec![ScriptStep::Err("Receiving objects".to_owned())];
    for (name, text) in files {
        steps.push(ScriptStep::Out(format!("hearth-name {}", BASE64_STANDARD.encode(name))));
        steps.push(ScriptStep::Out(format!("hearth-file {name}")));
        steps.push(ScriptStep::Out(format!("hearth-text {}", BASE64_STANDARD.encode(text))));
    }
    steps.push(ScriptStep::Out("hearth-end".to_owned()));
    steps
}

/// Starts a builder whose source has these files, and whose image is built and pushed.
pub async fn start_fixture_with(files: &[(&str, &str)]) -> Result<BuilderFixture> {
    let fixture = start_fixture("").await?;
    fixture.runtime.set_script("fetch", build_report(files));
    fixture.runtime.set_script("image", vec![ScriptStep::Out("STEP 1/3: FROM".to_owned())]);
    fixture.runtime.set_script("push", vec![ScriptStep::Out(format!("hearth-digest {IMAGE_DIGEST}"))]);
    Ok(fixture)
}

pub fn read_message(end: &BuildLeaseOutcome) -> &str {
    match end {
        BuildLeaseOutcome::Succeeded { message, .. }
        | BuildLeaseOutcome::Failed { message }
        | BuildLeaseOutcome::Retry { message } => message,
        BuildLeaseOutcome::Stopped => "stopped",
    }
}
