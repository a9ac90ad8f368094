//! Many rows changed at once.

use hearth_base::Result;
use hearth_kit::db::{At, Db, OrFault, update_each};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ConnectionTrait, EntityTrait, IntoActiveModel, QueryOrder, Schema,
};

mod row {
    use hearth_kit::db::At;
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
        pub at: At,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

async fn rows(db: &Db) -> Result<Vec<row::Model>> {
    row::Entity::find().order_by_asc(row::Column::Number).all(db.reader()).await.or_fault()
}

async fn counted(db: &Db, most: i64) -> Result<Vec<row::Model>> {
    let table = Schema::new(db.backend()).create_table_from_entity(row::Entity);
    let row = |number| row::Model {
        name: "a".to_owned(),
        number,
        small: 0,
        large: Some(number),
        done: false,
        text: None,
        content: serde_json::json!({}),
        at: At(0),
    };
    let tx = db.begin().await?;
    tx.execute(&table).await.or_fault()?;
    let all = (1..=most).map(|number| row(number).into_active_model().reset_all());
    row::Entity::insert_many(all).exec_without_returning(&*tx).await.or_fault()?;
    tx.commit().await?;
    rows(db).await
}

async fn each_is_changed_in_its_own_way(db: Db) -> Result<()> {
    let mut expected = counted(&db, 3).await?;
    let change = |number: i64, large: Option<i64>, text: Option<&str>| row::ActiveModel {
        name: Set("a".to_owned()),
        number: Set(number),
        small: Set(7),
        large: Set(large),
        done: Set(true),
        text: Set(text.map(str::to_owned)),
        content: Set(serde_json::json!({"of": number})),
        at: Set(At(number)),
    };
    let tx = db.begin().await?;
    // The fourth is not there: that is no fault, and it does not come to be.
    update_each(
        &tx,
        &[change(3, None, Some("'; --")), change(1, Some(i64::MAX), None), change(4, None, None)],
    )
    .await?;
    tx.commit().await?;
    for (number, large, text) in [(1, Some(i64::MAX), None), (3, None, Some("'; --".to_owned()))] {
        let Some(row) = expected.iter_mut().find(|row| row.number == number) else { continue };
        (row.small, row.large, row.done, row.text) = (7, large, true, text);
        (row.content, row.at) = (serde_json::json!({"of": number}), At(number));
    }
    assert_eq!(rows(&db).await?, expected);
    Ok(())
}

async fn what_is_not_set_stays(db: Db) -> Result<()> {
    let mut expected = counted(&db, 2).await?;
    let nothing_but = |number, small| row::ActiveModel {
        name: Set("a".to_owned()),
        number: Set(number),
        small,
        ..Default::default()
    };
    let tx = db.begin().await?;
    update_each::<row::ActiveModel>(&tx, &[]).await?;
    update_each(&tx, &[nothing_but(2, Set(5))]).await?;
    let torn = update_each(&tx, &[nothing_but(1, Set(6)), nothing_but(2, NotSet)]).await;
    assert!(torn.is_err(), "rows that are changed in different columns");
    tx.commit().await?;
    expected[1].small = 5;
    assert_eq!(rows(&db).await?, expected);
    Ok(())
}

hearth_testkit::on_every_database!(each_is_changed_in_its_own_way, what_is_not_set_stays);
