//! Tables of event streams and of their consumers.

use sea_orm::{
    DbErr,
    sea_query::{Index, Query, Table},
};

use crate::db::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, big_integer_null, big_pk_auto, integer, json, json_null, string, string_null},
};

/// The events of this service's stream.
pub(super) mod event {
    use sea_orm::entity::prelude::*;

    use crate::db::DbTimestamp;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "event")]
    pub struct Model {
        /// Insertion order: of two events about the same row the later one has the higher number.
        #[sea_orm(primary_key)]
        pub sequence: i64,
        pub id: String,
        /// Position in the stream, assigned after the commit; null until then.
        pub position: Option<i64>,
        pub topic: String,
        pub event_type: String,
        pub tool_id: Option<String>,
        pub happened_at: DbTimestamp,
        pub data: Json,
        pub notice: Option<Json>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// End and beginning of this service's stream: a single row.
pub(super) mod event_head {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "event_head")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        /// The last assigned position.
        pub position: i64,
        /// Events up to this position were deleted.
        pub deleted_until: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Positions of this service's consumers.
pub(super) mod event_cursor {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "event_cursor")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub consumer: String,
        /// `SERVICE/TOPIC`.
        #[sea_orm(primary_key, auto_increment = false)]
        pub source: String,
        /// Events up to this position were applied; null: none.
        pub position: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Migration that creates the tables of an [`EventStream`](super::EventStream), for services that have one.
pub struct CreateEvents;

impl MigrationName for CreateEvents {
    fn name(&self) -> &str {
        "kit_0001_events"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateEvents {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let events = Table::create()
            .table("event")
            .col(big_pk_auto("sequence"))
            .col(string("id").unique_key())
            .col(big_integer_null("position").unique_key())
            .col(string("topic"))
            .col(string("event_type"))
            .col(string_null("tool_id"))
            .col(big_integer("happened_at"))
            .col(json("data"))
            .col(json_null("notice"))
            .to_owned();
        manager.create_table(events).await?;
        let head = Table::create()
            .table("event_head")
            .col(integer("id").primary_key())
            .col(big_integer("position"))
            .col(big_integer("deleted_until"))
            .to_owned();
        manager.create_table(head).await?;
        let start = Query::insert()
            .into_table("event_head")
            .columns(["id", "position", "deleted_until"])
            .values_panic([0.into(), 0_i64.into(), 0_i64.into()])
            .to_owned();
        manager.insert_initial_row(start, "id").await
    }
}

/// Migration that creates the table of stored cursors, for services that consume events.
pub struct CreateEventCursors;

impl MigrationName for CreateEventCursors {
    fn name(&self) -> &str {
        "kit_0001_event_cursors"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateEventCursors {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let cursors = Table::create()
            .table("event_cursor")
            .col(string("consumer"))
            .col(string("source"))
            .col(big_integer_null("position"))
            .primary_key(Index::create().col("consumer").col("source"))
            .to_owned();
        manager.create_table(cursors).await
    }
}
