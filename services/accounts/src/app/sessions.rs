//! Signing in and out.

use hearth_base::{Credential, Error, Result, Secret, SessionId};
use hearth_wire::accounts::SessionCreate;
use jiff::{SignedDuration, Timestamp};

use super::{
    guesses,
    secrets::{self, Purpose},
};
use crate::{
    cx::{By, Cx},
    store::{Session, User},
};

/// Signs in with a password.
pub async fn create(cx: &Cx, by: &By, create: SessionCreate) -> Result<(Secret, Session, User)> {
    let SessionCreate { name, password } = create;
    guesses::count(cx, by, &name).await?;
    let hash = cx.store.user(&name).await?.map(|user| user.password_hash);
    if !cx.passwords.check_password(&password, hash.clone()).await? {
        return Err(wrong());
    }
    let tx = cx.store.begin().await?;
    // Much may have happened while the password was checked.
    let user = cx.store.user_locked(&tx, &name).await?;
    let user = user.filter(|user| Some(&user.password_hash) == hash.as_ref()).ok_or_else(wrong)?;
    if user.disabled {
        return Err(Error::forbidden("user-disabled", format!("the account {name} is disabled"))
            .help("ask whoever runs this Hearth"));
    }
    let secret = secrets::make(Purpose::Session, &cx.entropy);
    let session = Session {
        id: SessionId::new(by.now, &cx.entropy),
        hash: secrets::hash(&secret),
        user: user.id,
        used: by.now,
        expires: end(cx, by.now),
    };
    cx.store.session_add(&tx, &session).await?;
    cx.store.guesses_forget(&tx, &name).await?;
    cx.audit(&tx, &by.named(&user), "session.create", None, &user.name).await?;
    tx.commit().await?;
    Ok((secret, session, user))
}

/// Ends the session that the caller shows.
pub async fn end_own(cx: &Cx, by: &By, credential: &Credential) -> Result<()> {
    let Credential::Session(id) = credential else {
        return Err(Error::invalid("no-session", "the credential shown is a token, not a session")
            .help("revoke a token with DELETE /accounts/v1/tokens/ID"));
    };
    let tx = cx.store.begin().await?;
    if cx.store.session_end(&tx, *id).await? {
        cx.audit(&tx, by, "session.end", None, id).await?;
        cx.append_access_changed(&tx, by, id).await?;
    }
    tx.commit().await
}

/// When a session that is used at `now` ends.
pub fn end(cx: &Cx, now: Timestamp) -> Timestamp {
    let days = i64::from(cx.settings.session_days);
    now.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(now)
}

fn wrong() -> Error {
    Error::unauthenticated("wrong-password", "the name or the password is wrong").help("hearth login")
}
