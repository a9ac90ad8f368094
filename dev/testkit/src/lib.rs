//! Starts databases and a whole Hearth in a test. A test is written once and runs in every shape: all
//! services in one process and each service in its own process, on SQLite and on PostgreSQL.

mod apt_repository;
pub mod attacks;
mod audit;
mod cli_session;
mod databases;
mod fake_event_stream;
pub mod fake_services;
mod git;
mod git_access;
mod hearth;
mod helpers;
mod image;
mod image_choice;
mod json_request;
mod lfs;
mod mail_server;
mod package_index;
mod people;
mod receiver;
mod seeded_rng;
mod stand;
mod state_record;
mod wait;

pub use apt_repository::AptRepository;
pub use audit::{Audit, EvenSchedule, list_all_due_records, list_all_runs};
pub use cli_session::{CliSession, CommandOutput};
pub use databases::{DatabaseKind, ScratchDatabase};
pub use fake_event_stream::FakeEventStream;
pub use git::GitServer;
pub use git_access::GitAccess;
pub use hearth::{Hearth, HearthShape, Release, ReleasePlan, program_path};
pub use helpers::Helper;
pub use image::{PAGE_COMMAND, TestImage};
pub use image_choice::checks_all_images;
pub use json_request::send_json_request;
pub use mail_server::MailServer;
pub use package_index::PackageIndex;
pub use people::{Person, TEST_PASSWORD};
pub use receiver::{ReceivedRequest, ReceiverReply, WebhookReceiver};
pub use seeded_rng::{SeededRng, read_rounds};
pub use stand::ServiceStand;
pub use state_record::{StateRecord, run_job_for_line};
pub use wait::{wait_until, wait_until_within};

/// Runs each test on SQLite and on PostgreSQL: `async fn name(db: Db) -> Result<()>`.
#[macro_export]
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite { $($crate::on_store!($name, Sqlite);)* }
        mod on_postgres { $($crate::on_store!($name, Postgres);)* }
    };
}

/// Runs each test on SQLite, PostgreSQL and MariaDB: for database code that services share, which supports
/// all three.
#[macro_export]
macro_rules! on_every_database {
    ($($name:ident),* $(,)?) => {
        $crate::on_every_store!($($name),*);
        mod on_mariadb { $($crate::on_store!($name, MariaDb);)* }
    };
}

/// Generates one test on one kind of database.
#[macro_export]
macro_rules! on_store {
    ($name:ident, $store:ident) => {
        #[tokio::test]
        async fn $name() -> hearth_base::Result<()> {
            let scratch = $crate::ScratchDatabase::new($crate::DatabaseKind::$store).await?;
            super::$name(scratch.db()).await
        }
    };
}

/// Runs each test in every shape of Hearth: `async fn name(hearth: Hearth) -> Result<()>`.
#[macro_export]
macro_rules! in_every_shape {
    ($($name:ident),* $(,)?) => {
        mod together_on_sqlite { $($crate::in_shape!($name, TOGETHER_ON_FILES);)* }
        mod together_on_postgres { $($crate::in_shape!($name, TOGETHER_ON_POSTGRES);)* }
        mod split_on_sqlite { $($crate::in_shape!($name, SPLIT_ON_FILES);)* }
        mod split_on_postgres { $($crate::in_shape!($name, SPLIT_ON_POSTGRES);)* }
    };
}

/// Runs each test with containers, once under `hearthd up` and once with a process for each role. Requires
/// root.
#[macro_export]
macro_rules! with_containers {
    ($($name:ident),* $(,)?) => {
        mod up { $($crate::in_shape!($name, UP_WITH_CONTAINERS);)* }
        mod split { $($crate::in_shape!($name, SPLIT_WITH_CONTAINERS);)* }
    };
}

/// Generates one test in one shape of Hearth.
#[macro_export]
macro_rules! in_shape {
    ($name:ident, $shape:ident) => {
        #[tokio::test]
        async fn $name() -> hearth_base::Result<()> {
            super::$name($crate::Hearth::start($crate::HearthShape::$shape).await?).await
        }
    };
}
