//! The ledger: what became of each due time of a schedule, each exactly once. Due times in a row that share their
//! fate share an entry.

use hearth_base::{Cursor, Error, Limit, Page, Result};
use hearth_kit::db::{
    At, OldRows, OrFault, Tx,
    columns::{count, number},
    delete_old_rows,
};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use self::row::OutcomeKind;
use super::{Job, JobId, Store};

pub mod row {
    use hearth_kit::db::At;
    use sea_orm::entity::prelude::*;

    /// The sort of a row's outcome.
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
        /// The first of its due times.
        #[sea_orm(primary_key, auto_increment = false)]
        pub due: At,
        /// The last of them.
        pub until: At,
        pub count: i64,
        pub outcome: OutcomeKind,
        pub run_id: Option<String>,
        pub reason: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What became of due times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This run was begun, or the newest of its tries.
    Ran(String),
    /// They were left out on purpose, for this reason.
    Skipped(String),
    /// Nobody could begin them in time, for this reason.
    Missed(String),
}

impl Outcome {
    /// As columns: the kind, the run, the reason.
    fn columns(&self) -> (OutcomeKind, Option<&str>, Option<&str>) {
        match self {
            Self::Ran(run) => (OutcomeKind::Ran, Some(run), None),
            Self::Skipped(reason) => (OutcomeKind::Skipped, None, Some(reason)),
            Self::Missed(reason) => (OutcomeKind::Missed, None, Some(reason)),
        }
    }
}

/// Due times in a row that share their fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The first.
    pub due: Timestamp,
    /// The last.
    pub until: Timestamp,
    /// How many.
    pub count: u64,
    pub outcome: Outcome,
}

impl TryFrom<row::Model> for Entry {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { job_id: _, due, until, count: several, outcome, run_id, reason } = row;
        let outcome = match (outcome, run_id, reason) {
            (OutcomeKind::Ran, Some(run), _) => Outcome::Ran(run),
            (OutcomeKind::Skipped, _, Some(reason)) => Outcome::Skipped(reason),
            (OutcomeKind::Missed, _, Some(reason)) => Outcome::Missed(reason),
            _ => return Err(Error::internal("the column due.outcome holds what it never was given")),
        };
        Ok(Self { due: due.into(), until: until.into(), count: count(several), outcome })
    }
}

fn of(job: JobId) -> sea_orm::Select<row::Entity> {
    row::Entity::find().filter(row::Column::JobId.eq(job.to_string()))
}

impl Store {
    /// Writes down what became of due times behind the newest before them. What did not run is joined to that, when
    /// it says the same.
    pub async fn ledger_add(&self, tx: &Tx, job: JobId, newest: Option<Entry>, entry: &Entry) -> Result<()> {
        let Entry { until, count: several, outcome, .. } = entry;
        let same = |newest: &Entry| newest.outcome == *outcome && !matches!(outcome, Outcome::Ran(_));
        match newest.filter(same) {
            Some(newest) => {
                let count = newest.count.saturating_add(*several);
                self.ledger_put(tx, job, &Entry { until: *until, count, ..newest }).await
            }
            None => self.ledger_put(tx, job, entry).await,
        }
    }

    /// Keeps an entry in place of the one that begins with the same due time.
    pub async fn ledger_put(&self, tx: &Tx, job: JobId, entry: &Entry) -> Result<()> {
        self.ledger_put_all(tx, &[(job, entry.clone())]).await
    }

    /// Keeps entries in place of those that begin with the same due times.
    pub async fn ledger_put_all(&self, tx: &Tx, entries: &[(JobId, Entry)]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let rows = entries.iter().map(|(job, Entry { due, until, count, outcome })| {
            let (kind, run, reason) = outcome.columns();
            row::ActiveModel {
                job_id: Set(job.to_string()),
                due: Set((*due).into()),
                until: Set((*until).into()),
                count: Set(number(*count)),
                outcome: Set(kind),
                run_id: Set(run.map(str::to_owned)),
                reason: Set(reason.map(str::to_owned)),
            }
        });
        let known = OnConflict::columns([row::Column::JobId, row::Column::Due])
            .update_columns([
                row::Column::Until,
                row::Column::Count,
                row::Column::Outcome,
                row::Column::RunId,
                row::Column::Reason,
            ])
            .to_owned();
        row::Entity::insert_many(rows)
            .on_conflict(known)
            .exec_without_returning(&**tx)
            .await
            .or_fault()
            .map(|_| ())
    }

