//! Deletion of ended builds. The pin of a build's image is deleted later, by a task.

use hearth_base::{BuildId, Error, ErrorKind, Result, Role, ToolId};
use hearth_kit::{db::Tx, queue::TaskName};
use hearth_wire::images::internal::PinPut;

use super::{cancel, credentials};
use crate::{context::BuildsContext, store::Build};

/// Task that unpins the image of a deleted build.
pub const UNPIN_TASK: TaskName<BuildId> = TaskName::new("unpin");

/// Formats the holder of the pin on a build's image.
pub fn format_pin_holder(id: BuildId) -> String {
    format!("builds:{id}")
}

/// Deletes one build that has ended.
pub async fn delete_build(cx: &BuildsContext, tool: ToolId, id: BuildId) -> Result<()> {
    cx.store.find_build(tool, id).await?;
    let tx = cx.store.begin().await?;
    let build = cx.store.lock_build(&tx, id).await?;
    let build = build.ok_or_else(|| Error::not_found("build", id).help("hearth build list"))?;
    if !build.has_ended() {
        return Err(Error::conflict("build-runs", format!("the build {id} has not ended"))
            .help(format!("cancel it first: hearth build cancel {id}")));
    }
    if !build.settled {
        return Err(Error::conflict("build-stopping", format!("the build {id} is still being stopped"))
            .help("try again in a moment"));
    }
    delete_and_enqueue_unpin(cx, &tx, &build).await?;
    tx.commit().await
}

/// Deletes all ended builds of a tool except the newest `keep`. Returns their number.
pub async fn delete_old_builds(cx: &BuildsContext, tool: ToolId, keep: u64) -> Result<usize> {
    let mut count = 0;
    loop {
        let tx = cx.store.begin().await?;
        let old = cx.store.list_old_builds(&tx, tool, keep).await?;
        for build in &old {
            delete_and_enqueue_unpin(cx, &tx, build).await?;
        }
        tx.commit().await?;
        count += old.len();
        if old.is_empty() {
            return Ok(count);
        }
    }
}

/// Deletes a build, and enqueues the unpinning of its image in the same transaction.
async fn delete_and_enqueue_unpin(cx: &BuildsContext, tx: &Tx, build: &Build) -> Result<()> {
    cx.store.delete_build(tx, build.id).await?;
    if build.digest.is_some() {
        cx.store.queue.enqueue(tx, UNPIN_TASK, &build.id.to_string(), &build.id, cx.now()).await?;
    }
    Ok(())
}

/// Unpins the image of a build that was deleted or never stored. May be repeated. The image of a stored build is pinned
/// again: a report that lost the race with the one that was accepted may have moved the pin.
pub async fn unpin_image(cx: &BuildsContext, id: BuildId) -> Result<()> {
    let build = cx.store.find_build_by_id(id).await?;
    let put = build.and_then(|build| build.digest.map(|digest| PinPut { tool: build.tool, digest }));
    let (images, holder) = (cx.clients.create_client(Role::Images)?, format_pin_holder(id));
    let done = match put {
        Some(put) => images.images_internal().pin_image(&holder, &put).await.map(drop),
        None => images.images_internal().unpin_image(&holder).await.map(drop),
    };
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Deletes everything of a deleted tool. Open builds are cancelled first; while a builder still stops them,
/// the error is `build-stopping` and the caller retries. The images, with their pins, are erased by the image
/// service.
pub async fn erase_tool_builds(cx: &BuildsContext, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.erase_outside_builders(&tx, tool).await?;
    cx.store.erase_source_credentials(&tx, tool).await?;
    // Without an event: nobody is left to be notified of a deleted tool.
    for mut build in cx.store.lock_open_builds(&tx, tool).await? {
        cancel::mark_cancelled(&mut build, cx.now());
        credentials::release_outside_build(cx, &tx, &mut build).await?;
        cx.store.update_build(&tx, &build).await?;
    }
    cx.store.delete_tool_grants(&tx, tool).await?;
    tx.commit().await?;
    if cx.store.has_unsettled_builds(tool).await? {
        return Err(Error::conflict("build-stopping", "a build of the tool is still being stopped")
            .help("try again in a moment"));
    }
    loop {
        let tx = cx.store.begin().await?;
        let some = cx.store.erase_builds(&tx, tool).await?;
        tx.commit().await?;
        if some.is_empty() {
            break;
        }
    }
    loop {
        let some = cx.store.list_tool_sources(tool).await?;
        if some.is_empty() {
            return Ok(());
        }
        for source in &some {
            super::sources::delete_source(cx, source).await?;
        }
    }
}
