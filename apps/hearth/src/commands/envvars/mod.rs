//! `hearth envvars …`: variables of every run, as Toolforge's `envvars` says it, flag for flag; and of one job's.

pub mod create;
pub mod delete;
pub mod export;
pub mod import;
pub mod list;
pub mod quota;
pub mod restart;
pub mod scope;
pub mod show;

use hearth_base::{EnvvarName, Result};
use hearth_wire::envvars::{Envvar, EnvvarsQuery, EnvvarsScope};

use crate::{at_tool::AtTool, context::Context, flags::TEMPLATE};

/// What to do with variables.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a variable, or give it another value
    #[command(before_help = "Example: hearth envvars create API_KEY", help_template = TEMPLATE)]
    Create(create::Args),
    /// List variables, without their values
    #[command(before_help = "Example: hearth envvars list", help_template = TEMPLATE)]
    List(list::Args),
    /// Show a variable
    #[command(before_help = "Example: hearth envvars show API_KEY --raw", help_template = TEMPLATE)]
    Show(show::Args),
    /// Delete a variable
    #[command(before_help = "Example: hearth envvars delete API_KEY", help_template = TEMPLATE)]
    Delete(delete::Args),
    /// Make variables of a dotenv file, after showing what changes
    #[command(before_help = "Example: hearth envvars import .env", help_template = TEMPLATE)]
    Import(import::Args),
    /// Write variables to a dotenv file, which import reads back
    #[command(before_help = "Example: hearth envvars export .env", help_template = TEMPLATE)]
    Export(export::Args),
    /// Say how many variables there may be, and are
    #[command(before_help = "Example: hearth envvars quota", help_template = TEMPLATE)]
    Quota,
}

/// Does it.
pub async fn run(cx: &Context, command: Command) -> Result<()> {
    match command {
        Command::Create(args) => create::run(cx, args).await,
        Command::List(args) => list::run(cx, args).await,
        Command::Show(args) => show::run(cx, args).await,
        Command::Delete(args) => delete::run(cx, args).await,
        Command::Import(args) => import::run(cx, args).await,
        Command::Export(args) => export::run(cx, args).await,
        Command::Quota => quota::run(cx).await,
    }
}

/// What is true after Ctrl-C.
pub fn after_interrupt(command: &Command) -> &'static str {
    match command {
        Command::Create(_) => "the variable may have its value already; the same command finishes",
        Command::Delete(_) => "the variable may be gone already; hearth envvars list shows it",
        Command::Import(_) => "either all of the file is there, or nothing; the same command finishes",
        Command::Export(_) => "the file may not be there yet; the same command writes it",
        Command::List(_) | Command::Show(_) | Command::Quota => "nothing was changed",
    }
}

/// A variable's name as it was typed; one that cannot be is answered with one that can.
fn name(typed: &str) -> Result<EnvvarName> {
    typed.parse::<EnvvarName>().map_err(|error| {
        let better = typed.replace(|symbol: char| !symbol.is_ascii_alphanumeric(), "_");
        match better.parse::<EnvvarName>() {
            Ok(better) => error.help(format!("call it {better}")),
            Err(_) => error,
        }
    })
}

/// One variable; when there is none of that name, the nearest is proposed.
async fn one(at: &AtTool<'_>, name: &EnvvarName, scope: &EnvvarsScope) -> Result<Envvar> {
    let names =
        async { Ok(all(at, scope).await?.into_iter().map(|envvar| envvar.name.to_string()).collect()) };
    let envvars = at.client().envvars();
    Ok(at.ask_for(name.as_str(), envvars.show(at.name(), name, scope), names).await?.content.envvar)
}

/// The variables of the tool, or of the job.
async fn all(at: &AtTool<'_>, scope: &EnvvarsScope) -> Result<Vec<Envvar>> {
    let query = EnvvarsQuery { job: scope.job.clone(), all: false };
    Ok(at.ask(at.client().envvars().list(at.name(), &query)).await?.content.envvars)
}

/// A value for people.
fn shown(envvar: &Envvar) -> &str {
    if envvar.secret { "(secret)" } else { envvar.value.reveal() }
}
