//! Sessions: sign-in and sign-out.

use hearth_base::{Credential, Error, Result, Secret, SessionId};
use hearth_wire::accounts::SessionCreate;
use jiff::{SignedDuration, Timestamp};

use super::{
    secrets::{self, SecretKind},
    sign_in_attempts,
};
use crate::{
    context::{AccountsContext, RequestActor},
    store::{Session, User},
};

/// Creates a session after a check of the password.
pub async fn create_session(
    cx: &AccountsContext,
    actor: &RequestActor,
    create: SessionCreate,
) -> Result<(Secret, Session, User)> {
    let SessionCreate { name, password } = create;
    sign_in_attempts::record_attempt(cx, actor, &name).await?;
    let hash = cx.store.find_user(&name).await?.map(|user| user.password_hash);
    if !cx.passwords.check_password(&password, hash.clone()).await? {
        return Err(build_wrong_password_error());
    }
    let tx = cx.store.begin().await?;
    // The check took time: the user may have been disabled or the password changed meanwhile.
    let user = cx.store.lock_user(&tx, &name).await?;
    let user = user
        .filter(|user| Some(&user.password_hash) == hash.as_ref())
        .ok_or_else(build_wrong_password_error)?;
    if user.disabled {
        return Err(Error::forbidden("user-disabled", format!("the account {name} is disabled"))
            .help("ask an operator of this Hearth to enable it"));
    }
    let secret = secrets::create_secret(SecretKind::Session, &cx.entropy);
    let session = Session {
        id: SessionId::new(actor.now, &cx.entropy),
        hash: secrets::hash_secret(&secret),
        user: user.id,
        last_used: actor.now,
        expires: compute_session_expiry(cx, actor.now),
    };
    cx.store.insert_session(&tx, &session).await?;
    cx.store.delete_attempts(&tx, &name).await?;
    cx.record_audit_entry(&tx, &actor.with_user(&user), "session.create", None, &user.name).await?;
    tx.commit().await?;
    Ok((secret, session, user))
}

/// Ends the session of the request's credential.
pub async fn end_current_session(
    cx: &AccountsContext,
    actor: &RequestActor,
    credential: &Credential,
) -> Result<()> {
    let Credential::Session(id) = credential else {
        return Err(Error::invalid("no-session", "the credential is a token, not a session")
            .help("revoke a token with DELETE /accounts/v1/tokens/ID"));
    };
    let tx = cx.store.begin().await?;
    if cx.store.delete_session(&tx, *id).await? {
        cx.record_audit_entry(&tx, actor, "session.end", None, id).await?;
        cx.append_access_changed(&tx, actor, id).await?;
    }
    tx.commit().await
}

/// Computes the expiry of a session that is used at `now`.
pub fn compute_session_expiry(cx: &AccountsContext, now: Timestamp) -> Timestamp {
    let days = i64::from(cx.settings.session_days);
    now.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(now)
}

fn build_wrong_password_error() -> Error {
    Error::unauthenticated("wrong-password", "the name or the password is wrong").help("hearth login")
}
