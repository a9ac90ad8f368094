//! Builds as the queue sees them: few columns of the table of builds, without parameters and messages.

use hearth_base::{BuildId, Result, ToolId, ToolName};
use hearth_kit::db::{DbTimestamp, OrDbError};
use hearth_wire::builds::BuildStatus;
use jiff::{SignedDuration, Timestamp};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    BuildStore,
    build::{build_open_condition, row},
    columns::{parse_column, parse_enum, to_enum_text},
};

/// Most builds that one look at the queue reads.
const MAX_QUEUED_BUILDS: u64 = 10_000;

/// A build that waits or that a builder works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedBuild {
    pub id: BuildId,
    pub tool: ToolId,
    pub tool_name: ToolName,
    pub status: BuildStatus,
    /// False while a builder works on it.
    pub settled: bool,
    pub started: Option<Timestamp>,
    pub expected: Option<SignedDuration>,
    pub builder: Option<String>,
    pub is_preview: bool,
}

type QueuedBuildRow =
    (String, String, String, String, bool, Option<DbTimestamp>, Option<i64>, Option<String>, Option<bool>);

fn parse_row(row: QueuedBuildRow) -> Result<QueuedBuild> {
    let (id, tool, tool_name, status, settled, started, expected, builder, is_preview) = row;
    Ok(QueuedBuild {
        id: parse_column("build.id", &id)?,
        tool: parse_column("build.tool_id", &tool)?,
        tool_name: parse_column("build.tool_name", &tool_name)?,
        status: parse_enum("build.status", status)?,
        settled,
        started: started.map(Into::into),
        expected: expected.map(SignedDuration::from_secs),
        builder,
        is_preview: is_preview.unwrap_or(false),
    })
}

impl BuildStore {
    /// Lists the builds that wait or that builders work on: of each tool those that a builder has begun, then the
    /// oldest.
    pub async fn list_queued_builds(&self, connection: &impl ConnectionTrait) -> Result<Vec<QueuedBuild>> {
        let query = row::Entity::find()
            .select_only()
            .columns([
                row::Column::Id,
                row::Column::ToolId,
                row::Column::ToolName,
                row::Column::Status,
                row::Column::Settled,
                row::Column::Started,
                row::Column::ExpectedSeconds,
                row::Column::Builder,
                row::Column::IsPreview,
            ])
            .filter(row::Column::OutsideBuilder.is_null())
            .filter(build_open_condition()?.add(row::Column::Settled.eq(false)))
            .order_by_asc(row::Column::Settled)
            .order_by_asc(row::Column::Id)
            .limit(MAX_QUEUED_BUILDS);
        let rows = query.into_tuple::<QueuedBuildRow>().all(connection).await.or_db_error()?;
        rows.into_iter().map(parse_row).collect()
    }

    /// Lists the durations of the newest successful builds that ran, of one tool or of all.
    pub async fn list_past_durations(&self, tool: Option<ToolId>, limit: u64) -> Result<Vec<SignedDuration>> {
        let mut query = row::Entity::find()
            .select_only()
            .columns([row::Column::Started, row::Column::Ended])
            .filter(row::Column::Status.eq(to_enum_text(&BuildStatus::BuildSuccess)?))
            .filter(row::Column::ReusedBuild.is_null())
            .filter(row::Column::OutsideBuilder.is_null())
            .order_by_desc(row::Column::Id)
            .limit(limit);
        if let Some(tool) = tool {
            query = query.filter(row::Column::ToolId.eq(tool.to_string()));
        }
        let rows: Vec<(Option<DbTimestamp>, Option<DbTimestamp>)> =
            query.into_tuple().all(self.db.reader()).await.or_db_error()?;
        let durations = rows.into_iter().filter_map(|(started, ended)| {
            Some(Timestamp::from(ended?).duration_since(Timestamp::from(started?)))
        });
        Ok(durations.collect())
    }
}
