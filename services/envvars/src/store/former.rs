//! Table of former values: those that a change has replaced. A rollback with variables gives them to runs again.

use hearth_base::{Result, ToolId};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::{EnvvarStore, StoredEnvvar, envvar};
use crate::envvar_key::EnvvarKey;

/// Maximum number of former values of a variable.
const MAX_FORMER_VALUES: u64 = 10;

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "former_envvar")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        /// Job that owns the variable; empty for every job of the tool.
        #[sea_orm(primary_key, auto_increment = false)]
        pub job: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        /// Time at which the variable got this value.
        #[sea_orm(primary_key, auto_increment = false)]
        pub changed: DbTimestamp,
        pub secret: bool,
        pub key_id: String,
        #[sea_orm(column_type = "Text")]
        pub ciphertext: String,
        /// Size in an environment, in bytes.
        pub size: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl From<envvar::row::Model> for row::Model {
    fn from(current: envvar::row::Model) -> Self {
        let envvar::row::Model { tool_id, job, name, secret, key_id, ciphertext, size, changed, created: _ } =
            current;
        Self { tool_id, job, name, changed, secret, key_id, ciphertext, size }
    }
}

impl From<row::Model> for envvar::row::Model {
    fn from(former: row::Model) -> Self {
        let row::Model { tool_id, job, name, changed, secret, key_id, ciphertext, size } = former;
        Self { tool_id, job, name, secret, key_id, ciphertext, size, changed, created: None }
    }
}

impl EnvvarStore {
    /// Keeps the current value of a variable as a former one. Of each variable, the newest ten stay.
    pub async fn keep_former_value(&self, tx: &Tx, key: &EnvvarKey) -> Result<()> {
        let current = envvar::row::Entity::find_by_id(key.to_row_key()).one(&**tx).await.or_db_error()?;
        let Some(current) = current else { return Ok(()) };
        let of_variable = filter_by_variable(key);
        // Two changes within a microsecond: the later one counts.
        let same = of_variable.clone().and(row::Column::Changed.eq(current.changed));
        row::Entity::delete_many().filter(same).exec(&**tx).await.or_db_error()?;
        let former = row::Model::from(current).into_active_model();
        row::Entity::insert(former).exec_without_returning(&**tx).await.or_db_error()?;
        let newest_first =
            row::Entity::find().filter(of_variable.clone()).order_by_desc(row::Column::Changed);
        let excess = newest_first.offset(MAX_FORMER_VALUES).limit(1).one(&**tx).await.or_db_error()?;
        let Some(excess) = excess else { return Ok(()) };
        let old = of_variable.and(row::Column::Changed.lte(excess.changed));
        row::Entity::delete_many().filter(old).exec(&**tx).await.or_db_error().map(drop)
    }

    /// Lists the former values of a tool's variables that were given until `at`.
    pub async fn list_former_values(&self, tool: ToolId, at: Timestamp) -> Result<Vec<StoredEnvvar>> {
        let query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Changed.lte(DbTimestamp::from(at)));
        let rows = query.all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(|row| StoredEnvvar::try_from(envvar::row::Model::from(row))).collect()
    }

    /// Deletes the former values of a deleted variable.
    pub async fn delete_former_values(&self, tx: &Tx, key: &EnvvarKey) -> Result<()> {
        row::Entity::delete_many().filter(filter_by_variable(key)).exec(&**tx).await.or_db_error().map(drop)
    }

    /// Lists the ids of this service's keys that encrypt stored values, current and former ones.
    pub async fn list_key_ids(&self) -> Result<Vec<String>> {
        let is_encrypted = envvar::row::Column::Secret.eq(false);
        let query = envvar::row::Entity::find().filter(is_encrypted);
        let query = query.select_only().column(envvar::row::Column::KeyId).distinct();
        let mut ids: Vec<String> = query.into_tuple().all(self.db.reader()).await.or_db_error()?;
        let is_encrypted = row::Column::Secret.eq(false);
        let query = row::Entity::find().filter(is_encrypted);
        let query = query.select_only().column(row::Column::KeyId).distinct();
        ids.extend(query.into_tuple::<String>().all(self.db.reader()).await.or_db_error()?);
        Ok(ids)
    }

    /// Lists some former values that another key than `key` of this service encrypts, with their variables.
    pub async fn list_former_closed_by_other_keys(&self, key: &str) -> Result<Vec<StoredEnvvar>> {
        let encrypted = row::Entity::find().filter(row::Column::Secret.eq(false));
        let query = encrypted.filter(row::Column::KeyId.ne(key)).limit(envvar::REENCRYPT_BATCH_SIZE);
        let rows = query.all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(|row| StoredEnvvar::try_from(envvar::row::Model::from(row))).collect()
    }

    /// Replaces the encrypted form of a former value, if it still exists.
    pub async fn replace_former_value(&self, tx: &Tx, stored: &StoredEnvvar) -> Result<()> {
        let (key_id, text) = stored.value.to_columns();
        row::Entity::update_many()
            .col_expr(row::Column::KeyId, key_id.into())
            .col_expr(row::Column::Ciphertext, text.into())
            .filter(filter_by_variable(&stored.key))
            .filter(row::Column::Changed.eq(DbTimestamp::from(stored.changed)))
            .exec(&**tx)
            .await
            .or_db_error()
            .map(drop)
    }
}

fn filter_by_variable(key: &EnvvarKey) -> Expr {
    let (tool, job, name) = key.to_row_key();
    row::Column::ToolId.eq(tool).and(row::Column::Job.eq(job)).and(row::Column::Name.eq(name))
}
