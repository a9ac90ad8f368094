//! `hearth`, the command-line program.
//!
//! A command is parsed (`cli`), receives settings, a printer and a prompter (`context`), sends requests to
//! the server (`session`), and ends with an exit status (`exit`). No runtime starts before a command needs
//! one.

mod attach;
mod cleanup;
mod cli;
mod command_line;
mod commands;
mod config_edit;
mod config_file;
mod confirm;
mod context;
mod deferred;
mod dispatch;
mod exit;
mod external;
mod flags;
mod io_error;
mod job_calls;
mod kept_flags;
mod local_file;
mod ndjson;
mod new_password;
mod out_file;
mod pack;
mod page_probe;
mod parse_error;
mod password_session;
mod platform;
mod printer;
mod progress;
mod prompter;
mod quota;
mod run;
mod session;
mod settings;
mod synonyms;
mod time;
mod tool_session;
mod upload;
mod usage_chart;
mod yaml_render;
mod yaml_text;

use std::process::ExitCode;

use hearth_base::nearest;

fn main() -> ExitCode {
    run::run(std::env::args_os().collect()).into()
}
