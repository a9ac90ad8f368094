//! A session that a password opens just long enough for one change. Neither password nor session is saved; the secret
//! of the device is, so that the failed sign-ins of others do not lock the next one from here.

use std::sync::Arc;

use hearth_base::{Error, Result, Secret, UserName};
use hearth_client::{Bearer, Client};
use hearth_wire::accounts::{SessionCreate, TokenCreate, TokenCreated};

use crate::{context::CommandContext, prompter, session::Session, settings::ServerAddress};

/// A token that was created with a password.
pub struct SignedInToken {
    /// Name of the user.
    pub user: String,
    /// The token with its secret.
    pub token: TokenCreated,
    /// Secret of this device, for the next sign-in.
    pub device: Option<Secret>,
}

/// The source of the password of a signed-in user.
pub struct PasswordSource {
    /// True to read it from standard input, for scripts.
    pub is_stdin: bool,
    /// The command that needs no question.
    pub command: &'static str,
}

/// Signs in with a password, creates a token, and ends the session. `device` is the secret of this device, if the user
/// has signed in from it before.
pub async fn create_token(
    anonymous: &Session<'_>,
    name: UserName,
    password: Secret,
    device: Option<Secret>,
    create: &TokenCreate,
) -> Result<SignedInToken> {
    let create_session = SessionCreate { name, password, device: device.clone() };
    let call = async |client: Client| client.accounts().create_token(create).await;
    let (user, new_device, token) = run_in_session(anonymous, &create_session, call).await?;
    Ok(SignedInToken { user, token, device: new_device.or(device) })
}

/// Signs in, sends one request, and ends the session. Returns the name of the user and the secret of a new device too.
async fn run_in_session<T>(
    anonymous: &Session<'_>,
    create: &SessionCreate,
    call: impl AsyncFnOnce(Client) -> Result<T>,
) -> Result<(String, Option<Secret>, T)> {
    let opened = anonymous.send(anonymous.client.accounts().create_session(create)).await?;
    let client = anonymous.client.with_authority(Arc::new(Bearer(opened.secret)));
    let answer = anonymous.send(call(client.clone())).await;
    // The session also expires by itself.
    let _session_expires = anonymous.send(client.accounts().end_session()).await;
    Ok((opened.user.name.to_string(), opened.device, answer?))
}

/// Returns the secret of this device for a user at a server.
pub fn find_device(cx: &CommandContext, server: &ServerAddress, name: &str) -> Option<Secret> {
    let entry = cx.settings.user.find_entry(server)?;
    if entry.user == name { entry.device.clone() } else { None }
}

/// Sends one request in a session of the signed-in user, who enters the password once more: it needs more than the
/// saved token, which may be stolen.
pub async fn send_with_password<T>(
    cx: &CommandContext,
    source: &PasswordSource,
    call: impl AsyncFnOnce(Client, Secret) -> Result<T>,
) -> Result<T> {
    let session = cx.open_session()?;
    let me = session.send(session.client.accounts().show_caller()).await?;
    let name: UserName = me
        .name
        .parse()
        .map_err(|_| Error::invalid("not-a-user", "a tool token has no password").help("hearth login"))?;
    let password = match source.is_stdin {
        true => prompter::read_secret_from_stdin("--password-stdin").await?,
        false => cx.prompter.ask_secret(
            &format!("Password of {name}: "),
            "the password (--password-stdin)",
            source.command,
        )?,
    };
    let device = find_device(cx, &session.server, name.as_str());
    let anonymous = cx.open_anonymous_session(session.server.clone())?;
    let create = SessionCreate { name, password: password.clone(), device };
    let (.., answer) =
        run_in_session(&anonymous, &create, async |client: Client| call(client, password).await).await?;
    Ok(answer)
}
