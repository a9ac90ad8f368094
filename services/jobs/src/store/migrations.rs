//! Database migrations. A released migration never changes, so columns are written out here and not taken
//! from the entities.

use hearth_kit::db::{
    MigrationName, MigrationTrait, SchemaManager,
    events::{CreateEventCursors, CreateEvents},
    queue::CreateQueue,
    schema::{
        big_integer, big_integer_null, boolean, integer, integer_null, json, string, string_null, text_null,
    },
    tool_state::CreateToolState,
};
use sea_orm::{
    DbErr,
    sea_query::{
        ColumnDef, Expr, ExprTrait, Func, Index, InsertStatement, OnConflict, Query, Table,
        TableCreateStatement,
    },
};

/// All migrations, the oldest first.
pub fn list_migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(CreateToolState),
        Box::new(CreateEvents),
        Box::new(CreateQueue),
        Box::new(CreateJobs),
        Box::new(CreateLedger),
        Box::new(RUN_TAILS),
        Box::new(CreateSamples),
        Box::new(WORKLOAD_ENVVARS),
        Box::new(RUN_WILL_RETRY),
        Box::new(RUN_PORT),
        Box::new(CreateEventCursors),
        Box::new(NEWER_IMAGES),
        Box::new(TOOL_QUOTA),
        Box::new(SAMPLES_DISK),
    ]
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
        for table in [epoch_table(), tool_table(), job_table(), workload_table(), run_table(), route_table()]
        {
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
        ] {
            let mut index = Index::create();
            index.name(format!("{table}_{}", columns.join("_"))).table(table);
            for column in columns {
                index.col(*column);
            }
            if unique {
                index.unique();
            }
            manager.create_index(index.to_owned()).await?;
        }
        Ok(())
    }
}

fn epoch_table() -> TableCreateStatement {
    Table::create().table("epoch").col(integer("id").primary_key()).col(big_integer("number")).to_owned()
}

fn tool_table() -> TableCreateStatement {
    Table::create().table("tool").col(string("id").primary_key()).col(string("name")).to_owned()
}

fn job_table() -> TableCreateStatement {
    Table::create()
        .table("job")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(string("name"))
        .col(string("kind"))
        .col(json("spec"))
        .col(json("image"))
        .col(string_null("set_id"))
        .col(big_integer("generation"))
        .col(big_integer("restart"))
        .col(string_null("schedule"))
        .col(big_integer_null("next_due"))
        .col(big_integer_null("last_due"))
        .col(string_null("last_run"))
        .col(boolean("publish"))
        .col(big_integer("created"))
        .col(big_integer("changed"))
        .to_owned()
}

fn workload_table() -> TableCreateStatement {
    Table::create()
        .table("workload")
        .col(string("id").primary_key())
        .col(string("tool_id"))
        .col(string("job_id"))
        .col(boolean("wanted"))
        .col(big_integer("generation"))
        .col(big_integer_null("applied_generation"))
        .col(json("plan"))
        .col(boolean("done"))
        .col(text_null("last_error"))
        .to_owned()
}

fn run_table() -> TableCreateStatement {
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
        .col(big_integer("cpu_micros"))
        .col(big_integer("peak_memory"))
        .col(string_null("address"))
        .col(boolean("ready"))
        .col(big_integer("log_next"))
        .col(boolean("log_done"))
        .to_owned()
}

fn route_table() -> TableCreateStatement {
    Table::create().table("route").col(string("tool_id").primary_key()).col(json("route")).to_owned()
}

/// Adds the table of the ledger. Before, skipped and missed due times were rows of `run`.
struct CreateLedger;

