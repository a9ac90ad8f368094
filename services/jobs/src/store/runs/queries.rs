//! Runs in the database: kept, found, counted, forgotten.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{Cursor, Error, Limit, Page, Result, ToolId};
use hearth_kit::db::{At, OldRows, OrFault, Tx, columns::read, delete_old_rows, update_each};
use hearth_runtime_api::{RunId, WorkloadId};
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{
    run::{Run, model, row},
    state::RunState,
};
use crate::store::{Job, JobId, Store, texts};

fn all(rows: Vec<row::Model>) -> Result<Vec<Run>> {
    rows.into_iter().map(Run::try_from).collect()
}

fn not_over() -> Expr {
    row::Column::State.is_in([RunState::Waiting, RunState::Starting, RunState::Running])
}

impl Store {
    /// Keeps a run, new or changed. What is known of its log stays.
    pub async fn run_put(&self, tx: &Tx, run: &Run) -> Result<()> {
        self.runs_put(tx, [run]).await
    }

    /// Keeps runs, new or changed, each at most once. What is known of their logs stays.
    pub async fn runs_put(&self, tx: &Tx, runs: impl IntoIterator<Item = &Run>) -> Result<()> {
        let rows: Vec<_> = runs.into_iter().map(model).collect();
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
                row::Column::Again,
            ])
            .to_owned();
        let insert = row::Entity::insert_many(rows).on_conflict(known);
        insert.exec_without_returning(&**tx).await.or_fault().map(|_| ())
    }

    /// A run by its id.
    pub async fn run(&self, id: &str) -> Result<Option<Run>> {
        let found = row::Entity::find_by_id(id).one(self.db.reader()).await.or_fault()?;
        found.map(Run::try_from).transpose()
    }

    /// Runs by their ids, as a change sees them, under their tools' locks.
    pub async fn runs_by_id_in(
        &self,
        tx: &Tx,
        ids: impl IntoIterator<Item = String>,
    ) -> Result<BTreeMap<String, Run>> {
        let query = row::Entity::find().filter(row::Column::Id.is_in(texts(ids)));
        Ok(all(query.all(&**tx).await.or_fault()?)?.into_iter().map(|run| (run.id(), run)).collect())
    }

    /// Runs of a workload, as a change sees them.
    pub async fn runs_of(&self, tx: &Tx, workload: WorkloadId) -> Result<Vec<Run>> {
        self.runs_of_all(tx, [workload]).await
    }

    /// Runs of workloads, as a change sees them.
    pub async fn runs_of_all(
        &self,
        tx: &Tx,
        workloads: impl IntoIterator<Item = WorkloadId>,
    ) -> Result<Vec<Run>> {
        let query = row::Entity::find().filter(row::Column::WorkloadId.is_in(texts(workloads)));
        all(query.order_by_asc(row::Column::Id).all(&**tx).await.or_fault()?)
    }

    /// Runs of a workload, as they are now.
    pub async fn runs_now(&self, workload: WorkloadId) -> Result<Vec<Run>> {
        let query = row::Entity::find().filter(row::Column::WorkloadId.eq(workload.to_string()));
        all(query.order_by_asc(row::Column::Id).all(self.db.reader()).await.or_fault()?)
    }

    /// The ids of runs of workloads, as they are now, whose logs have not been taken to their ends.
    pub async fn runs_untaken(
        &self,
        workloads: impl IntoIterator<Item = WorkloadId>,
    ) -> Result<BTreeMap<WorkloadId, Vec<String>>> {
        let (workloads, mut untaken) = (texts(workloads), BTreeMap::<WorkloadId, Vec<String>>::new());
        if workloads.is_empty() {
            return Ok(untaken);
        }
        let rows: Vec<(String, String)> = row::Entity::find()
            .select_only()
            .columns([row::Column::WorkloadId, row::Column::Id])
            .filter(row::Column::WorkloadId.is_in(workloads))
            .filter(row::Column::LogDone.eq(false))
            .into_tuple()
            .all(self.db.reader())
            .await
            .or_fault()?;
        for (workload, run) in rows {
            untaken.entry(read("run.workload_id", &workload)?).or_default().push(run);
        }
        Ok(untaken)
    }

    /// The runtime has been told of these runs: those of which nothing more is known are starting.
    pub async fn runs_starting(&self, tx: &Tx, runs: impl IntoIterator<Item = RunId>) -> Result<()> {
        let runs = texts(runs);
        if runs.is_empty() {
            return Ok(());
        }
        row::Entity::update_many()
            .col_expr(row::Column::State, Expr::value(RunState::Starting))
            .filter(row::Column::Id.is_in(runs))
            .filter(row::Column::State.eq(RunState::Waiting))
            .exec(&**tx)
            .await
            .or_fault()
            .map(|_| ())
    }

    /// Runs of a job, the newest first.
    pub async fn runs(&self, job: &Job, limit: Limit, cursor: Option<&Cursor>) -> Result<Page<Run>> {
        let mut query = row::Entity::find()
            .filter(row::Column::ToolId.eq(job.tool.to_string()))
            .filter(row::Column::JobId.eq(job.id.to_string()))
            .order_by_desc(row::Column::Created)
            .order_by_desc(row::Column::Id);
        if let Some(cursor) = cursor {
            let key: String = cursor.key()?;
            let (at, id) = key
                .split_once('/')
                .ok_or_else(|| Error::invalid("cursor", "this cursor is not one of this list"))?;
            let at = At(at
                .parse()
                .map_err(|_| Error::invalid("cursor", "this cursor is not one of this list"))?);
            let same = row::Column::Created.eq(at).and(row::Column::Id.lt(id));
            query = query.filter(row::Column::Created.lt(at).or(same));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let runs = all(rows)?;
        Ok(Page::cut(runs, limit, |run| format!("{}/{}", run.created.as_microsecond(), run.id())))
    }

    /// Runs by their ids, in any order.
    pub async fn runs_by_id(&self, ids: Vec<String>) -> Result<Vec<Run>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        all(row::Entity::find().filter(row::Column::Id.is_in(ids)).all(self.db.reader()).await.or_fault()?)
    }

    /// Runs of a tool that are not over, and these others.
    pub async fn runs_to_show(&self, tool: ToolId, others: Vec<String>) -> Result<Vec<Run>> {
        let wanted = not_over().or(row::Column::Id.is_in(others));
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string())).filter(wanted);
        all(query.order_by_asc(row::Column::Id).all(self.db.reader()).await.or_fault()?)
    }

    /// Runs of a tool that are not over, as a change sees them.
    pub async fn runs_alive_in(&self, tx: &Tx, tool: ToolId) -> Result<Vec<Run>> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string())).filter(not_over());
        all(query.order_by_asc(row::Column::Id).all(&**tx).await.or_fault()?)
    }

    /// Whether a run of this job is not over, as a change sees it.
    pub async fn job_runs_in(&self, tx: &Tx, job: JobId) -> Result<bool> {
        Ok(!self.jobs_that_run_in(tx, [job]).await?.is_empty())
    }

    /// Of which of these jobs a run is not over, as a change sees it.
    pub async fn jobs_that_run_in(
        &self,
        tx: &Tx,
        jobs: impl IntoIterator<Item = JobId>,
    ) -> Result<BTreeSet<JobId>> {
        let ids: Vec<String> = row::Entity::find()
            .select_only()
            .column(row::Column::JobId)
            .distinct()
            .filter(row::Column::JobId.is_in(texts(jobs)))
            .filter(not_over())
            .into_tuple()
            .all(&**tx)
            .await
            .or_fault()?;
        ids.iter().map(|id| read("run.job_id", id)).collect()
    }

    /// Containers that run, for counting what they use.
    pub async fn runs_running(&self, most: u64) -> Result<Vec<Run>> {
        let query = row::Entity::find().filter(row::Column::State.eq(RunState::Running)).limit(most);
        all(query.order_by_asc(row::Column::Id).all(self.db.reader()).await.or_fault()?)
    }

    /// Containers that began and whose log has not been taken to its end.
    pub async fn runs_with_logs(&self, most: u64) -> Result<Vec<Run>> {
        let query = row::Entity::find()
            .filter(row::Column::LogDone.eq(false))
            .filter(row::Column::State.is_in([RunState::Starting, RunState::Running, RunState::Ended]))
            .order_by_asc(row::Column::Created)
            .limit(most);
        all(query.all(self.db.reader()).await.or_fault()?)
    }

    /// Notes how far the logs of containers have been taken, and what their last lines are: that alone of these runs.
    pub async fn logs_taken(&self, tx: &Tx, runs: impl IntoIterator<Item = &Run>) -> Result<()> {
        let taken = |run| {
            let row::ActiveModel { id, log_next, log_done, tail, .. } = model(run);
            row::ActiveModel { id, log_next, log_done, tail, ..Default::default() }
        };
        update_each(tx, &runs.into_iter().map(taken).collect::<Vec<_>>()).await
    }

    /// Deletes runs that were over before `before`, and of those that are over all but the newest `most` of each job;
    /// some thousands at one time. Returns how many are gone.
    pub async fn runs_sweep(&self, tx: &Tx, before: Timestamp, most: u32) -> Result<u64> {
        let over = OldRows {
            deletable: row::Column::Ended.is_not_null().and(row::Column::LogDone.eq(true)),
            group: row::Column::JobId,
            newest_by: vec![row::Column::Created, row::Column::Id],
            time: row::Column::Ended,
        };
        delete_old_rows::<row::Entity>(tx, over, before, most).await
    }
}
