//! Deletes all rows of a deleted tool.

use hearth_base::{Result, ToolId};
use hearth_kit::db::{OrDbError, Tx};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    JobStore, definition::job::row as jobs, runs::run::row as runs, tool::row as tools,
    workloads::workload::row as workloads,
};

impl JobStore {
    /// Deletes all rows of a tool. The tombstone of kit's `tool_state` stays.
    pub async fn delete_tool_rows(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let tool = tool.to_string();
        let of_runs = runs::Entity::delete_many().filter(runs::Column::ToolId.eq(tool.as_str()));
        of_runs.exec(&**tx).await.or_db_error()?;
        let of_workloads =
            workloads::Entity::delete_many().filter(workloads::Column::ToolId.eq(tool.as_str()));
        of_workloads.exec(&**tx).await.or_db_error()?;
        let of_jobs = jobs::Entity::delete_many().filter(jobs::Column::ToolId.eq(tool.as_str()));
        of_jobs.exec(&**tx).await.or_db_error()?;
        tools::Entity::delete_by_id(tool).exec(&**tx).await.or_db_error().map(drop)
    }
}
