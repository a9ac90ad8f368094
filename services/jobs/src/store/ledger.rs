//! The ledger: the outcome of each due time of a schedule, exactly once. Consecutive due times with the same
//! outcome and reason share an entry.

use hearth_base::{Error, Page, PageCursor, PageLimit, Result};
use hearth_kit::db::{
    DbTimestamp, OldRows, OrDbError, Tx,
    columns::{to_i64, to_u64},
    delete_old_rows,
};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use self::row::OutcomeKind;
use super::{Job, JobId, JobStore};

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    /// The kind of a row's outcome.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Text")]
    pub enum OutcomeKind {
        #[sea_orm(string_value = "ran")]
        Ran,
        #[sea_orm(string_value = "skipped")]
        Skipped,
        #[sea_orm(string_value = "missed")]
        Missed,
    }

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "due")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub job_id: String,
        /// The first due time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub due: DbTimestamp,
        /// The last due time.
        pub until: DbTimestamp,
        pub count: i64,
        pub outcome: OutcomeKind,
        pub run_id: Option<String>,
        pub reason: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The outcome of due times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerOutcome {
    /// A run was started; this is the newest of its attempts.
    Ran(String),
    /// They were skipped on purpose, for this reason.
    Skipped(String),
    /// No run could start in time, for this reason.
    Missed(String),
}

impl LedgerOutcome {
    /// Converts to columns: kind, run, reason.
    fn to_columns(&self) -> (OutcomeKind, Option<&str>, Option<&str>) {
        match self {
            Self::Ran(run) => (OutcomeKind::Ran, Some(run), None),
            Self::Skipped(reason) => (OutcomeKind::Skipped, None, Some(reason)),
            Self::Missed(reason) => (OutcomeKind::Missed, None, Some(reason)),
        }
    }
}

/// Consecutive due times with the same outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The first due time.
    pub due: Timestamp,
    /// The last due time.
    pub until: Timestamp,
    /// Number of due times.
    pub count: u64,
    pub outcome: LedgerOutcome,
}

impl TryFrom<row::Model> for LedgerEntry {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { job_id: _, due, until, count, outcome, run_id, reason } = row;
        let outcome = match (outcome, run_id, reason) {
            (OutcomeKind::Ran, Some(run), _) => LedgerOutcome::Ran(run),
            (OutcomeKind::Skipped, _, Some(reason)) => LedgerOutcome::Skipped(reason),
            (OutcomeKind::Missed, _, Some(reason)) => LedgerOutcome::Missed(reason),
            _ => return Err(Error::internal("column due.outcome has an invalid value")),
        };
        Ok(Self { due: due.into(), until: until.into(), count: to_u64(count), outcome })
    }
}

fn select_job_entries(job: JobId) -> sea_orm::Select<row::Entity> {
    row::Entity::find().filter(row::Column::JobId.eq(job.to_string()))
}

impl JobStore {
    /// Appends an entry after `newest`, or merges it into `newest` if both have the same outcome without a run.
    pub async fn append_or_merge_ledger_entry(
        &self,
        tx: &Tx,
        job: JobId,
        newest: Option<LedgerEntry>,
        entry: &LedgerEntry,
    ) -> Result<()> {
        let LedgerEntry { until, count, outcome, .. } = entry;
        let same =
            |newest: &LedgerEntry| newest.outcome == *outcome && !matches!(outcome, LedgerOutcome::Ran(_));
        match newest.filter(same) {
            Some(newest) => {
                let count = newest.count.saturating_add(*count);
                self.upsert_ledger_entry(tx, job, &LedgerEntry { until: *until, count, ..newest }).await
            }
            None => self.upsert_ledger_entry(tx, job, entry).await,
        }
    }

    /// Inserts an entry, or replaces the one with the same first due time.
    pub async fn upsert_ledger_entry(&self, tx: &Tx, job: JobId, entry: &LedgerEntry) -> Result<()> {
        self.upsert_ledger_entries(tx, &[(job, entry.clone())]).await
    }

