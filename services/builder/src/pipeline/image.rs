//! Image step: buildah builds the image in a sandbox.
//!
//! The images that a build reads are pulled before its first step, with a credential that is then deleted: build steps
//! run code of strangers, and could read whatever lies in the sandbox.

use std::{collections::BTreeMap, path::Path};

use hearth_base::{Access, Error, ErrorKind, Result, Role};
use hearth_plan::{BuildPlan, BuildRecipe, PROCESSES_LABEL, list_source_images, render_label_value};
use hearth_wire::images::internal::UsableImages;

use super::{
    BuildAttempt,
    client_settings::{self, CA_BUNDLE_MOUNT},
    compiler_settings,
    failure::BuildFailure,
    fetch::supply_files,
    process::{DOOR_AUTHORITY, build_process, format_source_path},
    sandbox_files,
    source_images::{ImageNames, SourceImage, list_provided_names},
    start_step, step_log,
};
use crate::{runs::build_archive, settings::BuilderSettings};

const STEP_NAME: &str = "image";
const WAIT_SCRIPT: &str = include_str!("../scripts/wait.sh");
const IMAGE_SCRIPT: &str = include_str!("../scripts/image.sh");
/// Exit status of the script when a registry did not answer.
const SILENT_REGISTRY_STATUS: i32 = 72;
/// Exit status of the script when an image of another registry could not be pulled.
const FOREIGN_PULL_FAILED_STATUS: i32 = 73;

/// Files that are mounted into build steps at these paths, and are part of no layer.
const HOST_FILE_MOUNTS: [(&str, &str); 9] = [
    ("ca.crt", CA_BUNDLE_MOUNT),
    ("pip.conf", "/etc/pip.conf"),
    ("npmrc", "/etc/npmrc"),
    // Where pnpm and yarn 1 look for it, and an npm that is not Debian's.
    ("npmrc", "/usr/etc/npmrc"),
    ("uv.toml", "/etc/uv/uv.toml"),
    ("go-env", "/etc/go/env"),
    ("cargo.toml", "/.cargo/config.toml"),
    ("maven.xml", "/etc/maven/settings.xml"),
    ("bundler.yml", "/etc/bundler/config"),
];

/// Builds the image.
pub async fn build_image(attempt: &BuildAttempt<'_>, plan: &BuildPlan) -> Result<(), BuildFailure> {
    let usable =
        attempt.cx.create_client(Role::Images)?.images_internal().list_usable(attempt.lease.tool).await?;
    let names = ImageNames {
        usable: &usable,
        public_host: &attempt.cx.public_host,
        default_registry: attempt.cx.settings.default_registry.as_deref(),
        mirrors: &attempt.cx.settings.registry_mirrors,
    };
    let mut files = read_client_files(attempt).await;
    let shown: Vec<_> = HOST_FILE_MOUNTS
        .into_iter()
        .filter(|(name, _)| files.iter().any(|(known, _)| known == name))
        .collect();
    let mut options = build_options(attempt, plan, &shown);
    let context = format_source_path(attempt.lease.folder.as_deref());
    let pulled = match &plan.recipe {
        BuildRecipe::Containerfile { file, text } => {
            options.push(format!("--file={context}/{file}"));
            locate_source_images(attempt, text, &names)?
        }
        BuildRecipe::Steps { .. } => {
            let bases = resolve_bases(attempt, plan, &usable).await?;
            files.push(("Containerfile", render_containerfile(attempt, plan, &bases)?.into_bytes()));
            // A `.dockerignore` belongs to the source's own Containerfile: this recipe copies everything.
            files.push(("ignorefile", Vec::new()));
            options.push("--file=/tmp/in/Containerfile".to_owned());
            options.push("--ignorefile=/tmp/in/ignorefile".to_owned());
            bases.into_values().map(|name| (name, String::new())).collect()
        }
    };
    options.extend(["--".to_owned(), context]);
    let mut arguments = vec![pulled.len().to_string()];
    arguments.extend(pulled.into_iter().flat_map(|(name, host)| [name, host]));
    arguments.append(&mut options);

    let run = start_step(attempt, STEP_NAME, build_process(&[WAIT_SCRIPT, IMAGE_SCRIPT], arguments)).await?;
    if attempt.runs.wait_until_running(run).await? {
        files.push(("registries.conf", names.render_registries_config()));
        files.push(("policy.json", SIGNATURE_POLICY.to_vec()));
        let token = sandbox_files::create_registry_token(attempt, Access::Read).await?;
        files.push(("auth.json", sandbox_files::render_auth_file(&token)));
        supply_files(attempt, run, build_archive(&files)?).await?;
    }
    let not_pulled = format!(
        "An image that the Containerfile names could not be fetched. The images of this Hearth are {}.",
        list_provided_names(&usable).join(", ")
    );
    let silent = format!(
        "A registry that the Containerfile names does not answer. The images of this Hearth are {}.",
        list_provided_names(&usable).join(", ")
    );
    let known_statuses = [(SILENT_REGISTRY_STATUS, &*silent), (FOREIGN_PULL_FAILED_STATUS, &*not_pulled)];
    step_log::follow_step(attempt, run, STEP_NAME, "Building the image", &known_statuses, &mut |_| false)
        .await
}

/// Signature policy: images need no signature, because they are named by digest or chosen by the source.
const SIGNATURE_POLICY: &[u8] = br#"{"default": [{"type": "insecureAcceptAnything"}]}"#;

