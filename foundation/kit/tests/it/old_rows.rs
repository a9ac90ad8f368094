//! Deletion of old rows.

use hearth_base::Result;
use hearth_kit::db::{Db, DbTimestamp, OldRows, OrDbError, delete_old_rows};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryOrder, Schema};

mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "kept")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub done: bool,
        #[sea_orm(column_type = "BigInteger")]
        pub at: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

async fn rows_that_are_old_or_exceed_their_group_are_deleted(db: Db) -> Result<()> {
    let row = |owner: &str, number, done, at| {
        let (owner, at) = (owner.to_owned(), DbTimestamp(at));
        row::Model { owner, number, done, at }.into_active_model()
    };
    let tx = db.begin().await?;
    let table = Schema::new(db.database_backend()).create_table_from_entity(row::Entity);
    tx.execute(&table).await.or_db_error()?;
    let rows = [
        row("a", 1, true, 9),
        row("a", 2, true, 9),
        row("a", 3, false, 9),
        row("a", 4, true, 9),
        row("b", 1, true, 4),
        row("b", 2, false, 4),
        row("b", 3, true, 5),
    ];
    row::Entity::insert_many(rows).exec_without_returning(&*tx).await.or_db_error()?;
    let mut gone = Vec::new();
    for _ in 0..2 {
        let old = OldRows {
            deletable: row::Column::Done.eq(true),
            group: row::Column::Owner,
            newest_by: vec![row::Column::Number],
            time: row::Column::At,
        };
        gone.push(delete_old_rows::<row::Entity>(&tx, old, DbTimestamp(5).into(), 2).await?);
    }
    tx.commit().await?;
    assert_eq!(gone, [2, 0]);
    let left = row::Entity::find().order_by_asc(row::Column::Owner).order_by_asc(row::Column::Number);
    let left = left.all(db.reader()).await.or_db_error()?;
    let left: Vec<(&str, i64)> = left.iter().map(|row| (row.owner.as_str(), row.number)).collect();
    assert_eq!(left, [("a", 2), ("a", 3), ("a", 4), ("b", 2), ("b", 3)]);
    Ok(())
}

hearth_testkit::on_every_database!(rows_that_are_old_or_exceed_their_group_are_deleted);