impl MigrationName for CreateLedger {
    fn name(&self) -> &str {
        "0002_ledger"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateLedger {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(due_table()).await?;
        let by_age = Index::create().name("due_until").table("due").col("until").to_owned();
        manager.create_index(by_age).await?;
        for column in
            [big_integer_null("settled_until"), big_integer_null("paused"), consecutive_missed_column()]
        {
            manager.add_column("job", column).await?;
        }
        let ahead = Index::create().name("job_settled_until").table("job").col("settled_until").to_owned();
        manager.create_index(ahead).await?;
        let settled_until = Func::coalesce([Expr::col("last_due"), Expr::col("created")]);
        let settled_until = Query::update()
            .table("job")
            .value("settled_until", settled_until)
            .and_where(Expr::col("kind").eq("scheduled"))
            .to_owned();
        manager.execute_statement(settled_until).await?;
        let none = ["skipped", "missed"];
        let first = OnConflict::columns(["job_id", "due"]).do_nothing_on(["job_id", "due"]).to_owned();
        for outcome in none {
            manager
                .execute_statement(insert_due_from_runs(outcome, Expr::col("state").eq(outcome), &first)?)
                .await?;
        }
        manager
            .execute_statement(insert_due_from_runs("ran", Expr::col("state").is_not_in(none), &first)?)
            .await?;
        let moved = Query::delete().from_table("run").and_where(Expr::col("state").is_in(none)).to_owned();
        manager.execute_statement(moved).await
    }
}

fn consecutive_missed_column() -> ColumnDef {
    big_integer("consecutive_missed").default(0).to_owned()
}

fn due_table() -> TableCreateStatement {
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

/// Copies due times with this outcome from runs into the ledger; of several attempts, the newest.
fn insert_due_from_runs(outcome: &str, which: Expr, first: &OnConflict) -> Result<InsertStatement, DbErr> {
    let runs = Query::select()
        .columns(["job_id", "due"])
        .expr(Expr::col("due"))
        .expr(Expr::value(1_i64))
        .expr(Expr::value(outcome))
        .expr(Func::max(Expr::col("id")))
        .expr(Func::max(Expr::col("reason")))
        .from("run")
        .and_where(Expr::col("due").is_not_null())
        .and_where(which)
        .group_by_columns(["job_id", "due"])
        .to_owned();
    let mut insert = Query::insert();
    insert.into_table("due").columns(["job_id", "due", "until", "count", "outcome", "run_id", "reason"]);
    insert.select_from(runs).map_err(|cause| DbErr::Migration(cause.to_string()))?;
    Ok(insert.on_conflict(first.clone()).to_owned())
}

/// Adds usage samples of jobs.
struct CreateSamples;

impl MigrationName for CreateSamples {
    fn name(&self) -> &str {
        "0005_samples"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateSamples {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sample = Table::create()
            .table("sample")
            .col(string("job_id"))
            .col(integer("step"))
            .col(big_integer("at"))
            .col(string("tool_id"))
            .col(big_integer("memory"))
            .col(big_integer("cpu_micros"))
            .col(integer("containers"))
            .col(integer("restarts"))
            .primary_key(Index::create().col("job_id").col("step").col("at"))
            .to_owned();
        manager.create_table(sample).await?;
        let by_tool = Index::create()
            .name("sample_tool")
            .table("sample")
            .col("tool_id")
            .col("step")
            .col("at")
            .to_owned();
        manager.create_index(by_tool).await?;
        let by_age = Index::create().name("sample_age").table("sample").col("step").col("at").to_owned();
        manager.create_index(by_age).await?;
        let counted = big_integer("cpu_counted").default(0).to_owned();
        manager.add_column("run", counted).await?;
        // Earlier usage is not known by the minute, so it counts as sampled.
        let known = Query::update().table("run").value("cpu_counted", Expr::col("cpu_micros")).to_owned();
        manager.execute_statement(known).await
    }
}

/// A migration that adds one column.
struct AddColumn {
    name: &'static str,
    table: &'static str,
    column: fn() -> ColumnDef,
}

impl MigrationName for AddColumn {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddColumn {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.add_column(self.table, (self.column)()).await
    }
}

/// Adds the last lines of a run's log.
const RUN_TAILS: AddColumn = AddColumn { name: "0003_run_tails", table: "run", column: || text_null("tail") };

/// Adds the revision of the variables that a workload was applied with.
const WORKLOAD_ENVVARS: AddColumn = AddColumn {
    name: "0006_workload_envvars_revision",
    table: "workload",
    column: || string_null("envvars_revision"),
};

/// Adds whether another attempt follows a run: known at its end, needed by the later end event.
const RUN_WILL_RETRY: AddColumn = AddColumn {
    name: "0007_run_will_retry",
    table: "run",
    column: || boolean("will_retry").default(false).to_owned(),
};

/// Adds the port of a run: its job may have another port by the time that the run is replaced.
const RUN_PORT: AddColumn =
    AddColumn { name: "0008_run_port", table: "run", column: || integer_null("port") };

/// Adds the digest that a job's image tag refers to now, where it differs from the job's image.
const NEWER_IMAGES: AddColumn =
    AddColumn { name: "0009_newer_images", table: "job", column: || text_null("newer_image") };

/// Adds a copy of the tool's quota: the scheduler needs the quotas of many tools at once.
const TOOL_QUOTA: AddColumn =
    AddColumn { name: "0010_tool_quota", table: "tool", column: || text_null("quota") };

/// Adds disk usage to samples.
const SAMPLES_DISK: AddColumn = AddColumn {
    name: "0011_samples_disk",
    table: "sample",
    column: || big_integer("disk").default(0).to_owned(),
};
