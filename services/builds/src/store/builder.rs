//! Table of builders: which processes claim builds, and how they fare.

use hearth_base::{BuildId, Error, Result};
use hearth_kit::db::{DbTimestamp, OrDbError, Tx};
use jiff::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockType, OnConflict},
};
use serde::{Deserialize, Serialize};

use super::{
    BuildStore,
    columns::{parse_json, parse_optional_column, to_json, to_optional_text},
};

mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "builder")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub labels: Json,
        pub slots: i32,
        pub last_seen: DbTimestamp,
        pub failures: i32,
        pub failed_build: Option<String>,
        pub last_error: Option<String>,
        pub suspension: Option<Json>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    /// Id of its state folder.
    pub id: String,
    pub labels: Vec<String>,
    /// Builds that it runs at one time, at most.
    pub slots: u32,
    /// Time of its last claim.
    pub last_seen: Timestamp,
    /// Builds in a row that it could not run for reasons outside of their sources.
    pub failures: u32,
    /// The last of these builds: its further attempts are not counted again.
    pub failed_build: Option<BuildId>,
    pub last_error: Option<String>,
    pub suspension: Option<Suspension>,
}

/// Why and until when a builder gets no builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    pub reason: String,
    /// `None`: until an operator returns it.
    pub until: Option<Timestamp>,
}

impl TryFrom<row::Model> for Builder {
    type Error = Error;

    fn try_from(row: row::Model) -> Result<Self> {
        let row::Model { id, labels, slots, last_seen, failures, failed_build, last_error, suspension } = row;
        Ok(Self {
            id,
            labels: parse_json("builder.labels", labels)?,
            slots: u32::try_from(slots).unwrap_or(0),
            last_seen: last_seen.into(),
            failures: u32::try_from(failures).unwrap_or(0),
            failed_build: parse_optional_column("builder.failed_build", failed_build.as_deref())?,
            last_error,
            suspension: suspension.map(|json| parse_json("builder.suspension", json)).transpose()?,
        })
    }
}

impl TryFrom<&Builder> for row::ActiveModel {
    type Error = Error;

    fn try_from(builder: &Builder) -> Result<Self> {
        let Builder { id, labels, slots, last_seen, failures, failed_build, last_error, suspension } =
            builder;
        Ok(Self {
            id: Set(id.clone()),
            labels: Set(to_json(labels)?),
            slots: Set(i32::try_from(*slots).unwrap_or(i32::MAX)),
            last_seen: Set((*last_seen).into()),
            failures: Set(i32::try_from(*failures).unwrap_or(i32::MAX)),
            failed_build: Set(to_optional_text(failed_build.as_ref())),
            last_error: Set(last_error.clone()),
            suspension: Set(suspension.as_ref().map(to_json).transpose()?),
        })
    }
}

impl BuildStore {
    /// Records a claim of a builder: labels, slots and time. Inserts the builder at its first claim.
    pub async fn record_builder_claim(&self, tx: &Tx, builder: &Builder) -> Result<()> {
        let renew = OnConflict::column(row::Column::Id)
            .update_columns([row::Column::Labels, row::Column::Slots, row::Column::LastSeen])
            .to_owned();
        let row = row::ActiveModel::try_from(builder)?;
        row::Entity::insert(row)
            .on_conflict(renew)
            .exec_without_returning(&**tx)
            .await
            .or_db_error()
            .map(|_| ())
    }

    /// Lists all builders by id.
    pub async fn list_builders(&self) -> Result<Vec<Builder>> {
        let query = row::Entity::find().order_by_asc(row::Column::Id);
        query.all(self.db.reader()).await.or_db_error()?.into_iter().map(Builder::try_from).collect()
    }

    /// Lists all builders by id, and locks their rows: the choice of the next build is made by one claim at a time.
    pub async fn lock_builders(&self, tx: &Tx) -> Result<Vec<Builder>> {
        let query = row::Entity::find().order_by_asc(row::Column::Id).lock(LockType::Update);
        query.all(&**tx).await.or_db_error()?.into_iter().map(Builder::try_from).collect()
    }

    /// Finds a builder and locks its row.
    pub async fn lock_builder(&self, tx: &Tx, id: &str) -> Result<Option<Builder>> {
        let query = row::Entity::find_by_id(id).lock(LockType::Update);
        query.one(&**tx).await.or_db_error()?.map(Builder::try_from).transpose()
    }

    /// Updates all columns of a builder.
    pub async fn update_builder(&self, tx: &Tx, builder: &Builder) -> Result<()> {
        let row = row::ActiveModel::try_from(builder)?;
        row::Entity::update(row).exec(&**tx).await.or_db_error().map(|_| ())
    }

    /// Deletes builders that were last seen before `time`, unless they are suspended.
    pub async fn delete_absent_builders(&self, tx: &Tx, time: Timestamp) -> Result<()> {
        let absent = row::Entity::delete_many()
            .filter(row::Column::LastSeen.lt(DbTimestamp::from(time)))
            .filter(row::Column::Suspension.is_null());
        absent.exec(&**tx).await.or_db_error().map(|_| ())
    }
}
