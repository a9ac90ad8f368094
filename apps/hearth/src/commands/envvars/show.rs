//! `hearth envvars show NAME`.

use hearth_base::{EnvvarName, Error, Result};
use hearth_wire::envvars::Envvar;

use super::scope::OfJob;
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
    #[command(flatten)]
    of: OfJob,
}

/// Shows it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Envvar>()?;
    let Args { name, raw, of } = args;
    let envvar = super::one(&cx.at_tool()?, &name, &of.scope()).await?;
    if raw && envvar.secret {
        let public = format!("{} is a secret: nobody reads its value back", envvar.name);
        return Err(Error::invalid("envvar-secret", public)
            .help(format!("hearth envvars create {}   (gives it another one)", envvar.name)));
    }
    if raw {
        // Whoever asks for the bytes wants the bytes.
        return answer.verbatim(&envvar, &format!("{}\n", envvar.value.reveal()));
    }
    let mut pairs =
        vec![("variable", Cell::from(envvar.name.as_str())), ("value", Cell::from(super::shown(&envvar)))];
    pairs.extend(envvar.job.as_ref().map(|job| ("job", Cell::from(job.as_str()))));
    answer.shown(&envvar, &Table::pairs(pairs))
}
