//! `hearth envvars list`.

use hearth_base::{JobName, Result};
use hearth_wire::envvars::{Envvar, EnvvarsQuery};

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// The arguments of `hearth envvars list`.
#[derive(Debug, clap::Args)]
pub struct ListEnvvarsArgs {
    /// Show values too; --json always has them
    #[arg(long)]
    show_values: bool,
    /// Cut long values
    #[arg(long, overrides_with = "no_truncate")]
    truncate: bool,
    /// Show values uncut
    #[arg(long, overrides_with = "truncate", hide_short_help = true)]
    no_truncate: bool,
    /// Show only variables of this job; default: those of the tool and of all jobs
    #[arg(long, value_name = "JOB")]
    job: Option<JobName>,
}

/// The number of characters of a cut value.
const TRUNCATED_VALUE_CHARS: usize = 50;

/// Lists the variables.
pub async fn run(cx: &CommandContext, args: ListEnvvarsArgs) -> Result<()> {
    let result = cx.printer.open_output::<Envvar>()?;
    let ListEnvvarsArgs { show_values, truncate, no_truncate: _, job } = args;
    let session = cx.open_tool_session()?;
    let query = EnvvarsQuery { all: job.is_none(), job };
    let envvars =
        session.send(session.client().envvars().list(session.tool_name(), &query)).await?.content.envvars;
    let of_jobs = envvars.iter().any(|envvar| envvar.job.is_some());
    let secrets = !show_values && envvars.iter().any(|envvar| envvar.secret);
    let headings = [("variable", true), ("job", of_jobs), ("secret", secrets)];
    let headings: Vec<_> = headings.into_iter().filter(|(_, is)| *is).map(|(heading, _)| heading).collect();
    let mut table = if show_values { Table::new_uncut() } else { Table::with_headings(&headings) };
    for envvar in &envvars {
        let mut row = vec![Cell::from(envvar.name.as_str())];
        if show_values {
            let value = super::display_value(envvar);
            row.push(Cell::from(if truncate { truncate_value(value) } else { value.to_owned() }));
        }
        if of_jobs {
            row.push(Cell::from(envvar.job.as_ref().map_or("", |job| job.as_str())));
        }
        if secrets {
            row.push(Cell::from(if envvar.secret { "secret" } else { "" }));
        }
        table.add_row(row);
    }
    result.print_list(&envvars, &table)?;
    if envvars.is_empty() {
        cx.printer.print_note("No variables yet.");
        cx.printer.print_next("hearth envvars create NAME");
    }
    Ok(())
}

fn truncate_value(value: &str) -> String {
    let mut beginning: String = value.chars().take(TRUNCATED_VALUE_CHARS).collect();
    if beginning.len() < value.len() {
        beginning.push('…');
    }
    beginning
}
