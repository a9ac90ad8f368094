//! Migrations of the tables. A released migration never changes, so columns are written out.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager, schema::string, tool_state::CreateToolState,
};
use sea_orm::{DbErr, sea_query::Table};

/// All migrations, the oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(CreateToolState), Box::new(CreateHomes)]
}

struct CreateHomes;

impl MigrationName for CreateHomes {
    fn name(&self) -> &str {
        "0001_storage"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateHomes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let homes = Table::create().table("home").col(string("tool_id").primary_key()).to_owned();
        manager.create_table(homes).await
    }
}
