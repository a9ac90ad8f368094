//! Bulk updates.

use hearth_base::Result;
use hearth_kit::db::{Db, DbTimestamp, OrDbError, bulk_update_rows};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ConnectionTrait, EntityTrait, IntoActiveModel, QueryOrder, Schema,
};

mod row {
    use hearth_kit::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "counted")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub small: i32,
        pub large: Option<i64>,
        pub done: bool,
        pub text: Option<String>,
        pub content: Json,
        #[sea_orm(column_type = "BigInteger")]
        pub at: DbTimestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

async fn read_rows(db: &Db) -> Result<Vec<row::Model>> {
    row::Entity::find().order_by_asc(row::Column::Number).all(db.reader()).await.or_db_error()
}

async fn insert_rows(db: &Db, most: i64) -> Result<Vec<row::Model>> {
    let table = Schema::new(db.database_backend()).create_table_from_entity(row::Entity);
    let row = |number| row::Model {
        name: "a".to_owned(),
        number,
        small: 0,
        large: Some(number),
        done: false,
        text: None,
        content: serde_json::json!({}),
        at: DbTimestamp(0),
    };
    let tx = db.begin().await?;
    tx.execute(&table).await.or_db_error()?;
    let all = (1..=most).map(|number| row(number).into_active_model().reset_all());
    row::Entity::insert_many(all).exec_without_returning(&*tx).await.or_db_error()?;
    tx.commit().await?;
    read_rows(db).await
}

async fn bulk_update_writes_different_values_to_each_row(db: Db) -> Result<()> {
    let mut expected = insert_rows(&db, 3).await?;
    let change = |number: i64, large: Option<i64>, text: Option<&str>| row::ActiveModel {
        name: Set("a".to_owned()),
        number: Set(number),
        small: Set(7),
        large: Set(large),
        done: Set(true),
        text: Set(text.map(str::to_owned)),
        content: Set(serde_json::json!({"of": number})),
        at: Set(DbTimestamp(number)),
    };
    let tx = db.begin().await?;
    // The fourth row does not exist: that is no error, and it is not inserted.
    bulk_update_rows(
        &tx,
        &[change(3, None, Some("'; --")), change(1, Some(i64::MAX), None), change(4, None, None)],
    )
    .await?;
    tx.commit().await?;
    for (number, large, text) in [(1, Some(i64::MAX), None), (3, None, Some("'; --".to_owned()))] {
        let Some(row) = expected.iter_mut().find(|row| row.number == number) else { continue };
        (row.small, row.large, row.done, row.text) = (7, large, true, text);
        (row.content, row.at) = (serde_json::json!({"of": number}), DbTimestamp(number));
    }
    assert_eq!(read_rows(&db).await?, expected);
    Ok(())
}

async fn bulk_update_keeps_columns_that_are_not_set(db: Db) -> Result<()> {
    let mut expected = insert_rows(&db, 2).await?;
    let nothing_but = |number, small| row::ActiveModel {
        name: Set("a".to_owned()),
        number: Set(number),
        small,
        ..Default::default()
    };
    let tx = db.begin().await?;
    bulk_update_rows::<row::ActiveModel>(&tx, &[]).await?;
    bulk_update_rows(&tx, &[nothing_but(2, Set(5))]).await?;
    let torn = bulk_update_rows(&tx, &[nothing_but(1, Set(6)), nothing_but(2, NotSet)]).await;
    assert!(torn.is_err(), "rows with different columns set are refused");
    tx.commit().await?;
    expected[1].small = 5;
    assert_eq!(read_rows(&db).await?, expected);
    Ok(())
}

hearth_testkit::on_every_database!(
    bulk_update_writes_different_values_to_each_row,
    bulk_update_keeps_columns_that_are_not_set
);
