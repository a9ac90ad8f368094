//! Dispatch of a parsed command to its file, and the sentence for a command that Ctrl-C interrupts.

use hearth_base::Result;

use crate::{
    cli::Command,
    commands::{
        admin, build, deploy, envvars, exec, here, jobs, login, logout, logs, new, notify, open, status,
        tool, up, webhooks, webservice, whoami,
    },
    context::Context,
    exit::Exit,
};

/// Does what `command` says; alone, `hearth` says where you are.
pub async fn run(cx: &Context, command: Option<Command>) -> Result<Exit> {
    let command = match command {
        // These end as a program that they start ends.
        Some(Command::Exec(args)) => return exec::run(cx, args).await,
        Some(Command::Webservice(args)) => return webservice::run(cx, args).await,
        Some(Command::Jobs { command }) => return jobs::run(cx, command).await,
        command => command,
    };
    match command {
        None => here::run(cx).await,
        Some(Command::Login(args)) => login::run(cx, args).await,
        Some(Command::Logout(args)) => logout::run(cx, args).await,
        Some(Command::Whoami) => whoami::run(cx).await,
        Some(Command::Status(args)) => status::run(cx, args).await,
        Some(Command::Deploy(args)) => deploy::run(cx, *args).await,
        Some(Command::Open(args)) => open::run(cx, args).await,
        Some(Command::New(args)) => new::run(cx, args).await,
        Some(Command::Tool { command }) => tool::run(cx, command).await,
        Some(Command::Build { command }) => build::run(cx, command).await,
        Some(Command::Envvars { command }) => envvars::run(cx, command).await,
        Some(Command::Logs(args)) => logs::run(cx, args).await,
        Some(Command::Notify { command }) => notify::run(cx, command).await,
        Some(Command::Webhooks { command }) => webhooks::run(cx, command).await,
        Some(Command::Admin { command }) => admin::run(cx, command).await,
        Some(Command::Up(args)) => up::up(cx, args).await,
        Some(Command::Down(args)) => up::down(cx, args).await,
        // These were done before.
        Some(
            Command::Completion(_)
            | Command::Exec(_)
            | Command::External(_)
            | Command::Jobs { .. }
            | Command::Man(_)
            | Command::Webservice(_),
        ) => Ok(()),
    }
    .map(|()| Exit::Done)
}

/// What is true after Ctrl-C has stopped `command`, and how to come back.
pub fn after_interrupt(command: Option<&Command>) -> &'static str {
    match command {
        Some(Command::Login(_)) => "no token was saved; hearth login starts again",
        Some(Command::Logout(_)) => "the token may be revoked already; hearth logout finishes",
        Some(Command::New(_)) => "the tool may be there already; the same command finishes",
        Some(Command::Tool { command }) => tool::after_interrupt(command),
        Some(Command::Jobs { command }) => jobs::after_interrupt(command),
        Some(Command::Build { command }) => build::after_interrupt(command),
        Some(Command::Envvars { command }) => envvars::after_interrupt(command),
        Some(Command::Notify { command }) => notify::after_interrupt(command),
        Some(Command::Webhooks { command }) => webhooks::after_interrupt(command),
        Some(Command::Admin { command }) => admin::after_interrupt(command),
        Some(Command::Deploy(_)) => {
            "a deployment that began goes on; hearth deploy --follow comes back to it"
        }
        Some(Command::Webservice(_)) => "what was begun goes on; hearth webservice status shows it",
        Some(Command::Exec(_)) => "the job goes on; the program was ended",
        Some(Command::Up(_)) => "Hearth may be running already; hearth up finishes, hearth down stops it",
        Some(Command::Down(_)) => "Hearth is ending; hearth down waits for it",
        Some(Command::Logs(_)) => "the job goes on",
        _ => "nothing was changed",
    }
}
