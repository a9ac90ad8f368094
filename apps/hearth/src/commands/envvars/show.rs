//! `hearth envvars show NAME`.

use hearth_base::{EnvvarName, Result};
use hearth_wire::envvars::Envvar;

use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// What `hearth envvars show` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The variable
    #[arg(value_parser = super::name)]
    name: EnvvarName,
    /// Print the value alone, as it is
    #[arg(long)]
    raw: bool,
}

/// Shows it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Envvar>()?;
    let Args { name, raw } = args;
    let envvar = super::one(&cx.at_tool()?, &name).await?;
    if raw {
        // Whoever asks for the bytes wants the bytes.
        return answer.verbatim(&envvar, &format!("{}\n", envvar.value.reveal()));
    }
    let table = Table::pairs([
        ("variable", Cell::from(envvar.name.as_str())),
        ("value", Cell::from(envvar.value.reveal())),
    ]);
    answer.shown(&envvar, &table)
}
