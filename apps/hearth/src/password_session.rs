//! A session that a password opens just long enough to create a token. Neither password nor session is saved; the secret
//! of the device is, so that the failed sign-ins of others do not lock the next one from here.

use std::sync::Arc;

use hearth_base::{Error, Result, Secret, UserName};
use hearth_client::Bearer;
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

/// Signs in with a password, creates a token, and ends the session. `device` is the secret of this device, if the user
/// has signed in from it before.
pub async fn create_token(
    anonymous: &Session<'_>,
    name: UserName,
    password: Secret,
    device: Option<Secret>,
    create: &TokenCreate,
) -> Result<SignedInToken> {
    let session = SessionCreate { name, password, device: device.clone() };
    let opened = anonymous.send(anonymous.client.accounts().create_session(&session)).await?;
    let client = anonymous.client.with_authority(Arc::new(Bearer(opened.secret)));
    let made = anonymous.send(client.accounts().create_token(create)).await;
    // The session also expires by itself.
    let _session_expires = anonymous.send(client.accounts().end_session()).await;
    Ok(SignedInToken { user: opened.user.name.to_string(), token: made?, device: opened.device.or(device) })
}

/// Returns the secret of this device for a user at a server.
pub fn find_device(cx: &CommandContext, server: &ServerAddress, name: &str) -> Option<Secret> {
    let entry = cx.settings.user.find_entry(server)?;
    if entry.user == name { entry.device.clone() } else { None }
}

/// Creates a token of the signed-in user, who enters the password once more.
pub async fn create_personal_token(
    cx: &CommandContext,
    create: &TokenCreate,
    from_input: bool,
) -> Result<TokenCreated> {
    let session = cx.open_session()?;
    let me = session.send(session.client.accounts().show_caller()).await?;
    let name: UserName = me
        .name
        .parse()
        .map_err(|_| Error::invalid("not-a-user", "a tool token has no password").help("hearth login"))?;
    let password = match from_input {
        true => prompter::read_secret_from_stdin("--password-stdin").await?,
        false => cx.prompter.ask_secret(
            &format!("Password of {name}: "),
            "the password (--password-stdin)",
            "hearth token create LABEL --personal --password-stdin",
        )?,
    };
    let device = find_device(cx, &session.server, name.as_str());
    let anonymous = cx.open_anonymous_session(session.server.clone())?;
    Ok(create_token(&anonymous, name, password, device, create).await?.token)
}
