//! Queries of runs.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{Error, Page, PageCursor, PageLimit, Result, ToolId};
use hearth_kit::db::{
    DbTimestamp, OldRows, OrDbError, Tx, bulk_update_rows, columns::parse_column, delete_old_rows,
};
use hearth_runtime_api::{RunId, WorkloadId};
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{
    run::{Run, row, to_row},
    state::StoredRunState,
};
use crate::store::{Job, JobId, JobStore, to_id_strings};

fn read_runs(rows: Vec<row::Model>) -> Result<Vec<Run>> {
    rows.into_iter().map(Run::try_from).collect()
}

fn build_cursor_error() -> Error {
    Error::invalid("cursor", "the cursor belongs to another list").help("start again without a cursor")
}

fn is_active() -> Expr {
    row::Column::State.is_in([StoredRunState::Waiting, StoredRunState::Starting, StoredRunState::Running])
}

impl JobStore {
    /// Inserts or updates a run, except the position of its log.
    pub async fn upsert_run(&self, tx: &Tx, run: &Run) -> Result<()> {
        self.upsert_runs(tx, [run]).await
    }

    /// Inserts or updates runs, each at most once, except the positions of their logs: the log worker alone
    /// changes those.
    pub async fn upsert_runs(&self, tx: &Tx, runs: impl IntoIterator<Item = &Run>) -> Result<()> {
        let rows: Vec<_> = runs.into_iter().map(to_row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let known = OnConflict::column(row::Column::Id)
            .update_columns([
                row::Column::State,
                row::Column::Generation,
                row::Column::Started,
                row::Column::Ended,
                row::Column::End,
                row::Column::ExitCode,
                row::Column::Signal,
                row::Column::Reason,
                row::Column::CpuMicros,
                row::Column::PeakMemory,
                row::Column::CpuCounted,
                row::Column::Address,
                row::Column::Ready,
                row::Column::WillRetry,
                row::Column::Problem,
                row::Column::Replaced,
            ])
            .to_owned();
        let insert = row::Entity::insert_many(rows).on_conflict(known);
        insert.exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds a run by its id.
    pub async fn find_run(&self, id: &str) -> Result<Option<Run>> {
        let found = row::Entity::find_by_id(id).one(self.db.reader()).await.or_db_error()?;
        found.map(Run::try_from).transpose()
    }

    /// Finds runs by their ids in a transaction that holds their tools' locks.
    pub async fn find_runs_by_id_in(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = String>,
    ) -> Result<BTreeMap<String, Run>> {
        let query = row::Entity::find().filter(row::Column::Id.is_in(to_id_strings(ids)));
        Ok(read_runs(query.all(&**tx).await.or_db_error()?)?.into_iter().map(|run| (run.id(), run)).collect())
    }

    /// Lists the runs of a workload in a transaction.
    pub async fn list_workload_runs_in(&self, tx: &Tx, workload: WorkloadId) -> Result<Vec<Run>> {
        self.list_runs_of_workloads_in(tx, [workload]).await
    }

    /// Lists the runs of workloads in a transaction.
    pub async fn list_runs_of_workloads_in(
        &self,
        tx: &Tx,
        workloads: impl IntoIterator<Item = WorkloadId>,
    ) -> Result<Vec<Run>> {
        let query = row::Entity::find().filter(row::Column::WorkloadId.is_in(to_id_strings(workloads)));
        read_runs(query.order_by_asc(row::Column::Id).all(&**tx).await.or_db_error()?)
    }

    /// Lists the runs of a workload.
    pub async fn list_workload_runs(&self, workload: WorkloadId) -> Result<Vec<Run>> {
        let query = row::Entity::find().filter(row::Column::WorkloadId.eq(workload.to_string()));
        read_runs(query.order_by_asc(row::Column::Id).all(self.db.reader()).await.or_db_error()?)
    }

    /// Returns the ids of these workloads' runs whose logs are not completely stored.
    pub async fn find_runs_with_open_logs(
        &self,
        workloads: impl IntoIterator<Item = WorkloadId>,
    ) -> Result<BTreeMap<WorkloadId, Vec<String>>> {
        let (workloads, mut open) = (to_id_strings(workloads), BTreeMap::<WorkloadId, Vec<String>>::new());
        if workloads.is_empty() {
            return Ok(open);
        }
        let rows: Vec<(String, String)> = row::Entity::find()
            .select_only()
            .columns([row::Column::WorkloadId, row::Column::Id])
            .filter(row::Column::WorkloadId.is_in(workloads))
            .filter(row::Column::LogDone.eq(false))
            .into_tuple()
            .all(self.db.reader())
            .await
            .or_db_error()?;
        for (workload, run) in rows {
            open.entry(parse_column("run.workload_id", &workload)?).or_default().push(run);
        }
        Ok(open)
    }

    /// Marks waiting runs as starting, after the runtime has accepted them. Runs in a later state stay.
    pub async fn mark_runs_starting(&self, tx: &Tx, runs: impl IntoIterator<Item = RunId>) -> Result<()> {
        let runs = to_id_strings(runs);
        if runs.is_empty() {
            return Ok(());
        }
        row::Entity::update_many()
            .col_expr(row::Column::State, Expr::value(StoredRunState::Starting))
            .filter(row::Column::Id.is_in(runs))
            .filter(row::Column::State.eq(StoredRunState::Waiting))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Lists the runs of a job, the newest first.
    pub async fn list_runs(
        &self,
        job: &Job,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<Run>> {
        let mut query = row::Entity::find()
            .filter(row::Column::ToolId.eq(job.tool.to_string()))
            .filter(row::Column::JobId.eq(job.id.to_string()))
            .order_by_desc(row::Column::Created)
            .order_by_desc(row::Column::Id);
        if let Some(cursor) = cursor {
            let key: String = cursor.parse_key()?;
            let (at, id) = key.split_once('/').ok_or_else(build_cursor_error)?;
            let at = DbTimestamp(at.parse().map_err(|_| build_cursor_error())?);
            let same = row::Column::Created.eq(at).and(row::Column::Id.lt(id));
            query = query.filter(row::Column::Created.lt(at).or(same));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let runs = read_runs(rows)?;
        Ok(Page::from_items(runs, limit, |run| format!("{}/{}", run.created.as_microsecond(), run.id())))
    }

    /// Finds runs by their ids, in any order.
    pub async fn find_runs_by_id(&self, ids: Vec<String>) -> Result<Vec<Run>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        read_runs(
            row::Entity::find()
                .filter(row::Column::Id.is_in(ids))
                .all(self.db.reader())
                .await
                .or_db_error()?,
        )
    }

    /// Lists the active runs of a tool, and these others.
    pub async fn list_active_runs_plus(&self, tool: ToolId, others: Vec<String>) -> Result<Vec<Run>> {
        let wanted = is_active().or(row::Column::Id.is_in(others));
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string())).filter(wanted);
        read_runs(query.order_by_asc(row::Column::Id).all(self.db.reader()).await.or_db_error()?)
    }

    /// Lists the active runs of a tool in a transaction.
    pub async fn list_active_runs_in(&self, tx: &Tx, tool: ToolId) -> Result<Vec<Run>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string())).filter(is_active());
        read_runs(query.order_by_asc(row::Column::Id).all(&**tx).await.or_db_error()?)
    }

    /// Returns whether a job has an active run, in a transaction.
    pub async fn has_active_run_in(&self, tx: &Tx, job: JobId) -> Result<bool> {
        Ok(!self.find_jobs_with_active_runs_in(tx, [job]).await?.is_empty())
    }

    /// Returns those of these jobs that have an active run, in a transaction.
    pub async fn find_jobs_with_active_runs_in(
        &self,
        tx: &Tx,
        jobs: impl IntoIterator<Item = JobId>,
    ) -> Result<BTreeSet<JobId>> {
        let ids: Vec<String> = row::Entity::find()
            .select_only()
            .column(row::Column::JobId)
            .distinct()
            .filter(row::Column::JobId.is_in(to_id_strings(jobs)))
            .filter(is_active())
            .into_tuple()
            .all(&**tx)
            .await
            .or_db_error()?;
        ids.iter().map(|id| parse_column("run.job_id", id)).collect()
    }

    /// Lists up to `limit` running runs, for usage samples.
    pub async fn list_running_runs(&self, limit: u64) -> Result<Vec<Run>> {
        let query = row::Entity::find().filter(row::Column::State.eq(StoredRunState::Running)).limit(limit);
        read_runs(query.order_by_asc(row::Column::Id).all(self.db.reader()).await.or_db_error()?)
    }

    /// Lists up to `limit` started runs whose logs are not completely stored, the oldest first.
    pub async fn list_runs_with_open_logs(&self, limit: u64) -> Result<Vec<Run>> {
        let query = row::Entity::find()
            .filter(row::Column::LogDone.eq(false))
            .filter(row::Column::State.is_in([
                StoredRunState::Starting,
                StoredRunState::Running,
                StoredRunState::Ended,
            ]))
            .order_by_asc(row::Column::Created)
            .limit(limit);
        read_runs(query.all(self.db.reader()).await.or_db_error()?)
    }

    /// Updates the positions and last lines of runs' logs, and no other column.
    pub async fn update_log_positions(&self, tx: &Tx, runs: impl IntoIterator<Item = &Run>) -> Result<()> {
        let position = |run| {
            let row::ActiveModel { id, log_next, log_done, tail, .. } = to_row(run);
            row::ActiveModel { id, log_next, log_done, tail, ..Default::default() }
        };
        bulk_update_rows(tx, &runs.into_iter().map(position).collect::<Vec<_>>()).await
    }

    /// Deletes runs that ended before `before`, and all ended runs except the newest `keep_newest` of each job, some
    /// thousands per call. Returns the number of deleted rows.
    pub async fn delete_old_runs(&self, tx: &Tx, before: Timestamp, keep_newest: u32) -> Result<u64> {
        let over = OldRows {
            deletable: row::Column::Ended.is_not_null().and(row::Column::LogDone.eq(true)),
            group: row::Column::JobId,
            newest_by: vec![row::Column::Created, row::Column::Id],
            time: row::Column::Ended,
        };
        delete_old_rows::<row::Entity>(tx, over, before, keep_newest).await
    }
}
