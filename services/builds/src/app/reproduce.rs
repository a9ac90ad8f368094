//! Repetition of a build: from the same source, images and plan, without layers of earlier builds.

use std::collections::BTreeMap;

use hearth_base::{BuildId, Error, Result, Role, ToolId, ToolName};
use hearth_wire::builds::{
    BuildParameters, BuildStatus, BuildStep,
    internal::{BuildMaterials, OriginalBuild},
};

use super::{image_name::choose_rebuilt_name, queue, sources, start};
use crate::{
    context::BuildsContext,
    store::{Build, ImageRecord},
};

/// Accepts a build that repeats another one, whose image it is compared with. Errors `not-reproducible` (conflict) for a
/// build without an image or without a record of what it was made from, `source-not-found` for an expired upload.
pub async fn reproduce_build(
    cx: &BuildsContext,
    tool: ToolId,
    name: &ToolName,
    id: BuildId,
) -> Result<Build> {
    let original = cx.store.find_build(tool, id).await?;
    let (image, materials) = find_materials(&original)?;
    if let Some(upload) = original.parameters.upload {
        sources::find_tool_source(cx, tool, upload).await?;
    }
    let facts = cx.clients.create_client(Role::Accounts)?.accounts_internal().show_tool_facts(tool).await?;
    let now = cx.now();
    let image_name = original.parameters.image_name.clone();
    // Under a reserved name, the image moves no tag of another one. A builder of an earlier release, which does not know
    // repetitions, cannot push to it.
    let parameters = BuildParameters {
        rebuild: true,
        image_name: choose_rebuilt_name(&image_name),
        ..original.parameters.clone()
    };
    let original_build = OriginalBuild { build: original.id, image_name, image, materials };
    let build = Build {
        id: BuildId::new(now, &cx.entropy),
        tool_name: name.clone(),
        status: BuildStatus::BuildPending,
        step: BuildStep::Waiting,
        message: String::new(),
        attempt: 1,
        parameters,
        destination_image: String::new(),
        digest: None,
        processes: BTreeMap::new(),
        created: now,
        started: None,
        ended: None,
        deadline: None,
        settled: true,
        expected: queue::estimate_duration(cx, tool).await?,
        builder: None,
        failure: None,
        inputs: None,
        reused_build: None,
        image_record: ImageRecord { original_build: Some(original_build), ..ImageRecord::default() },
        of_deployment: false,
        ..original
    };
    start::accept_build(cx, &build, u64::from(facts.quota.running_builds), None).await?;
    Ok(build)
}

/// Finds the image of a build, and what it was made from.
fn find_materials(build: &Build) -> Result<(hearth_base::Digest, BuildMaterials)> {
    let refuse = |reason: &str| {
        Error::conflict("not-reproducible", format!("the build {} {reason}", build.id))
            .help("choose another build: hearth build list")
    };
    let image = build.digest.ok_or_else(|| refuse("has made no image"))?;
    if build.parameters.preview.is_some() {
        return Err(refuse("is of a preview"));
    }
    if build.outside_builder.is_some() {
        return Err(refuse("was made by an outside builder"));
    }
    let materials = build.image_record.materials.clone();
    Ok((
        image,
        materials
            .ok_or_else(|| refuse("has no record of its materials: a release without records made it"))?,
    ))
}