    /// Inserts entries, or replaces those with the same first due times.
    pub async fn upsert_ledger_entries(&self, tx: &Tx, entries: &[(JobId, LedgerEntry)]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let rows = entries.iter().map(|(job, LedgerEntry { due, until, count, outcome })| {
            let (kind, run, reason) = outcome.to_columns();
            row::ActiveModel {
                job_id: Set(job.to_string()),
                due: Set((*due).into()),
                until: Set((*until).into()),
                count: Set(to_i64(*count)),
                outcome: Set(kind),
                run_id: Set(run.map(str::to_owned)),
                reason: Set(reason.map(str::to_owned)),
            }
        });
        let replace_existing = OnConflict::columns([row::Column::JobId, row::Column::Due])
            .update_columns([
                row::Column::Until,
                row::Column::Count,
                row::Column::Outcome,
                row::Column::RunId,
                row::Column::Reason,
            ])
            .to_owned();
        row::Entity::insert_many(rows)
            .on_conflict(replace_existing)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Returns the newest entry whose first due time is `due` or earlier.
    pub async fn find_newest_ledger_entry_until(
        &self,
        tx: &Tx,
        job: JobId,
        due: Timestamp,
    ) -> Result<Option<LedgerEntry>> {
        let until = select_job_entries(job).filter(row::Column::Due.lte(DbTimestamp::from(due)));
        let newest = until.order_by_desc(row::Column::Due).one(&**tx).await.or_db_error()?;
        newest.map(LedgerEntry::try_from).transpose()
    }

    /// Lists a job's entries, the newest first.
    pub async fn list_ledger_entries(
        &self,
        job: &Job,
        limit: PageLimit,
        cursor: Option<&PageCursor>,
    ) -> Result<Page<LedgerEntry>> {
        let mut query = select_job_entries(job.id).order_by_desc(row::Column::Due);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Due.lt(DbTimestamp(cursor.parse_key()?)));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_db_error()?;
        let entries = rows.into_iter().map(LedgerEntry::try_from).collect::<Result<Vec<_>>>()?;
        Ok(Page::from_items(entries, limit, |entry| entry.due.as_microsecond()))
    }

    /// Sets the run of a due time to its newest attempt.
    pub async fn set_ledger_entry_run(&self, tx: &Tx, job: JobId, due: Timestamp, run: &str) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::RunId, Expr::value(run))
            .filter(row::Column::JobId.eq(job.to_string()))
            .filter(row::Column::Due.eq(DbTimestamp::from(due)))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Lists a job's skipped and missed entries that end after `time`, the oldest first.
    pub async fn list_runless_ledger_entries_after(
        &self,
        tx: &Tx,
        job: JobId,
        time: Timestamp,
    ) -> Result<Vec<LedgerEntry>> {
        let query = select_job_entries(job).filter(row::Column::Until.gt(DbTimestamp::from(time)));
        let query = query.filter(row::Column::Outcome.ne(OutcomeKind::Ran)).order_by_asc(row::Column::Due);
        query.all(&**tx).await.or_db_error()?.into_iter().map(LedgerEntry::try_from).collect()
    }

    /// Lists a job's entries that overlap `first` to `last`, the oldest first.
    pub async fn list_ledger_entries_between(
        &self,
        tx: &Tx,
        job: JobId,
        first: Timestamp,
        last: Timestamp,
    ) -> Result<Vec<LedgerEntry>> {
        let query = select_job_entries(job).filter(row::Column::Until.gte(DbTimestamp::from(first)));
        let query =
            query.filter(row::Column::Due.lte(DbTimestamp::from(last))).order_by_asc(row::Column::Due);
        query.all(&**tx).await.or_db_error()?.into_iter().map(LedgerEntry::try_from).collect()
    }

    /// Deletes the entry with this first due time.
    pub async fn delete_ledger_entry(&self, tx: &Tx, job: JobId, due: Timestamp) -> Result<()> {
        let one = row::Entity::delete_by_id((job.to_string(), DbTimestamp::from(due)));
        one.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes all entries of a job.
    pub(super) async fn delete_ledger_entries_of_job(&self, tx: &Tx, job: JobId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::JobId.eq(job.to_string()));
        all.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes entries older than `before`, and all except the newest `keep_newest` of each job, some thousands per
    /// call. Returns the number of deleted rows.
    pub async fn delete_old_ledger_entries(
        &self,
        tx: &Tx,
        before: Timestamp,
        keep_newest: u32,
    ) -> Result<u64> {
        let entries = OldRows {
            deletable: Expr::value(true),
            group: row::Column::JobId,
            newest_by: vec![row::Column::Due],
            time: row::Column::Until,
        };
        delete_old_rows::<row::Entity>(tx, entries, before, keep_newest).await
    }
}
