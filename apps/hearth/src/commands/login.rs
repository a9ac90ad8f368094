//! `hearth login`: from a password, a code or a token to a token that is saved.
//!
//! A password opens a session just long enough to make a token; neither password nor session is kept.

use std::sync::Arc;

use hearth_base::{Credential, Error, Kind, Result, Secret, UserName};
use hearth_client::Bearer;
use hearth_wire::accounts::{Join, SessionCreate, TokenCreate};
use serde::{Deserialize, Serialize};

use crate::{
    ask,
    context::Context,
    flags::DryRun,
    session::Session,
    settings::{Entry, Server, Source, Sourced},
    words::quoted,
};

/// What `hearth login` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server; absent: the current one, or http://localhost:8080
    address: Option<Server>,
    /// Sign in as this user; absent: asked
    #[arg(long)]
    name: Option<UserName>,
    /// Come in with a set-up code or an invitation, and choose name and password
    #[arg(long)]
    code: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Read a token from standard input instead of signing in
    #[arg(long, conflicts_with_all = ["name", "code", "password_stdin"])]
    token_stdin: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The fewest characters of a new password. The server checks it again.
const SHORTEST: usize = 10;

/// What was saved.
#[derive(Debug, Serialize, Deserialize)]
struct SignedIn {
    server: Server,
    user: Option<String>,
    file: String,
}

/// Signs in.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<SignedIn>()?;
    let Args { address, name, code, password_stdin, token_stdin, dry_run } = args;
    let server = server(cx, address)?;
    if !dry_run.dry_run {
        cx.settings.user.check_writable()?;
    }
    if server.is_open() {
        cx.printer.warning(&format!("{server} is not encrypted: others on the way can read what you send"));
    }
    let nobody = cx.anonymous_session(server.clone())?;
    check_server(&nobody).await?;
    let file = cx.settings.environment.short(cx.settings.user.path());
    if dry_run.dry_run {
        let how = match (&name, token_stdin, code.is_some()) {
            (_, true, _) => "keep a token that is good".to_owned(),
            (Some(name), _, true) => format!("come in as {name}"),
            (None, _, true) => "come in".to_owned(),
            (Some(name), _, false) => format!("sign in as {name}"),
            (None, _, false) => "sign in".to_owned(),
        };
        let sentence = format!("would {how} at {server}; the token would be in {file}");
        let user = name.map(|name| name.to_string());
        return answer.said(&SignedIn { server, user, file }, &sentence);
    }
    let (user, token) = if token_stdin {
        by_token(cx, &server).await?
    } else {
        let code = code.map(Secret::new);
        let name = asked_name(cx, &server, name, code.is_some()).await?;
        let password = asked_password(cx, &server, &name, password_stdin, code.is_some()).await?;
        if let Some(code) = code {
            let join = Join { code, name: name.clone(), password: password.clone() };
            nobody.ask(nobody.client.accounts().join(&join)).await?;
        }
        by_password(&nobody, name, password).await?
    };
    let old = cx.settings.user.entry(&server).cloned();
    let again = old.as_ref().is_some_and(|old| old.token == token);
    let own = if again { old.as_ref().is_some_and(|old| old.own) } else { !token_stdin };
    let entry = Entry { user: user.clone(), token, own, rest: toml::Table::new() };
    cx.settings.user.remember(&server, entry)?;
    if let Some(old) = old.filter(|old| old.own && !again) {
        end_old(cx, &server, old).await;
    }
    if cx.settings.environment.token.is_some() {
        cx.printer.warning("HEARTH_TOKEN is set, and every command uses it instead of what was saved");
    }
    match cx.settings.environment.server() {
        Ok(Some(other)) if other != server => cx
            .printer
            .warning(&format!("HEARTH_SERVER is set to {other}, and every command uses that server instead")),
        _ => {}
    }
    let sentence = format!("signed in as {user} at {server}; the token is in {file}");
    answer.done(&SignedIn { server, user: Some(user), file }, &sentence)?;
    cx.printer.next("hearth");
    Ok(())
}

fn server(cx: &Context, address: Option<Server>) -> Result<Server> {
    let set = cx.settings.server()?;
    match address {
        Some(address) if matches!(set.source, Source::Flag(_)) && set.value != address => {
            Err(Error::invalid("two-servers", format!("two servers are named: {address} and {}", set.value))
                .help(format!("hearth login {address}")))
        }
        Some(address) => Ok(address),
        None => Ok(set.value),
    }
}

