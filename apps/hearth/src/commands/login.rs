//! `hearth login`: signs in with a password, a code or a token, and saves a token.
//!
//! A password opens a session just long enough to create a token; neither password nor session is saved.

use hearth_base::{Credential, Error, ErrorKind, Result, Secret, UserName};
use hearth_wire::accounts::{TokenCreate, UserRegistration};
use serde::{Deserialize, Serialize};

use crate::{
    command_line::quote_argument,
    context::CommandContext,
    flags::DryRun,
    new_password, password_session, prompter,
    session::Session,
    settings::{ServerAddress, ServerEntry, SettingSource, Sourced},
};

/// The arguments of `hearth login`.
#[derive(Debug, clap::Args)]
pub struct LoginArgs {
    /// The server; default: the current one, or http://localhost:8080
    address: Option<ServerAddress>,
    /// Sign in as this user; default: ask
    #[arg(long)]
    name: Option<UserName>,
    /// Join with a setup code or an invitation, and choose name and password
    #[arg(long)]
    code: Option<String>,
    /// Read that code from standard input; other users of this machine can see the arguments of a command
    #[arg(long, conflicts_with = "code")]
    code_stdin: bool,
    /// Read the password from standard input; with --code-stdin, from its second line
    #[arg(long)]
    password_stdin: bool,
    /// Read a token from standard input instead of signing in
    #[arg(long, conflicts_with_all = ["name", "code", "code_stdin", "password_stdin"])]
    token_stdin: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result, without the token.
#[derive(Debug, Serialize, Deserialize)]
struct SignedIn {
    server: ServerAddress,
    user: Option<String>,
    file: String,
}

/// Signs in and saves the token.
pub async fn run(cx: &CommandContext, args: LoginArgs) -> Result<()> {
    let result = cx.printer.open_output::<SignedIn>()?;
    let LoginArgs { address, name, code, code_stdin, password_stdin, token_stdin, dry_run } = args;
    let server = choose_server(cx, address)?;
    if !dry_run.dry_run {
        cx.settings.user.check_writable()?;
    }
    if server.is_unencrypted() {
        cx.printer.print_warning(&format!(
            "the connection to {server} is not encrypted: others in the network can read it"
        ));
    }
    let anonymous = cx.open_anonymous_session(server.clone())?;
    check_server(&anonymous).await?;
    let file = cx.settings.environment.shorten_path(cx.settings.user.path());
    if dry_run.dry_run {
        let action = match (&name, token_stdin, code_stdin || code.is_some()) {
            (_, true, _) => "save a valid token".to_owned(),
            (Some(name), _, true) => format!("join as {name}"),
            (None, _, true) => "join".to_owned(),
            (Some(name), _, false) => format!("sign in as {name}"),
            (None, _, false) => "sign in".to_owned(),
        };
        let sentence = format!("would {action} at {server} and save the token in {file}");
        let user = name.map(|name| name.to_string());
        return result.print_sentence(&SignedIn { server, user, file }, &sentence);
    }
    let (user, token, device) = if token_stdin {
        let (user, token) = sign_in_with_token(cx, &server).await?;
        let device = password_session::find_device(cx, &server, &user);
        (user, token, device)
    } else {
        let code = match code {
            None if code_stdin => Some(prompter::read_secret_from_stdin("--code-stdin").await?),
            code => code.map(Secret::new),
        };
        let name = ask_name(cx, &server, name, code.is_some()).await?;
        let password = ask_password(cx, &server, &name, password_stdin, code.is_some()).await?;
        if let Some(code) = code {
            let join = UserRegistration { code, name: name.clone(), password: password.clone() };
            anonymous.send(anonymous.client.accounts().join_with_code(&join)).await?;
        }
        sign_in_with_password(cx, &anonymous, name, password).await?
    };
    let old = cx.settings.user.find_entry(&server).cloned();
    let is_same_token = old.as_ref().is_some_and(|old| old.token == token);
    let own = if is_same_token { old.as_ref().is_some_and(|old| old.own) } else { !token_stdin };
    let entry = ServerEntry { user: user.clone(), token, own, device, rest: toml::Table::new() };
    cx.settings.user.save_entry(&server, entry)?;
    if let Some(old) = old.filter(|old| old.own && !is_same_token) {
        revoke_old_token(cx, &server, old).await;
    }
    if cx.settings.environment.token.is_some() {
        cx.printer.print_warning("HEARTH_TOKEN is set, and every command uses it instead of the saved token");
    }
    match cx.settings.environment.parse_server() {
        Ok(Some(other)) if other != server => cx.printer.print_warning(&format!(
            "HEARTH_SERVER is set to {other}, and every command uses that server instead"
        )),
        _ => {}
    }
    let sentence = format!("signed in as {user} at {server}; the token is in {file}");
    result.print_done(&SignedIn { server, user: Some(user), file }, &sentence)?;
    cx.printer.print_next("hearth");
    Ok(())
}

fn choose_server(cx: &CommandContext, address: Option<ServerAddress>) -> Result<ServerAddress> {
    let set = cx.settings.resolve_server()?;
    match address {
        Some(address) if matches!(set.source, SettingSource::Flag(_)) && set.value != address => {
            Err(Error::invalid(
                "server-ambiguous",
                format!("the command names two servers: {address} and {}", set.value),
            )
            .help(format!("hearth login {address}")))
        }
        Some(address) => Ok(address),
        None => Ok(set.value),
    }
}

/// Checks that a Hearth answers at the address, before any question to the user.
async fn check_server(anonymous: &Session<'_>) -> Result<()> {
    match anonymous.send(anonymous.client.accounts().show_caller()).await {
        Err(error) if error.kind() == ErrorKind::Unauthenticated && error.code() != "invalid-response" => {
            Ok(())
        }
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}

async fn ask_name(
    cx: &CommandContext,
    server: &ServerAddress,
    name: Option<UserName>,
    is_joining: bool,
) -> Result<UserName> {
    if let Some(name) = name {
        return Ok(name);
    }
    let local = cx.settings.environment.login_name.as_ref().and_then(|login| login.parse::<UserName>().ok());
    let question = match (is_joining, &local) {
        (true, Some(local)) => format!("Choose a name for signing in at {server} [{local}]: "),
        (true, None) => format!("Choose a name for signing in at {server}: "),
        (false, Some(local)) => format!("Name at {server} [{local}]: "),
        (false, None) => format!("Name at {server}: "),
    };
    let command = build_command_line(server, "NAME", is_joining);
    loop {
        let typed = cx.prompter.ask_line(&question, "the name to sign in with (--name)", &command).await?;
        match (typed.trim(), &local) {
            ("", Some(local)) => return Ok(local.clone()),
            (typed, _) => match typed.parse() {
                Ok(name) => return Ok(name),
                Err(error) => cx.printer.print_error(&error),
            },
        }
    }
}

async fn ask_password(
    cx: &CommandContext,
    server: &ServerAddress,
    name: &UserName,
    from_input: bool,
    is_joining: bool,
) -> Result<Secret> {
    if from_input {
        return prompter::read_secret_from_stdin("--password-stdin").await;
    }
    let command = build_command_line(server, name.as_str(), is_joining);
    let missing = "the password (--password-stdin)";
    if !is_joining {
        return cx.prompter.ask_secret(&format!("Password of {name}: "), missing, &command);
    }
    new_password::ask_new_password(cx, missing, &command)
}

/// Builds the command that needs no question.
fn build_command_line(server: &ServerAddress, name: &str, is_joining: bool) -> String {
    let code = if is_joining { " --code-stdin" } else { "" };
    format!("hearth login {}{code} --name {name} --password-stdin", quote_argument(server.as_str()))
}

async fn sign_in_with_token(cx: &CommandContext, server: &ServerAddress) -> Result<(String, Secret)> {
    let token = prompter::read_secret_from_stdin("--token-stdin").await?;
    let shown = Sourced::new(token.clone(), SettingSource::Flag("--token-stdin"));
    let session = cx.open_session_with_token(server.clone(), shown)?;
    let me = session.send(session.client.accounts().show_caller()).await?;
    Ok((me.name, token))
}

async fn sign_in_with_password(
    cx: &CommandContext,
    anonymous: &Session<'_>,
    name: UserName,
    password: Secret,
) -> Result<(String, Secret, Option<Secret>)> {
    let device = password_session::find_device(cx, &anonymous.server, name.as_str());
    let label = format!("hearth on {}", machine_name());
    let create = TokenCreate { label, scopes: None, expires: None };
    let signed_in = password_session::create_token(anonymous, name, password, device, &create).await?;
    Ok((signed_in.user, signed_in.token.secret, signed_in.device))
}

/// Returns the name of this machine, for a token's label.
pub fn machine_name() -> String {
    let name = gethostname::gethostname().to_string_lossy().into_owned();
    let visible = name.chars().filter(|symbol| !symbol.is_control()).take(60).collect::<String>();
    if visible.trim().is_empty() { "this machine".to_owned() } else { visible }
}

/// Revokes the token that the new one replaces. A token that is no longer valid is ignored.
async fn revoke_old_token(cx: &CommandContext, server: &ServerAddress, old: ServerEntry) {
    let shown = Sourced::new(old.token, SettingSource::User(cx.settings.user.path().to_owned()));
    let Ok(session) = cx.open_session_with_token(server.clone(), shown) else { return };
    if let Ok(me) = session.client.accounts().show_caller().await
        && let Credential::PersonalToken(id) = me.credential
    {
        let _already_invalid = session.client.accounts().revoke_token(id).await;
    }
}
