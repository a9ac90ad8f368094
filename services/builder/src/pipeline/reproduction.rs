//! Builds that repeat another one: the images that it read are pulled by their recorded digests, and its image is compared
//! with the new one.

use hearth_base::{Digest, ErrorKind, Result, Role};
use hearth_inventory::{ComparisonReport, DifferenceKind, FileDifference};
use hearth_wire::builds::{
    DifferentFile, ImageComparison,
    internal::{BuildLease, BuildMaterials, OriginalBuild},
};

use super::{BuildAttempt, failure::BuildFailure, process::DOOR_AUTHORITY};

/// Formats the name of the image to compare with; empty if there is none.
pub fn format_original_image(lease: &BuildLease) -> String {
    let Some(OriginalBuild { image_name, image, .. }) = &lease.original_build else { return String::new() };
    format!("{DOOR_AUTHORITY}/tool-{}/{image_name}@{image}", lease.tool_name)
}

/// Returns the digest of a provided image that the repeated build read, if there is one. An image that is not stored any
/// more ends the build.
pub async fn find_recorded_base(
    attempt: &BuildAttempt<'_>,
    name: &str,
) -> Result<Option<Digest>, BuildFailure> {
    let Some(OriginalBuild { build, materials, .. }) = &attempt.lease.original_build else { return Ok(None) };
    let path = format!("hearth/{name}");
    let Some(digest) = materials.images.get(&path).or_else(|| materials.images.get(name)) else {
        return Ok(None);
    };
    let images = attempt.cx.create_client(Role::Images)?;
    match images.images_internal().resolve(attempt.lease.tool, &format!("{path}@{digest}")).await {
        Ok(_) => Ok(Some(*digest)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid) => {
            Err(BuildFailure::from_source(format!(
                "The build {build} cannot be repeated: its base image {path}@{digest} is not stored any more."
            )))
        }
        Err(error) => Err(error.into()),
    }
}

/// Describes the result of a repetition for users, and lists the files that differ; `None` for other builds.
pub fn describe_result(
    lease: &BuildLease,
    image: Digest,
    materials: Option<&BuildMaterials>,
    report: &ComparisonReport,
) -> Option<(String, Option<ImageComparison>)> {
    let OriginalBuild { build, image: original, materials: recorded, .. } = lease.original_build.as_ref()?;
    if image == *original {
        return Some((format!("The image is the same as that of the build {build}."), None));
    }
    let mut sentences = vec![format!("The image differs from that of the build {build}.")];
    sentences.extend(materials.into_iter().flat_map(|used| list_changed_inputs(recorded, used)));
    if !report.has_ended {
        sentences.push("Their files could not be compared.".to_owned());
        return Some((sentences.join(" "), None));
    }
    let ComparisonReport { differences, count, time_count, .. } = report;
    sentences.push(match (count, time_count) {
        (0, 0) => "All files are the same: its configuration or the order of its layers differs.".to_owned(),
        (0, times) => format!(
            "All files are the same; {times} differ in their times, as those of layers from an earlier build do."
        ),
        (1, _) => "One file differs.".to_owned(),
        (files, _) => format!("{files} files differ."),
    });
    let comparison = ImageComparison {
        different_files: *count,
        different_times: *time_count,
        files: differences.iter().map(describe_difference).collect(),
    };
    Some((sentences.join(" "), Some(comparison)))
}

/// Lists inputs that are not those of the repeated build.
fn list_changed_inputs(recorded: &BuildMaterials, used: &BuildMaterials) -> Vec<String> {
    let is_changed = |(name, digest): &(&String, &Digest)| used.images.get(*name) != Some(*digest);
    let images = recorded.images.iter().filter(is_changed);
    let mut sentences: Vec<String> =
        images.map(|(name, _)| format!("The image {name} has changed since that build.")).collect();
    if sentences.is_empty() && recorded.plan != used.plan {
        sentences.push("The plan has changed since that build.".to_owned());
    }
    sentences
}

fn describe_difference(difference: &FileDifference) -> DifferentFile {
    let word = match difference.kind {
        DifferenceKind::Missing => "missing",
        DifferenceKind::Added => "added",
        DifferenceKind::Type => "type",
        DifferenceKind::Content => "content",
        DifferenceKind::Permissions => "permissions",
    };
    DifferentFile { path: difference.path.clone(), difference: word.to_owned() }
}