/// Reads this machine's certificates, and its settings of package clients without their credentials.
async fn read_client_files(attempt: &BuildAttempt<'_>) -> Vec<(&'static str, Vec<u8>)> {
    let settings = &attempt.cx.settings;
    let mut files = Vec::new();
    files.extend(sandbox_files::read_host_file(&settings.ca_bundle).await.map(|content| ("ca.crt", content)));
    if let Some(content) = sandbox_files::read_host_file(&settings.pip_config).await {
        let pip = client_settings::render_pip_config(&String::from_utf8_lossy(&content));
        files.extend(client_settings::render_uv_config(&pip).map(|uv| ("uv.toml", uv.into_bytes())));
        files.push(("pip.conf", pip.into_bytes()));
    }
    if let Some(content) = sandbox_files::read_host_file(&settings.npm_config).await {
        let npm = client_settings::render_npm_config(&String::from_utf8_lossy(&content));
        files.push(("npmrc", npm.into_bytes()));
    }
    files.extend(read_compiler_files(settings).await);
    files
}

/// Reads this machine's settings of the package clients of Go, Rust, Java and Ruby, without their credentials.
async fn read_compiler_files(settings: &BuilderSettings) -> Vec<(&'static str, Vec<u8>)> {
    let read = async |path: &Path| {
        let content = sandbox_files::read_host_file(path).await;
        content.map(|content| String::from_utf8_lossy(&content).into_owned())
    };
    let go = read(&settings.go_env).await.map(|text| compiler_settings::render_go_env(&text));
    let cargo = read(&settings.cargo_config).await.map(|text| compiler_settings::render_cargo_config(&text));
    let maven =
        read(&settings.maven_settings).await.map(|text| compiler_settings::render_maven_settings(&text));
    let gem = read(&settings.gem_config).await;
    let bundler = gem.and_then(|text| compiler_settings::render_bundler_config(&text));
    let files = [("go-env", go), ("cargo.toml", cargo), ("maven.xml", maven), ("bundler.yml", bundler)];
    files.into_iter().filter_map(|(name, text)| Some((name, text?.into_bytes()))).collect()
}

/// Lists the images that a Containerfile reads, with the hosts of other registries. A name of this Hearth's that no
/// image has is a failure of the source.
fn locate_source_images(
    attempt: &BuildAttempt<'_>,
    text: &str,
    names: &ImageNames<'_>,
) -> Result<Vec<(String, String)>, BuildFailure> {
    let given: Vec<(&str, &str)> =
        attempt.lease.envvars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut located = Vec::new();
    for name in list_source_images(text, &given) {
        match names.locate_image(&name) {
            SourceImage::Own => located.push((name, String::new())),
            SourceImage::Foreign { host } => located.push((name, host)),
            SourceImage::Missing => {
                return Err(BuildFailure::from_source(format!(
                    "The Containerfile names the image {name}, which this Hearth does not have. Its images are {}. The \
                     name of a public image begins with the host of its registry.",
                    list_provided_names(names.usable).join(", ")
                )));
            }
        }
    }
    Ok(located)
}

fn build_options(attempt: &BuildAttempt<'_>, plan: &BuildPlan, shown: &[(&str, &str)]) -> Vec<String> {
    let mut options: Vec<String> = [
        "bud",
        "--isolation=chroot",
        "--layers",
        // The images are there already, and nothing else may ask a registry of Hearth's for them.
        "--pull=false",
        // A step must not be able to leave its chroot.
        "--cap-drop=CAP_SYS_CHROOT",
        "--signature-policy=/tmp/in/policy.json",
        "--format=oci",
    ]
    .map(str::to_owned)
    .to_vec();
    options.push(format!("--tag={}", format_local_name(attempt)));
    options.extend(shown.iter().map(|(name, at)| format!("--volume=/tmp/in/{name}:{at}:ro")));
    for (name, value) in &attempt.lease.envvars {
        options.push(format!("--build-arg={name}={value}"));
    }
    if matches!(plan.recipe, BuildRecipe::Containerfile { .. }) && !plan.processes.is_empty() {
        options.push(format!("--label={PROCESSES_LABEL}={}", render_label_value(&plan.processes)));
    }
    options
}

/// Formats the name of the image in the tool's build cache.
pub fn format_local_name(attempt: &BuildAttempt<'_>) -> String {
    format!("localhost/hearth/{}:latest", attempt.lease.image_name)
}

/// Resolves the base images of a recipe to names with digests. An image that this Hearth has not made is replaced by
/// another version of the same language, with a note in the log.
async fn resolve_bases(
    attempt: &BuildAttempt<'_>,
    plan: &BuildPlan,
    usable: &UsableImages,
) -> Result<BTreeMap<&'static str, String>, BuildFailure> {
    let images = attempt.cx.create_client(Role::Images)?;
    let mut resolved = BTreeMap::new();
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
                    resolved.insert(base, format!("{DOOR_AUTHORITY}/hearth/{candidate}@{}", found.digest));
                    chosen.insert(base, candidate);
                    error = None;
                    break;
                }
                Err(cause) if cause.kind() == ErrorKind::NotFound => drop(error.get_or_insert(cause)),
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
    Ok(resolved)
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

/// Renders the Containerfile on the current provided images, with the build variables as arguments. Their names were
/// validated when the build was accepted.
fn render_containerfile(
    attempt: &BuildAttempt<'_>,
    plan: &BuildPlan,
    bases: &BTreeMap<&'static str, String>,
) -> Result<String, BuildFailure> {
    let arguments: Vec<&str> = attempt.lease.envvars.keys().map(String::as_str).collect();
    let resolve = |base: &str| bases.get(base).cloned().unwrap_or_default();
    let text = plan.render_containerfile(&resolve, &arguments)?;
    text.ok_or_else(|| Error::internal("the recipe has no Containerfile").into())
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
        let usable = UsableImages { images };
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
        let usable = UsableImages { images };
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
