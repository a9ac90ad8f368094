//! `hearth status`: which server, user and tool, and where each comes from.

use std::{path::Path, time::Duration};

use hearth_base::{Error, Kind, Result, ToolName};
use hearth_wire::accounts::Me;
use serde::{Deserialize, Serialize};

use super::overview;
use crate::{
    context::Context,
    printer::{Cell, Table},
    settings::Source,
};

/// What `hearth status` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Say how this tool is instead
    name: Option<ToolName>,
}

/// Where you are.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// The server's address.
    pub server: Setting,
    /// Whose token is shown.
    pub user: Setting,
    /// The tool that commands are about.
    pub tool: Setting,
}

/// One setting, where it comes from, and what there is to say about it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Setting {
    /// Its value, if it has one.
    pub value: Option<String>,
    /// Where it comes from: `flag`, `environment`, `folder`, `user` or `default`.
    pub source: Option<String>,
    /// Which flag, variable or file that is.
    pub by: Option<String>,
    /// What there is to say about it.
    pub note: Option<String>,
}

/// What the server said about the caller.
#[derive(Debug)]
pub enum Signed {
    /// There is nothing to show to it. Whether it answers.
    Out { answers: bool },
    /// It knows the caller.
    In(Me),
    /// It was not asked to an end.
    Refused(Error),
}

/// What is said of a tool that is somebody else's, or gone.
pub const NOT_YOURS: &str = "not one of your tools";

/// Says it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    if let Some(name) = args.name {
        return overview::run(cx, name).await;
    }
    let answer = cx.printer.answer::<Status>()?;
    let (status, _) = gather(cx).await?;
    answer.shown(&status, &table(cx, &status))
}

impl Signed {
    /// How long the server may take to answer: this command is about what is here.
    const PATIENCE: Duration = Duration::from_secs(3);

    /// Asks the server.
    async fn ask(cx: &Context) -> Self {
        let session = match cx.session() {
            Ok(session) => session,
            Err(error) if error.kind() == Kind::Unauthenticated => return Self::nobody(cx).await,
            Err(error) => return Self::Refused(error),
        };
        let accounts = session.client.accounts();
        match tokio::time::timeout(Self::PATIENCE, accounts.me()).await {
            Ok(Ok(me)) => Self::In(me),
            Ok(Err(error)) => Self::Refused(error),
            Err(_) => Self::Refused(Error::new(Kind::Timeout, "no-answer", "the server does not answer")),
        }
    }

    /// Without anything to show there is only one question: whether a server is there.
    async fn nobody(cx: &Context) -> Self {
        let asked = async {
            let nobody = cx.anonymous_session(cx.settings.server()?.value)?;
            nobody.client.accounts().me().await
        };
        let answer = tokio::time::timeout(Self::PATIENCE, asked).await;
        Self::Out { answers: matches!(answer, Ok(Err(error)) if error.kind() == Kind::Unauthenticated) }
    }

    /// What is wrong with the server, if anything is.
    fn trouble(&self) -> Option<String> {
        match self {
            Self::Out { answers: false } => Some("no Hearth answers there".to_owned()),
            Self::Refused(error) if error.code() == "server-unreachable" => {
                Some("it cannot be reached".to_owned())
            }
            Self::Refused(error) if error.kind() != Kind::Unauthenticated => Some(error.public().to_owned()),
            Self::Out { answers: true } | Self::In(_) | Self::Refused(_) => None,
        }
    }
}

/// Collects it: from here, and from the server what it says about the caller.
pub async fn gather(cx: &Context) -> Result<(Status, Signed)> {
    let server = cx.settings.server()?;
    let signed = Signed::ask(cx).await;
    let token = cx.settings.token(&server.value);
    let saved = cx.settings.user.entry(&server.value).map(|entry| entry.user.clone());
    let mut user = token.map(|token| Setting::from(&token.source)).unwrap_or_default();
    match &signed {
        Signed::Out { .. } => user.note = Some("not signed in".to_owned()),
        Signed::In(me) => {
            user.value = Some(me.name.clone());
            user.note = match (me.kind.as_str(), me.operator) {
                ("tool", _) => Some("a tool, by its own token".to_owned()),
                (_, true) => Some("operator".to_owned()),
                _ => None,
            };
        }
        Signed::Refused(error) => {
            user.value = saved.filter(|_| cx.settings.environment.token.is_none());
            user.note = (error.kind() == Kind::Unauthenticated).then(|| error.public().to_owned());
        }
    }
    let tool = match cx.settings.tool() {
        Ok(Some(tool)) => Setting {
            value: Some(tool.value.to_string()),
            note: role(cx, &tool.value, &signed).await,
            ..Setting::from(&tool.source)
        },
        Ok(None) => Setting { note: Some("this folder belongs to no tool".to_owned()), ..Setting::default() },
        Err(error) => Setting { note: Some(error.public().to_owned()), ..Setting::default() },
    };
    let server = Setting {
        value: Some(server.value.to_string()),
        note: signed.trouble(),
        ..Setting::from(&server.source)
    };
    Ok((Status { server, user, tool }, signed))
}

/// What the caller is to the tool, where the server says so: a linked tool may be gone, or somebody else's.
async fn role(cx: &Context, tool: &ToolName, signed: &Signed) -> Option<String> {
    let (Signed::In(_), Ok(session)) = (signed, cx.session()) else { return None };
    let tools = session.client.tools();
    match tokio::time::timeout(Signed::PATIENCE, tools.show(tool)).await.ok()? {
        Ok(tool) => tool.role.map(|role| role.to_string()),
        Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::NotFound) => Some(NOT_YOURS.to_owned()),
        Err(_) => None,
    }
}

impl From<&Source> for Setting {
    fn from(source: &Source) -> Self {
        Self { source: Some(source.kind().to_owned()), by: source.by(), ..Self::default() }
    }
}

/// The same as rows: what, its value, where it comes from, what there is to say.
pub fn table(cx: &Context, status: &Status) -> Table {
    let Status { server, user, tool } = status;
    let mut table = Table::whole();
    for (name, setting) in [("server", server), ("user", user), ("tool", tool)] {
        let Setting { value, source, by, note } = setting;
        let by = by.as_deref().map(|by| format!(" {}", cx.settings.environment.short(Path::new(by))));
        let from = source.as_ref().map(|source| format!("{source}{}", by.unwrap_or_default()));
        table.row([
            Cell::from(name),
            Cell::from(value.as_deref().unwrap_or("-")),
            Cell::from(from.as_deref().unwrap_or("-")),
            Cell::from(note.as_deref().unwrap_or("")),
        ]);
    }
    table
}
