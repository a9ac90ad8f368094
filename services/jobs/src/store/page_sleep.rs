//! Visits of pages that sleep without them, and the reports of the processes of `edge`.

use std::collections::BTreeMap;

use hearth_base::{ProcessInstanceId, Result};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx, columns::parse_column};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{Expr, OnConflict},
};

use super::{JobId, JobStore, to_id_strings};

mod visit {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "page_visit")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub job_id: String,
        pub last_visit: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod report {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "edge_report")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub edge: String,
        pub reported_at: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl JobStore {
    /// Records visits of pages. A page keeps its newest visit, whatever order the reports of several edges come in.
    pub async fn record_visits(&self, tx: &Tx, visits: &BTreeMap<JobId, Timestamp>) -> Result<()> {
        if visits.is_empty() {
            return Ok(());
        }
        let rows = visits.iter().map(|(job, at)| visit::ActiveModel {
            job_id: Set(job.to_string()),
            last_visit: Set((*at).into()),
        });
        let mut known = OnConflict::column(visit::Column::JobId);
        known.do_nothing_on([visit::Column::JobId]);
        visit::Entity::insert_many(rows)
            .on_conflict(known)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()?;
        for (job, at) in visits {
            let at = DbTimestamp::from(*at);
            let newer = visit::Entity::update_many()
                .col_expr(visit::Column::LastVisit, Expr::value(at))
                .filter(visit::Column::JobId.eq(job.to_string()))
                .filter(visit::Column::LastVisit.lt(at));
            newer.exec(&**tx).await.or_db_error()?;
        }
        Ok(())
    }

    /// Finds the newest recorded visits of pages.
    pub async fn find_visits(
        &self,
        jobs: impl IntoIterator<Item = JobId>,
    ) -> Result<BTreeMap<JobId, Timestamp>> {
        let query = visit::Entity::find().filter(visit::Column::JobId.is_in(to_id_strings(jobs)));
        read_visits(&query.all(self.db.reader()).await.or_db_error()?)
    }

    /// Finds the newest recorded visit of a page in a transaction.
    pub async fn find_visit_in(&self, tx: &Tx, job: JobId) -> Result<Option<Timestamp>> {
        let found = visit::Entity::find_by_id(job.to_string()).one(&**tx).await.or_db_error()?;
        Ok(found.map(|row| row.last_visit.into()))
    }

    /// Deletes the visit of a deleted job.
    pub async fn delete_page_visit(&self, tx: &Tx, job: JobId) -> Result<()> {
        visit::Entity::delete_by_id(job.to_string()).exec(&**tx).await.or_db_error().map(drop)
    }

    /// Records that a process of `edge` has reported all visits until `at`.
    pub async fn record_edge_report(&self, tx: &Tx, edge: ProcessInstanceId, at: Timestamp) -> Result<()> {
        let row = report::ActiveModel { edge: Set(edge.to_string()), reported_at: Set(at.into()) };
        let known =
            OnConflict::column(report::Column::Edge).update_column(report::Column::ReportedAt).to_owned();
        let inserted = report::Entity::insert(row).on_conflict(known);
        inserted.exec_without_returning(&**tx).await.or_db_error().map(drop)
    }

    /// Forgets a process of `edge` that has stopped.
    pub async fn delete_edge_report(&self, tx: &Tx, edge: ProcessInstanceId) -> Result<()> {
        report::Entity::delete_by_id(edge.to_string()).exec(&**tx).await.or_db_error().map(drop)
    }

    /// Forgets processes of `edge` that have not reported since `before`.
    pub async fn delete_old_edge_reports(&self, tx: &Tx, before: Timestamp) -> Result<()> {
        let old = report::Column::ReportedAt.lt(DbTimestamp::from(before));
        report::Entity::delete_many().filter(old).exec(&**tx).await.or_db_error().map(drop)
    }

    /// Finds the time until which every known process of `edge` has reported; `None` without any.
    pub async fn find_oldest_edge_report(&self) -> Result<Option<Timestamp>> {
        let all = report::Entity::find().all(self.db.reader()).await.or_db_error()?;
        Ok(all.into_iter().map(|row| row.reported_at.into()).min())
    }
}

fn read_visits(rows: &[visit::Model]) -> Result<BTreeMap<JobId, Timestamp>> {
    rows.iter()
        .map(|row| Ok((parse_column("page_visit.job_id", &row.job_id)?, row.last_visit.into())))
        .collect()
}
