//! `hearth envvars …`: environment variables of a tool or of one job, with the flags of Toolforge's
//! `envvars`.

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

use crate::{context::CommandContext, flags::HELP_TEMPLATE, tool_session::ToolSession};

/// Commands about variables.
#[derive(Debug, clap::Subcommand)]
pub enum EnvvarCommand {
    /// Create or change a variable
    #[command(before_help = "Example: hearth envvars create API_KEY", help_template = HELP_TEMPLATE, visible_alias = "set")]
    Create(create::CreateEnvvarArgs),
    /// List variables, without their values
    #[command(before_help = "Example: hearth envvars list", help_template = HELP_TEMPLATE)]
    List(list::ListEnvvarsArgs),
    /// Show a variable
    #[command(before_help = "Example: hearth envvars show API_KEY --raw", help_template = HELP_TEMPLATE)]
    Show(show::ShowEnvvarArgs),
    /// Delete a variable
    #[command(before_help = "Example: hearth envvars delete API_KEY", help_template = HELP_TEMPLATE)]
    Delete(delete::DeleteEnvvarArgs),
    /// Import variables from a dotenv file, after a preview
    #[command(before_help = "Example: hearth envvars import .env", help_template = HELP_TEMPLATE)]
    Import(import::ImportEnvvarsArgs),
    /// Export variables to a dotenv file
    #[command(before_help = "Example: hearth envvars export .env", help_template = HELP_TEMPLATE)]
    Export(export::ExportEnvvarsArgs),
    /// Show quota and usage
    #[command(before_help = "Example: hearth envvars quota", help_template = HELP_TEMPLATE)]
    Quota,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: EnvvarCommand) -> Result<()> {
    match command {
        EnvvarCommand::Create(args) => create::run(cx, args).await,
        EnvvarCommand::List(args) => list::run(cx, args).await,
        EnvvarCommand::Show(args) => show::run(cx, args).await,
        EnvvarCommand::Delete(args) => delete::run(cx, args).await,
        EnvvarCommand::Import(args) => import::run(cx, args).await,
        EnvvarCommand::Export(args) => export::run(cx, args).await,
        EnvvarCommand::Quota => quota::run(cx).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &EnvvarCommand) -> &'static str {
    match command {
        EnvvarCommand::Create(_) => "the variable may be set already; the same command finishes",
        EnvvarCommand::Delete(_) => "the variable may be deleted already; hearth envvars list shows it",
        EnvvarCommand::Import(_) => "either all variables are imported, or none; the same command finishes",
        EnvvarCommand::Export(_) => "the file may not be written yet; the same command writes it",
        EnvvarCommand::List(_) | EnvvarCommand::Show(_) | EnvvarCommand::Quota => "nothing was changed",
    }
}

/// Parses a variable's name; the error about an invalid one proposes a valid one.
fn parse_name(typed: &str) -> Result<EnvvarName> {
    typed.parse::<EnvvarName>().map_err(|error| {
        let better = typed.replace(|symbol: char| !symbol.is_ascii_alphanumeric(), "_");
        match better.parse::<EnvvarName>() {
            Ok(better) => error.help(format!("call it {better}")).with_suggestion(better.to_string()),
            Err(_) => error,
        }
    })
}

/// Fetches one variable. When it does not exist, the error proposes the nearest name.
async fn fetch_envvar(session: &ToolSession<'_>, name: &EnvvarName, scope: &EnvvarsScope) -> Result<Envvar> {
    let names = async {
        Ok(list_envvars(session, scope).await?.into_iter().map(|envvar| envvar.name.to_string()).collect())
    };
    let envvars = session.client().envvars();
    Ok(session
        .send_with_suggestion(name.as_str(), envvars.show(session.tool_name(), name, scope), names)
        .await?
        .content
        .envvar)
}

/// Lists the variables of the tool, or of the job.
async fn list_envvars(session: &ToolSession<'_>, scope: &EnvvarsScope) -> Result<Vec<Envvar>> {
    let query = EnvvarsQuery { job: scope.job.clone(), all: false };
    Ok(session.send(session.client().envvars().list(session.tool_name(), &query)).await?.content.envvars)
}

/// Returns the value for display; secrets are replaced.
fn display_value(envvar: &Envvar) -> &str {
    if envvar.secret { "(secret)" } else { envvar.value.expose_secret() }
}
