//! `hearth envvars list`.

use hearth_base::{JobName, Result};
use hearth_wire::envvars::{Envvar, EnvvarsQuery};

use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// What `hearth envvars list` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show the values too; --json shows them always
    #[arg(long)]
    show_values: bool,
    /// Show only the beginning of long values
    #[arg(long, overrides_with = "no_truncate")]
    truncate: bool,
    /// Show values to their end
    #[arg(long, overrides_with = "truncate", hide_short_help = true)]
    no_truncate: bool,
    /// Only those of this job; absent: the tool's and those of each job
    #[arg(long, value_name = "JOB")]
    job: Option<JobName>,
}

/// How much of a long value is shown.
const BEGINNING: usize = 50;

/// Lists them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Envvar>()?;
    let Args { show_values, truncate, no_truncate: _, job } = args;
    let at = cx.at_tool()?;
    let query = EnvvarsQuery { all: job.is_none(), job };
    let envvars = at.ask(at.client().envvars().list(at.name(), &query)).await?.content.envvars;
    let of_jobs = envvars.iter().any(|envvar| envvar.job.is_some());
    let secrets = !show_values && envvars.iter().any(|envvar| envvar.secret);
    let headings = [("variable", true), ("job", of_jobs), ("secret", secrets)];
    let headings: Vec<_> = headings.into_iter().filter(|(_, is)| *is).map(|(heading, _)| heading).collect();
    let mut table = if show_values { Table::whole() } else { Table::of(&headings) };
    for envvar in &envvars {
        let mut row = vec![Cell::from(envvar.name.as_str())];
        if show_values {
            let value = super::shown(envvar);
            row.push(Cell::from(if truncate { beginning(value) } else { value.to_owned() }));
        }
        if of_jobs {
            row.push(Cell::from(envvar.job.as_ref().map_or("", |job| job.as_str())));
        }
        if secrets {
            row.push(Cell::from(if envvar.secret { "secret" } else { "" }));
        }
        table.row(row);
    }
    answer.listed(&envvars, &table)?;
    if envvars.is_empty() {
        cx.printer.note("No variables yet.");
        cx.printer.next("hearth envvars create NAME");
    }
    Ok(())
}

fn beginning(value: &str) -> String {
    let mut beginning: String = value.chars().take(BEGINNING).collect();
    if beginning.len() < value.len() {
        beginning.push('…');
    }
    beginning
}
