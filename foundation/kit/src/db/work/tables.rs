//! The table of leased work, and how it came to be.

use crate::db::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, big_integer_null, integer, json, string, text_null},
};
use sea_orm::{
    DbErr,
    sea_query::{Index, Table},
};

/// A piece of work.
pub mod row {
    use crate::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "work")]
    pub struct Model {
        /// What sort of work.
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        /// Which one of that sort: asking for it again changes nothing.
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub content: Json,
        /// When it may be taken: later after a failure, never when put aside.
        pub due: Option<At>,
        /// Until when it is somebody's.
        pub leased_until: Option<At>,
        /// Whose it is; absent for whoever did not say.
        pub holder: Option<String>,
        /// Of which life of the holder.
        pub life: Option<String>,
        /// Counts the claims: what a worker writes must carry the number of its own.
        pub fence: i64,
        /// Counts the asks: what was asked again meanwhile is not finished.
        pub asked: i64,
        /// Failures so far.
        pub failures: i32,
        pub last_error: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table of leased work. Put it into the migrations of a service that has some.
pub struct CreateWork;

impl MigrationName for CreateWork {
    fn name(&self) -> &str {
        "kit_0001_work"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateWork {
    async fn up(&self, manager: &SchemaManager) -> std::result::Result<(), DbErr> {
        let work = Table::create()
            .table("work")
            .col(string("kind"))
            .col(string("key"))
            .col(json("content"))
            .col(big_integer_null("due"))
            .col(big_integer_null("leased_until"))
            .col(big_integer("fence"))
            .col(big_integer("asked"))
            .col(integer("failures"))
            .col(text_null("last_error"))
            .primary_key(Index::create().col("kind").col("key"))
            .to_owned();
        manager.create_table(work).await?;
        let due = Index::create().name("work_due").table("work").col("kind").col("due").to_owned();
        manager.create_index(due).await
    }
}

/// Who holds leased work. Put it into the migrations of a service that has [`CreateWork`].
pub struct WorkHolders;

impl MigrationName for WorkHolders {
    fn name(&self) -> &str {
        "kit_0002_work_holders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for WorkHolders {
    async fn up(&self, manager: &SchemaManager) -> std::result::Result<(), DbErr> {
        // SQLite adds one column at a time.
        for column in ["holder", "life"] {
            manager
                .alter_table(Table::alter().table("work").add_column(text_null(column)).to_owned())
                .await?;
        }
        Ok(())
    }
}
