//! The image, made by buildah in a sandbox.

use hearth_base::{Access, Error, Result, Role};
use hearth_plan::{PROCESSES_LABEL, Plan, Recipe, label_value};

use super::{
    Make, base,
    failure::Failure,
    fetch::put,
    process::{DOOR, SOURCE, script},
    start_step, tail,
};
use crate::runs::archive;

const STEP: &str = "image";
const WAIT: &str = include_str!("../scripts/wait.sh");
const IMAGE: &str = include_str!("../scripts/image.sh");

/// Files that steps of a build see where their programs look for them, and that no layer keeps.
const SHOWN: [(&str, &str); 3] = [
    ("ca.crt", "/etc/ssl/certs/ca-certificates.crt"),
    ("pip.conf", "/etc/pip.conf"),
    ("npmrc", "/etc/npmrc"),
];

/// Makes the image.
pub async fn image(make: &Make<'_>, plan: &Plan) -> Result<(), Failure> {
    let mut files = settings(make).await;
    let shown: Vec<_> =
        SHOWN.into_iter().filter(|(name, _)| files.iter().any(|(known, _)| known == name)).collect();
    let mut arguments = options(make, plan, &shown);
    match &plan.recipe {
        Recipe::Own(file) => arguments.extend(["--file".to_owned(), format!("{SOURCE}/{file}")]),
        Recipe::Steps { base, .. } => {
            files.push(("Containerfile", containerfile(make, plan, base).await?.into_bytes()));
            arguments.extend(["--file".to_owned(), "/tmp/in/Containerfile".to_owned()]);
        }
    }
    arguments.extend(["--".to_owned(), SOURCE.to_owned()]);

    let run = start_step(make, STEP, script(&[WAIT, IMAGE], arguments)).await?;
    if make.runs.waits(run).await? {
        let usable = make.cx.of(Role::Images)?.images_internal().usable(make.lease.tool).await?;
        files.push(("registries.conf", base::registries(&usable)));
        files.push(("policy.json", POLICY.to_vec()));
        // Steps of the build could read it: it only looks.
        files.push(("auth.json", base::auth_file(&base::sign_in(make, Access::Read).await?)));
        put(make, run, archive(&files)?).await?;
    }
    tail::follow(make, run, STEP, "Making the image", &[], &mut |_| false).await
}

/// Images need no signature: what is pulled is named by its digest, or chosen by the source.
const POLICY: &[u8] = br#"{"default": [{"type": "insecureAcceptAnything"}]}"#;

async fn settings(make: &Make<'_>) -> Vec<(&'static str, Vec<u8>)> {
    let settings = &make.cx.settings;
    let mut files = Vec::new();
    for (name, path) in
        [("ca.crt", &settings.ca_bundle), ("pip.conf", &settings.pip_config), ("npmrc", &settings.npm_config)]
    {
        files.extend(base::file(path).await.map(|content| (name, content)));
    }
    files
}

fn options(make: &Make<'_>, plan: &Plan, shown: &[(&str, &str)]) -> Vec<String> {
    let mut options: Vec<String> = [
        "--registries-conf=/tmp/in/registries.conf",
        "bud",
        "--isolation=chroot",
        "--layers",
        // A step must not be able to leave its root.
        "--cap-drop=CAP_SYS_CHROOT",
        "--signature-policy=/tmp/in/policy.json",
        "--authfile=/tmp/in/auth.json",
        "--format=oci",
    ]
    .map(str::to_owned)
    .to_vec();
    options.push(format!("--tag={}", local(make)));
    options.extend(shown.iter().map(|(name, at)| format!("--volume=/tmp/in/{name}:{at}:ro")));
    for (name, value) in &make.lease.envvars {
        options.push(format!("--build-arg={name}={value}"));
    }
    if matches!(plan.recipe, Recipe::Own(_)) && !plan.processes.is_empty() {
        options.push(format!("--label={PROCESSES_LABEL}={}", label_value(&plan.processes)));
    }
    options
}

/// What the image is called in the tool's own cache.
pub fn local(make: &Make<'_>) -> String {
    format!("localhost/hearth/{}:latest", make.lease.image_name)
}

/// The Containerfile on the provided image as it is now. Variables of the build are declared behind the first line.
async fn containerfile(make: &Make<'_>, plan: &Plan, base: &str) -> Result<String, Failure> {
    let found = make.cx.of(Role::Images)?.images_internal().resolve(make.lease.tool, base).await?;
    let from = format!("{DOOR}/hearth/{base}@{}", found.digest);
    let text = plan.containerfile(&from)?.ok_or_else(|| Error::internal("a recipe without a text"))?;
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    // The names have been checked when the build was accepted.
    let variables: String = make.lease.envvars.keys().map(|name| format!("ARG {name}\n")).collect();
    Ok(format!("{first}\n{variables}{rest}"))
}
