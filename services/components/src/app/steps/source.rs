//! The step `source`: requests a build of the repository or the uploaded folder.

use hearth_base::{Result, Role};
use hearth_kit::DelegatedClient;
use hearth_wire::{
    builds::{BuildCreate, BuildCreateQuery, BuildParameters, BuildStatus},
    components::{DeploySource, StepName, StepState},
    reply::Paging,
};
use jiff::Timestamp;

use super::{super::completion, require_mandate, set_step_message};
use crate::{context::ComponentsContext, store::Deployment};

/// Requests a build once: after a crash, it finds the build that it requested before.
pub async fn run_source_step(cx: &ComponentsContext, deployment: &mut Deployment) -> Result<StepState> {
    let create = match &deployment.source {
        DeploySource::Image(image) => {
            let image = image.clone();
            set_step_message(deployment, StepName::Source, format!("the image {image}"));
            deployment.progress.image = image;
            return Ok(StepState::Done);
        }
        DeploySource::Upload(upload) => BuildCreate { upload: Some(*upload), ..build_choices(deployment) },
        DeploySource::Git(git) => BuildCreate {
            source_url: Some(git.url.clone()),
            reference: git.reference.clone(),
            ..build_choices(deployment)
        },
    };
    if deployment.progress.build.is_none() {
        let is_retry = deployment.progress.build_requested;
        if !is_retry {
            deployment.progress.build_requested = true;
            completion::save_deployment(cx, deployment).await?;
        }
        let builds = cx.clients.create_delegated_client(Role::Builds, require_mandate(deployment)?).await?;
        let found = if is_retry { find_requested_build(&builds, deployment, &create).await? } else { false };
        if !found {
            let query = BuildCreateQuery { queue: true, rebuild: deployment.force_build };
            let new = builds.client.builds().start(&builds.tool, &create, &query).await?;
            deployment.progress.build = Some(new.name);
            deployment.progress.resolved_ref = new.resolved_ref;
        }
    }
    let short: String =
        deployment.progress.resolved_ref.trim_start_matches("sha256:").chars().take(12).collect();
    set_step_message(deployment, StepName::Source, short);
    Ok(StepState::Done)
}

/// Fills in the choices of the deployment: without a command, the image needs the process of the component.
fn build_choices(deployment: &Deployment) -> BuildCreate {
    BuildCreate {
        folder: deployment.folder.clone(),
        recipe: deployment.recipe,
        builder: deployment.builder.clone(),
        process: deployment.command.is_none().then(|| deployment.component.to_string()),
        ..BuildCreate::default()
    }
}

/// Finds the build that was requested before a crash. A build of the same source that another client
/// requested since then is accepted too.
async fn find_requested_build(
    builds: &DelegatedClient,
    deployment: &mut Deployment,
    create: &BuildCreate,
) -> Result<bool> {
    let recent = builds.client.builds().list(&builds.tool, &Paging::default()).await?;
    // `builds` reports creation times in whole seconds.
    let since = deployment.created.as_second();
    let found = recent.builds.into_iter().find(|build| {
        let created = build.created.parse::<Timestamp>();
        created.is_ok_and(|created| created.as_second() >= since)
            && build.status != BuildStatus::BuildCancelled
            && has_same_source(&build.parameters, create)
    });
    let Some(build) = found else { return Ok(false) };
    deployment.progress.build = Some(build.build_id);
    deployment.progress.resolved_ref = build.resolved_ref;
    Ok(true)
}

fn has_same_source(built: &BuildParameters, create: &BuildCreate) -> bool {
    built.upload == create.upload
        && built.source_url == create.source_url.as_deref().unwrap_or_default()
        && built.reference == create.reference.as_deref().unwrap_or_default()
        && built.folder == create.folder
        && built.recipe == create.recipe
        && built.envvars.is_empty()
}
