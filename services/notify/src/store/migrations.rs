//! Migrations of the tables. A released migration never changes, so columns are written out.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    events::CreateEventCursors,
    queue::CreateQueue,
    schema::{
        big_integer, big_integer_null, boolean, build_index, integer, integer_null, json, string,
        string_null, text, text_null,
    },
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Index, Table, TableCreateStatement},
};

/// All migrations, the oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(CreateToolState),
        Box::new(CreateQueue),
        Box::new(CreateEventCursors),
        Box::new(CreateNotify),
        Box::new(AddWebhookOwners),
        Box::new(AddMailChoices),
    ]
}

/// Owners of webhooks, and times of answers.
struct AddWebhookOwners;

impl MigrationName for AddWebhookOwners {
    fn name(&self) -> &str {
        "0002_webhook_owners"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddWebhookOwners {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("webhook", string_null("owner")).await?;
        manager.add_column("delivery", big_integer_null("answered_at")).await
    }
}

/// Members' choices of event types, and the event types of waiting notices.
struct AddMailChoices;

impl MigrationName for AddMailChoices {
    fn name(&self) -> &str {
        "0003_mail_choices"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddMailChoices {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let choice = Table::create()
            .table("mail_choice")
            .col(string("tool_id"))
            .col(string("user_id"))
            .col(json("content"))
            .primary_key(Index::create().col("tool_id").col("user_id"))
            .to_owned();
        manager.create_table(choice).await?;
        manager.add_column("notice", string_null("event_type")).await
    }
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
        for table in [
            create_mail_pace_table(),
            create_mail_opt_out_table(),
            create_notice_table(),
            create_mail_table(),
            create_webhook_table(),
            create_delivery_table(),
        ] {
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
            manager.create_index(build_index(name, table, &columns)).await?;
        }
        let mut unique_message = build_index("delivery_message", "delivery", &["webhook_id", "message"]);
        unique_message.unique();
        manager.create_index(unique_message).await
    }
}

fn create_mail_pace_table() -> TableCreateStatement {
    Table::create().table("mail_pace").col(string("tool_id").primary_key()).col(json("mail_times")).to_owned()
}

fn create_mail_opt_out_table() -> TableCreateStatement {
    Table::create()
        .table("mail_opt_out")
        .col(string("tool_id"))
        .col(string("user_id"))
        .primary_key(Index::create().col("tool_id").col("user_id"))
        .to_owned()
}

fn create_notice_table() -> TableCreateStatement {
    Table::create()
        .table("notice")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(big_integer("happened_at"))
        .col(json("content"))
        .to_owned()
}

fn create_mail_table() -> TableCreateStatement {
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
        .col(text_null("reply"))
        .to_owned()
}

fn create_webhook_table() -> TableCreateStatement {
    Table::create()
        .table("webhook")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(text("url"))
        .col(json("events"))
        .col(boolean("enabled"))
        .col(string_null("reason"))
        .col(string("key_id"))
        .col(text("sealed_secret"))
        .col(big_integer("created"))
        .to_owned()
}

fn create_delivery_table() -> TableCreateStatement {
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
        .col(text_null("reply"))
        .to_owned()
}
