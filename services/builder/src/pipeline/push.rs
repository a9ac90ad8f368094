//! Push step: the image is pushed in a run that executes nothing of the source.

use std::collections::BTreeMap;

use hearth_base::{Access, Digest, Result};
use hearth_runtime_api::{LogLine, LogStream};

use super::{
    BuildAttempt,
    failure::BuildFailure,
    fetch::supply_files,
    image::format_local_name,
    process::{DOOR_AUTHORITY, SOURCE_PATH, build_process},
    sandbox_files,
    source_images::ImageNames,
    start_step, step_log,
};
use crate::runs::build_archive;

const STEP_NAME: &str = "push";
const WAIT_SCRIPT: &str = include_str!("../scripts/wait.sh");
const PUSH_SCRIPT: &str = include_str!("../scripts/push.sh");

/// Pushes the image. Returns the digest of its manifest.
pub async fn push_image(attempt: &BuildAttempt<'_>) -> Result<Digest, BuildFailure> {
    let lease = attempt.lease;
    let destination =
        format!("docker://{DOOR_AUTHORITY}/tool-{}/{}:latest", lease.tool_name, lease.image_name);
    let arguments = [format_local_name(attempt), destination, SOURCE_PATH.to_owned()];
    let run = start_step(attempt, STEP_NAME, build_process(&[WAIT_SCRIPT, PUSH_SCRIPT], arguments)).await?;
    if attempt.runs.wait_until_running(run).await? {
        let token = sandbox_files::create_registry_token(attempt, Access::Write).await?;
        let usable = hearth_wire::images::internal::UsableImages { images: Vec::new() };
        let names = ImageNames {
            usable: &usable,
            public_host: "",
            default_registry: None,
            mirrors: &BTreeMap::new(),
        };
        let files = [
            ("auth.json", sandbox_files::render_auth_file(&token)),
            ("registries.conf", names.render_registries_config()),
            ("ca.crt", sandbox_files::read_ca_bundle(attempt).await),
        ];
        supply_files(attempt, run, build_archive(&files)?).await?;
    }
    let mut digest = None;
    let mut filter_line = |line: &LogLine| {
        let found = line.text.strip_prefix("hearth-digest ").filter(|_| line.stream == LogStream::Out);
        digest = found.and_then(|text| text.trim().parse().ok()).or(digest);
        found.is_some()
    };
    // The run executes nothing of the source, so the source cannot cause its failure.
    step_log::follow_step(attempt, run, STEP_NAME, "Pushing the image", &[], &mut filter_line)
        .await
        .map_err(BuildFailure::without_source)?;
    digest.ok_or_else(|| BuildFailure::from_infrastructure("The digest of the pushed image was lost."))
}
