//! Base images of a build: resolved to digests, which decide whether its image is up to date.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{Digest, Error, ErrorKind, Result, Role};
use hearth_plan::{BuildPlan, reads_remote_files};
use hearth_wire::images::internal::UsableImages;

use super::{
    BuildAttempt, failure::BuildFailure, process::DOOR_AUTHORITY, reproduction::find_recorded_base,
    source_images::list_provided_names,
};

/// Images that a build reads.
#[derive(Debug, Default)]
pub struct ReadImages {
    /// Digests by names.
    pub digests: BTreeMap<String, Digest>,
    /// Names of images that do not exist, and were replaced by others.
    pub missing: BTreeSet<String>,
}

/// Base images of a recipe.
pub struct ResolvedBases {
    /// Names with digests, by the names in the recipe.
    pub names: BTreeMap<&'static str, String>,
    /// The images that the build reads.
    pub images: ReadImages,
}

/// Resolves the base images of a recipe to names with digests. An image that this Hearth has not made is replaced by
/// another version of the same language, with a note in the log.
pub async fn resolve_bases(
    attempt: &BuildAttempt<'_>,
    plan: &BuildPlan,
    usable: &UsableImages,
) -> Result<ResolvedBases, BuildFailure> {
    let images = attempt.cx.create_client(Role::Images)?;
    let mut names = BTreeMap::new();
    let mut read = ReadImages::default();
    let mut chosen = BTreeMap::new();
    let mut notes = Vec::new();
    for base in plan.base_images() {
        let mut error = None;
        for candidate in list_candidates(base, &chosen, usable) {
            match images.images_internal().resolve(attempt.lease.tool, &candidate).await {
                Ok(found) => {
                    if candidate != base && !chosen.contains_key(base) {
                        notes.push(format!("This Hearth has no image {base}: {candidate} is used."));
                    }
                    let recorded = find_recorded_base(attempt, &candidate).await?;
                    let digest = recorded.unwrap_or(found.digest);
                    names.insert(base, format!("{DOOR_AUTHORITY}/hearth/{candidate}@{digest}"));
                    read.digests.insert(candidate.clone(), digest);
                    chosen.insert(base, candidate);
                    error = None;
                    break;
                }
                Err(cause) if cause.kind() == ErrorKind::NotFound => {
                    read.missing.insert(candidate);
                    error.get_or_insert(cause);
                }
                Err(cause) => return Err(cause.into()),
            }
        }
        if let Some(error) = error {
            let provided = list_provided_names(usable).join(", ");
            let message = format!("this Hearth has no image {base}; its images are {provided}");
            return Err(Error::unavailable("no-base-image", message)
                .help(format!("ask an operator of this Hearth to run: hearthd image bootstrap {base}"))
                .with_cause(error)
                .into());
        }
    }
    if !notes.is_empty() {
        attempt.log.write_notes("bases", &notes).await?;
    }
    Ok(ResolvedBases { names, images: read })
}

/// End of the names of images for a program alone, without what its installation needs.
const SLIM_SUFFIX: &str = "-slim";

/// Lists images for a base image of a recipe, the best first. A slim image must have the version of the full image that was
/// chosen for the stage before, and the full image itself replaces it.
fn list_candidates(base: &str, chosen: &BTreeMap<&str, String>, usable: &UsableImages) -> Vec<String> {
    let Some(full) = base.strip_suffix(SLIM_SUFFIX) else {
        let others = list_other_versions(base, usable).into_iter();
        return std::iter::once(base).chain(others).map(str::to_owned).collect();
    };
    let (full, others) = match chosen.get(full) {
        Some(full) => (full.as_str(), Vec::new()),
        None => (full, list_other_versions(full, usable)),
    };
    let slim = format!("{full}{SLIM_SUFFIX}");
    std::iter::once(slim).chain(std::iter::once(full).chain(others).map(str::to_owned)).collect()
}

/// Lists provided images of the same language, the newest first.
fn list_other_versions<'a>(base: &str, usable: &'a UsableImages) -> Vec<&'a str> {
    let language =
        |name: &str| name.find(|symbol: char| symbol.is_ascii_digit()).map(|at| name[..at].to_owned());
    let version = |name: &str| -> Vec<u32> {
        let digits = name.trim_start_matches(|symbol: char| !symbol.is_ascii_digit());
        digits.split('.').filter_map(|part| part.parse().ok()).collect()
    };
    let wanted = language(base);
    let mut others: Vec<&str> = list_provided_names(usable)
        .into_iter()
        .filter(|name| *name != base && wanted.is_some() && language(name) == wanted)
        .filter(|name| !name.ends_with(SLIM_SUFFIX))
        .collect();
    others.sort_by_key(|name| std::cmp::Reverse(version(name)));
    others
}

/// Resolves the images of this Hearth that a Containerfile reads: `located` are names, each with the host of another
/// registry. `None` if the content of another input may change: a tag of another registry, or a remote file.
pub async fn resolve_source_images(
    attempt: &BuildAttempt<'_>,
    text: &str,
    located: &[(String, String)],
) -> Result<Option<ReadImages>> {
    let may_change = |(name, host): &(String, String)| !host.is_empty() && !name.contains("@sha256:");
    if reads_remote_files(text) || located.iter().any(may_change) {
        return Ok(None);
    }
    let images = attempt.cx.create_client(Role::Images)?;
    let mut read = ReadImages::default();
    for (name, _) in located.iter().filter(|(_, host)| host.is_empty()) {
        match images.images_internal().resolve(attempt.lease.tool, name).await {
            Ok(found) => drop(read.digests.insert(name.clone(), found.digest)),
            // The step fails with a message of its own.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_wire::images::internal::{ImageKind, UsableImage};

    #[test]
    fn other_versions_of_a_language_replace_a_missing_image() {
        let image = |name: &str| UsableImage {
            image: name.to_owned(),
            aliases: Vec::new(),
            state: "stable".to_owned(),
            kind: ImageKind::Provided,
        };
        let images = ["bookworm", "node18", "python3.9", "python3.11", "python3.14"].map(image).to_vec();
        let usable = UsableImages { images, ..UsableImages::default() };
        assert_eq!(list_other_versions("python3.13", &usable), ["python3.14", "python3.11", "python3.9"]);
        assert_eq!(list_other_versions("node20", &usable), ["node18"]);
        assert!(list_other_versions("bookworm", &usable).is_empty());
    }

    #[test]
    fn slim_image_has_the_version_of_the_stage_before() {
        let image = |name: &str| UsableImage {
            image: name.to_owned(),
            aliases: Vec::new(),
            state: "stable".to_owned(),
            kind: ImageKind::Provided,
        };
        let images = ["python3.11", "python3.11-slim", "python3.14"].map(image).to_vec();
        let usable = UsableImages { images, ..UsableImages::default() };
        assert_eq!(
            list_candidates("python3.13", &BTreeMap::new(), &usable)[1..],
            ["python3.14", "python3.11"]
        );
        let chosen = BTreeMap::from([("python3.13", "python3.14".to_owned())]);
        let slim = list_candidates("python3.13-slim", &chosen, &usable);
        assert_eq!(slim, ["python3.14-slim", "python3.14"]);
        let alone = list_candidates("python3.11-slim", &BTreeMap::new(), &usable);
        assert_eq!(alone[..2], ["python3.11-slim", "python3.11"]);
    }
}
