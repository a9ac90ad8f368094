//! Tombstones of deleted tools.

use hearth_base::{Entropy, Result, ToolId};
use hearth_kit::{
    db::{Db, migrate},
    tool_state::{CreateToolState, ToolState, lock_existing_tool, lock_tool, lock_tools, mark_tool_deleted},
};
use jiff::Timestamp;

const FIXED_NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn new_tool_id() -> ToolId {
    ToolId::new(FIXED_NOW, &Entropy::System)
}

async fn migrate_tool_state(db: &Db) -> Result<()> {
    migrate(db, || vec![Box::new(CreateToolState)]).await
}

async fn deleted_tool_stays_refused(db: Db) -> Result<()> {
    migrate_tool_state(&db).await?;
    let (deleted, other) = (new_tool_id(), new_tool_id());
    let tx = db.begin().await?;
    lock_existing_tool(&tx, deleted).await?;
    mark_tool_deleted(&tx, deleted, FIXED_NOW).await?;
    mark_tool_deleted(&tx, deleted, FIXED_NOW).await?;
    tx.commit().await?;
    let tx = db.begin().await?;
    let refused = lock_existing_tool(&tx, deleted).await.unwrap_err();
    assert_eq!(refused.code(), "tool-deleted");
    assert_eq!(lock_tool(&tx, other).await?, ToolState::Exists);
    assert_eq!(lock_tools(&tx, [deleted, other]).await?.into_iter().collect::<Vec<_>>(), [deleted]);
    Ok(())
}

async fn rolled_back_deletion_has_no_effect(db: Db) -> Result<()> {
    migrate_tool_state(&db).await?;
    let tool = new_tool_id();
    let tx = db.begin().await?;
    mark_tool_deleted(&tx, tool, FIXED_NOW).await?;
    drop(tx);
    let tx = db.begin().await?;
    lock_existing_tool(&tx, tool).await
}

async fn change_waits_for_a_concurrent_deletion_and_is_refused(db: Db) -> Result<()> {
    migrate_tool_state(&db).await?;
    let tool = new_tool_id();
    let deleting = db.begin().await?;
    lock_tool(&deleting, tool).await?;
    let changing = async {
        let tx = db.begin().await?;
        lock_existing_tool(&tx, tool).await
    };
    let deleted = async {
        mark_tool_deleted(&deleting, tool, FIXED_NOW).await?;
        deleting.commit().await
    };
    let (changed, deleted) = tokio::join!(changing, deleted);
    deleted?;
    assert_eq!(changed.unwrap_err().code(), "tool-deleted");
    Ok(())
}

hearth_testkit::on_every_database!(
    deleted_tool_stays_refused,
    rolled_back_deletion_has_no_effect,
    change_waits_for_a_concurrent_deletion_and_is_refused,
);
