//! Boots databases and a whole Hearth in a test. Tests are written once and run in every shape: all services in
//! one process and each in its own, on SQLite and on PostgreSQL.

mod answer;
mod audit;
mod chance;
mod databases;
mod git;
mod hearth;
mod helpers;
mod image;
mod keyboard;
mod mail_server;
pub mod neighbours;
mod people;
mod played_stream;
mod receiver;
mod stand;
mod wait;

pub use answer::answer_to;
pub use audit::{Audit, Even, all_runs, whole_ledger};
pub use chance::{Chance, read_rounds};
pub use databases::{Scratch, Store};
pub use git::GitServer;
pub use hearth::{Hearth, Shape, program};
pub use helpers::Helper;
pub use image::Image;
pub use keyboard::{Keyboard, Printed};
pub use mail_server::MailServer;
pub use people::Person;
pub use played_stream::PlayedStream;
pub use receiver::{Mood, Receiver, Told};
pub use stand::Stand;
pub use wait::{until, until_within};

/// Runs each test on SQLite and on PostgreSQL: `async fn name(db: Db) -> Result<()>`.
#[macro_export]
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite { $($crate::on_store!($name, Files);)* }
        mod on_postgres { $($crate::on_store!($name, Postgres);)* }
    };
}

/// The same on MariaDB too: for what services share of databases, whose statements run on each that Hearth promises.
#[macro_export]
macro_rules! on_every_database {
    ($($name:ident),* $(,)?) => {
        $crate::on_every_store!($($name),*);
        mod on_mariadb { $($crate::on_store!($name, MariaDb);)* }
    };
}

/// One test on one kind of database.
#[macro_export]
macro_rules! on_store {
    ($name:ident, $store:ident) => {
        #[tokio::test]
        async fn $name() -> hearth_base::Result<()> {
            let scratch = $crate::Scratch::new($crate::Store::$store).await?;
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

/// Makes a test of each function, once under `hearthd up` and once with a process for each role, both with
/// containers. They need root.
#[macro_export]
macro_rules! with_containers {
    ($($name:ident),* $(,)?) => {
        mod up { $($crate::in_shape!($name, UP);)* }
        mod split { $($crate::in_shape!($name, SPLIT_WITH_CONTAINERS);)* }
    };
}

/// One test in one shape.
#[macro_export]
macro_rules! in_shape {
    ($name:ident, $shape:ident) => {
        #[tokio::test]
        async fn $name() -> hearth_base::Result<()> {
            super::$name($crate::Hearth::start($crate::Shape::$shape).await?).await
        }
    };
}
