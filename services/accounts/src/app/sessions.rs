//! Sessions: sign-in and sign-out.

use hearth_base::{Credential, Error, Result, Secret, SessionId};
use hearth_wire::accounts::SessionCreate;
use jiff::{SignedDuration, Timestamp};

use super::{
    attempts, devices,
    secrets::{self, SecretKind},
};
use crate::{
    context::{AccountsContext, RequestActor},
    store::{Session, User},
};

/// Action of a sign-in in the audit log.
const SIGN_IN_ACTION: &str = "session.create";

/// A new session, with the secrets that only the client keeps.
#[derive(Debug)]
pub struct OpenedSession {
    pub secret: Secret,
    pub session: Session,
    pub user: User,
    /// Secret of the device, if it was not known.
    pub device: Option<Secret>,
}

/// Creates a session after a check of the password. A refused sign-in is recorded in the audit log.
pub async fn create_session(
    cx: &AccountsContext,
    actor: &RequestActor,
    create: SessionCreate,
) -> Result<OpenedSession> {
    let SessionCreate { name, password, device } = create;
    let found = cx.store.find_user(&name).await?;
    let user_id = found.as_ref().map(|user| user.id);
    let device = devices::find_known_device(cx, actor, user_id, device.as_ref()).await?;
    let counters = attempts::list_sign_in_counters(&cx.settings, &name, actor.client, device);
    let attempt = (SIGN_IN_ACTION, name.as_str());
    attempts::record_attempt(cx, actor, &counters, attempt).await?;
    let hash = found.map(|user| user.password_hash);
    if !cx.passwords.check_password(&password, hash.clone(), actor.client).await? {
        let error = build_wrong_password_error();
        return Err(attempts::record_refused_attempt(cx, actor, attempt, error).await?);
    }
    let tx = cx.store.begin().await?;
    // The check took time: the user may have been disabled or the password changed meanwhile.
    let user = cx.store.lock_user(&tx, &name).await?;
    let user = user
        .filter(|user| Some(&user.password_hash) == hash.as_ref())
        .ok_or_else(build_wrong_password_error)?;
    if user.disabled {
        drop(tx);
        let error = Error::forbidden("user-disabled", format!("the account {name} is disabled"))
            .help("ask an operator of this Hearth to enable it");
        return Err(attempts::record_refused_attempt(cx, actor, attempt, error).await?);
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
    let device = devices::remember_device(cx, &tx, actor, user.id, device).await?;
    attempts::forget_attempts(cx, &tx, &counters, actor.now).await?;
    cx.record_audit_entry(&tx, &actor.with_user(&user), SIGN_IN_ACTION, None, &user.name).await?;
    tx.commit().await?;
    Ok(OpenedSession { secret, session, user, device })
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
