//! Push step: the image is pushed in a run that executes nothing of the source.

use hearth_base::{Access, Digest, Result};
use hearth_inventory::{ComparisonReport, InventoryReport};
use hearth_runtime_api::{LogLine, LogStream};

use super::{
    BuildAttempt,
    failure::BuildFailure,
    fetch::supply_files,
    image::format_local_name,
    process::{DOOR_AUTHORITY, SOURCE_PATH, build_process, format_source_path},
    reproduction, sandbox_files,
    source_images::ImageNames,
    start_step, step_log,
};
use crate::runs::build_archive;

const STEP_NAME: &str = "push";
const WAIT_SCRIPT: &str = include_str!("../scripts/wait.sh");
const PUSH_SCRIPT: &str = include_str!("../scripts/push.sh");

/// Lists the packages of an image, linked statically (`foundation/inventory`).
const IMAGE_INVENTORY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/image-inventory"));

/// A pushed image.
pub struct PushedImage {
    /// Digest of its manifest.
    pub digest: Digest,
    /// Its packages.
    pub inventory: InventoryReport,
    /// Its differences from the image of the build that it repeats.
    pub comparison: ComparisonReport,
}

/// Creates the credentials of the push. Those of a repetition or a preview reach the reserved name of its image only, so
/// other images are read with other ones.
async fn create_credentials(attempt: &BuildAttempt<'_>) -> Result<Vec<u8>, BuildFailure> {
    let lease = attempt.lease;
    let push = sandbox_files::create_registry_token(attempt, Access::Write).await?;
    if lease.original_build.is_none() && lease.preview.is_none() {
        return Ok(sandbox_files::render_auth_file(&[(DOOR_AUTHORITY, &push)]));
    }
    let read = sandbox_files::create_registry_token(attempt, Access::Read).await?;
    let repository = format!("{DOOR_AUTHORITY}/tool-{}/{}", lease.tool_name, lease.image_name);
    Ok(sandbox_files::render_auth_file(&[(DOOR_AUTHORITY, &read), (&repository, &push)]))
}

/// Pushes the image, and lists its packages.
pub async fn push_image(attempt: &BuildAttempt<'_>) -> Result<PushedImage, BuildFailure> {
    let lease = attempt.lease;
    let (tool, image) = (&lease.tool_name, &lease.image_name);
    let destination = format!("docker://{DOOR_AUTHORITY}/tool-{tool}/{image}:latest");
    let original = reproduction::format_original_image(lease);
    let context = format_source_path(lease.folder.as_deref());
    let arguments = [format_local_name(attempt), destination, SOURCE_PATH.to_owned(), context, original];
    let run = start_step(attempt, STEP_NAME, build_process(&[WAIT_SCRIPT, PUSH_SCRIPT], arguments)).await?;
    if attempt.runs.wait_until_running(run).await? {
        let usable = hearth_wire::images::internal::UsableImages::default();
        let names = ImageNames { usable: &usable, public_host: "", default_registry: None };
        let files = [
            ("auth.json", create_credentials(attempt).await?),
            ("registries.conf", names.render_registries_config(&[])),
            ("ca.crt", sandbox_files::read_ca_bundle(attempt).await),
            ("image-inventory", IMAGE_INVENTORY.to_vec()),
        ];
        supply_files(attempt, run, build_archive(&files)?).await?;
    }
    let mut digest = None;
    let (mut inventory, mut comparison) = (InventoryReport::default(), ComparisonReport::default());
    let mut filter_line = |line: &LogLine| {
        let found = line.text.strip_prefix("hearth-digest ").filter(|_| line.stream == LogStream::Out);
        digest = found.and_then(|text| text.trim().parse().ok()).or(digest);
        let mut is_report = || inventory.parse_line(&line.text) || comparison.parse_line(&line.text);
        found.is_some() || line.stream == LogStream::Out && is_report()
    };
    // The run executes nothing of the source, so the source cannot cause its failure.
    step_log::follow_step(attempt, run, STEP_NAME, "Pushing the image", &[], &mut filter_line)
        .await
        .map_err(BuildFailure::without_source)?;
    let lost = || BuildFailure::from_infrastructure("The digest of the pushed image was lost.");
    Ok(PushedImage { digest: digest.ok_or_else(lost)?, inventory, comparison })
}
