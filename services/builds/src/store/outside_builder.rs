//! Tables of outside builders, and of the builders that tools have chosen. They store only sealed secrets.

use std::{fmt, str::FromStr};

use hearth_base::{BuilderName, Error, OutsideBuilderId, Result, ToolId, ToolName};
use hearth_kit::{
    db::{OrDbError, Tx},
    vault::EncryptedValue,
};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use super::{BuildStore, columns::parse_column};

mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outside_builder")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub owner: String,
        pub name: String,
        #[sea_orm(column_type = "Text")]
        pub url: String,
        pub falls_back: bool,
        pub key_id: String,
        #[sea_orm(column_type = "Text")]
        pub sealed_secret: String,
        pub trigger_owner: Option<String>,
        pub created: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod choice_row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "builder_choice")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tool_id: String,
        pub builder: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Owner column of the builders of all tools.
const SHARED_OWNER: &str = "shared";
/// Builders that one transaction seals again.
const RESEAL_BATCH_SIZE: u64 = 200;

/// Owner of an outside builder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuilderOwner {
    /// The operator: every tool may choose it.
    Shared,
    /// A tool.
    Tool(ToolId),
}

impl BuilderOwner {
    /// The tool, or the operator if there is none.
    pub fn from_tool(tool: Option<ToolId>) -> Self {
        tool.map_or(Self::Shared, Self::Tool)
    }
}

impl fmt::Display for BuilderOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared => f.write_str(SHARED_OWNER),
            Self::Tool(tool) => tool.fmt(f),
        }
    }
}

impl FromStr for BuilderOwner {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == SHARED_OWNER { Ok(Self::Shared) } else { text.parse().map(Self::Tool) }
    }
}

/// An outside builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideBuilder {
    pub id: OutsideBuilderId,
    pub owner: BuilderOwner,
    pub name: BuilderName,
    pub url: String,
    /// True: the builders of this Hearth build what it does not take.
    pub falls_back: bool,
    /// The secret that signs its announcements.
    pub secret: EncryptedValue,
    /// User or tool token whose right it depends on; absent for one of the operator.
    pub trigger_owner: Option<String>,
    pub created: Timestamp,
}

/// Formats the context that the seal of a builder's secret is bound to.
pub fn format_secret_context(id: OutsideBuilderId) -> String {
    format!("outside-builders/{id}")
}

impl OutsideBuilder {
    /// Formats the name for people and for the provenance of images: `NAME`, or `tool-TOOL/NAME`.
    pub fn format_display_name(&self, tool: &ToolName) -> String {
        match self.owner {
            BuilderOwner::Shared => self.name.to_string(),
            BuilderOwner::Tool(_) => format!("tool-{tool}/{}", self.name),
        }
    }
}

impl TryFrom<row::Model> for OutsideBuilder {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, owner, name, url, falls_back, key_id, sealed_secret, trigger_owner, created } =
            row;
        Ok(Self {
            id: parse_column("outside_builder.id", &id)?,
            owner: parse_column("outside_builder.owner", &owner)?,
            name: parse_column("outside_builder.name", &name)?,
            url,
            falls_back,
            secret: EncryptedValue { key_id, token: sealed_secret },
            trigger_owner,
            created: created.into(),
        })
    }
}

/// Builds the error for a name that another outside builder of the owner has.
pub fn build_exists_error(name: &BuilderName) -> Error {
    let what = format!("there is an outside builder {name} already");
    Error::conflict("builder-exists", what).help("remove it first, or choose another name")
}

impl BuildStore {
    /// Inserts an outside builder, or replaces its secret. Error `builder-exists` if another has its name.
    pub async fn save_outside_builder(&self, tx: &Tx, builder: &OutsideBuilder) -> Result<()> {
        let OutsideBuilder { id, owner, name, url, falls_back, secret, trigger_owner, created } = builder;
        let row = row::ActiveModel {
            id: Set(id.to_string()),
            owner: Set(owner.to_string()),
            name: Set(name.to_string()),
            url: Set(url.clone()),
            falls_back: Set(*falls_back),
            key_id: Set(secret.key_id.clone()),
            sealed_secret: Set(secret.token.clone()),
            trigger_owner: Set(trigger_owner.clone()),
            created: Set((*created).into()),
        };
        let replace = OnConflict::column(row::Column::Id)
            .update_columns([row::Column::KeyId, row::Column::SealedSecret])
            .to_owned();
        let insert = row::Entity::insert(row).on_conflict(replace);
        let exists = || build_exists_error(name);
        insert.exec_without_returning(&**tx).await.or_unique_violation(exists).map(|_| ())
    }

