//! The rules, one file per verb or concept; no HTTP, no SQL.

pub mod command;
pub mod create;
pub mod define;
pub mod delete;
pub mod due;
pub mod erase;
pub mod exec;
pub mod full;
pub mod health;
pub mod history;
pub mod launch;
pub mod observe;
pub mod outcome;
pub mod pause;
pub mod plan;
pub mod quota;
pub mod reconcile;
pub mod restart;
pub mod route;
pub mod runs;
pub mod schedule;
pub mod show;
pub mod status;
pub mod stop;
