//! `hearth`, the command line for people.
//!
//! A command is parsed (`cli`), given settings, a printer and questions (`context`), speaks to the server
//! (`session`), and ends with one of five statuses (`exit`). No runtime starts before a command needs one.

mod ask;
mod at_tool;
mod attach;
mod chart;
mod cli;
mod commands;
mod confirm;
mod context;
mod dispatch;
mod door;
mod exit;
mod external;
mod flags;
mod job_calls;
mod leftover;
mod ndjson;
mod nearest;
mod out_file;
mod pack;
mod patience;
mod platform;
mod printer;
mod quota;
mod run;
mod session;
mod settings;
mod time;
mod trouble;
mod upload;
mod usage;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    run::run(std::env::args_os().collect()).into()
}
