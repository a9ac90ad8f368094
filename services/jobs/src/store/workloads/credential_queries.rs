//! Queries about the credentials of workloads.

use hearth_base::Result;
use hearth_kit::db::{DbTimestamp, OrDbError};
use hearth_runtime_api::WorkloadId;
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::ExprTrait,
};

use super::{
    credential::RunCredential,
    workload::{Workload, read_workloads, row},
};
use crate::store::JobStore;

impl JobStore {
    /// Lists applied workloads that should run and whose credential expires before `soon`, or is missing.
    pub async fn list_workloads_with_old_credentials(
        &self,
        soon: Timestamp,
        limit: u64,
    ) -> Result<Vec<Workload>> {
        let is_old = row::Column::CredentialExpires.lt(DbTimestamp::from(soon));
        let query = row::Entity::find()
            .filter(row::Column::Wanted.eq(true))
            .filter(row::Column::Done.eq(false))
            .filter(row::Column::AppliedGeneration.is_not_null())
            .filter(is_old.or(row::Column::CredentialExpires.is_null()))
            .order_by_asc(row::Column::CredentialExpires)
            .limit(limit);
        read_workloads(query.all(self.db.reader()).await.or_db_error()?)
    }

    /// Stores the credential of a workload, without its other columns.
    pub async fn update_workload_credential(&self, id: WorkloadId, credential: &RunCredential) -> Result<()> {
        let model = row::ActiveModel {
            id: Set(id.to_string()),
            credential_id: Set(Some(credential.id.to_string())),
            credential_expires: Set(Some(credential.expires.into())),
            ..Default::default()
        };
        let tx = self.begin_background().await?;
        let updated =
            row::Entity::update_many().set(model).filter(row::Column::Id.eq(id.to_string())).exec(&*tx).await;
        updated.or_db_error()?;
        tx.commit().await
    }
}
