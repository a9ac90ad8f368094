//! `hearth envvars create NAME`: the value comes from standard input, a file, or a question that shows nothing.

use std::{convert::Infallible, path::PathBuf};

use hearth_base::{EnvvarName, Error, Result, Secret};
use hearth_wire::envvars::Envvar;
use serde::{Deserialize, Serialize};

use crate::{ask, cli::DryRun, context::Context, trouble::why};

/// What `hearth envvars create` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name, as in API_KEY
    #[arg(value_parser = super::name)]
    name: EnvvarName,
    /// Its value; absent: standard input, or asked without showing it
    #[arg(value_parser = |text: &str| Ok::<_, Infallible>(Secret::new(text)))]
    value: Option<Secret>,
    /// Take the value from this file
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    from_file: Option<PathBuf>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What was made. The value is not repeated.
#[derive(Debug, Serialize, Deserialize)]
struct Made {
    name: EnvvarName,
    created: bool,
    changed: bool,
}

/// Makes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Made>()?;
    let Args { name, value, from_file, dry_run } = args;
    let at = cx.at_tool()?;
    if value.is_some() && is_secret(&name) {
        cx.printer.warning(&format!(
            "others on this machine may have seen the value of {name}: leave it out, and it is asked for"
        ));
    }
    let value = match (value, from_file) {
        (Some(value), _) => value,
        (None, Some(path)) => read(&path)?,
        (None, None) => asked(cx, &name).await?,
    };
    let known = at.ask(at.client().envvars().list(at.name())).await?.content.envvars;
    let before = known.into_iter().find(|known| known.name == name).map(|known| known.value);
    if before.as_ref() == Some(&value) {
        let made = Made { name, created: false, changed: false };
        return answer.said(&made, &format!("nothing to change: {} has this value already", made.name));
    }
    let (created, changed) = (before.is_none(), before.is_some());
    if dry_run.dry_run {
        let verb = if created { "make" } else { "change" };
        let made = Made { name, created: false, changed: false };
        return answer.said(&made, &format!("would {verb} the variable {}", made.name));
    }
    let envvar = Envvar { name: name.clone(), value };
    let told = at.ask(at.client().envvars().create(at.name(), &envvar)).await?;
    cx.printer.told(&told.messages);
    let sentence = match created {
        true => format!("variable {name} is set; runs that start from now on have it"),
        false => format!("variable {name} is changed; runs that start from now on have its new value"),
    };
    answer.done(&Made { name, created, changed }, &sentence)
}

async fn asked(cx: &Context, name: &EnvvarName) -> Result<Secret> {
    let command = format!("hearth envvars create {name} < FILE");
    if !ask::is_typed() {
        let missing = || {
            Error::invalid("no-value", format!("{name} needs a value, and standard input is empty"))
                .help(command)
        };
        return ask::all_input().await?.ok_or_else(missing);
    }
    cx.ask.hidden(&format!("Value of {name}: "), "the value", &command)
}

fn read(path: &PathBuf) -> Result<Secret> {
    let text = std::fs::read_to_string(path).map_err(|cause| {
        Error::invalid("value-file", format!("{} cannot be read: {}", path.display(), why(&cause)))
    })?;
    Ok(Secret::new(ask::without_last_end(&text)))
}

/// Whether a variable's value is probably nobody else's business.
fn is_secret(name: &EnvvarName) -> bool {
    let name = name.as_str().to_ascii_uppercase();
    ["KEY", "SECRET", "TOKEN", "PASS", "CREDENTIAL"].iter().any(|word| name.contains(word))
}
