//! The table of stored configurations.

use hearth_base::{Error, Result, ToolId};
use hearth_kit::db::{OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::LockType};
use serde::{Deserialize, Serialize};

use super::ComponentsStore;

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tool_config")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        /// The number of changes, for conditional requests.
        pub version: i64,
        pub content: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The configuration of a tool, as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConfig {
    pub text: String,
    /// The number of changes, from 1.
    pub version: i64,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

/// The content of a configuration, stored as one JSON document. Later releases read it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConfigContent {
    pub text: String,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

impl TryFrom<row::Model> for StoredConfig {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let ConfigContent { text, updated_at, updated_by } =
            serde_json::from_value(row.content).map_err(Error::internal)?;
        Ok(Self { text, version: row.version, updated_at, updated_by })
    }
}

impl ComponentsStore {
    /// Finds the configuration of a tool.
    pub async fn find_config(&self, tool: ToolId) -> Result<Option<StoredConfig>> {
        let found = row::Entity::find_by_id(tool.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(StoredConfig::try_from).transpose()
    }

    /// Finds the configuration of a tool within a transaction, and locks it until the transaction ends.
    pub async fn find_config_in(&self, tx: &Tx, tool: ToolId) -> Result<Option<StoredConfig>> {
        let found = row::Entity::find_by_id(tool.to_string()).lock(LockType::Update);
        found.one(&**tx).await.or_db_error()?.map(StoredConfig::try_from).transpose()
    }

    /// Stores the configuration of a tool, whose row is locked, in the place of the former one.
    pub async fn save_config(&self, tx: &Tx, tool: ToolId, config: &StoredConfig) -> Result<()> {
        let StoredConfig { text, version, updated_at, updated_by } = config.clone();
        let content = ConfigContent { text, updated_at, updated_by };
        let row = row::ActiveModel {
            tool_id: Set(tool.to_string()),
            version: Set(version),
            content: Set(serde_json::to_value(content).map_err(Error::internal)?),
        };
        self.delete_config(tx, tool).await?;
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes the configuration of a tool.
    pub async fn delete_config(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let row = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        row.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
