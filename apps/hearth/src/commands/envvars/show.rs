//! `hearth envvars show NAME`.

use hearth_base::{EnvvarName, Error, Result};
use hearth_wire::envvars::Envvar;

use super::scope::JobScopeArgs;
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// The arguments of `hearth envvars show`.
#[derive(Debug, clap::Args)]
pub struct ShowEnvvarArgs {
    /// The variable
    #[arg(value_parser = super::parse_name)]
    name: EnvvarName,
    /// Print only the value, unescaped
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    job_scope: JobScopeArgs,
}

/// Shows the variable.
pub async fn run(cx: &CommandContext, args: ShowEnvvarArgs) -> Result<()> {
    let result = cx.printer.open_output::<Envvar>()?;
    let ShowEnvvarArgs { name, raw, job_scope } = args;
    let envvar = super::fetch_envvar(&cx.open_tool_session()?, &name, &job_scope.to_scope()).await?;
    if raw && envvar.secret {
        let public = format!("{} is a secret; its value cannot be read", envvar.name);
        return Err(Error::invalid("envvar-secret", public)
            .help(format!("hearth envvars create {}   (sets a new value)", envvar.name)));
    }
    if raw {
        // --raw prints the exact bytes, without escapes.
        return result.print_text(&envvar, &format!("{}\n", envvar.value.expose_secret()));
    }
    let mut pairs = vec![
        ("variable", Cell::from(envvar.name.as_str())),
        ("value", Cell::from(super::display_value(&envvar))),
    ];
    pairs.extend(envvar.job.as_ref().map(|job| ("job", Cell::from(job.as_str()))));
    result.print_record(&envvar, &Table::from_pairs(pairs))
}
