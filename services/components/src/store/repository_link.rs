//! The table of linked repositories. It stores only sealed secrets.

use hearth_base::{Error, MandateId, Result, ToolId};
use hearth_kit::{
    db::{
        DbTimestamp, OrDbError, Tx,
        columns::{parse_column, parse_enum, parse_json, to_json},
    },
    vault::EncryptedValue,
};
use hearth_wire::components::{ForgeKind, PreviewSource, RepositoryLinkId};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockType, OnConflict},
};
use serde::{Deserialize, Serialize};

use super::ComponentsStore;

/// The number of links whose secrets one transaction seals again.
const RESEAL_BATCH_SIZE: u64 = 200;

pub mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "repository_link")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub tool_id: String,
        pub forge: String,
        #[sea_orm(column_type = "Text")]
        pub repository: String,
        /// The standing mandate of the owner.
        pub mandate_id: String,
        pub key_id: String,
        #[sea_orm(column_type = "Text")]
        pub sealed_secret: String,
        pub status_key_id: Option<String>,
        #[sea_orm(column_type = "Text", nullable)]
        pub sealed_status_token: Option<String>,
        pub created: DbTimestamp,
        pub content: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A linked repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLink {
    pub id: RepositoryLinkId,
    pub tool: ToolId,
    pub forge: ForgeKind,
    /// Address of the repository.
    pub repository: String,
    /// The standing mandate of the owner.
    pub mandate: MandateId,
    /// The secret of the webhook.
    pub secret: EncryptedValue,
    /// The token for commit statuses.
    pub status_token: Option<EncryptedValue>,
    pub created: Timestamp,
    pub content: LinkContent,
}

/// The pushes that a link deploys, stored as one JSON document. Later releases read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkContent {
    /// Patterns of branches.
    pub branches: Vec<String>,
    /// Patterns of files; empty for all.
    pub paths: Vec<String>,
    /// The environment that is deployed; absent for production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The merge requests that get a preview.
    #[serde(default, skip_serializing_if = "PreviewSource::is_none")]
    pub previews: PreviewSource,
    /// The time at which the present owner created it or took it over.
    pub owned_since: Timestamp,
    /// The reason why the forge did not accept the newest commit status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_problem: Option<String>,
}

impl StoredLink {
    /// Formats the place that the sealed secret of a link is bound to.
    pub fn format_secret_place(tool: ToolId, id: RepositoryLinkId) -> String {
        format!("{tool}/repository-link/{id}/secret")
    }

    /// Returns the place that its sealed secret is bound to.
    pub fn secret_place(&self) -> String {
        Self::format_secret_place(self.tool, self.id)
    }

    /// Returns the place that its sealed status token is bound to: with the address of the repository, so that the token
    /// is never sent to another one.
    pub fn status_token_place(&self) -> String {
        format!("{}/repository-link/{}/status-token/{}", self.tool, self.id, self.repository)
    }
}

impl TryFrom<row::Model> for StoredLink {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model {
            id,
            tool_id,
            forge,
            repository,
            mandate_id,
            key_id,
            sealed_secret,
            status_key_id,
            sealed_status_token,
            created,
            content,
        } = row;
        let status_token = status_key_id.zip(sealed_status_token);
        Ok(Self {
            id: parse_column("repository_link.id", &id)?,
            tool: parse_column("repository_link.tool_id", &tool_id)?,
            forge: parse_enum("repository_link.forge", forge)?,
            repository,
            mandate: parse_column("repository_link.mandate_id", &mandate_id)?,
            secret: EncryptedValue { key_id, token: sealed_secret },
            status_token: status_token.map(|(key_id, token)| EncryptedValue { key_id, token }),
            created: created.into(),
            content: parse_json("repository_link.content", content)?,
        })
    }
}

