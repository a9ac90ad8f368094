//! Changes of accounts.

use hearth_base::{Credential, Error, Result, Secret, SessionId, UserId, UserName};
use hearth_kit::db::Tx;
use hearth_wire::accounts::{PasswordChange, UserPatch};

use super::{
    attempts::{self, AttemptCounter},
    deploy_tokens,
};
use crate::{
    context::{AccountsContext, RequestActor},
    store::User,
};

/// Action of a change of a password in the audit log.
const PASSWORD_ACTION: &str = "user.password";

/// A user whose current password was checked, and the counters of the check.
#[derive(Debug)]
pub struct CheckedUser {
    /// The user, as of the check.
    pub user: User,
    counters: Vec<AttemptCounter>,
}

impl CheckedUser {
    /// Locks the user, and forgets the attempts. Fails if another password was set since the check.
    pub async fn lock_user(&self, cx: &AccountsContext, tx: &Tx, actor: &RequestActor) -> Result<User> {
        let user = cx.store.lock_user_by_id(tx, self.user.id).await?;
        let user = user.filter(|user| user.password_hash == self.user.password_hash);
        attempts::forget_attempts(cx, tx, &self.counters, actor.now).await?;
        user.ok_or_else(|| build_wrong_password_error(&self.user.name))
    }
}

/// Checks the current password of a signed-in user. An attempt counts for the credential; a wrong password is recorded
/// in the audit log as a refused `action`.
pub async fn check_current_password(
    cx: &AccountsContext,
    actor: &RequestActor,
    (user, credential): (UserId, &Credential),
    password: &Secret,
    action: &'static str,
) -> Result<CheckedUser> {
    let stored = cx.store.find_user_by_id(user).await?.ok_or_else(|| Error::not_found("user", user))?;
    let counters = attempts::list_password_counters(&cx.settings, credential);
    let attempt = (action, stored.name.as_str());
    attempts::record_attempt(cx, actor, &counters, attempt).await?;
    let hash = Some(stored.password_hash.clone());
    if !cx.passwords.check_password(password, hash, actor.client).await? {
        let error = build_wrong_password_error(&stored.name);
        return Err(attempts::record_refused_attempt(cx, actor, attempt, error).await?);
    }
    Ok(CheckedUser { user: stored, counters })
}

fn build_wrong_password_error(name: &UserName) -> Error {
    Error::forbidden("wrong-password", "the current password is wrong")
        .help(format!("hearth password --forgot {name}"))
}

/// Changes a password. All sessions of the user except the one of the credential end, with the mandates given
/// from them, and so do recovery codes. A refused change is recorded in the audit log.
pub async fn change_password(
    cx: &AccountsContext,
    actor: &RequestActor,
    user: UserId,
    credential: &Credential,
    change: PasswordChange,
) -> Result<()> {
    let PasswordChange { current, new } = change;
    let checked = check_current_password(cx, actor, (user, credential), &current, PASSWORD_ACTION).await?;
    let keep = find_session(credential);
    let password_hash = cx.passwords.hash_password(&new, actor.client).await?;
    let tx = cx.store.begin().await?;
    let mut user = checked.lock_user(cx, &tx, actor).await?;
    user.password_hash = password_hash;
    cx.store.update_user(&tx, &user).await?;
    cx.store.delete_recovery_codes(&tx, user.id).await?;
    cx.store.delete_other_sessions(&tx, user.id, keep).await?;
    cx.store.end_other_session_mandates(&tx, user.id, keep, actor.now).await?;
    cx.record_audit_entry(&tx, actor, PASSWORD_ACTION, None, &user.name).await?;
    cx.append_access_changed(&tx, actor, user.id).await?;
    tx.commit().await
}

fn find_session(credential: &Credential) -> Option<SessionId> {
    match credential {
        Credential::Session(session) => Some(*session),
        _ => None,
    }
}

/// Changes a user, for operators. At least one enabled operator always remains.
pub async fn patch_user(
    cx: &AccountsContext,
    actor: &RequestActor,
    name: &UserName,
    patch: UserPatch,
) -> Result<User> {
    let UserPatch { disabled, operator } = patch;
    let tx = cx.store.begin().await?;
    let operators = cx.require_operator(&tx, actor).await?;
    let mut user = cx
        .store
        .lock_user(&tx, name)
        .await?
        .ok_or_else(|| Error::not_found("user", name).help("hearth users list"))?;
    user.disabled = disabled.unwrap_or(user.disabled);
    user.operator = operator.unwrap_or(user.operator);
    cx.store.update_user(&tx, &user).await?;
    let is_enabled_operator = user.operator && !user.disabled;
    if !is_enabled_operator && operators == [user.id] {
        return Err(Error::conflict("last-operator", format!("{name} is the last enabled operator"))
            .help("make another user an operator first"));
    }
    if user.disabled {
        cx.store.delete_other_sessions(&tx, user.id, None).await?;
    }
    if user.disabled || operator == Some(false) {
        deploy_tokens::suspend_tokens_of_user(cx, &tx, actor, user.id, !user.disabled).await?;
        cx.store.end_user_mandates(&tx, user.id, None, actor.now).await?;
    }
    if !is_enabled_operator {
        cx.store.delete_invitations_by_maker(&tx, user.id).await?;
    }
    let action = match (disabled, operator) {
        (Some(true), _) => "user.disable",
        (Some(false), _) => "user.enable",
        (None, Some(true)) => "user.promote",
        (None, Some(false)) => "user.demote",
        (None, None) => "user.patch",
    };
    cx.record_audit_entry(&tx, actor, action, None, name).await?;
    cx.append_access_changed(&tx, actor, user.id).await?;
    tx.commit().await?;
    Ok(user)
}
