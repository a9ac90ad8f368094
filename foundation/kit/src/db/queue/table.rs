//! The table of queued items.

use sea_orm::{
    DbErr,
    sea_query::{Index, Table},
};

use crate::db::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, big_integer_null, integer, json, string_len, string_len_null, text_null},
};

/// A queued item.
pub mod row {
    use crate::db::At;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "queue_item")]
    pub struct Model {
        /// The task that performs it.
        #[sea_orm(primary_key, auto_increment = false)]
        pub task: String,
        /// The item of that task: one that is enqueued again is the same item.
        #[sea_orm(primary_key, auto_increment = false)]
        pub item_key: String,
        pub payload: Json,
        /// When it was enqueued last.
        pub enqueued_at: At,
        /// Counts how often it was enqueued: an item that was enqueued again while it was performed is not finished.
        pub enqueue_count: i64,
        /// When it may be claimed; absent for a dead letter.
        pub due_at: Option<At>,
        /// Until when it is leased.
        pub leased_until: Option<At>,
        /// The holder of the lease; absent for a worker without an identity of its own.
        pub lease_holder: Option<String>,
        /// The life of the holder that leases it.
        pub lease_holder_life: Option<String>,
        /// Counts the claims: whatever a worker writes must carry the number of its own.
        pub fence: i64,
        /// Failed attempts since it was enqueued last.
        pub failures: i32,
        /// Why the last attempt failed.
        pub last_error: Option<String>,
        /// When it became a dead letter.
        pub died_at: Option<At>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Creates the table of queued items. Put it into the migrations of a service that has tasks.
pub struct CreateQueue;

impl MigrationName for CreateQueue {
    fn name(&self) -> &str {
        "kit_0001_queue"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateQueue {
    async fn up(&self, manager: &SchemaManager) -> std::result::Result<(), DbErr> {
        let items = Table::create()
            .table("queue_item")
            .col(string_len("task", 64))
            .col(string_len("item_key", 255))
            .col(json("payload"))
            .col(big_integer("enqueued_at"))
            .col(big_integer("enqueue_count"))
            .col(big_integer_null("due_at"))
            .col(big_integer_null("leased_until"))
            .col(string_len_null("lease_holder", 255))
            .col(string_len_null("lease_holder_life", 64))
            .col(big_integer("fence"))
            .col(integer("failures"))
            .col(text_null("last_error"))
            .col(big_integer_null("died_at"))
            .primary_key(Index::create().col("task").col("item_key"))
            .to_owned();
        manager.create_table(items).await?;
        let due =
            Index::create().name("queue_item_due").table("queue_item").col("task").col("due_at").to_owned();
        manager.create_index(due).await
    }
}
