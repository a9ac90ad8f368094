//! Table of queue items.

use sea_orm::{
    DbErr,
    sea_query::{Index, Table},
};

use crate::db::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, big_integer_null, integer, json, string_len, string_len_null, text_null},
};

/// A queue item.
pub mod row {
    use crate::db::DbTimestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "queue_item")]
    pub struct Model {
        /// Name of the task that processes it.
        #[sea_orm(primary_key, auto_increment = false)]
        pub task: String,
        /// Key within the task: enqueuing the same key again updates the item.
        #[sea_orm(primary_key, auto_increment = false)]
        pub item_key: String,
        pub payload: Json,
        /// Time of the last enqueuing.
        pub enqueued_at: DbTimestamp,
        /// Number of enqueuings: detects that an item was enqueued again while it was processed.
        pub enqueue_count: i64,
        /// Time from which it can be claimed; null for a dead letter.
        pub due_at: Option<DbTimestamp>,
        /// Expiry of the lease.
        pub leased_until: Option<DbTimestamp>,
        /// Holder of the lease; null for a worker without an identity.
        pub lease_holder: Option<String>,
        /// Life of the holder.
        pub lease_holder_life: Option<String>,
        /// Fence: number of claims. A worker's write must carry the fence of its own claim.
        pub fence: i64,
        /// Failed attempts since the last enqueuing.
        pub failures: i32,
        /// Error of the last failed attempt.
        pub last_error: Option<String>,
        /// Time when it became a dead letter.
        pub died_at: Option<DbTimestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Migration that creates the table of queue items, for services that have tasks.
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
