//! Image step: buildah builds the image in a sandbox.
//!
//! The images that a build reads are pulled before its first step, with a credential that is then deleted: build steps
//! run code of strangers, and could read whatever lies in the sandbox.

use std::{collections::BTreeMap, path::Path};

use hearth_base::{Access, Digest, Error, Result, Role};
use hearth_plan::{
    BuildPackageSources, BuildPlan, BuildRecipe, PROCESSES_LABEL, RECIPES_VERSION, list_source_images,
    render_label_value,
};
use hearth_runtime_api::LogLine;
use hearth_wire::builds::{
    BuildFailure as Explanation, BuildFailureClass,
    internal::{BuildInputs, BuildMaterials},
};
use sha2::{Digest as _, Sha256};

use super::{
    BuildAttempt,
    base_images::{ReadImages, ResolvedBases, resolve_bases, resolve_source_images},
    client_settings::{self, CA_BUNDLE_MOUNT},
    compiler_settings,
    failure::BuildFailure,
    fetch::supply_files,
    image_report::ImageReport,
    package_sources,
    process::{DOOR_AUTHORITY, NPM_CACHE_PATH, build_process, format_source_path},
    sandbox_files,
    source_date::SourceDate,
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
const HOST_FILE_MOUNTS: [(&str, &str); 10] = [
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
    ("composer.json", "/etc/composer/config.json"),
];

/// Home of the user who runs build steps; npm has its cache there.
const STEP_HOME: &str = "/root";

/// Word that the script gets in the place of a host for an image of an upstream registry, which is pulled through
/// this Hearth's. A host has a dot or a port.
const UPSTREAM_MARK: &str = "upstream";

/// Builds the image from a source with this time. Returns what it is made from.
pub async fn build_image(
    attempt: &BuildAttempt<'_>,
    plan: &BuildPlan,
    source_time: Option<i64>,
) -> Result<ImageReport, BuildFailure> {
    let usable =
        attempt.cx.create_client(Role::Images)?.images_internal().list_usable(attempt.lease.tool).await?;
    let names = ImageNames {
        usable: &usable,
        public_host: &attempt.cx.public_host,
        default_registry: attempt.cx.settings.default_registry.as_deref(),
    };
    let sources = package_sources::read_sources(attempt.lease)?;
    let plan = &plan.clone().with_package_sources(&sources);
    let source_files = match package_sources::may_install_packages(plan) {
        true => sources.list_files(),
        false => Vec::new(),
    };
    let mut files: Vec<(&str, Vec<u8>)> = read_client_files(attempt).await;
    let mut shown: Vec<(&str, &str)> = HOST_FILE_MOUNTS
        .into_iter()
        .filter(|(name, _)| files.iter().any(|(known, _)| known == name))
        .collect();
    for file in &source_files {
        files.push((&file.name, file.content.clone().into_bytes()));
        shown.push((&file.name, &file.path));
    }
    let date = SourceDate::choose_dates(source_time, &plan.recipe, &attempt.lease.envvars);
    let mut options = build_options(attempt, plan, &shown, date);
    let context = format_source_path(attempt.lease.folder.as_deref());
    let (pulled, images, recipe) = match &plan.recipe {
        BuildRecipe::Containerfile { file, text } => {
            options.push(format!("--file={context}/{file}"));
            let located = locate_source_images(attempt, text, &names)
                .map_err(|failure| failure.with_explanation(Some(explain_missing_image(plan))))?;
            let images = resolve_source_images(attempt, text, &located).await?;
            files.push((package_sources::DIGEST_FILE, sources.compute_digest().into_bytes()));
            (located, images, text.clone())
        }
        BuildRecipe::Steps { .. } => {
            let ResolvedBases { names: bases, images } = resolve_bases(attempt, plan, &usable).await?;
            let recipe = render_containerfile(attempt, plan, &bases, date)?;
            files.push(("Containerfile", recipe.clone().into_bytes()));
            // A `.dockerignore` belongs to the source's own Containerfile: this recipe copies everything.
            files.push(("ignorefile", Vec::new()));
            options.push("--file=/tmp/in/Containerfile".to_owned());
            options.push("--ignorefile=/tmp/in/ignorefile".to_owned());
            options.push(format!("--volume={NPM_CACHE_PATH}:{STEP_HOME}/.npm"));
            (bases.into_values().map(|name| (name, String::new())).collect(), Some(images), recipe)
        }
    };
    options.extend(["--".to_owned(), context]);
    let named: Vec<String> = pulled.iter().map(|(name, _)| name.clone()).collect();
    files.push(("materials", render_materials(images.as_ref(), &named, &recipe, source_time)?));
    let mut arguments = vec![render_inputs(images, &sources)?, pulled.len().to_string()];
    arguments.extend(pulled.into_iter().flat_map(|(name, host)| [name, host]));
    arguments.append(&mut options);

    let run = start_step(attempt, STEP_NAME, build_process(&[WAIT_SCRIPT, IMAGE_SCRIPT], arguments)).await?;
    if attempt.runs.wait_until_running(run).await? {
        files.push(("registries.conf", names.render_registries_config(&named)));
        files.push(("policy.json", SIGNATURE_POLICY.to_vec()));
        let token = sandbox_files::create_registry_token(attempt, Access::Read).await?;
        files.push(("auth.json", sandbox_files::render_auth_file(&[(DOOR_AUTHORITY, &token)])));
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
    let mut report = ImageReport::default();
    let mut filter_line = |line: &LogLine| report.parse_line(line);
    step_log::follow_step(attempt, run, STEP_NAME, "Building the image", &known_statuses, &mut filter_line)
        .await
        .map_err(|failure| failure.with_searched_sources(&sources.list_names()))?;
    Ok(report)
}

/// Renders what the image is made from, as the step prints it: the digest of the Containerfile, and those of images that it
/// names by a tag of this Hearth's. The step itself prints the digests of all others that it pulls.
fn render_materials(
    images: Option<&ReadImages>,
    pulled: &[String],
    recipe: &str,
    source_time: Option<i64>,
) -> Result<Vec<u8>> {
    let plan = Digest::new(Sha256::digest(recipe).into());
    let mut images = images.map(|images| images.digests.clone()).unwrap_or_default();
    images.retain(|name, _| !name.contains('@') && pulled.contains(name));
    let materials = BuildMaterials { plan: Some(plan), images, source_time };
    serde_json::to_vec(&materials).map_err(Error::internal)
}

/// Renders the inputs as an argument of the step. A builder that adopts the run reads them from its output, because it
/// may find newer images itself. Empty when they are not known.
fn render_inputs(images: Option<ReadImages>, sources: &BuildPackageSources) -> Result<String> {
    let Some(ReadImages { digests, missing }) = images else { return Ok(String::new()) };
    let inputs = BuildInputs {
        recipes: RECIPES_VERSION.to_owned(),
        images: digests,
        missing,
        package_sources: sources.compute_digest(),
    };
    serde_json::to_string(&inputs).map_err(Error::internal)
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

/// Reads this machine's settings of the package clients of Go, Rust, Java, Ruby and PHP, without their credentials.
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
    let composer = read(&settings.composer_config).await;
    let composer = composer.map(|text| compiler_settings::render_composer_config(&text));
    let files = [
        ("go-env", go),
        ("cargo.toml", cargo),
        ("maven.xml", maven),
        ("bundler.yml", bundler),
        ("composer.json", composer),
    ];
    files.into_iter().filter_map(|(name, text)| Some((name, text?.into_bytes()))).collect()
}

/// Lists the images that a Containerfile reads, with the hosts of other registries or [`UPSTREAM_MARK`]. A name of this Hearth's that no
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
            SourceImage::Upstream => located.push((name, UPSTREAM_MARK.to_owned())),
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

/// Explains a missing image: a source that a recipe fits can be built without its Containerfile.
fn explain_missing_image(plan: &BuildPlan) -> Explanation {
    let is_recipe_there = plan.reasons.iter().any(|reason| reason.contains("--recipe detected"));
    let next_step = match is_recipe_there {
        true => "Build the source without its Containerfile: hearth deploy --recipe detected.",
        false => "Begin the name with the host of its registry, or name an image of this Hearth.",
    };
    Explanation { class: BuildFailureClass::Plan, line: None, next_step: next_step.to_owned() }
}

fn build_options(
    attempt: &BuildAttempt<'_>,
    plan: &BuildPlan,
    shown: &[(&str, &str)],
    date: Option<SourceDate>,
) -> Vec<String> {
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
    // The version of buildah is no part of the image.
    options.push("--identity-label=false".to_owned());
    options.extend(date.into_iter().flat_map(SourceDate::list_options));
    if attempt.lease.rebuild {
        options.push("--no-cache".to_owned());
    }
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

/// Renders the Containerfile on the current provided images, with the build variables as arguments. Their names were
/// validated when the build was accepted.
fn render_containerfile(
    attempt: &BuildAttempt<'_>,
    plan: &BuildPlan,
    bases: &BTreeMap<&'static str, String>,
    date: Option<SourceDate>,
) -> Result<String, BuildFailure> {
    let names = attempt.lease.envvars.keys().map(String::as_str);
    let arguments: Vec<&str> = names.chain(date.map(SourceDate::argument_name)).collect();
    let resolve = |base: &str| bases.get(base).cloned().unwrap_or_default();
    let text = plan.render_containerfile(&resolve, &arguments)?;
    text.ok_or_else(|| Error::internal("the recipe has no Containerfile").into())
}
