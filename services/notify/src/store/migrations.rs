//! How the tables came to be as they are. A migration that was released never changes, so columns are spelt out.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    events::CreateEventCursors,
    queue::CreateQueue,
    schema::{
        big_integer, big_integer_null, boolean, integer, integer_null, json, string, string_null, text,
        text_null,
    },
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Index, Table, TableCreateStatement},
};

/// All of them, oldest first.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(CreateToolState),
        Box::new(CreateQueue),
        Box::new(CreateEventCursors),
        Box::new(CreateNotify),
    ]
}

struct CreateNotify;

impl MigrationName for CreateNotify {
    fn name(&self) -> &str {
        "0001_notify"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateNotify {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [mail_pace(), mail_off(), notice(), mail(), webhook(), delivery()] {
            manager.create_table(table).await?;
        }
        for (name, table, columns) in [
            ("notice_tool_id", "notice", ["tool_id", "happened_at"]),
            ("mail_tool_id", "mail", ["tool_id", "id"]),
            ("webhook_tool_id", "webhook", ["tool_id", "id"]),
            ("delivery_webhook_id", "delivery", ["webhook_id", "id"]),
            ("delivery_state", "delivery", ["webhook_id", "state"]),
            ("delivery_created", "delivery", ["created", "state"]),
            ("mail_created", "mail", ["created", "state"]),
        ] {
            let mut index = Index::create();
            index.name(name).table(table);
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        let once = Index::create()
            .name("delivery_message")
            .table("delivery")
            .col("webhook_id")
            .col("message")
            .unique()
            .to_owned();
        manager.create_index(once).await
    }
}

fn mail_pace() -> TableCreateStatement {
    Table::create().table("mail_pace").col(string("tool_id").primary_key()).col(json("mailed")).to_owned()
}

fn mail_off() -> TableCreateStatement {
    Table::create()
        .table("mail_off")
        .col(string("tool_id"))
        .col(string("user_id"))
        .primary_key(Index::create().col("tool_id").col("user_id"))
        .to_owned()
}

fn notice() -> TableCreateStatement {
    Table::create()
        .table("notice")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(big_integer("happened_at"))
        .col(json("content"))
        .to_owned()
}

fn mail() -> TableCreateStatement {
    Table::create()
        .table("mail")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(string("tool_name"))
        .col(string("user_id"))
        .col(string("user_name"))
        .col(text("subject"))
        .col(text("body"))
        .col(integer("events"))
        .col(string("state"))
        .col(integer("tries"))
        .col(big_integer("created"))
        .col(big_integer_null("next"))
        .col(text_null("said"))
        .to_owned()
}

fn webhook() -> TableCreateStatement {
    Table::create()
        .table("webhook")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(text("url"))
        .col(json("events"))
        .col(boolean("enabled"))
        .col(string_null("reason"))
        .col(string("key_id"))
        .col(text("closed"))
        .col(big_integer("created"))
        .to_owned()
}

fn delivery() -> TableCreateStatement {
    Table::create()
        .table("delivery")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(string("webhook_id"))
        .col(string("message"))
        .col(string("event"))
        .col(text("body"))
        .col(string("state"))
        .col(integer("tries"))
        .col(big_integer("created"))
        .col(big_integer_null("next"))
        .col(integer_null("status"))
        .col(text_null("said"))
        .to_owned()
}
