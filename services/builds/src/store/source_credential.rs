//! Table of the credentials that tools have for private repositories. It stores only sealed secrets.

use hearth_base::{Error, Result, ToolId};
use hearth_kit::{
    db::{
        DbTimestamp, MigrationName, MigrationTrait, OrDbError, SchemaManager, Tx,
        schema::{big_integer, build_index, json, string, text},
    },
    vault::EncryptedValue,
};
use hearth_wire::builds::{SourceCredentialId, SourceCredentialRefusal};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Table,
};
use serde::{Deserialize, Serialize};

use super::{BuildStore, columns::parse_column};
use crate::git::SourceAddress;

mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "source_credential")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub address: String,
        pub username: String,
        pub key_id: String,
        #[sea_orm(column_type = "Text")]
        pub sealed_secret: String,
        pub last_use: Json,
        pub created: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Credentials that one transaction seals again.
const RESEAL_BATCH_SIZE: u64 = 200;

/// Credential of a tool for the repositories at and below an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSourceCredential {
    pub id: SourceCredentialId,
    pub tool: ToolId,
    pub address: SourceAddress,
    pub username: String,
    /// The token or password.
    pub secret: EncryptedValue,
    pub last_use: SourceCredentialUse,
    pub created: Timestamp,
}

/// Answers of servers to a credential, in one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceCredentialUse {
    /// Time when a server last accepted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Timestamp>,
    /// The last answer, if it was a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<SourceCredentialRefusal>,
}

impl StoredSourceCredential {
    /// Formats the place that the seal of the secret is bound to. Nothing of it changes.
    pub fn secret_place(&self) -> String {
        format_credential_place(self.tool, self.id, &self.address)
    }
}

/// Formats the place that the seal of the secret of a credential is bound to.
pub fn format_credential_place(tool: ToolId, id: SourceCredentialId, address: &SourceAddress) -> String {
    format!("source-credentials/{tool}/{id}/{address}")
}

impl TryFrom<row::Model> for StoredSourceCredential {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, tool_id, address, username, key_id, sealed_secret, last_use, created } = row;
        Ok(Self {
            id: parse_column("source_credential.id", &id)?,
            tool: parse_column("source_credential.tool_id", &tool_id)?,
            address: parse_column("source_credential.address", &address)?,
            username,
            secret: EncryptedValue { key_id, token: sealed_secret },
            last_use: serde_json::from_value(last_use).map_err(Error::internal)?,
            created: created.into(),
        })
    }
}

/// Creates the table.
pub struct CreateSourceCredentials;

impl MigrationName for CreateSourceCredentials {
    fn name(&self) -> &str {
        "0010_source_credentials"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateSourceCredentials {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("source_credential")
            .col(string("id").primary_key())
            .col(string("tool_id"))
            .col(string("address"))
            .col(string("username"))
            .col(string("key_id"))
            .col(text("sealed_secret"))
            .col(json("last_use"))
            .col(big_integer("created"))
            .to_owned();
        manager.create_table(table).await?;
        let columns = ["tool_id", "address"];
        let mut addresses = build_index("source_credential_address", "source_credential", &columns);
        addresses.unique();
        manager.create_index(addresses).await
    }
}

impl BuildStore {
    /// Inserts a credential, and deletes the one that its tool had for its address.
    pub async fn replace_source_credential(
        &self,
        tx: &Tx,
        credential: &StoredSourceCredential,
    ) -> Result<()> {
        let StoredSourceCredential { id, tool, address, username, secret, last_use, created } = credential;
        let delete = row::Entity::delete_many()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Address.eq(address.to_string()));
        delete.exec(&**tx).await.or_db_error()?;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            tool_id: Set(tool.to_string()),
            address: Set(address.to_string()),
            username: Set(username.clone()),
            key_id: Set(secret.key_id.clone()),
            sealed_secret: Set(secret.token.clone()),
            last_use: Set(serde_json::to_value(last_use).map_err(Error::internal)?),
            created: Set(DbTimestamp::from(*created)),
        };
        row::Entity::insert(row).exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Lists the credentials of a tool by address.
    pub async fn list_source_credentials(&self, tool: ToolId) -> Result<Vec<StoredSourceCredential>> {
        let query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .order_by_asc(row::Column::Address);
        let rows = query.all(self.db.reader()).await.or_db_error()?;
        rows.into_iter().map(StoredSourceCredential::try_from).collect()
    }

    /// Counts the credentials of a tool for other addresses than this one, as seen within the transaction.
    pub async fn count_other_source_credentials(
        &self,
        tx: &Tx,
        tool: ToolId,
        address: &SourceAddress,
    ) -> Result<u64> {
        let query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .filter(row::Column::Address.ne(address.to_string()));
        query.count(&**tx).await.or_db_error()
    }

    /// Finds a credential of a tool, as seen within the transaction.
    pub async fn find_source_credential(
        &self,
        tx: &Tx,
        tool: ToolId,
        id: SourceCredentialId,
    ) -> Result<Option<StoredSourceCredential>> {
        let query = row::Entity::find_by_id(id.to_string()).filter(row::Column::ToolId.eq(tool.to_string()));
        query.one(&**tx).await.or_db_error()?.map(StoredSourceCredential::try_from).transpose()
    }

    /// Deletes a credential.
    pub async fn delete_source_credential(&self, tx: &Tx, id: SourceCredentialId) -> Result<()> {
        row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes the credentials of a tool.
    pub async fn erase_source_credentials(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let delete = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        delete.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Records the answer of a server to a credential. One that was replaced meanwhile has no row.
    pub async fn record_source_credential_use(
        &self,
        tx: &Tx,
        id: SourceCredentialId,
        last_use: &SourceCredentialUse,
    ) -> Result<()> {
        let last_use = serde_json::to_value(last_use).map_err(Error::internal)?;
        let update = row::Entity::update_many()
            .set(row::ActiveModel { last_use: Set(last_use), ..Default::default() })
            .filter(row::Column::Id.eq(id.to_string()));
        update.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Lists the ids of the keys that sealed credentials.
    pub async fn list_source_credential_key_ids(&self) -> Result<Vec<String>> {
        let query = row::Entity::find().select_only().column(row::Column::KeyId).distinct();
        query.into_tuple().all(self.db.reader()).await.or_db_error()
    }

    /// Lists credentials that were sealed by another key than `current`.
    pub async fn list_source_credentials_sealed_with_other_keys(
        &self,
        tx: &Tx,
        current: &str,
    ) -> Result<Vec<StoredSourceCredential>> {
        let query = row::Entity::find().filter(row::Column::KeyId.ne(current)).limit(RESEAL_BATCH_SIZE);
        let rows = query.all(&**tx).await.or_db_error()?;
        rows.into_iter().map(StoredSourceCredential::try_from).collect()
    }
}
