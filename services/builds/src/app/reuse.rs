//! Reuse of images: a source that has not changed since its newest image is not built again.
//!
//! An image is up to date when source, parameters, recipes and all images that its build read are the same, and when
//! its tag still points to it. A build that wants more than that, such as newer packages, asks for a new image.

use hearth_base::{BuildId, ErrorKind, PageLimit, Result, Role};
use hearth_kit::{log_error, tool_state::lock_existing_tool};
use hearth_plan::RECIPES_VERSION;
use hearth_wire::{
    builds::{BuildStatus, BuildStep},
    images::internal::PinPut,
};
use jiff::SignedDuration;

use super::{
    build_end,
    cleanup::{self, UNPIN_TASK, format_pin_holder},
    package_sources, sources,
};
use crate::{context::BuildsContext, store::Build};

/// Newest builds of a tool among which its newest image is searched.
const MAX_SEARCHED_BUILDS: u32 = 20;
/// Time after which the image is unpinned if the build has not been stored.
const UNPIN_DELAY: SignedDuration = SignedDuration::from_secs(60);

/// Stores `build` as ended with the image of an earlier build, if that is up to date. Returns it then, and `None` if the
/// source must be built. The image of a preview is never reused. While the tool has open builds there is none: they may make newer images.
pub async fn reuse_image(cx: &BuildsContext, build: &Build) -> Result<Option<Build>> {
    let newest = cx.store.list_builds(build.tool, PageLimit::new(MAX_SEARCHED_BUILDS)?, None).await?.items;
    if newest.iter().any(|other| !other.has_ended()) {
        return Ok(None);
    }
    let has_image = |other: &&Build| {
        other.status == BuildStatus::BuildSuccess
            && other.parameters.image_name == build.parameters.image_name
            && other.image_record.original_build.is_none()
            && other.parameters.preview.is_none()
    };
    let Some(former) = newest.iter().find(has_image).filter(|former| has_same_inputs(former, build)) else {
        return Ok(None);
    };
    match is_image_current(cx, former).await {
        Ok(true) => accept_reuse(cx, build, former).await,
        Ok(false) => Ok(None),
        Err(error) => {
            log_error!(&error, tool = %build.tool, "image of an unchanged source not found; will build it");
            Ok(None)
        }
    }
}

/// True when the source, the parameters that change an image, and the recipes are the same.
fn has_same_inputs(former: &Build, build: &Build) -> bool {
    let (old, new) = (&former.parameters, &build.parameters);
    let has_process =
        |process: &String| old.process.as_ref() == Some(process) || former.processes.contains_key(process);
    former.inputs.as_ref().is_some_and(|inputs| inputs.recipes == RECIPES_VERSION)
        && former.resolved_ref == build.resolved_ref
        && old.source_url == new.source_url
        && old.envvars == new.envvars
        && old.folder == new.folder
        && old.recipe == new.recipe
        && new.process.as_ref().is_none_or(has_process)
}

/// True when the tag of the image points to it, and the names of all images that it was made from to the same ones as
/// then. An image that was replaced by another one must still be missing.
async fn is_image_current(cx: &BuildsContext, former: &Build) -> Result<bool> {
    let (Some(digest), Some(inputs)) = (former.digest, &former.inputs) else { return Ok(false) };
    let images = cx.clients.create_client(Role::Images)?;
    let tag = format!("tool-{}/{}:latest", former.tool_name, former.parameters.image_name);
    if package_sources::compute_sources_digest(cx, former.tool).await? != inputs.package_sources {
        return Ok(false);
    }
    let expected = std::iter::once((&tag, &digest)).chain(&inputs.images);
    for (name, digest) in expected {
        match images.images_internal().resolve(former.tool, name).await {
            Ok(found) if found.digest == *digest => {}
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    for name in &inputs.missing {
        match images.images_internal().resolve(former.tool, name).await {
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Pins the image for the build and stores the build; `None` if the image has gone or another build was started
/// meanwhile.
async fn accept_reuse(cx: &BuildsContext, build: &Build, former: &Build) -> Result<Option<Build>> {
    let Some(digest) = former.digest else { return Ok(None) };
    let now = cx.now();
    let reused_build = former.reused_build.unwrap_or(former.id);
    let reused = Build {
        status: BuildStatus::BuildSuccess,
        step: BuildStep::Done,
        message: format!("Nothing has changed since the build {reused_build}: its image is used."),
        destination_image: former.destination_image.clone(),
        digest: former.digest,
        processes: former.processes.clone(),
        started: Some(now),
        ended: Some(now),
        inputs: former.inputs.clone(),
        reused_build: Some(reused_build),
        image_record: former.image_record.clone(),
        ..build.clone()
    };
    enqueue_unpin(cx, build.id).await?;
    let pin = PinPut { tool: build.tool, digest };
    let images = cx.clients.create_client(Role::Images)?;
    match images.images_internal().pin_image(&format_pin_holder(build.id), &pin).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        pinned => pinned.map(drop)?,
    }
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, build.tool).await?;
    if cx.store.count_open_builds(&tx, build.tool).await? > 0 {
        return tx.commit().await.map(|()| None);
    }
    if let Some(upload) = build.parameters.upload {
        let expires = now + sources::UPLOAD_LIFETIME;
        let extended = cx.store.extend_source(&tx, build.tool, upload, expires).await?;
        extended.ok_or_else(|| sources::build_missing_error(upload))?;
    }
    cx.store.insert_build(&tx, &reused).await?;
    build_end::append_end_event(cx, &tx, &reused).await?;
    tx.commit().await?;
    cleanup::delete_old_builds(cx, build.tool, u64::from(cx.settings.kept)).await?;
    Ok(Some(reused))
}

/// Enqueues the unpinning of the build's image, which does nothing if the build is stored by then.
async fn enqueue_unpin(cx: &BuildsContext, id: BuildId) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.queue.enqueue(&tx, UNPIN_TASK, &id.to_string(), &id, cx.now() + UNPIN_DELAY).await?;
    tx.commit().await
}
