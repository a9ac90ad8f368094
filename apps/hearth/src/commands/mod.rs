//! The commands, one file each.

pub mod admin;
pub mod build;
pub mod completion;
pub mod deploy;
pub mod envvars;
pub mod exec;
pub mod jobs;
pub mod login;
pub mod logout;
pub mod logs;
pub mod man;
pub mod new;
pub mod notify;
pub mod open;
pub mod overview;
pub mod status;
pub mod summary;
pub mod tool;
pub mod up;
pub mod webhooks;
pub mod webservice;
pub mod whoami;
