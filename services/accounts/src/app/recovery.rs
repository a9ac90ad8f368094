//! Recovery of an account whose password is lost: a code from an operator or by mail sets a new one.

use hearth_base::{Error, PageLimit, Result, TokenId, UserId, UserName};
use hearth_kit::db::Tx;
use hearth_wire::accounts::{PasswordReset, RecoveryCode};
use jiff::SignedDuration;

use super::{
    account_mails,
    attempts::{self, AttemptCounter},
    deploy_tokens,
    secrets::{self, SecretKind},
};
use crate::{
    context::{AccountsContext, RequestActor},
    store::{AccountStore, NewRecoveryCode, RecoveryOrigin, User},
};

/// Action of a recovery in the audit log.
const RECOVER_ACTION: &str = "user.recover";
/// Lifetime of a recovery code.
const RECOVERY_CODE_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Creates a recovery code for a user, for operators.
pub async fn create_recovery_code(
    cx: &AccountsContext,
    actor: &RequestActor,
    name: &UserName,
) -> Result<RecoveryCode> {
    let tx = cx.store.begin().await?;
    cx.require_operator(&tx, actor).await?;
    let user = lock_named_user(cx, &tx, name).await?;
    let code = insert_code(cx, &tx, actor, &user, RecoveryOrigin::Operator).await?;
    tx.commit().await?;
    Ok(code)
}

/// Creates a recovery code as the operator of the machine. With `makes_operator` the user becomes an enabled
/// operator: the last one may have been lost.
pub async fn recover_user(
    cx: &AccountsContext,
    name: &UserName,
    makes_operator: bool,
) -> Result<RecoveryCode> {
    let actor = RequestActor { who: "hearthd recover".to_owned(), ..cx.build_system_actor() };
    // `hearth users list` needs somebody who can sign in.
    if cx.store.find_user(name).await?.is_none() {
        let known = cx.store.list_users(PageLimit::default(), None).await?.items;
        let known = known.iter().map(|user| user.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Error::not_found("user", name).help(format!("name one of the users: {known}")));
    }
    let tx = cx.store.begin().await?;
    let mut user = lock_named_user(cx, &tx, name).await?;
    if makes_operator && (!user.operator || user.disabled) {
        (user.operator, user.disabled) = (true, false);
        cx.store.update_user(&tx, &user).await?;
        cx.record_audit_entry(&tx, &actor, "user.promote", None, name).await?;
        cx.append_access_changed(&tx, &actor, user.id).await?;
    }
    let code = insert_code(cx, &tx, &actor, &user, RecoveryOrigin::Operator).await?;
    tx.commit().await?;
    Ok(code)
}

/// Enqueues a mail with a recovery code, if the user exists. The caller learns nothing about that.
pub async fn request_recovery_mail(
    cx: &AccountsContext,
    actor: &RequestActor,
    name: &UserName,
) -> Result<()> {
    let client = attempts::format_client(actor.client);
    let max_mails = cx.settings.code_mails_per_user;
    let counters = [
        AttemptCounter::new(format!("recovery-mail:{name}"), max_mails),
        AttemptCounter::new(format!("recovery-mail-address:{client}"), max_mails),
    ];
    attempts::record_mail_request(cx, actor, &counters, ("recovery.mail", name.as_str())).await?;
    let Some(user) = cx.store.find_user(name).await? else { return Ok(()) };
    if user.disabled || user.verified_email().is_none() {
        return Ok(());
    }
    let tx = cx.store.begin().await?;
    let (task, key) = (AccountStore::RECOVERY_MAIL_TASK, user.id.to_string());
    cx.store.queue.enqueue(&tx, task, &key, &(), actor.now).await?;
    tx.commit().await
}

