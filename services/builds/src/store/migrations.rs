//! Migrations of the tables. A released migration never changes, so its columns are written out here instead
//! of taken from the entities, which change.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    events::{CreateEventCursors, CreateEvents},
    queue::CreateQueue,
    schema::{
        big_integer, big_integer_null, boolean, boolean_null, build_index, integer, json, json_null, string,
        string_null, text, text_null,
    },
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Table, TableCreateStatement},
};

use super::{
    image_record::AddImageRecord, package_source::CreatePackageSources,
    source_credential::CreateSourceCredentials,
};

/// All migrations, oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(CreateToolState),
        Box::new(CreateQueue),
        Box::new(CreateBuilds),
        Box::new(CreateBuilders),
        Box::new(AddBuildInputs),
        Box::new(AddOutsideBuilders),
        Box::new(CreateEventCursors),
        Box::new(CreatePackageSources),
        Box::new(AddImageRecord),
        Box::new(IndexOutsideBuilds),
        Box::new(CreateEvents),
        Box::new(MarkDeploymentBuilds),
        Box::new(MarkPreviewBuilds),
        Box::new(CreateSourceCredentials),
    ]
}

struct CreateBuilds;

impl MigrationName for CreateBuilds {
    fn name(&self) -> &str {
        "0001_builds"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateBuilds {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [create_build_table(), create_source_table()] {
            manager.create_table(table).await?;
        }
        for (name, table, columns) in [
            ("build_tool_id", "build", ["tool_id", "id"].as_slice()),
            ("source_expires", "source", &["expires"]),
            ("source_tool_id", "source", &["tool_id"]),
        ] {
            manager.create_index(build_index(name, table, columns)).await?;
        }
        Ok(())
    }
}

fn create_build_table() -> TableCreateStatement {
    Table::create()
        .table("build")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(string("tool_name"))
        .col(string("status"))
        .col(string("step"))
        .col(text("message"))
        .col(integer("attempt"))
        .col(json("parameters"))
        .col(string("resolved_ref"))
        .col(string_null("full_ref"))
        .col(big_integer("source_size"))
        .col(string("destination_image"))
        .col(string_null("digest"))
        .col(json("processes"))
        .col(big_integer("created"))
        .col(big_integer_null("started"))
        .col(big_integer_null("ended"))
        .col(big_integer_null("deadline"))
        .col(boolean("settled"))
        .to_owned()
}

fn create_source_table() -> TableCreateStatement {
    Table::create()
        .table("source")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(string("blob"))
        .col(string("digest"))
        .col(big_integer("size"))
        .col(big_integer("created"))
        .col(big_integer("expires"))
        .to_owned()
}

/// Builders, and what their choice of the next build needs.
struct CreateBuilders;

impl MigrationName for CreateBuilders {
    fn name(&self) -> &str {
        "0002_builders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateBuilders {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("build", big_integer_null("expected_seconds")).await?;
        manager.add_column("build", string_null("builder")).await?;
        manager.add_column("build", json_null("failure")).await?;
        let builder = Table::create()
            .table("builder")
            .col(string("id").primary_key())
            .col(json("labels"))
            .col(integer("slots"))
            .col(big_integer("last_seen"))
            .col(integer("failures"))
            .col(string_null("failed_build"))
            .col(text_null("last_error"))
            .col(json_null("suspension"))
            .to_owned();
        manager.create_table(builder).await
    }
}

/// Inputs by which an unchanged source finds its image.
struct AddBuildInputs;

impl MigrationName for AddBuildInputs {
    fn name(&self) -> &str {
        "0003_build_inputs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddBuildInputs {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("build", json_null("inputs")).await?;
        manager.add_column("build", string_null("reused_build")).await
    }
}

/// Outside builders, their builds, and the credentials of builders.
struct AddOutsideBuilders;

impl MigrationName for AddOutsideBuilders {
    fn name(&self) -> &str {
        "0004_outside_builders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddOutsideBuilders {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("build", string_null("outside_builder")).await?;
        let choice = Table::create()
            .table("builder_choice")
            .col(string("tool_id").primary_key())
            .col(string("builder"))
            .to_owned();
        let token = Table::create()
            .table("build_token")
            .col(string("id").primary_key())
            .col(string("build_id"))
            .col(boolean("revoked"))
            .to_owned();
        for table in [create_outside_builder_table(), create_outside_build_table(), choice, token] {
            manager.create_table(table).await?;
        }
        let mut names = build_index("outside_builder_name", "outside_builder", &["owner", "name"]);
        names.unique();
        manager.create_index(names).await?;
        manager.create_index(build_index("build_token_build_id", "build_token", &["build_id"])).await
    }
}

/// Index by which the builds of a removed outside builder are found.
struct IndexOutsideBuilds;

impl MigrationName for IndexOutsideBuilds {
    fn name(&self) -> &str {
        "0007_outside_build_index"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for IndexOutsideBuilds {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = ["builder_id", "build_id"];
        manager.create_index(build_index("outside_build_builder_id", "outside_build", &columns)).await
    }
}

/// The mark of builds that a deployment requested.
struct MarkDeploymentBuilds;

impl MigrationName for MarkDeploymentBuilds {
    fn name(&self) -> &str {
        "0008_deployment_builds"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for MarkDeploymentBuilds {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("build", boolean_null("of_deployment")).await
    }
}

/// The mark of builds of previews, which the queue needs.
struct MarkPreviewBuilds;

impl MigrationName for MarkPreviewBuilds {
    fn name(&self) -> &str {
        "0009_preview_builds"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for MarkPreviewBuilds {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("build", boolean_null("is_preview")).await
    }
}

fn create_outside_builder_table() -> TableCreateStatement {
    Table::create()
        .table("outside_builder")
        .col(string("id").primary_key())
        .col(string("owner"))
        .col(string("name"))
        .col(text("url"))
        .col(boolean("falls_back"))
        .col(string("key_id"))
        .col(text("sealed_secret"))
        .col(string_null("trigger_owner"))
        .col(big_integer("created"))
        .to_owned()
}

fn create_outside_build_table() -> TableCreateStatement {
    Table::create()
        .table("outside_build")
        .col(string("build_id").primary_key())
        .col(string("builder_id"))
        .col(text_null("plan"))
        .col(integer("tries"))
        .col(boolean("accepted"))
        .col(string_null("token_id"))
        .col(string_null("key_id"))
        .col(text_null("sealed_credential"))
        .to_owned()
}
