//! Changes of accounts.

use hearth_base::{EmailAddress, Error, Result, SessionId, UserId, UserName};
use hearth_wire::accounts::{PasswordChange, UserPatch};

use super::sign_in_attempts;
use crate::{
    context::{AccountsContext, RequestActor},
    store::User,
};

/// Changes a password. All sessions of the user except `keep` end, with the mandates given from them.
pub async fn change_password(
    cx: &AccountsContext,
    actor: &RequestActor,
    user: UserId,
    keep: Option<SessionId>,
    change: PasswordChange,
) -> Result<()> {
    let PasswordChange { current, new } = change;
    let stored = cx.store.find_user_by_id(user).await?.ok_or_else(|| Error::not_found("user", user))?;
    let wrong = || Error::forbidden("wrong-password", "the current password is wrong");
    sign_in_attempts::record_attempt(cx, actor, &stored.name).await?;
    if !cx.passwords.check_password(&current, Some(stored.password_hash.clone())).await? {
        return Err(wrong());
    }
    let password_hash = cx.passwords.hash_password(&new).await?;
    let tx = cx.store.begin().await?;
    let current_user = cx.store.lock_user(&tx, &stored.name).await?;
    // Another change may have been committed meanwhile.
    let mut user =
        current_user.filter(|user| user.password_hash == stored.password_hash).ok_or_else(wrong)?;
    user.password_hash = password_hash;
    cx.store.update_user(&tx, &user).await?;
    cx.store.delete_other_sessions(&tx, user.id, keep).await?;
    cx.store.end_other_session_mandates(&tx, user.id, keep, actor.now).await?;
    cx.store.delete_attempts(&tx, &user.name).await?;
    cx.record_audit_entry(&tx, actor, "user.password", None, &user.name).await?;
    cx.append_access_changed(&tx, actor, user.id).await?;
    tx.commit().await
}

/// Finds the mail address of a user.
pub async fn find_email(cx: &AccountsContext, user: UserId) -> Result<Option<EmailAddress>> {
    let stored = cx.store.find_user_by_id(user).await?.ok_or_else(|| Error::not_found("user", user))?;
    Ok(stored.email)
}

/// Sets the mail address of a user. The audit log records the change without the address.
pub async fn set_email(
    cx: &AccountsContext,
    actor: &RequestActor,
    user: UserId,
    address: Option<EmailAddress>,
) -> Result<()> {
    let tx = cx.store.begin().await?;
    let stored = cx.store.lock_user_by_id(&tx, user).await?;
    let mut stored = stored.ok_or_else(|| Error::not_found("user", user))?;
    if stored.email == address {
        return Ok(());
    }
    stored.email = address;
    cx.store.update_user(&tx, &stored).await?;
    cx.record_audit_entry(&tx, actor, "user.email", None, &stored.name).await?;
    tx.commit().await
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
        .ok_or_else(|| Error::not_found("user", name).help("list them with GET /accounts/v1/users"))?;
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