/// Creates a recovery code and mails it. Without a mail server or an address, nothing is sent.
pub async fn send_recovery_mail(cx: &AccountsContext, id: UserId) -> Result<()> {
    let actor = cx.build_system_actor();
    let tx = cx.store.begin().await?;
    let found = cx.store.lock_user_by_id(&tx, id).await?.filter(|user| !user.disabled);
    let Some((user, to)) = found.and_then(|user| user.verified_email().cloned().map(|to| (user, to))) else {
        return Ok(());
    };
    let RecoveryCode { code, .. } = insert_code(cx, &tx, &actor, &user, RecoveryOrigin::Mail).await?;
    tx.commit().await?;
    let body = format!(
        "Somebody, probably you, asked for a new password of {name} at {door}.\n\nTo set one, run\n\n    hearth \
         password --code-stdin\n\nand enter the code\n\n    {code}\n\nThe code is valid for a day. If you did not ask \
         for it, ignore this mail: your password is unchanged.\n",
        name = user.name,
        door = cx.door.public_authority(),
        code = code.expose_secret(),
    );
    account_mails::send_queued_mail(cx, to, format!("New password of {}", user.name), body).await
}

/// Sets a new password with a recovery code. Whoever knew the old password keeps nothing: the sessions, devices,
/// personal tokens, mandates and other recovery codes of the user end, and so does an unconfirmed mail address. Returns
/// the number of revoked personal tokens too.
pub async fn reset_password(
    cx: &AccountsContext,
    actor: &RequestActor,
    reset: PasswordReset,
) -> Result<(User, u64)> {
    let PasswordReset { code, password } = reset;
    let hash = secrets::hash_secret(&code);
    let counters = attempts::list_code_counters(&cx.settings, actor.client);
    attempts::record_attempt(cx, actor, &counters, (RECOVER_ACTION, "")).await?;
    // Checked before the password is hashed, so that requests without a code stay cheap.
    let Some(id) = cx.store.find_recovery_user(&hash, actor.now).await? else {
        let attempt = (RECOVER_ACTION, "");
        return Err(attempts::record_refused_attempt(cx, actor, attempt, build_code_error()).await?);
    };
    let password_hash = cx.passwords.hash_password(&password, actor.client).await?;
    let tx = cx.store.begin().await?;
    let mut user = cx.store.lock_user_by_id(&tx, id).await?.ok_or_else(build_code_error)?;
    // Under the user's lock: another request may have used the code meanwhile.
    cx.store.find_recovery_user_in(&tx, &hash, actor.now).await?.ok_or_else(build_code_error)?;
    user.password_hash = password_hash;
    cx.store.update_user(&tx, &user).await?;
    cx.store.delete_recovery_codes(&tx, user.id).await?;
    cx.store.delete_email_code(&tx, user.id).await?;
    let revoked_tokens = cx.store.delete_personal_tokens(&tx, user.id).await?;
    cx.store.delete_other_sessions(&tx, user.id, None).await?;
    cx.store.delete_user_devices(&tx, user.id).await?;
    cx.store.end_user_mandates(&tx, user.id, None, actor.now).await?;
    deploy_tokens::suspend_tokens_of_user(cx, &tx, &actor.with_user(&user), user.id, false).await?;
    attempts::forget_attempts(cx, &tx, &counters, actor.now).await?;
    cx.record_audit_entry(&tx, &actor.with_user(&user), RECOVER_ACTION, None, &user.name).await?;
    cx.append_access_changed(&tx, actor, user.id).await?;
    tx.commit().await?;
    Ok((user, revoked_tokens))
}

async fn lock_named_user(cx: &AccountsContext, tx: &Tx, name: &UserName) -> Result<User> {
    let user = cx.store.lock_user(tx, name).await?;
    user.ok_or_else(|| Error::not_found("user", name).help("hearth users list"))
}

async fn insert_code(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    user: &User,
    origin: RecoveryOrigin,
) -> Result<RecoveryCode> {
    let code = secrets::create_secret(SecretKind::Recovery, &cx.entropy);
    let expires = actor.now.saturating_add(RECOVERY_CODE_LIFETIME).unwrap_or(actor.now);
    let stored = NewRecoveryCode {
        id: TokenId::new(actor.now, &cx.entropy),
        hash: secrets::hash_secret(&code),
        user: user.id,
        origin,
        created: actor.now,
        expires,
    };
    cx.store.replace_recovery_code(tx, &stored).await?;
    cx.record_audit_entry(tx, actor, "recovery-code.create", None, &user.name).await?;
    Ok(RecoveryCode { code, user: user.name.clone(), expires })
}

fn build_code_error() -> Error {
    Error::forbidden("code-refused", "the code is invalid: it is mistyped, used or expired")
        .help("ask an operator of this Hearth for a new code")
}
