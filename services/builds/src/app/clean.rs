//! Forgetting builds that are over. The pin that keeps a build's image goes later, by a task.

use hearth_base::{BuildId, Error, Kind, Result, Role, ToolId};
use hearth_kit::{db::Tx, queue::TaskName};

use super::cancel;
use crate::{cx::Cx, store::Build};

/// The task of giving up the image of a build.
pub const UNPIN_TASK: TaskName<BuildId> = TaskName::new("unpin");

/// Who relies on a build's image.
pub fn holder(id: BuildId) -> String {
    format!("builds:{id}")
}

/// Forgets one build that is over.
pub async fn delete(cx: &Cx, tool: ToolId, id: BuildId) -> Result<()> {
    cx.store.build(tool, id).await?;
    let tx = cx.store.begin().await?;
    let build = cx.store.build_locked(&tx, id).await?;
    let build = build.ok_or_else(|| Error::not_found("build", id))?;
    if !build.is_over() {
        return Err(Error::conflict("build-runs", format!("the build {id} is not over"))
            .help(format!("cancel it first: hearth build cancel {id}")));
    }
    if !build.settled {
        return Err(Error::conflict(
            "build-stopping",
            format!("what runs of the build {id} is being stopped"),
        )
        .help("try again in a moment"));
    }
    forget(cx, &tx, &build).await?;
    tx.commit().await
}

/// Forgets all builds of a tool that are over but the newest `keep`. How many there were.
pub async fn clean(cx: &Cx, tool: ToolId, keep: u64) -> Result<usize> {
    let mut count = 0;
    loop {
        let tx = cx.store.begin().await?;
        let old = cx.store.build_old(&tx, tool, keep).await?;
        for build in &old {
            forget(cx, &tx, build).await?;
        }
        tx.commit().await?;
        count += old.len();
        if old.is_empty() {
            return Ok(count);
        }
    }
}

async fn forget(cx: &Cx, tx: &Tx, build: &Build) -> Result<()> {
    cx.store.build_delete(tx, build.id).await?;
    if build.digest.is_some() {
        cx.store.queue.enqueue(tx, UNPIN_TASK, &build.id.to_string(), &build.id, cx.now()).await?;
    }
    Ok(())
}

/// Gives up the image of a build that was forgotten. May be repeated.
pub async fn unpin(cx: &Cx, id: BuildId) -> Result<()> {
    match cx.clients.of(Role::Images)?.images_internal().unpin(&holder(id)).await {
        Err(error) if error.kind() == Kind::NotFound => Ok(()),
        unpinned => unpinned.map(|_| ()),
    }
}

/// Forgets all that there is of a tool: it has ended. What still runs is stopped first, by the builder. Its
/// images are for `images` to erase, pins and all.
pub async fn erase(cx: &Cx, tool: ToolId) -> Result<()> {
    let tx = cx.store.begin().await?;
    for mut build in cx.store.build_open(&tx, tool).await? {
        cancel::end(&mut build, cx.now());
        cx.store.build_save(&tx, &build).await?;
    }
    tx.commit().await?;
    if cx.store.build_unsettled(tool).await? {
        return Err(Error::unavailable("build-stopping", "what runs of a build is being stopped"));
    }
    loop {
        let tx = cx.store.begin().await?;
        let some = cx.store.build_erase(&tx, tool).await?;
        tx.commit().await?;
        if some.is_empty() {
            break;
        }
    }
    loop {
        let some = cx.store.source_of(tool).await?;
        if some.is_empty() {
            return Ok(());
        }
        for source in &some {
            super::sources::forget(cx, source).await?;
        }
    }
}
