//! How the tables came to be as they are. A migration that was released never changes, so columns are spelt
//! out here and not taken from the entities, which do.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, big_integer_null, boolean, integer, json, string, string_null},
};
use hearth_kit::db::{events::CreateEvents, queue::CreateQueue};
use sea_orm::{
    DbErr,
    sea_query::{Index, Table, TableCreateStatement},
};

/// All of them, oldest first.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(CreateEvents),
        Box::new(CreateQueue),
        Box::new(CreateAccounts),
        Box::new(CreateMandates),
        Box::new(UserEmails),
    ]
}

struct CreateAccounts;

impl MigrationName for CreateAccounts {
    fn name(&self) -> &str {
        "0001_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateAccounts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            [user(), guess(), session(), token(), invitation(), tool(), member(), quota(), duty(), audit()]
        {
            manager.create_table(table).await?;
        }
        for (table, column) in [
            ("session", "user_id"),
            ("session", "expires"),
            ("token", "user_id"),
            ("token", "tool_id"),
            ("invitation", "expires"),
            ("member", "user_id"),
            ("audit", "tool_id"),
        ] {
            let name = format!("{table}_{column}");
            manager.create_index(Index::create().name(name).table(table).col(column).to_owned()).await?;
        }
        Ok(())
    }
}

struct CreateMandates;

impl MigrationName for CreateMandates {
    fn name(&self) -> &str {
        "0002_mandates"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateMandates {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [mandate(), run_token()] {
            manager.create_table(table).await?;
        }
        for (table, column) in [
            ("mandate", "user_id"),
            ("mandate", "parent"),
            ("mandate", "expires"),
            ("run_token", "tool_id"),
            ("run_token", "expires"),
        ] {
            let name = format!("{table}_{column}");
            manager.create_index(Index::create().name(name).table(table).col(column).to_owned()).await?;
        }
        Ok(())
    }
}

fn mandate() -> TableCreateStatement {
    Table::create()
        .table("mandate")
        .col(string("id").primary_key())
        .col(string("holder"))
        .col(string("tool_id"))
        .col(string_null("user_id"))
        .col(string_null("token_id"))
        .col(string_null("session_id"))
        .col(string_null("parent"))
        .col(json("scopes"))
        .col(string("cause"))
        .col(big_integer("created"))
        .col(big_integer("expires"))
        .col(big_integer_null("ended"))
        .to_owned()
}

fn run_token() -> TableCreateStatement {
    Table::create()
        .table("run_token")
        .col(string("id").primary_key())
        .col(string("hash").unique_key())
        .col(string("tool_id"))
        .col(string("service"))
        .col(json("scopes"))
        .col(string("cause"))
        .col(big_integer("created"))
        .col(big_integer("expires"))
        .to_owned()
}

fn user() -> TableCreateStatement {
    Table::create()
        .table("user")
        .col(string("id").primary_key())
        .col(string("name").unique_key())
        .col(string("password_hash"))
        .col(boolean("operator"))
        .col(boolean("disabled"))
        .col(big_integer("created"))
        .to_owned()
}

fn guess() -> TableCreateStatement {
    Table::create()
        .table("guess")
        .col(string("name").primary_key())
        .col(integer("count"))
        .col(big_integer("last"))
        .to_owned()
}

fn session() -> TableCreateStatement {
    Table::create()
        .table("session")
        .col(string("id").primary_key())
        .col(string("hash").unique_key())
        .col(string("user_id"))
        .col(big_integer("used"))
        .col(big_integer("expires"))
        .to_owned()
}

fn token() -> TableCreateStatement {
    Table::create()
        .table("token")
        .col(string("id").primary_key())
        .col(string("hash").unique_key())
        .col(string("user_id"))
        .col(string_null("tool_id"))
        .col(string("label"))
        .col(json("scopes"))
        .col(big_integer("created"))
        .col(big_integer_null("used"))
        .col(big_integer_null("expires"))
        .to_owned()
}

fn invitation() -> TableCreateStatement {
    Table::create()
        .table("invitation")
        .col(string("id").primary_key())
        .col(string("hash").unique_key())
        .col(boolean("operator"))
        .col(boolean("first"))
        .col(string_null("maker"))
        .col(string("note"))
        .col(big_integer("created"))
        .col(big_integer("expires"))
        .to_owned()
}

fn tool() -> TableCreateStatement {
    Table::create()
        .table("tool")
        .col(string("id").primary_key())
        .col(string("name"))
        .col(string_null("holds_name").unique_key())
        .col(string("description"))
        .col(boolean("deleting"))
        .col(big_integer("created"))
        .to_owned()
}

fn member() -> TableCreateStatement {
    Table::create()
        .table("member")
        .col(string("tool_id"))
        .col(string("user_id"))
        .col(string("role"))
        .col(big_integer("since"))
        .primary_key(Index::create().col("tool_id").col("user_id"))
        .to_owned()
}

fn quota() -> TableCreateStatement {
    Table::create().table("quota").col(string("tool_id").primary_key()).col(json("changes")).to_owned()
}

fn duty() -> TableCreateStatement {
    Table::create()
        .table("duty")
        .col(string("tool_id"))
        .col(string("service"))
        .primary_key(Index::create().col("tool_id").col("service"))
        .to_owned()
}

fn audit() -> TableCreateStatement {
    Table::create()
        .table("audit")
        .col(string("id").primary_key())
        .col(big_integer("at"))
        .col(string("who"))
        .col(string("action"))
        .col(string_null("tool_id"))
        .col(string_null("tool_name"))
        .col(string("subject"))
        .col(string("request_id"))
        .to_owned()
}

/// People may say where mail to them goes.
struct UserEmails;

impl MigrationName for UserEmails {
    fn name(&self) -> &str {
        "0003_user_emails"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for UserEmails {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("user", string_null("email")).await
    }
}
