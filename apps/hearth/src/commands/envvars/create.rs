//! `hearth envvars create NAME`: the value comes from standard input, a file, or a question that shows nothing.

use std::{convert::Infallible, path::PathBuf};

use hearth_base::{EnvvarName, Error, JobName, Result, Secret};
use hearth_wire::envvars::{Envvar, EnvvarCreate};
use serde::{Deserialize, Serialize};

use super::{restart::Restart, scope::OfJob};
use crate::{ask, context::Context, flags::DryRun, trouble::why};

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
    /// Nobody reads the value back, only runs have it
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "true|false"
    )]
    secret: Option<bool>,
    #[command(flatten)]
    of: OfJob,
    #[command(flatten)]
    restart: Restart,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What was made. The value is not repeated.
#[derive(Debug, Serialize, Deserialize)]
struct Made {
    name: EnvvarName,
    created: bool,
    changed: bool,
    /// Jobs that were restarted for it.
    restarted: Vec<JobName>,
}

/// Makes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Made>()?;
    let Args { name, value, from_file, secret, of, restart, dry_run } = args;
    let at = cx.at_tool()?;
    if value.is_some() && (secret == Some(true) || sounds_secret(&name)) {
        cx.printer.warning(&format!(
            "others on this machine may have seen the value of {name}: leave it out, and it is asked for"
        ));
    }
    let value = match (value, from_file) {
        (Some(value), _) => value,
        (None, Some(path)) => read(&path)?,
        (None, None) => asked(cx, &name).await?,
    };
    let scope = of.scope();
    let before = super::all(&at, &scope).await?.into_iter().find(|known| known.name == name);
    let stays = |known: &Envvar| !known.secret && secret != Some(true) && known.value == value;
    if before.as_ref().is_some_and(stays) {
        let restarted = if dry_run.dry_run { Vec::new() } else { restart.run(cx, &at).await? };
        let made = Made { name, created: false, changed: false, restarted };
        return answer.said(&made, &format!("nothing to change: {} has this value already", made.name));
    }
    let (created, changed) = (before.is_none(), before.is_some());
    if dry_run.dry_run {
        let verb = if created { "make" } else { "change" };
        let made = Made { name, created: false, changed: false, restarted: Vec::new() };
        return answer.said(&made, &format!("would {verb} the {}", of.names(&made.name)));
    }
    let envvar = EnvvarCreate { name: name.clone(), value, secret };
    let told = at.ask(at.client().envvars().create(at.name(), &envvar, &scope)).await?;
    cx.printer.told(&told.messages);
    let what = of.names(&name);
    let sentence = match created {
        true => format!("{what} is set; runs that start from now on have it"),
        false => format!("{what} is changed; runs that start from now on have its new value"),
    };
    let restarted = restart.run(cx, &at).await?;
    answer.done(&Made { name, created, changed, restarted }, &sentence)
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
fn sounds_secret(name: &EnvvarName) -> bool {
    let name = name.as_str().to_ascii_uppercase();
    ["KEY", "SECRET", "TOKEN", "PASS", "CREDENTIAL"].iter().any(|word| name.contains(word))
}
