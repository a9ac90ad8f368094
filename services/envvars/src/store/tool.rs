//! Erasure of a deleted tool's variables.

use hearth_base::{Result, ToolId};
use hearth_kit::{
    db::{OrDbError, Tx},
    tool_state::lock_tool,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{EnvvarStore, envvar, former};

impl EnvvarStore {
    /// Erases the variables of a deleted tool.
    pub async fn erase_tool(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        lock_tool(tx, tool).await?;
        let theirs =
            envvar::row::Entity::delete_many().filter(envvar::row::Column::ToolId.eq(tool.to_string()));
        theirs.exec(&**tx).await.or_db_error()?;
        let former = former::row::Column::ToolId.eq(tool.to_string());
        former::row::Entity::delete_many().filter(former).exec(&**tx).await.or_db_error().map(|_| ())
    }
}
