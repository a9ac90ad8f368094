//! `hearth status`: server, user and tool, with the source of each.

use std::{path::Path, time::Duration};

use hearth_base::{Error, ErrorKind, Result, ToolName};
use hearth_wire::accounts::CallerInfo;
use serde::{Deserialize, Serialize};

use super::overview;
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
    settings::SettingSource,
};

/// The arguments of `hearth status`.
#[derive(Debug, clap::Args)]
pub struct ShowStatusArgs {
    /// Show the state of this tool instead
    name: Option<ToolName>,
}

/// The current settings.
#[derive(Debug, Serialize, Deserialize)]
pub struct StatusView {
    /// The server's address.
    pub server: StatusSetting,
    /// The user that the token belongs to.
    pub user: StatusSetting,
    /// The tool of commands.
    pub tool: StatusSetting,
}

/// One setting with its source and a remark.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct StatusSetting {
    /// Its value, if it has one.
    pub value: Option<String>,
    /// Its source: `flag`, `environment`, `folder`, `user` or `default`.
    pub source: Option<String>,
    /// The flag, variable or file.
    pub by: Option<String>,
    /// A remark.
    pub note: Option<String>,
}

/// The state of the caller's sign-in.
#[derive(Debug)]
pub enum SignInState {
    /// There is no token; `answers` is true when the server can be reached.
    Out { answers: bool },
    /// The server accepted the token.
    In(CallerInfo),
    /// The request failed or was refused.
    Refused(Error),
}

/// The remark about a tool that is not the caller's or does not exist.
pub const NOT_YOUR_TOOL: &str = "not one of your tools";

/// Shows the settings, or the state of a tool.
pub async fn run(cx: &CommandContext, args: ShowStatusArgs) -> Result<()> {
    if let Some(name) = args.name {
        return overview::run(cx, name).await;
    }
    let result = cx.printer.open_output::<StatusView>()?;
    let (status, _) = collect_status(cx).await?;
    result.print_record(&status, &build_table(cx, &status))
}

impl SignInState {
    /// The time limit of the request: this command shows local settings first of all.
    const STATUS_TIMEOUT: Duration = Duration::from_secs(3);

    /// Sends a request about the caller.
    async fn probe_server(cx: &CommandContext) -> Self {
        let session = match cx.open_session() {
            Ok(session) => session,
            Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                return Self::probe_server_anonymously(cx).await;
            }
            Err(error) => return Self::Refused(error),
        };
        let accounts = session.client.accounts();
        match tokio::time::timeout(Self::STATUS_TIMEOUT, accounts.show_caller()).await {
            Ok(Ok(me)) => Self::In(me),
            Ok(Err(error)) => Self::Refused(error),
            Err(_) => Self::Refused(Error::new(
                ErrorKind::Timeout,
                "server-timeout",
                "the server did not respond in time",
            )),
        }
    }

    /// Checks without a token that a server answers.
    async fn probe_server_anonymously(cx: &CommandContext) -> Self {
        let request = async {
            let anonymous = cx.open_anonymous_session(cx.settings.resolve_server()?.value)?;
            anonymous.client.accounts().show_caller().await
        };
        let answer = tokio::time::timeout(Self::STATUS_TIMEOUT, request).await;
        Self::Out { answers: matches!(answer, Ok(Err(error)) if error.kind() == ErrorKind::Unauthenticated) }
    }

    /// Describes the problem with the server, if there is one.
    fn describe_problem(&self) -> Option<String> {
        match self {
            Self::Out { answers: false } => Some("no Hearth server responds there".to_owned()),
            Self::Refused(error) if error.code() == "server-unreachable" => {
                Some("it cannot be reached".to_owned())
            }
            Self::Refused(error) if error.kind() != ErrorKind::Unauthenticated => {
                Some(error.public_message().to_owned())
            }
            Self::Out { answers: true } | Self::In(_) | Self::Refused(_) => None,
        }
    }
}

/// Collects the settings, and the server's answer about the caller.
pub async fn collect_status(cx: &CommandContext) -> Result<(StatusView, SignInState)> {
    let server = cx.settings.resolve_server()?;
    let signed = SignInState::probe_server(cx).await;
    let token = cx.settings.find_token(&server.value);
    let saved = cx.settings.user.find_entry(&server.value).map(|entry| entry.user.clone());
    let mut user = token.map(|token| StatusSetting::from(&token.source)).unwrap_or_default();
    match &signed {
        SignInState::Out { .. } => user.note = Some("not signed in".to_owned()),
        SignInState::In(me) => {
            user.value = Some(me.name.clone());
            user.note = match (me.kind.as_str(), me.operator) {
                ("tool", _) => Some("a tool, by its own token".to_owned()),
                (_, true) => Some("operator".to_owned()),
                _ => None,
            };
        }
        SignInState::Refused(error) => {
            user.value = saved.filter(|_| cx.settings.environment.token.is_none());
            user.note =
                (error.kind() == ErrorKind::Unauthenticated).then(|| error.public_message().to_owned());
        }
    }
    let tool = match cx.settings.find_tool() {
        Ok(Some(tool)) => StatusSetting {
            value: Some(tool.value.to_string()),
            note: describe_role(cx, &tool.value, &signed).await,
            ..StatusSetting::from(&tool.source)
        },
        Ok(None) => StatusSetting {
            note: Some("this folder belongs to no tool".to_owned()),
            ..StatusSetting::default()
        },
        Err(error) => {
            StatusSetting { note: Some(error.public_message().to_owned()), ..StatusSetting::default() }
        }
    };
    let server = StatusSetting {
        value: Some(server.value.to_string()),
        note: signed.describe_problem(),
        ..StatusSetting::from(&server.source)
    };
    Ok((StatusView { server, user, tool }, signed))
}

/// Describes the caller's role on the tool: a linked tool may be deleted, or not be the caller's.
async fn describe_role(cx: &CommandContext, tool: &ToolName, signed: &SignInState) -> Option<String> {
    let (SignInState::In(_), Ok(session)) = (signed, cx.open_session()) else { return None };
    let tools = session.client.tools();
    match tokio::time::timeout(SignInState::STATUS_TIMEOUT, tools.show(tool)).await.ok()? {
        Ok(tool) => tool.role.map(|role| role.to_string()),
        Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => {
            Some(NOT_YOUR_TOOL.to_owned())
        }
        Err(_) => None,
    }
}

impl From<&SettingSource> for StatusSetting {
    fn from(source: &SettingSource) -> Self {
        Self { source: Some(source.kind_name().to_owned()), by: source.origin_name(), ..Self::default() }
    }
}

/// Builds the table: name, value, source and remark of each setting.
pub fn build_table(cx: &CommandContext, status: &StatusView) -> Table {
    let StatusView { server, user, tool } = status;
    let mut table = Table::new_uncut();
    for (name, setting) in [("server", server), ("user", user), ("tool", tool)] {
        let StatusSetting { value, source, by, note } = setting;
        let by = by.as_deref().map(|by| format!(" {}", cx.settings.environment.shorten_path(Path::new(by))));
        let from = source.as_ref().map(|source| format!("{source}{}", by.unwrap_or_default()));
        table.add_row([
            Cell::from(name),
            Cell::from(value.as_deref().unwrap_or("-")),
            Cell::from(from.as_deref().unwrap_or("-")),
            Cell::from(note.as_deref().unwrap_or("")),
        ]);
    }
    table
}
