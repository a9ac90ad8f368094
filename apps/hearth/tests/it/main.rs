//! Tests of the program: its output and exit status. They need no real server.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod admin;
mod build;
mod completion;
mod components;
mod config_set;
mod deploy;
mod deploy_config;
mod diff;
mod dotenv;
mod dry_run;
mod envvars;
mod exec;
mod external;
mod fake_server;
mod help;
mod home;
mod interrupt;
mod job_files;
mod jobs;
mod logs;
mod man;
mod notify;
mod output;
mod people;
mod plan;
mod proposals;
#[cfg(unix)]
mod quickstart;
mod refusals;
mod repository;
mod revisions;
mod settings;
mod sign_in;
mod source_credentials;
mod sources;
#[cfg(unix)]
mod terminal;
mod up;
mod usage;
mod webservice;
