//! Image step: buildah builds the image in a sandbox.

use hearth_base::{Access, Error, Result, Role};
use hearth_plan::{BuildPlan, BuildRecipe, PROCESSES_LABEL, render_label_value};

use super::{
    BuildAttempt,
    failure::BuildFailure,
    fetch::supply_files,
    process::{DOOR_AUTHORITY, SOURCE_PATH, build_process},
    sandbox_files, start_step, step_log,
};
use crate::runs::build_archive;

const STEP_NAME: &str = "image";
const WAIT_SCRIPT: &str = include_str!("../scripts/wait.sh");
const IMAGE_SCRIPT: &str = include_str!("../scripts/image.sh");

/// Host files that are mounted into build steps at these paths, and are part of no layer.
const HOST_FILE_MOUNTS: [(&str, &str); 3] = [
    ("ca.crt", "/etc/ssl/certs/ca-certificates.crt"),
    ("pip.conf", "/etc/pip.conf"),
    ("npmrc", "/etc/npmrc"),
];

/// Builds the image.
pub async fn build_image(attempt: &BuildAttempt<'_>, plan: &BuildPlan) -> Result<(), BuildFailure> {
    let mut files = read_host_files(attempt).await;
    let shown: Vec<_> = HOST_FILE_MOUNTS
        .into_iter()
        .filter(|(name, _)| files.iter().any(|(known, _)| known == name))
        .collect();
    let mut arguments = build_options(attempt, plan, &shown);
    match &plan.recipe {
        BuildRecipe::Containerfile(file) => {
            arguments.extend(["--file".to_owned(), format!("{SOURCE_PATH}/{file}")])
        }
        BuildRecipe::Steps { base, .. } => {
            files.push(("Containerfile", render_containerfile(attempt, plan, base).await?.into_bytes()));
            arguments.extend(["--file".to_owned(), "/tmp/in/Containerfile".to_owned()]);
        }
    }
    arguments.extend(["--".to_owned(), SOURCE_PATH.to_owned()]);

    let run = start_step(attempt, STEP_NAME, build_process(&[WAIT_SCRIPT, IMAGE_SCRIPT], arguments)).await?;
    if attempt.runs.wait_until_running(run).await? {
        let usable =
            attempt.cx.create_client(Role::Images)?.images_internal().list_usable(attempt.lease.tool).await?;
        files.push(("registries.conf", sandbox_files::render_registries_config(&usable)));
        files.push(("policy.json", SIGNATURE_POLICY.to_vec()));
        // Build steps could read these credentials, so they only allow pulls.
        files.push((
            "auth.json",
            sandbox_files::render_auth_file(
                &sandbox_files::create_registry_token(attempt, Access::Read).await?,
            ),
        ));
        supply_files(attempt, run, build_archive(&files)?).await?;
    }
    step_log::follow_step(attempt, run, STEP_NAME, "Building the image", &[], &mut |_| false).await
}

/// Signature policy: images need no signature, because they are named by digest or chosen by the source.
const SIGNATURE_POLICY: &[u8] = br#"{"default": [{"type": "insecureAcceptAnything"}]}"#;

async fn read_host_files(attempt: &BuildAttempt<'_>) -> Vec<(&'static str, Vec<u8>)> {
    let settings = &attempt.cx.settings;
    let mut files = Vec::new();
    for (name, path) in
        [("ca.crt", &settings.ca_bundle), ("pip.conf", &settings.pip_config), ("npmrc", &settings.npm_config)]
    {
        files.extend(sandbox_files::read_host_file(path).await.map(|content| (name, content)));
    }
    files
}

fn build_options(attempt: &BuildAttempt<'_>, plan: &BuildPlan, shown: &[(&str, &str)]) -> Vec<String> {
    let mut options: Vec<String> = [
        "--registries-conf=/tmp/in/registries.conf",
        "bud",
        "--isolation=chroot",
        "--layers",
        // A step must not be able to leave its chroot.
        "--cap-drop=CAP_SYS_CHROOT",
        "--signature-policy=/tmp/in/policy.json",
        "--authfile=/tmp/in/auth.json",
        "--format=oci",
    ]
    .map(str::to_owned)
    .to_vec();
    options.push(format!("--tag={}", format_local_name(attempt)));
    options.extend(shown.iter().map(|(name, at)| format!("--volume=/tmp/in/{name}:{at}:ro")));
    for (name, value) in &attempt.lease.envvars {
        options.push(format!("--build-arg={name}={value}"));
    }
    if matches!(plan.recipe, BuildRecipe::Containerfile(_)) && !plan.processes.is_empty() {
        options.push(format!("--label={PROCESSES_LABEL}={}", render_label_value(&plan.processes)));
    }
    options
}

/// Formats the name of the image in the tool's build cache.
pub fn format_local_name(attempt: &BuildAttempt<'_>) -> String {
    format!("localhost/hearth/{}:latest", attempt.lease.image_name)
}

/// Renders the Containerfile on the current provided image. Build variables are declared after the first
/// line.
async fn render_containerfile(
    attempt: &BuildAttempt<'_>,
    plan: &BuildPlan,
    base: &str,
) -> Result<String, BuildFailure> {
    let found =
        attempt.cx.create_client(Role::Images)?.images_internal().resolve(attempt.lease.tool, base).await?;
    let from = format!("{DOOR_AUTHORITY}/hearth/{base}@{}", found.digest);
    let text = plan
        .render_containerfile(&from)?
        .ok_or_else(|| Error::internal("the recipe has no Containerfile"))?;
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    // The names were validated when the build was accepted.
    let variables: String = attempt.lease.envvars.keys().map(|name| format!("ARG {name}\n")).collect();
    Ok(format!("{first}\n{variables}{rest}"))
}
