//! How far another service's feed was read.

use crate::db::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, integer},
};
use hearth_base::Result;
use sea_orm::{
    ActiveValue::Set,
    DbErr, EntityTrait, QuerySelect,
    sea_query::{LockType, Query, Table},
};

use super::{Db, OrFault, Tx};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "place")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub position: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// How far a service has read the feed that it follows.
#[derive(Debug, Clone)]
pub struct Place(Db);

impl Place {
    /// The place in `db`.
    pub fn new(db: Db) -> Self {
        Self(db)
    }

    /// The position of the last event that was taken.
    pub async fn read(&self) -> Result<i64> {
        let found = row::Entity::find_by_id(0).one(self.0.reader()).await.or_fault()?;
        Ok(found.map_or(0, |row| row.position))
    }

    /// The same, to be changed: others wait until this change is through.
    pub async fn locked(&self, tx: &Tx) -> Result<i64> {
        let found = row::Entity::find_by_id(0).lock(LockType::Update).one(&**tx).await.or_fault()?;
        Ok(found.map_or(0, |row| row.position))
    }

    /// Notes the position of the last event that is taken, in the change that takes it.
    pub async fn set(&self, tx: &Tx, position: i64) -> Result<()> {
        let row = row::ActiveModel { id: Set(0), position: Set(position) };
        row::Entity::update(row).exec(&**tx).await.or_fault().map(|_| ())
    }
}

/// The table of a [`Place`], at the beginning. Put it into the migrations of a service that follows a feed.
pub struct CreatePlace;

impl MigrationName for CreatePlace {
    fn name(&self) -> &str {
        "kit_0001_place"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreatePlace {
    async fn up(&self, manager: &SchemaManager) -> std::result::Result<(), DbErr> {
        let place = Table::create()
            .table("place")
            .col(integer("id").primary_key())
            .col(big_integer("position"))
            .to_owned();
        manager.create_table(place).await?;
        let start = Query::insert()
            .into_table("place")
            .columns(["id", "position"])
            .values_panic([0.into(), 0_i64.into()])
            .to_owned();
        manager.execute(start).await
    }
}
