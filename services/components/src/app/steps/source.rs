//! The step `source`: requests the builds of the repositories and uploaded folders.

use std::collections::BTreeSet;

use hearth_base::{BuildId, BuilderName, JobName, Result, Role};
use hearth_kit::DelegatedClient;
use hearth_wire::{
    builds::{BuildCreate, BuildCreateQuery, BuildParameters, BuildStatus, outside::OWN_BUILDERS},
    components::{DeploySource, StepState},
    reply::Paging,
};
use jiff::Timestamp;

use super::super::{preview_spec::build_unsupported_error, running::RunningDeployment};
use crate::{
    spec::{BuildSpec, ComponentImage},
    store::DeploymentContent,
};

/// Requests each build once: after a crash, it finds the builds that it requested before.
pub async fn run_source_step(running: &RunningDeployment<'_>) -> Result<StepState> {
    let names: Vec<JobName> = running.read(|content| content.components.keys().cloned().collect()).await;
    running.run_side_by_side(&names, |name| async move { prepare_image(running, &name).await }).await?;
    Ok(StepState::Done)
}

async fn prepare_image(running: &RunningDeployment<'_>, name: &JobName) -> Result<()> {
    let component = running.find_component(name).await?;
    match &component.spec.image {
        ComponentImage::ReuseFrom(owner) => {
            running.set_message(name, format!("the image of {owner}")).await;
        }
        ComponentImage::Image(image) => {
            let kept = component.spec.kept_build.as_ref();
            running
                .change_component(name, |component| {
                    component.progress.image.clone_from(image);
                    if let Some(kept) = kept {
                        component.progress.resolved_ref.clone_from(&kept.resolved_ref);
                    }
                })
                .await;
            let message = match kept {
                Some(kept) => format!("{} (kept)", shorten_ref(&kept.resolved_ref)),
                None => format!("the image {image}"),
            };
            running.set_message(name, message).await;
        }
        ComponentImage::Build(build) => {
            if component.progress.build.is_none() {
                request_build(running, name, build).await?;
            }
            let resolved_ref = running.find_component(name).await?.progress.resolved_ref;
            running.set_message(name, shorten_ref(&resolved_ref)).await;
        }
    }
    Ok(())
}

/// Shortens a commit or a digest for a message.
fn shorten_ref(resolved_ref: &str) -> String {
    resolved_ref.trim_start_matches("sha256:").chars().take(12).collect()
}

async fn request_build(running: &RunningDeployment<'_>, name: &JobName, build: &BuildSpec) -> Result<()> {
    let (create, force_build, created) = running
        .read(|content| (build_create(content, name, build), content.force_build, content.created))
        .await;
    let is_retry = running.find_component(name).await?.progress.build_requested;
    if !is_retry {
        running
            .save_change(|content| {
                if let Some(component) = content.components.get_mut(name) {
                    component.progress.build_requested = true;
                }
            })
            .await?;
    }
    let builds = running.cx.clients.create_delegated_client(Role::Builds, running.mandate).await?;
    let taken = running.read(|content| content.list_builds()).await;
    let found = if is_retry { find_requested_build(&builds, created, &create, &taken).await? } else { None };
    let (build, resolved_ref, is_isolated) = match found {
        Some((build, resolved_ref)) => (build, resolved_ref, true),
        None => {
            let query = BuildCreateQuery { queue: true, rebuild: force_build };
            let new = builds.client.builds().start(&builds.tool, &create, &query).await?;
            (new.name, new.resolved_ref, new.parameters.preview == create.preview)
        }
    };
    // Saved at once, so that a cancellation finds the build.
    running
        .save_change(|content| {
            if let Some(component) = content.components.get_mut(name) {
                component.progress.build = Some(build);
                component.progress.resolved_ref = resolved_ref;
            }
        })
        .await?;
    // The failure of the deployment cancels the build.
    if is_isolated { Ok(()) } else { Err(build_unsupported_error(Role::Builds)) }
}

/// Builds the request of a build. If one component runs the image and names no command, the image needs the process of
/// its name in the configuration.
fn build_create(content: &DeploymentContent, name: &JobName, build: &BuildSpec) -> BuildCreate {
    let is_shared = content
        .components
        .values()
        .any(|other| matches!(&other.spec.image, ComponentImage::ReuseFrom(owner) if owner == name));
    let has_command = content.components.get(name).is_some_and(|own| !own.spec.job.cmd.is_empty());
    let create = BuildCreate {
        folder: build.folder.clone(),
        recipe: build.recipe,
        builder: build.builder.clone(),
        process: (!is_shared && !has_command).then(|| content.find_component_name(name).to_owned()),
        preview: content.find_preview(),
        ..BuildCreate::default()
    };
    match &build.source {
        DeploySource::Upload(upload) => BuildCreate { upload: Some(*upload), ..create },
        DeploySource::Git(git) => {
            BuildCreate { source_url: Some(git.url.clone()), reference: git.reference.clone(), ..create }
        }
        DeploySource::Image(_) => create,
    }
}

/// Finds the build that was requested before a crash, with its commit, except those of other components (`taken`). A build
/// of the same source that another client requested since then is accepted too.
async fn find_requested_build(
    builds: &DelegatedClient,
    created: Timestamp,
    create: &BuildCreate,
    taken: &BTreeSet<BuildId>,
) -> Result<Option<(BuildId, String)>> {
    let recent = builds.client.builds().list(&builds.tool, &Paging::default()).await?;
    // `builds` reports creation times in whole seconds.
    let since = created.as_second();
    let found = recent.builds.into_iter().find(|build| {
        let created = build.created.parse::<Timestamp>();
        created.is_ok_and(|created| created.as_second() >= since)
            && build.status != BuildStatus::BuildCancelled
            && has_same_source(&build.parameters, create)
            && may_be_of_builder(build.outside_builder.as_deref(), create.builder.as_ref())
            && !taken.contains(&build.build_id)
    });
    Ok(found.map(|build| (build.build_id, build.resolved_ref)))
}

fn has_same_source(built: &BuildParameters, create: &BuildCreate) -> bool {
    built.upload == create.upload
        && built.source_url == create.source_url.as_deref().unwrap_or_default()
        && built.reference == create.reference.as_deref().unwrap_or_default()
        && built.folder == create.folder
        && built.recipe == create.recipe
        && built.process == create.process
        && built.preview == create.preview
        && built.envvars.is_empty()
}

/// True if a build with this outside builder (`NAME` or `tool-TOOL/NAME`) may be of a request for `requested`. Without a
/// requested one, the tool's choice applies, which may be any.
fn may_be_of_builder(outside_builder: Option<&str>, requested: Option<&BuilderName>) -> bool {
    let name = outside_builder.map_or(OWN_BUILDERS, |shown| shown.rsplit('/').next().unwrap_or(shown));
    requested.is_none_or(|requested| requested.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_for_a_builder_adopts_no_build_of_another_one() -> Result<()> {
        let (own, farm) = ("hearth".parse()?, "farm".parse()?);
        for (shown, adopted) in [
            (None, [true, true, false]),
            (Some("farm"), [true, false, true]),
            (Some("tool-hello/farm"), [true, false, true]),
        ] {
            assert_eq!([None, Some(&own), Some(&farm)].map(|name| may_be_of_builder(shown, name)), adopted);
        }
        Ok(())
    }
}
