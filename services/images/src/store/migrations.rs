//! Migrations of the tables. A released migration never changes, so its columns are written out here instead
//! of taken from the entities, which change.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    events::CreateEvents,
    queue::CreateQueue,
    schema::{big_integer, blob, blob_null, build_index, integer, string, string_len, string_null},
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Index, Table, TableCreateStatement},
};

/// All migrations, oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(CreateToolState),
        Box::new(CreateQueue),
        Box::new(CreateImages),
        Box::new(CreateEvents),
        Box::new(CreateIncoming),
        Box::new(AddSubjects),
        Box::new(CreateUpstreams),
    ]
}

struct CreateImages;

impl MigrationName for CreateImages {
    fn name(&self) -> &str {
        "0001_images"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateImages {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            create_repository_table(),
            create_manifest_table(),
            create_reference_table(),
            create_tag_table(),
            create_link_table(),
            create_content_table(),
            create_pin_table(),
            create_upload_table(),
            create_part_table(),
            create_garbage_table(),
        ] {
            manager.create_table(table).await?;
        }
        let owner = Index::create()
            .name("repository_owner")
            .table("repository")
            .col("owner")
            .col("name")
            .unique()
            .to_owned();
        manager.create_index(owner).await?;
        for (table, column) in [
            ("manifest", "digest"),
            ("reference", "digest"),
            ("tag", "digest"),
            ("link", "digest"),
            ("content", "blob_id"),
            ("pin", "digest"),
            ("pin", "tool_id"),
            ("upload", "touched"),
            ("part", "upload_id"),
        ] {
            let name = format!("{table}_{column}");
            manager.create_index(Index::create().name(name).table(table).col(column).to_owned()).await?;
        }
        Ok(())
    }
}

/// Table of the content that requests are receiving, for the quota of the registry.
struct CreateIncoming;

impl MigrationName for CreateIncoming {
    fn name(&self) -> &str {
        "0002_incoming"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateIncoming {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let incoming = Table::create()
            .table("incoming")
            .col(string("blob_id").primary_key())
            .col(string("owner"))
            .col(string("upload_id"))
            .col(big_integer("size"))
            .col(big_integer("touched"))
            .to_owned();
        manager.create_table(incoming).await?;
        for column in ["owner", "upload_id", "touched"] {
            let name = format!("incoming_{column}");
            manager.create_index(Index::create().name(name).table("incoming").col(column).to_owned()).await?;
        }
        Ok(())
    }
}

/// Columns of the manifests that refer to other manifests. They are null in the rows of older releases, which the
/// service examines later.
struct AddSubjects;

impl MigrationName for AddSubjects {
    fn name(&self) -> &str {
        "0003_subjects"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddSubjects {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("manifest", string_null("subject")).await?;
        manager.add_column("manifest", string_null("artifact_type")).await?;
        manager.add_column("manifest", blob_null("descriptor")).await?;
        manager.create_index(build_index("manifest_subject", "manifest", &["repository_id", "subject"])).await
    }
}

/// Tables of the content of upstream registries.
struct CreateUpstreams;

impl MigrationName for CreateUpstreams {
    fn name(&self) -> &str {
        "0004_upstreams"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateUpstreams {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let content = Table::create()
            .table("upstream_content")
            .col(string_len("upstream", 40))
            .col(string("digest"))
            .col(string("blob_id"))
            .col(big_integer("size"))
            .col(string_null("media_type"))
            .col(big_integer("last_used"))
            .primary_key(Index::create().col("upstream").col("digest"))
            .to_owned();
        let tag = Table::create()
            .table("upstream_tag")
            .col(string_len("upstream", 40))
            .col(string("repository"))
            .col(string_len("name", 128))
            .col(string("digest"))
            .col(big_integer("checked_at"))
            .primary_key(Index::create().col("upstream").col("repository").col("name"))
            .to_owned();
        manager.create_table(content).await?;
        manager.create_table(tag).await?;
        for (name, columns) in [
            ("upstream_content_last_used", &["upstream", "last_used"][..]),
            ("upstream_content_blob_id", &["blob_id"]),
        ] {
            manager.create_index(build_index(name, "upstream_content", columns)).await?;
        }
        Ok(())
    }
}

fn create_repository_table() -> TableCreateStatement {
    Table::create()
        .table("repository")
        .col(string("id").primary_key())
        .col(string("owner"))
        .col(string("tool_name"))
        .col(string("name"))
        .col(big_integer("updated"))
        .to_owned()
}

fn create_manifest_table() -> TableCreateStatement {
    Table::create()
        .table("manifest")
        .col(string("repository_id"))
        .col(string("digest"))
        .col(string("media_type"))
        .col(blob("content"))
        .col(big_integer("last_used"))
        .primary_key(Index::create().col("repository_id").col("digest"))
        .to_owned()
}

fn create_reference_table() -> TableCreateStatement {
    Table::create()
        .table("reference")
        .col(string("repository_id"))
        .col(string("manifest"))
        .col(string("digest"))
        .primary_key(Index::create().col("repository_id").col("manifest").col("digest"))
        .to_owned()
}

fn create_tag_table() -> TableCreateStatement {
    Table::create()
        .table("tag")
        .col(string("repository_id"))
        .col(string("name"))
        .col(string("digest"))
        .col(big_integer("updated"))
        .primary_key(Index::create().col("repository_id").col("name"))
        .to_owned()
}

fn create_link_table() -> TableCreateStatement {
    Table::create()
        .table("link")
        .col(string("repository_id"))
        .col(string("digest"))
        .col(big_integer("last_used"))
        .primary_key(Index::create().col("repository_id").col("digest"))
        .to_owned()
}

fn create_content_table() -> TableCreateStatement {
    Table::create()
        .table("content")
        .col(string("digest").primary_key())
        .col(string("blob_id"))
        .col(big_integer("size"))
        .col(big_integer("last_used"))
        .to_owned()
}

fn create_pin_table() -> TableCreateStatement {
    Table::create()
        .table("pin")
        .col(string("holder").primary_key())
        .col(string("tool_id"))
        .col(string("digest"))
        .to_owned()
}

fn create_upload_table() -> TableCreateStatement {
    Table::create()
        .table("upload")
        .col(string("id").primary_key())
        .col(string("repository_id"))
        .col(big_integer("size"))
        .col(big_integer("touched"))
        .to_owned()
}

fn create_part_table() -> TableCreateStatement {
    Table::create()
        .table("part")
        .col(string("blob_id").primary_key())
        .col(string("upload_id"))
        .col(integer("number"))
        .col(big_integer("size"))
        .col(string("digest"))
        .to_owned()
}

fn create_garbage_table() -> TableCreateStatement {
    Table::create().table("garbage").col(string("blob_id").primary_key()).to_owned()
}
