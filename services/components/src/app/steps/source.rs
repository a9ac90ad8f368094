//! Source: the repository or the folder is found, and a build of it asked for.

use hearth_base::{Result, Role};
use hearth_kit::Deputy;
use hearth_wire::{
    builds::{BuildCreate, BuildCreateQuery, BuildParameters, BuildStatus},
    components::{DeploySource, StepName, StepState},
    reply::Paging,
};
use jiff::Timestamp;

use super::{end, mandate, say};
use crate::{cx::Cx, store::Deployment};

/// Asks for a build, once: after a kill one that was asked for is found again.
pub async fn take(cx: &Cx, deployment: &mut Deployment) -> Result<StepState> {
    let create = match &deployment.source {
        DeploySource::Image(image) => {
            let image = image.clone();
            say(deployment, StepName::Source, format!("the image {image}"));
            deployment.progress.image = image;
            return Ok(StepState::Done);
        }
        DeploySource::Upload(upload) => BuildCreate { upload: Some(*upload), ..BuildCreate::default() },
        DeploySource::Git(git) => BuildCreate {
            source_url: Some(git.url.clone()),
            reference: git.reference.clone(),
            ..BuildCreate::default()
        },
    };
    if deployment.progress.build.is_none() {
        let again = deployment.progress.asked;
        if !again {
            deployment.progress.asked = true;
            end::save(cx, deployment).await?;
        }
        let builds = cx.clients.acting(Role::Builds, mandate(deployment)?).await?;
        let found = if again { asked_for(&builds, deployment, &create).await? } else { false };
        if !found {
            let query = BuildCreateQuery { queue: true };
            let new = builds.client.builds().start(&builds.tool, &create, &query).await?;
            deployment.progress.build = Some(new.name);
            deployment.progress.resolved_ref = new.resolved_ref;
        }
    }
    let short: String =
        deployment.progress.resolved_ref.trim_start_matches("sha256:").chars().take(12).collect();
    say(deployment, StepName::Source, short);
    Ok(StepState::Done)
}

/// Finds the build that was asked for before a kill. One of the same source that somebody else asked for since
/// does as well.
async fn asked_for(builds: &Deputy, deployment: &mut Deployment, create: &BuildCreate) -> Result<bool> {
    let recent = builds.client.builds().list(&builds.tool, &Paging::default()).await?;
    // Builds are dated to the second.
    let since = deployment.created.as_second();
    let found = recent.builds.into_iter().find(|build| {
        let created = build.created.parse::<Timestamp>();
        created.is_ok_and(|created| created.as_second() >= since)
            && build.status != BuildStatus::BuildCancelled
            && is_same(&build.parameters, create)
    });
    let Some(build) = found else { return Ok(false) };
    deployment.progress.build = Some(build.build_id);
    deployment.progress.resolved_ref = build.resolved_ref;
    Ok(true)
}

fn is_same(built: &BuildParameters, create: &BuildCreate) -> bool {
    built.upload == create.upload
        && built.source_url == create.source_url.as_deref().unwrap_or_default()
        && built.reference == create.reference.as_deref().unwrap_or_default()
        && built.envvars.is_empty()
}
