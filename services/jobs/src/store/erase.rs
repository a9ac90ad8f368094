//! The end of a tool: all of its rows are deleted.

use hearth_base::{Result, ToolId};
use hearth_kit::db::{OrFault, Tx};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    Store, definition::job::row as jobs, runs::run::row as runs, tool::row as tools,
    workloads::workload::row as workloads,
};

impl Store {
    /// Deletes all rows of a tool; its state stays.
    pub async fn erase(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let tool = tool.to_string();
        let of_runs = runs::Entity::delete_many().filter(runs::Column::ToolId.eq(tool.as_str()));
        of_runs.exec(&**tx).await.or_fault()?;
        let of_workloads =
            workloads::Entity::delete_many().filter(workloads::Column::ToolId.eq(tool.as_str()));
        of_workloads.exec(&**tx).await.or_fault()?;
        let of_jobs = jobs::Entity::delete_many().filter(jobs::Column::ToolId.eq(tool.as_str()));
        of_jobs.exec(&**tx).await.or_fault()?;
        tools::Entity::delete_by_id(tool).exec(&**tx).await.or_fault().map(drop)
    }
}
