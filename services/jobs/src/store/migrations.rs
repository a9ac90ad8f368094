//! Database migrations. A released migration never changes, so columns are written out here and not taken
//! from the entities.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    events::{CreateEventCursors, CreateEvents},
    queue::CreateQueue,
    schema::{
        big_integer, big_integer_null, boolean, boolean_null, build_index, integer, integer_null, json,
        string, string_null, text_null,
    },
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{Index, Query, Table, TableCreateStatement},
};

/// All migrations, the oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(CreateToolState),
        Box::new(CreateEvents),
        Box::new(CreateEventCursors),
        Box::new(CreateQueue),
        Box::new(CreateJobs),
        Box::new(AddRunCredentials),
        Box::new(AddRunProblem),
        Box::new(AddEnvironmentPages),
        Box::new(AddPageSleep),
        Box::new(AddPreviewEnd),
    ]
}

/// The end of the preview that a job is part of. Release 0.1.0 does not read it; it cannot start these jobs.
struct AddPreviewEnd;

impl MigrationName for AddPreviewEnd {
    fn name(&self) -> &str {
        "0007_preview_end"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddPreviewEnd {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("job", big_integer_null("preview_expires")).await?;
        manager.create_index(build_index("job_preview_expires".to_owned(), "job", &["preview_expires"])).await
    }
}

/// Sleep of pages. A sleeping job is also paused, so release 0.1.0 shows it as paused, and resumes it on request.
struct AddPageSleep;

impl MigrationName for AddPageSleep {
    fn name(&self) -> &str {
        "0006_page_sleep"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddPageSleep {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("job", big_integer_null("asleep")).await?;
        manager.add_column("job", big_integer_null("sleep_after")).await?;
        let index = build_index("job_sleep_after".to_owned(), "job", &["sleep_after"]);
        manager.create_index(index).await?;
        let visits = Table::create()
            .table("page_visit")
            .col(string("job_id").primary_key())
            .col(big_integer("last_visit"))
            .to_owned();
        manager.create_table(visits).await?;
        let reports = Table::create()
            .table("edge_report")
            .col(string("edge").primary_key())
            .col(big_integer("reported_at"))
            .to_owned();
        manager.create_table(reports).await
    }
}

/// Pages of environments: the job of each, and their routes. Release 0.1.0 neither reads nor changes them.
struct AddEnvironmentPages;

impl MigrationName for AddEnvironmentPages {
    fn name(&self) -> &str {
        "0005_environment_pages"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddEnvironmentPages {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("job", string_null("environment")).await?;
        let routes = Table::create()
            .table("environment_route")
            .col(string("tool_id"))
            .col(string("environment"))
            .col(json("route"))
            .primary_key(Index::create().col("tool_id").col("environment"))
            .to_owned();
        manager.create_table(routes).await
    }
}

/// The problem of a running container that programs distinguish, and whether a newer container replaced one.
struct AddRunProblem;

impl MigrationName for AddRunProblem {
    fn name(&self) -> &str {
        "0003_run_problem"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddRunProblem {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("run", string_null("problem")).await?;
        manager.add_column("run", boolean_null("replaced")).await
    }
}

/// The token in the containers of a workload.
struct AddRunCredentials;

impl MigrationName for AddRunCredentials {
    fn name(&self) -> &str {
        "0002_run_credentials"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddRunCredentials {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column("workload", string_null("credential_id")).await?;
        manager.add_column("workload", big_integer_null("credential_expires")).await
    }
}

struct CreateJobs;

impl MigrationName for CreateJobs {
    fn name(&self) -> &str {
        "0001_jobs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateJobs {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            create_epoch_table(),
            create_tool_table(),
            create_job_table(),
            create_workload_table(),
            create_run_table(),
            create_due_table(),
            create_sample_table(),
            create_route_table(),
        ] {
            manager.create_table(table).await?;
        }
        let first = Query::insert()
            .into_table("epoch")
            .columns(["id", "number"])
            .values_panic([0.into(), 1_i64.into()])
            .to_owned();
        manager.insert_initial_row(first, "id").await?;
        for (table, columns, unique) in [
            ("job", &["tool_id", "name"][..], true),
            ("job", &["next_due"], false),
            ("workload", &["tool_id", "job_id"], false),
            ("run", &["tool_id", "job_id", "id"], false),
            ("run", &["workload_id"], false),
            ("run", &["state"], false),
            ("run", &["log_done"], false),
            ("run", &["ended"], false),
            ("job", &["settled_until"], false),
            ("due", &["until"], false),
            ("sample", &["tool_id", "step", "at"], false),
            ("sample", &["step", "at"], false),
        ] {
            let mut index = build_index(format!("{table}_{}", columns.join("_")), table, columns);
            if unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn create_epoch_table() -> TableCreateStatement {
    Table::create().table("epoch").col(integer("id").primary_key()).col(big_integer("number")).to_owned()
}

fn create_tool_table() -> TableCreateStatement {
    Table::create()
        .table("tool")
        .col(string("id").primary_key())
        .col(string("name"))
        .col(text_null("quota"))
        .to_owned()
}

fn create_job_table() -> TableCreateStatement {
    Table::create()
        .table("job")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(string("name"))
        .col(string("kind"))
        .col(json("spec"))
        .col(json("image"))
        .col(text_null("newer_image"))
        .col(string_null("set_id"))
        .col(big_integer("generation"))
        .col(big_integer("restart"))
        .col(string_null("schedule"))
        .col(big_integer_null("next_due"))
        .col(big_integer_null("last_due"))
        .col(string_null("last_run"))
        .col(big_integer_null("settled_until"))
        .col(big_integer_null("paused"))
        .col(big_integer("consecutive_missed"))
        .col(boolean("publish"))
        .col(big_integer("created"))
        .col(big_integer("changed"))
        .to_owned()
}

fn create_workload_table() -> TableCreateStatement {
    Table::create()
        .table("workload")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(string("job_id"))
        .col(boolean("wanted"))
        .col(big_integer("generation"))
        .col(big_integer_null("applied_generation"))
        .col(json("plan"))
        .col(string_null("envvars_revision"))
        .col(boolean("done"))
        .col(text_null("last_error"))
        .to_owned()
}

fn create_run_table() -> TableCreateStatement {
    Table::create()
        .table("run")
        .col(string("id").primary_key())
        .col(string("instance"))
        .col(string("workload_id"))
        .col(string("tool_id"))
        .col(string("job_id"))
        .col(string("job_name"))
        .col(string("cause"))
        .col(integer("attempt"))
        .col(string("state"))
        .col(big_integer("generation"))
        .col(big_integer_null("due"))
        .col(big_integer("created"))
        .col(big_integer_null("started"))
        .col(big_integer_null("ended"))
        .col(string_null("end"))
        .col(integer_null("exit_code"))
        .col(integer_null("signal"))
        .col(text_null("reason"))
        .col(text_null("tail"))
        .col(boolean("will_retry"))
        .col(integer_null("port"))
        .col(big_integer("cpu_micros"))
        .col(big_integer("cpu_counted"))
        .col(big_integer("peak_memory"))
        .col(string_null("address"))
        .col(boolean("ready"))
        .col(big_integer("log_next"))
        .col(boolean("log_done"))
        .to_owned()
}

fn create_route_table() -> TableCreateStatement {
    Table::create().table("route").col(string("tool_id").primary_key()).col(json("route")).to_owned()
}

fn create_due_table() -> TableCreateStatement {
    Table::create()
        .table("due")
        .col(string("job_id"))
        .col(big_integer("due"))
        .col(big_integer("until"))
        .col(big_integer("count"))
        .col(string("outcome"))
        .col(string_null("run_id"))
        .col(text_null("reason"))
        .primary_key(Index::create().col("job_id").col("due"))
        .to_owned()
}

fn create_sample_table() -> TableCreateStatement {
    Table::create()
        .table("sample")
        .col(string("job_id"))
        .col(integer("step"))
        .col(big_integer("at"))
        .col(string("tool_id"))
        .col(big_integer("memory"))
        .col(big_integer("cpu_micros"))
        .col(big_integer("disk"))
        .col(integer("containers"))
        .col(integer("restarts"))
        .primary_key(Index::create().col("job_id").col("step").col("at"))
        .to_owned()
}