impl ComponentsStore {
    /// Inserts or updates a link.
    pub async fn save_link(&self, tx: &Tx, link: &StoredLink) -> Result<()> {
        let StoredLink { id, tool, forge, repository, mandate, secret, status_token, created, content } =
            link;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            tool_id: Set(tool.to_string()),
            forge: Set(forge.as_str().to_owned()),
            repository: Set(repository.clone()),
            mandate_id: Set(mandate.to_string()),
            key_id: Set(secret.key_id.clone()),
            sealed_secret: Set(secret.token.clone()),
            status_key_id: Set(status_token.as_ref().map(|token| token.key_id.clone())),
            sealed_status_token: Set(status_token.as_ref().map(|token| token.token.clone())),
            created: Set(DbTimestamp::from(*created)),
            content: Set(to_json(content)?),
        };
        let on_conflict = OnConflict::column(row::Column::Id)
            .update_columns([
                row::Column::MandateId,
                row::Column::KeyId,
                row::Column::SealedSecret,
                row::Column::StatusKeyId,
                row::Column::SealedStatusToken,
                row::Column::Content,
            ])
            .to_owned();
        let insert = row::Entity::insert(row).on_conflict(on_conflict);
        insert.exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }

    /// Finds a link of any tool.
    pub async fn find_link(&self, id: RepositoryLinkId) -> Result<Option<StoredLink>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(StoredLink::try_from).transpose()
    }

    /// Locks a link until the transaction ends.
    pub async fn lock_link(&self, tx: &Tx, id: RepositoryLinkId) -> Result<Option<StoredLink>> {
        let query = row::Entity::find_by_id(id.to_string()).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(StoredLink::try_from).transpose()
    }

    /// Lists the links of a tool, the oldest first. Their number is limited.
    pub async fn list_links(&self, tool: ToolId) -> Result<Vec<StoredLink>> {
        let query = row::Entity::find()
            .filter(row::Column::ToolId.eq(tool.to_string()))
            .order_by_asc(row::Column::Id);
        query.all(self.db.reader()).await.or_db_error()?.into_iter().map(StoredLink::try_from).collect()
    }

    /// Counts the links of a tool that the transaction has locked.
    pub async fn count_links(&self, tx: &Tx, tool: ToolId) -> Result<u64> {
        let query = row::Entity::find().filter(row::Column::ToolId.eq(tool.to_string()));
        query.count(&**tx).await.or_db_error()
    }

    /// Deletes a link.
    pub async fn delete_link(&self, tx: &Tx, id: RepositoryLinkId) -> Result<()> {
        row::Entity::delete_by_id(id.to_string()).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes the links of a tool.
    pub async fn delete_tool_links(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let all = row::Entity::delete_many().filter(row::Column::ToolId.eq(tool.to_string()));
        all.exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Lists the ids of the keys that sealed the stored secrets.
    pub async fn list_key_ids(&self) -> Result<Vec<String>> {
        let query = row::Entity::find().select_only().column(row::Column::KeyId).distinct();
        let mut keys: Vec<String> = query.into_tuple().all(self.db.reader()).await.or_db_error()?;
        let query = row::Entity::find().select_only().column(row::Column::StatusKeyId).distinct();
        let of_tokens: Vec<Option<String>> = query.into_tuple().all(self.db.reader()).await.or_db_error()?;
        keys.extend(of_tokens.into_iter().flatten());
        Ok(keys)
    }

    /// Lists up to [`RESEAL_BATCH_SIZE`] links with a secret that another key sealed.
    pub async fn list_links_sealed_with_other_keys(&self, tx: &Tx, key: &str) -> Result<Vec<StoredLink>> {
        let is_other = Condition::any().add(row::Column::KeyId.ne(key)).add(row::Column::StatusKeyId.ne(key));
        let query = row::Entity::find().filter(is_other).limit(RESEAL_BATCH_SIZE);
        query.all(&**tx).await.or_db_error()?.into_iter().map(StoredLink::try_from).collect()
    }
}
