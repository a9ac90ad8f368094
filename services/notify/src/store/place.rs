//! How far `jobs`' feed was read.

use hearth_base::Result;
use hearth_kit::db::{OrFault, Tx};
use sea_orm::{ActiveValue::Set, EntityTrait, QuerySelect, sea_query::LockType};

use super::Store;

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

impl Store {
    /// The position of the last event that was taken.
    pub async fn place(&self) -> Result<i64> {
        let found = row::Entity::find_by_id(0).one(self.db.reader()).await.or_fault()?;
        Ok(found.map_or(0, |row| row.position))
    }

    /// The same, to be changed: others wait until this change is through.
    pub async fn place_locked(&self, tx: &Tx) -> Result<i64> {
        let found = row::Entity::find_by_id(0).lock(LockType::Update).one(&**tx).await.or_fault()?;
        Ok(found.map_or(0, |row| row.position))
    }

    /// Notes the position of the last event that is taken, in the change that takes it.
    pub async fn place_set(&self, tx: &Tx, position: i64) -> Result<()> {
        let row = row::ActiveModel { id: Set(0), position: Set(position) };
        row::Entity::update(row).exec(&**tx).await.or_fault().map(|_| ())
    }
}
