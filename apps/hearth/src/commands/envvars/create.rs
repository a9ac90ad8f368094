//! `hearth envvars create NAME`: sets a variable to a value from standard input, a file, or a question
//! without echo.

use std::{convert::Infallible, path::PathBuf};

use hearth_base::{EnvvarName, Error, JobName, Result, Secret};
use hearth_wire::envvars::{Envvar, EnvvarCreate};
use serde::{Deserialize, Serialize};

use super::{restart::RestartFlag, scope::JobScopeArgs};
use crate::{context::CommandContext, flags::DryRun, io_error::describe_io_error, prompter};

/// The arguments of `hearth envvars create`.
#[derive(Debug, clap::Args)]
pub struct CreateEnvvarArgs {
    /// The name, as in API_KEY, or NAME=VALUE
    #[arg(value_name = "NAME", value_parser = parse_assignment)]
    assignment: EnvvarAssignment,
    /// The value; default: standard input, or a question without echo
    #[arg(value_parser = |text: &str| Ok::<_, Infallible>(Secret::new(text)))]
    value: Option<Secret>,
    /// Read the value from this file
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    from_file: Option<PathBuf>,
    /// Make it a secret: only runs can read the value
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "true|false"
    )]
    secret: Option<bool>,
    #[command(flatten)]
    job_scope: JobScopeArgs,
    #[command(flatten)]
    restart: RestartFlag,
    #[command(flatten)]
    dry_run: DryRun,
}

/// A name, and the value when both were typed as `NAME=VALUE`.
#[derive(Debug, Clone)]
struct EnvvarAssignment {
    name: EnvvarName,
    value: Option<Secret>,
}

/// Parses `NAME` or `NAME=VALUE`. The error about an invalid name proposes a valid one and never repeats the value.
fn parse_assignment(typed: &str) -> Result<EnvvarAssignment> {
    let Some((name, value)) = typed.split_once('=') else {
        return Ok(EnvvarAssignment { name: super::parse_name(typed)?, value: None });
    };
    let name = super::parse_name(name).map_err(|error| match error.suggested_value() {
        Some(better) => {
            let better = format!("{better}=VALUE");
            error.help(format!("call it {better}")).with_suggestion(better)
        }
        None => error,
    })?;
    Ok(EnvvarAssignment { name, value: Some(Secret::new(value)) })
}

/// The result, without the value.
#[derive(Debug, Serialize, Deserialize)]
struct CreatedEnvvar {
    name: EnvvarName,
    created: bool,
    changed: bool,
    /// The restarted jobs.
    restarted: Vec<JobName>,
}

/// Creates or changes the variable.
pub async fn run(cx: &CommandContext, args: CreateEnvvarArgs) -> Result<()> {
    let result = cx.printer.open_output::<CreatedEnvvar>()?;
    let CreateEnvvarArgs { assignment, value, from_file, secret, job_scope, restart, dry_run } = args;
    let EnvvarAssignment { name, value: assigned } = assignment;
    if assigned.is_some() && (value.is_some() || from_file.is_some()) {
        return Err(Error::invalid("two-values", format!("{name} has two values"))
            .help(format!("hearth envvars create {name}=VALUE")));
    }
    let value = assigned.or(value);
    let session = cx.open_tool_session()?;
    if value.is_some() && (secret == Some(true) || is_secret_name(&name)) {
        cx.printer.print_warning(&format!(
            "other users of this machine may have seen the value of {name}; omit it, and hearth asks for it"
        ));
    }
    let value = match (value, from_file) {
        (Some(value), _) => value,
        (None, Some(path)) => read_value_file(&path)?,
        (None, None) => read_value(cx, &name).await?,
    };
    let scope = job_scope.to_scope();
    let before = super::list_envvars(&session, &scope).await?.into_iter().find(|known| known.name == name);
    let stays = |known: &Envvar| !known.secret && secret != Some(true) && known.value == value;
    if before.as_ref().is_some_and(stays) {
        let restarted =
            if dry_run.dry_run { Vec::new() } else { restart.restart_outdated_jobs(cx, &session).await? };
        let made = CreatedEnvvar { name, created: false, changed: false, restarted };
        return result
            .print_sentence(&made, &format!("nothing to change: {} has this value already", made.name));
    }
    let (created, changed) = (before.is_none(), before.is_some());
    if dry_run.dry_run {
        let verb = if created { "create" } else { "change" };
        let made = CreatedEnvvar { name, created: false, changed: false, restarted: Vec::new() };
        return result
            .print_sentence(&made, &format!("would {verb} the {}", job_scope.describe_variable(&made.name)));
    }
    let envvar = EnvvarCreate { name: name.clone(), value, secret };
    let created_envvar =
        session.send(session.client().envvars().create(session.tool_name(), &envvar, &scope)).await?;
    cx.printer.print_messages(&created_envvar.messages);
    let variable = job_scope.describe_variable(&name);
    let sentence = match created {
        true => format!("{variable} is set for new runs"),
        false => format!("{variable} is changed for new runs"),
    };
    let restarted = restart.restart_outdated_jobs(cx, &session).await?;
    result.print_done(&CreatedEnvvar { name, created, changed, restarted }, &sentence)
}

async fn read_value(cx: &CommandContext, name: &EnvvarName) -> Result<Secret> {
    let command = format!("hearth envvars create {name} < FILE");
    if !prompter::is_stdin_a_terminal() {
        let missing = || {
            Error::invalid("no-value", format!("{name} needs a value, and standard input is empty"))
                .help(command)
        };
        return prompter::read_stdin().await?.ok_or_else(missing);
    }
    cx.prompter.ask_secret(&format!("Value of {name}: "), "the value", &command)
}

fn read_value_file(path: &PathBuf) -> Result<Secret> {
    let text = std::fs::read_to_string(path).map_err(|cause| {
        Error::invalid(
            "value-file",
            format!("{} cannot be read: {}", path.display(), describe_io_error(&cause)),
        )
    })?;
    Ok(Secret::new(prompter::strip_line_end(&text)))
}

/// Returns true when the name suggests a secret value.
fn is_secret_name(name: &EnvvarName) -> bool {
    let name = name.as_str().to_ascii_uppercase();
    ["KEY", "SECRET", "TOKEN", "PASS", "CREDENTIAL"].iter().any(|word| name.contains(word))
}
