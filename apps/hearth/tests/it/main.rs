//! The program as it is typed: what it prints where, and how it ends. Nothing here needs a real server.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod admin;
mod build;
mod completion;
mod deploy;
mod door;
mod dotenv;
mod dry_run;
mod envvars;
mod exec;
mod external;
mod help;
mod home;
mod interrupt;
mod jobs;
mod logs;
mod man;
mod notify;
mod output;
mod refusals;
mod settings;
mod sign_in;
#[cfg(unix)]
mod terminal;
mod up;
mod usage;
mod webservice;
