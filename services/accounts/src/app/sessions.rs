//! Signing in and out.

use hearth_base::{Credential, Error, Kind, Result, Secret, SessionId, UserName};
use hearth_wire::accounts::SessionCreate;
use jiff::{SignedDuration, Timestamp};

use super::secrets::{self, Purpose};
use crate::{
    cx::{By, Cx},
    store::{Session, User},
};

/// Wrong passwords in a row after which an account rests.
const MOST_FAILURES: u32 = 10;
/// How long it rests.
const REST: SignedDuration = SignedDuration::from_mins(15);

/// Signs in with a password.
pub async fn create(cx: &Cx, by: &By, create: SessionCreate) -> Result<(Secret, Session, User)> {
    let SessionCreate { name, password } = create;
    let user = cx.store.user(&name).await?;
    let resting = user.as_ref().is_some_and(|user| rests(user, by.now));
    if resting {
        return Err(Error::new(Kind::Exhausted, "sign-in-rest", "too many wrong passwords for this account")
            .help("wait a quarter of an hour, then try again"));
    }
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    if !cx.passwords.check(&password, hash).await? {
        note_failure(cx, by, &name).await?;
        return Err(wrong());
    }
    let mut user = user.ok_or_else(wrong)?;
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
    let tx = cx.store.begin().await?;
    cx.store.session_add(&tx, &session).await?;
    if user.failures > 0 {
        (user.failures, user.failed) = (0, None);
        cx.store.user_save(&tx, &user).await?;
    }
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
        cx.tell_access(&tx, by, id).await?;
    }
    cx.commit(tx).await
}

/// When a session that is used at `now` ends.
pub fn end(cx: &Cx, now: Timestamp) -> Timestamp {
    let days = i64::from(cx.settings.session_days);
    now.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(now)
}

fn rests(user: &User, now: Timestamp) -> bool {
    user.failures >= MOST_FAILURES && user.failed.is_some_and(|failed| now.duration_since(failed) < REST)
}

async fn note_failure(cx: &Cx, by: &By, name: &UserName) -> Result<()> {
    let tx = cx.store.begin().await?;
    if let Some(mut user) = cx.store.user_locked(&tx, name).await? {
        let rested = user.failed.is_some_and(|failed| by.now.duration_since(failed) >= REST);
        user.failures = if rested { 1 } else { user.failures.saturating_add(1) };
        user.failed = Some(by.now);
        cx.store.user_save(&tx, &user).await?;
        cx.audit(&tx, by, "session.refuse", None, name).await?;
    }
    tx.commit().await
}

fn wrong() -> Error {
    Error::unauthenticated("wrong-password", "the name or the password is wrong").help("hearth login")
}
