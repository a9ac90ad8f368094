//! SBOM of the pushed image: rendered from the report of the push step, and attached to the image by `builds`.

use hearth_base::{Digest, ErrorKind, Result, Role};
use hearth_inventory::{ImageIdentity, InventoryReport, render_bom};
use hearth_kit::log_error;
use hearth_wire::builds::{MAX_SBOM_BYTES, internal::SbomUpload};

use super::BuildAttempt;

/// Name of the notes in the log of a build.
const NOTES_NAME: &str = "sbom";

/// Stores the SBOM of the pushed image. The image works without it, so an error is only a note in the log.
pub async fn store_sbom(attempt: &BuildAttempt<'_>, image: Digest, report: &InventoryReport) {
    let note = match render_and_upload(attempt, image, report).await {
        Ok(note) => note,
        Err(error) => {
            log_error!(&error, build = %attempt.lease.build, "SBOM of an image not stored");
            format!("The list of the packages in the image was not stored: {error}.")
        }
    };
    if let Err(error) = attempt.log.write_notes(NOTES_NAME, &[note]).await {
        log_error!(&error, build = %attempt.lease.build, "note about an SBOM not stored");
    }
}

/// Renders the SBOM and hands it to `builds`. Returns a note for the log.
async fn render_and_upload(
    attempt: &BuildAttempt<'_>,
    image: Digest,
    report: &InventoryReport,
) -> Result<String> {
    if !report.has_ended {
        return Ok("The packages in the image could not be listed.".to_owned());
    }
    let lease = attempt.lease;
    let name = format!("{}/tool-{}/{}", attempt.cx.public_host, lease.tool_name, lease.image_name);
    let digest = image.to_string();
    let identity = ImageIdentity { name: &name, digest: &digest, hearth_version: env!("CARGO_PKG_VERSION") };
    let (content, count) = render_bom(identity, report, MAX_SBOM_BYTES);
    let upload = SbomUpload { ticket: lease.ticket.clone(), image, packages: count as u64, content };
    match attempt.cx.create_client(Role::Builds)?.builds().store_sbom(lease.build, &upload).await {
        Ok(()) => Ok(format!("The image has {count} packages: hearth build sbom {}", lease.build)),
        // A service of an earlier release.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok("This Hearth stores no lists of packages yet.".to_owned())
        }
        Err(error) => Err(error),
    }
}
