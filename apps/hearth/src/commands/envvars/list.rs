//! `hearth envvars list`.

use hearth_base::Result;
use hearth_wire::envvars::Envvar;

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
}

/// How much of a long value is shown.
const BEGINNING: usize = 50;

/// Lists them.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Envvar>()?;
    let Args { show_values, truncate, no_truncate: _ } = args;
    let at = cx.at_tool()?;
    let envvars = at.ask(at.client().envvars().list(at.name())).await?.content.envvars;
    let mut table = if show_values { Table::whole() } else { Table::of(&["variable"]) };
    for Envvar { name, value } in &envvars {
        let name = Cell::from(name.as_str());
        if !show_values {
            table.row([name]);
            continue;
        }
        let value = value.reveal();
        let long = truncate && value.chars().count() > BEGINNING;
        let shown = match long {
            true => value.chars().take(BEGINNING).chain(['…']).collect(),
            false => value.to_owned(),
        };
        table.row([name, Cell::from(shown)]);
    }
    answer.listed(&envvars, &table)?;
    if envvars.is_empty() {
        cx.printer.note("No variables yet.");
        cx.printer.next("hearth envvars create NAME");
    }
    Ok(())
}