    /// Finds an outside builder by its id.
    pub async fn find_outside_builder(&self, id: OutsideBuilderId) -> Result<Option<OutsideBuilder>> {
        let found = row::Entity::find_by_id(id.to_string()).one(self.db.reader()).await.or_db_error()?;
        found.map(OutsideBuilder::try_from).transpose()
    }

    /// Finds an outside builder of an owner by its name.
    pub async fn find_outside_builder_by_name(
        &self,
        owner: BuilderOwner,
        name: &BuilderName,
    ) -> Result<Option<OutsideBuilder>> {
        let query = row::Entity::find()
            .filter(row::Column::Owner.eq(owner.to_string()))
            .filter(row::Column::Name.eq(name.as_str()));
        query.one(self.db.reader()).await.or_db_error()?.map(OutsideBuilder::try_from).transpose()
    }

    /// Lists the outside builders of an owner by name.
    pub async fn list_outside_builders(&self, owner: BuilderOwner) -> Result<Vec<OutsideBuilder>> {
        let query = row::Entity::find()
            .filter(row::Column::Owner.eq(owner.to_string()))
            .order_by_asc(row::Column::Name);
        query.all(self.db.reader()).await.or_db_error()?.into_iter().map(OutsideBuilder::try_from).collect()
    }

    /// Counts the outside builders of an owner, as seen within the transaction.
    pub async fn count_outside_builders(&self, tx: &Tx, owner: BuilderOwner) -> Result<u64> {
        let query = row::Entity::find().filter(row::Column::Owner.eq(owner.to_string()));
        query.count(&**tx).await.or_db_error()
    }

    /// Deletes an outside builder. Returns true if it existed.
    pub async fn delete_outside_builder(
        &self,
        tx: &Tx,
        owner: BuilderOwner,
        name: &BuilderName,
    ) -> Result<bool> {
        let delete = row::Entity::delete_many()
            .filter(row::Column::Owner.eq(owner.to_string()))
            .filter(row::Column::Name.eq(name.as_str()));
        Ok(delete.exec(&**tx).await.or_db_error()?.rows_affected > 0)
    }

    /// Deletes the outside builders of a tool, and its choice.
    pub async fn erase_outside_builders(&self, tx: &Tx, tool: ToolId) -> Result<()> {
        let owner = BuilderOwner::Tool(tool).to_string();
        let delete = row::Entity::delete_many().filter(row::Column::Owner.eq(owner));
        delete.exec(&**tx).await.or_db_error()?;
        self.save_builder_choice(tx, tool, None).await
    }

    /// Lists the ids of the keys that sealed secrets of builders.
    pub async fn list_secret_key_ids(&self) -> Result<Vec<String>> {
        let query = row::Entity::find().select_only().column(row::Column::KeyId).distinct();
        query.into_tuple().all(self.db.reader()).await.or_db_error()
    }

    /// Lists builders whose secrets were sealed by another key than `current`.
    pub async fn list_builders_sealed_with_other_keys(
        &self,
        tx: &Tx,
        current: &str,
    ) -> Result<Vec<OutsideBuilder>> {
        let query = row::Entity::find().filter(row::Column::KeyId.ne(current)).limit(RESEAL_BATCH_SIZE);
        query.all(&**tx).await.or_db_error()?.into_iter().map(OutsideBuilder::try_from).collect()
    }

    /// Finds the outside builder that a tool has chosen.
    pub async fn find_builder_choice(&self, tool: ToolId) -> Result<Option<BuilderName>> {
        let query = choice_row::Entity::find_by_id(tool.to_string());
        let found = query.one(self.db.reader()).await.or_db_error()?;
        found.map(|choice| parse_column("builder_choice.builder", &choice.builder)).transpose()
    }

    /// Saves the choice of a tool; `None`: the builders of this Hearth.
    pub async fn save_builder_choice(
        &self,
        tx: &Tx,
        tool: ToolId,
        builder: Option<&BuilderName>,
    ) -> Result<()> {
        let Some(builder) = builder else {
            let delete = choice_row::Entity::delete_by_id(tool.to_string());
            return delete.exec(&**tx).await.or_db_error().map(|_| ());
        };
        let row =
            choice_row::ActiveModel { tool_id: Set(tool.to_string()), builder: Set(builder.to_string()) };
        let replace = OnConflict::column(choice_row::Column::ToolId)
            .update_column(choice_row::Column::Builder)
            .to_owned();
        let insert = choice_row::Entity::insert(row).on_conflict(replace);
        insert.exec_without_returning(&**tx).await.or_db_error().map(|_| ())
    }
}