/// Whether a Hearth answers there: before anything is asked of the user.
async fn check_server(nobody: &Session<'_>) -> Result<()> {
    match nobody.ask(nobody.client.accounts().me()).await {
        Err(error) if error.kind() == Kind::Unauthenticated && error.code() != "strange-answer" => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}

async fn asked_name(
    cx: &Context,
    server: &Server,
    name: Option<UserName>,
    coming_in: bool,
) -> Result<UserName> {
    if let Some(name) = name {
        return Ok(name);
    }
    let local = cx.settings.environment.login.as_ref().and_then(|login| login.parse::<UserName>().ok());
    let question = match (coming_in, &local) {
        (true, Some(local)) => format!("Choose a name for signing in at {server} [{local}]: "),
        (true, None) => format!("Choose a name for signing in at {server}: "),
        (false, Some(local)) => format!("Name at {server} [{local}]: "),
        (false, None) => format!("Name at {server}: "),
    };
    let command = command(server, "NAME", coming_in);
    loop {
        let typed = cx.ask.line(&question, "the name to sign in with (--name)", &command).await?;
        match (typed.trim(), &local) {
            ("", Some(local)) => return Ok(local.clone()),
            (typed, _) => match typed.parse() {
                Ok(name) => return Ok(name),
                Err(error) => cx.printer.error(&error),
            },
        }
    }
}

async fn asked_password(
    cx: &Context,
    server: &Server,
    name: &UserName,
    from_input: bool,
    coming_in: bool,
) -> Result<Secret> {
    if from_input {
        return ask::secret_from_input("--password-stdin").await;
    }
    let command = command(server, name.as_str(), coming_in);
    let missing = "the password (--password-stdin)";
    if !coming_in {
        return cx.ask.hidden(&format!("Password of {name}: "), missing, &command);
    }
    loop {
        let question = format!("Choose a password, at least {SHORTEST} characters: ");
        let password = cx.ask.hidden(&question, missing, &command)?;
        if password.reveal().chars().count() < SHORTEST {
            cx.printer.warning("that is too short; four words will do");
        } else if cx.ask.hidden("Once more: ", missing, &command)? != password {
            cx.printer.warning("the two differ");
        } else {
            return Ok(password);
        }
    }
}

/// The command that needs no question.
fn command(server: &Server, name: &str, coming_in: bool) -> String {
    let code = if coming_in { " --code CODE" } else { "" };
    format!("hearth login {}{code} --name {name} --password-stdin", quoted(server.as_str()))
}

async fn by_token(cx: &Context, server: &Server) -> Result<(String, Secret)> {
    let token = ask::secret_from_input("--token-stdin").await?;
    let shown = Sourced::new(token.clone(), Source::Flag("--token-stdin"));
    let session = cx.session_showing(server.clone(), shown)?;
    let me = session.ask(session.client.accounts().me()).await?;
    Ok((me.name, token))
}

async fn by_password(nobody: &Session<'_>, name: UserName, password: Secret) -> Result<(String, Secret)> {
    let create = SessionCreate { name, password };
    let opened = nobody.ask(nobody.client.accounts().session_create(&create)).await?;
    let client = nobody.client.showing(Arc::new(Bearer(opened.secret)));
    let label = format!("hearth on {}", machine());
    let create = TokenCreate { label, scopes: None, expires: None };
    let made = nobody.ask(client.accounts().token_create(&create)).await;
    // It ends by itself, too; what matters is the token.
    let _it_ends_later = nobody.ask(client.accounts().session_end()).await;
    Ok((opened.user.name.to_string(), made?.secret))
}

/// The name of this machine, as part of a label.
pub fn machine() -> String {
    let name = gethostname::gethostname().to_string_lossy().into_owned();
    let visible = name.chars().filter(|symbol| !symbol.is_control()).take(60).collect::<String>();
    if visible.trim().is_empty() { "this machine".to_owned() } else { visible }
}

/// Revokes the token that the new one replaces and that nobody else uses. Whether it was still good matters to nobody.
async fn end_old(cx: &Context, server: &Server, old: Entry) {
    let shown = Sourced::new(old.token, Source::User(cx.settings.user.path().to_owned()));
    let Ok(session) = cx.session_showing(server.clone(), shown) else { return };
    if let Ok(me) = session.client.accounts().me().await
        && let Credential::PersonalToken(id) = me.credential
    {
        let _it_was_not_good = session.client.accounts().token_revoke(id).await;
    }
}
