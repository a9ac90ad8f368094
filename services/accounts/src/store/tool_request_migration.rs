//! Creation of the table of requests of tools.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    schema::{big_integer, big_integer_null, build_index, json, string, string_null, text},
};
use sea_orm::{DbErr, sea_query::Table};

/// Migration that creates the table. It is never changed after a release.
pub struct CreateToolRequests;

impl MigrationName for CreateToolRequests {
    fn name(&self) -> &str {
        "0006_tool_requests"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateToolRequests {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("tool_request")
            .col(string("id").primary_key())
            .col(string("tool_id"))
            .col(string("kind"))
            .col(string_null("user_id"))
            .col(string("author"))
            .col(text("reason"))
            .col(json("details"))
            .col(string("state"))
            .col(big_integer("created"))
            .col(big_integer_null("decided"))
            .col(string_null("decided_by"))
            .col(text("answer"))
            .to_owned();
        manager.create_table(table).await?;
        for (name, columns) in [
            ("tool_request_tool_id", ["tool_id", "state"]),
            ("tool_request_user_id", ["user_id", "state"]),
            ("tool_request_state", ["state", "id"]),
        ] {
            manager.create_index(build_index(name, "tool_request", &columns)).await?;
        }
        Ok(())
    }
}
