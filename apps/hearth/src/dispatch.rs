//! Dispatch of a parsed command to its file, and the message after Ctrl-C.

use hearth_base::Result;

use crate::{
    cli::CliCommand,
    commands::{
        admin, apply, audit, build, components, config, deploy, deployment, diff, environments, envvars,
        exec, files, invite, jobs, login, logout, logs, new, notify, open, password, plan, repository,
        request, restart, revisions, rollback, shell, status, summary, token, tool, up, users, webhooks,
        webservice, whoami,
    },
    context::CommandContext,
    exit::Exit,
};

/// Runs `command`; without one, shows the settings and the next command.
pub async fn run(cx: &CommandContext, command: Option<CliCommand>) -> Result<Exit> {
    let command = match command {
        // These commands return the exit status of the program that they start.
        Some(CliCommand::Exec(args)) => return exec::run(cx, args).await,
        Some(CliCommand::Shell(args)) => return shell::run(cx, args).await,
        Some(CliCommand::Webservice(args)) => return webservice::run(cx, args).await,
        Some(CliCommand::Jobs { command }) => return jobs::run(cx, command.0).await,
        command => command,
    };
    match command {
        None => summary::run(cx).await,
        Some(CliCommand::Login(args)) => login::run(cx, args).await,
        Some(CliCommand::Logout(args)) => logout::run(cx, args).await,
        Some(CliCommand::Whoami) => whoami::run(cx).await,
        Some(CliCommand::Status(args)) => status::run(cx, args).await,
        Some(CliCommand::Deploy(args)) => deploy::run(cx, *args).await,
        Some(CliCommand::Plan(args)) => plan::run(cx, args).await,
        Some(CliCommand::Apply(args)) => apply::run(cx, args).await,
        Some(CliCommand::Config { command }) => config::run(cx, command.0).await,
        Some(CliCommand::Components { command, .. }) => components::run(cx, command.0).await,
        Some(CliCommand::Deployment { command }) => deployment::run(cx, command.0).await,
        Some(CliCommand::Diff(args)) => diff::run(cx, args).await,
        Some(CliCommand::Environments(args)) => environments::run(cx, args).await,
        Some(CliCommand::Files { command }) => files::run(cx, command.0).await,
        Some(CliCommand::Revisions(args)) => revisions::run(cx, args).await,
        Some(CliCommand::Rollback(args)) => rollback::run(cx, args).await,
        Some(CliCommand::Restart(args)) => restart::run(cx, args).await,
        Some(CliCommand::Ps(args)) => jobs::list::run(cx, args).await,
        Some(CliCommand::Set(args)) => envvars::create::run(cx, args).await,
        Some(CliCommand::Open(args)) => open::run(cx, args).await,
        Some(CliCommand::New(args)) => new::run(cx, args).await,
        Some(CliCommand::Tool { command }) => tool::run(cx, command.0).await,
        Some(CliCommand::Build { command }) => build::run(cx, command.0).await,
        Some(CliCommand::Envvars { command }) => envvars::run(cx, command.0).await,
        Some(CliCommand::Logs(args)) => logs::run(cx, args).await,
        Some(CliCommand::Notify { command }) => notify::run(cx, command.0).await,
        Some(CliCommand::Repository { command }) => repository::run(cx, command.0).await,
        Some(CliCommand::Webhooks { command }) => webhooks::run(cx, command.0).await,
        Some(CliCommand::Admin { command }) => admin::run(cx, command.0).await,
        Some(CliCommand::Request { command }) => request::run(cx, command.0).await,
        Some(CliCommand::Token { command }) => token::run(cx, command.0).await,
        Some(CliCommand::Audit(args)) => audit::run(cx, args).await,
        Some(CliCommand::Invite(args)) => invite::run(cx, args).await,
        Some(CliCommand::Users { command }) => users::run(cx, command.0).await,
        Some(CliCommand::Password(args)) => password::run(cx, args).await,
        Some(CliCommand::Up(args)) => up::start_hearth(cx, args).await,
        Some(CliCommand::Down(args)) => up::stop_hearth(cx, args).await,
        // These commands were handled above or in `run.rs`.
        Some(
            CliCommand::Completion(_)
            | CliCommand::Exec(_)
            | CliCommand::External(_)
            | CliCommand::Jobs { .. }
            | CliCommand::Man(_)
            | CliCommand::Shell(_)
            | CliCommand::Webservice(_),
        ) => Ok(()),
    }
    .map(|()| Exit::Done)
}

/// Explains the state after Ctrl-C has stopped `command`, and how to continue.
pub fn explain_interrupt(command: Option<&CliCommand>) -> &'static str {
    match command {
        Some(CliCommand::Login(_)) => "no token was saved; hearth login starts again",
        Some(CliCommand::Logout(_)) => "the token may be revoked already; hearth logout finishes",
        Some(CliCommand::New(_)) => "the tool may exist already; the same command finishes",
        Some(CliCommand::Tool { command }) => tool::explain_interrupt(command),
        Some(CliCommand::Jobs { command }) => jobs::explain_interrupt(command),
        Some(CliCommand::Build { command }) => build::explain_interrupt(command),
        Some(CliCommand::Envvars { command }) => envvars::explain_interrupt(command),
        Some(CliCommand::Notify { command }) => notify::explain_interrupt(command),
        Some(CliCommand::Repository { command }) => repository::explain_interrupt(command),
        Some(CliCommand::Webhooks { command }) => webhooks::explain_interrupt(command),
        Some(CliCommand::Admin { command }) => admin::explain_interrupt(command),
        Some(CliCommand::Request { command }) => request::explain_interrupt(command),
        Some(CliCommand::Token { command }) => token::explain_interrupt(command),
        Some(CliCommand::Invite(args)) => invite::explain_interrupt(args),
        Some(CliCommand::Users { command }) => users::explain_interrupt(command),
        Some(CliCommand::Password(_)) => "the password may be changed already; hearth login tries it",
        Some(CliCommand::Config { command }) => config::explain_interrupt(command),
        Some(CliCommand::Deploy(_) | CliCommand::Apply(_) | CliCommand::Rollback(_)) => {
            "a started deployment continues; hearth deploy --follow shows it"
        }
        Some(CliCommand::Components { command, .. }) => components::explain_interrupt(command),
        Some(CliCommand::Deployment { command }) => deployment::explain_interrupt(command),
        Some(CliCommand::Files { command }) => files::explain_interrupt(command),
        Some(CliCommand::Environments(args)) => environments::explain_interrupt(args),
        Some(CliCommand::Restart(_)) => "the job may be restarting already; hearth jobs list shows it",
        Some(CliCommand::Set(_)) => "the variable may be set already; hearth envvars list shows it",
        Some(CliCommand::Webservice(_)) => "a started change continues; hearth webservice status shows it",
        Some(CliCommand::Exec(_)) => "the job continues; the program was stopped",
        Some(CliCommand::Up(_)) => "Hearth may be running already; hearth up finishes, hearth down stops it",
        Some(CliCommand::Down(_)) => "Hearth is stopping; hearth down waits for it",
        Some(CliCommand::Logs(_)) => "the job continues",
        _ => "nothing was changed",
    }
}
