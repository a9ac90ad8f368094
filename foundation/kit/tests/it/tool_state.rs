//! The guard of deleted tools.

use hearth_base::{Entropy, Result, ToolId};
use hearth_kit::{
    db::{Db, migrate},
    tool_state::{CreateToolState, ToolState, lock_existing_tool, lock_tool, lock_tools, mark_tool_deleted},
};
use jiff::Timestamp;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn tool() -> ToolId {
    ToolId::new(NOW, &Entropy::System)
}

async fn prepare(db: &Db) -> Result<()> {
    migrate(db, || vec![Box::new(CreateToolState)]).await
}

async fn a_deleted_tool_is_refused_for_ever(db: Db) -> Result<()> {
    prepare(&db).await?;
    let (deleted, other) = (tool(), tool());
    let tx = db.begin().await?;
    lock_existing_tool(&tx, deleted).await?;
    mark_tool_deleted(&tx, deleted, NOW).await?;
    mark_tool_deleted(&tx, deleted, NOW).await?;
    tx.commit().await?;
    let tx = db.begin().await?;
    let refused = lock_existing_tool(&tx, deleted).await.unwrap_err();
    assert_eq!(refused.code(), "tool-deleted");
    assert_eq!(lock_tool(&tx, other).await?, ToolState::Exists);
    assert_eq!(lock_tools(&tx, [deleted, other]).await?.into_iter().collect::<Vec<_>>(), [deleted]);
    Ok(())
}

async fn a_mark_that_is_given_up_deletes_nothing(db: Db) -> Result<()> {
    prepare(&db).await?;
    let tool = tool();
    let tx = db.begin().await?;
    mark_tool_deleted(&tx, tool, NOW).await?;
    drop(tx);
    let tx = db.begin().await?;
    lock_existing_tool(&tx, tool).await
}

async fn a_change_of_a_tool_waits_for_its_deletion_and_is_refused(db: Db) -> Result<()> {
    prepare(&db).await?;
    let tool = tool();
    let deleting = db.begin().await?;
    lock_tool(&deleting, tool).await?;
    let changing = async {
        let tx = db.begin().await?;
        lock_existing_tool(&tx, tool).await
    };
    let deleted = async {
        mark_tool_deleted(&deleting, tool, NOW).await?;
        deleting.commit().await
    };
    let (changed, deleted) = tokio::join!(changing, deleted);
    deleted?;
    assert_eq!(changed.unwrap_err().code(), "tool-deleted");
    Ok(())
}

hearth_testkit::on_every_database!(
    a_deleted_tool_is_refused_for_ever,
    a_mark_that_is_given_up_deletes_nothing,
    a_change_of_a_tool_waits_for_its_deletion_and_is_refused,
);