    /// The newest entry that begins at `due` or before.
    pub async fn ledger_newest(&self, tx: &Tx, job: JobId, due: Timestamp) -> Result<Option<Entry>> {
        let until = of(job).filter(row::Column::Due.lte(At::from(due)));
        let newest = until.order_by_desc(row::Column::Due).one(&**tx).await.or_fault()?;
        newest.map(Entry::try_from).transpose()
    }

    /// What became of a job's due times, the newest first.
    pub async fn ledger(&self, job: &Job, limit: Limit, cursor: Option<&Cursor>) -> Result<Page<Entry>> {
        let mut query = of(job.id).order_by_desc(row::Column::Due);
        if let Some(cursor) = cursor {
            query = query.filter(row::Column::Due.lt(At(cursor.key()?)));
        }
        let rows = query.limit(u64::from(limit.get()) + 1).all(self.db.reader()).await.or_fault()?;
        let entries = rows.into_iter().map(Entry::try_from).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(entries, limit, |entry| entry.due.as_microsecond()))
    }

    /// A due time is answered by another try.
    pub async fn ledger_retried(&self, tx: &Tx, job: JobId, due: Timestamp, run: &str) -> Result<()> {
        row::Entity::update_many()
            .col_expr(row::Column::RunId, Expr::value(run))
            .filter(row::Column::JobId.eq(job.to_string()))
            .filter(row::Column::Due.eq(At::from(due)))
            .exec(&**tx)
            .await
            .or_fault()
            .map(|_| ())
    }

    /// Entries of a job that reach beyond `time` and say that nothing ran, oldest first.
    pub async fn ledger_beyond(&self, tx: &Tx, job: JobId, time: Timestamp) -> Result<Vec<Entry>> {
        let query = of(job).filter(row::Column::Until.gt(At::from(time)));
        let query = query.filter(row::Column::Outcome.ne(OutcomeKind::Ran)).order_by_asc(row::Column::Due);
        query.all(&**tx).await.or_fault()?.into_iter().map(Entry::try_from).collect()
    }

    /// What became of a job's due times from `first` to `last`, oldest first.
    pub async fn ledger_within(
        &self,
        tx: &Tx,
        job: JobId,
        first: Timestamp,
        last: Timestamp,
    ) -> Result<Vec<Entry>> {
        let query = of(job).filter(row::Column::Until.gte(At::from(first)));
        let query = query.filter(row::Column::Due.lte(At::from(last))).order_by_asc(row::Column::Due);
        query.all(&**tx).await.or_fault()?.into_iter().map(Entry::try_from).collect()
    }

    /// Removes the entry that begins with this due time.
    pub async fn ledger_drop(&self, tx: &Tx, job: JobId, due: Timestamp) -> Result<()> {
        let one = row::Entity::delete_by_id((job.to_string(), At::from(due)));
        one.exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Removes all entries of a job.
    pub(super) async fn ledger_remove(&self, tx: &Tx, job: JobId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::JobId.eq(job.to_string()));
        all.exec(&**tx).await.or_fault().map(|_| ())
    }

    /// Deletes entries of due times before `before`, and all but the newest `most` entries of each job; some thousands
    /// at one time. Returns how many are gone.
    pub async fn ledger_sweep(&self, tx: &Tx, before: Timestamp, most: u32) -> Result<u64> {
        let entries = OldRows {
            deletable: Expr::value(true),
            group: row::Column::JobId,
            newest_by: vec![row::Column::Due],
            time: row::Column::Until,
        };
        delete_old_rows::<row::Entity>(tx, entries, before, most).await
    }
}
