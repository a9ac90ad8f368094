//! What happens to accounts.

use hearth_base::{EmailAddress, Error, Result, SessionId, UserId, UserName};
use hearth_wire::accounts::{PasswordChange, UserPatch};

use super::guesses;
use crate::{
    cx::{By, Cx},
    store::User,
};

/// Chooses a new password. The user's other sessions end.
pub async fn password_change(
    cx: &Cx,
    by: &By,
    user: UserId,
    keep: Option<SessionId>,
    change: PasswordChange,
) -> Result<()> {
    let PasswordChange { current, new } = change;
    let known = cx.store.user_by_id(user).await?.ok_or_else(|| Error::not_found("user", user))?;
    let wrong = || Error::forbidden("wrong-password", "the current password is another one");
    guesses::count(cx, by, &known.name).await?;
    if !cx.passwords.check_password(&current, Some(known.password_hash.clone())).await? {
        return Err(wrong());
    }
    let password_hash = cx.passwords.hash(&new).await?;
    let tx = cx.store.begin().await?;
    let now_is = cx.store.user_locked(&tx, &known.name).await?;
    // Another change may have come first.
    let mut user = now_is.filter(|user| user.password_hash == known.password_hash).ok_or_else(wrong)?;
    user.password_hash = password_hash;
    cx.store.user_save(&tx, &user).await?;
    cx.store.session_end_others(&tx, user.id, keep).await?;
    cx.store.mandate_end_of_sessions(&tx, user.id, keep, by.now).await?;
    cx.store.guesses_forget(&tx, &user.name).await?;
    cx.audit(&tx, by, "user.password", None, &user.name).await?;
    cx.append_access_changed(&tx, by, user.id).await?;
    tx.commit().await
}

/// Where mail to a user goes.
pub async fn email(cx: &Cx, user: UserId) -> Result<Option<EmailAddress>> {
    let known = cx.store.user_by_id(user).await?.ok_or_else(|| Error::not_found("user", user))?;
    Ok(known.email)
}

/// Changes where mail to a user goes. The audit log says that it was changed, and not to what.
pub async fn email_put(cx: &Cx, by: &By, user: UserId, address: Option<EmailAddress>) -> Result<()> {
    let tx = cx.store.begin().await?;
    let known = cx.store.user_by_id_locked(&tx, user).await?;
    let mut known = known.ok_or_else(|| Error::not_found("user", user))?;
    if known.email == address {
        return Ok(());
    }
    known.email = address;
    cx.store.user_save(&tx, &known).await?;
    cx.audit(&tx, by, "user.email", None, &known.name).await?;
    tx.commit().await
}

/// Changes a user, for operators. One operator who can sign in always stays.
pub async fn patch(cx: &Cx, by: &By, name: &UserName, patch: UserPatch) -> Result<User> {
    let UserPatch { disabled, operator } = patch;
    let tx = cx.store.begin().await?;
    let operators = cx.still_operator(&tx, by).await?;
    let mut user = cx.store.user_locked(&tx, name).await?.ok_or_else(|| Error::not_found("user", name))?;
    user.disabled = disabled.unwrap_or(user.disabled);
    user.operator = operator.unwrap_or(user.operator);
    cx.store.user_save(&tx, &user).await?;
    let able = user.operator && !user.disabled;
    if !able && operators == [user.id] {
        return Err(Error::conflict("last-operator", format!("{name} is the last operator who can sign in"))
            .help("make somebody else an operator first"));
    }
    if user.disabled {
        cx.store.session_end_others(&tx, user.id, None).await?;
    }
    if user.disabled || operator == Some(false) {
        cx.store.mandate_end_of(&tx, user.id, None, by.now).await?;
    }
    if !able {
        cx.store.invitation_withdraw_of(&tx, user.id).await?;
    }
    let action = match (disabled, operator) {
        (Some(true), _) => "user.disable",
        (Some(false), _) => "user.enable",
        (None, Some(true)) => "user.promote",
        (None, Some(false)) => "user.demote",
        (None, None) => "user.patch",
    };
    cx.audit(&tx, by, action, None, name).await?;
    cx.append_access_changed(&tx, by, user.id).await?;
    tx.commit().await?;
    Ok(user)
}
