//! Mail addresses of users. Mail is sent only to an address whose code was entered: a code is mailed to a new
//! address, and the user enters it. Because recovery mails go to the address, a change needs the current password, and
//! a former address gets a notice.

use hearth_base::{Credential, EmailAddress, Error, Result, Secret, UserId};
use hearth_kit::db::Tx;
use hearth_wire::accounts::{MailAddress, MailAddressChange, MailAddressConfirmation};
use jiff::SignedDuration;

use super::{
    account_mails,
    attempts::{self, AttemptCounter},
    secrets,
    users::{self, CheckedUser},
};
use crate::{
    context::{AccountsContext, RequestActor},
    store::{AccountStore, EmailCode, User},
};

/// Action of a change of a mail address in the audit log.
const EMAIL_ACTION: &str = "user.email";

/// Time for which a mailed code is valid.
const EMAIL_CODE_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// Finds the confirmed and the pending mail address of a user.
pub async fn find_email(cx: &AccountsContext, id: UserId) -> Result<MailAddress> {
    let user = cx.store.find_user_by_id(id).await?.ok_or_else(|| Error::not_found("user", id))?;
    let code = cx.store.find_email_code(id).await?;
    Ok(describe_addresses(&user, code.map(|code| code.address)))
}

/// Sets the mail address of a user, or removes it. A new address is pending until its code is entered; the former
/// one stays in use until then. The audit log records the change without the address. A session alone may be stolen, so
/// the current password is needed too.
pub async fn set_email(
    cx: &AccountsContext,
    actor: &RequestActor,
    (id, credential): (UserId, &Credential),
    change: MailAddressChange,
) -> Result<MailAddress> {
    let MailAddressChange { address, password } = change;
    let current = find_email(cx, id).await?;
    if address.is_some() && address == current.address {
        return Ok(current);
    }
    let password = password.ok_or_else(build_password_needed_error)?;
    let checked = users::check_current_password(cx, actor, (id, credential), &password, EMAIL_ACTION).await?;
    let user = &checked.user;
    let Some(address) = address else { return remove_email(cx, actor, &checked).await };
    let address_hash = secrets::hash_secret(&Secret::new(address.as_str()));
    let counters = [
        AttemptCounter::new(format!("email-code:{id}"), cx.settings.code_mails_per_user),
        // Several accounts must not flood one address.
        AttemptCounter::new(format!("email-code-to:{address_hash}"), cx.settings.code_mails_per_user),
    ];
    attempts::record_mail_request(cx, actor, &counters, (EMAIL_ACTION, user.name.as_str())).await?;
    let code = secrets::create_entered_code(&cx.entropy);
    let stored = EmailCode {
        address: address.clone(),
        hash: secrets::hash_entered_code(&code),
        expires: actor.now.saturating_add(EMAIL_CODE_LIFETIME).unwrap_or(actor.now),
    };
    let tx = cx.store.begin().await?;
    checked.lock_user(cx, &tx, actor).await?;
    cx.store.save_email_code(&tx, id, &stored).await?;
    tx.commit().await?;
    // Sent after the commit, so that each mailed code is stored. On an error the caller repeats the request.
    send_code(cx, user, address.clone(), &code).await?;
    Ok(describe_addresses(user, Some(address)))
}

/// Confirms the pending address of a user with its code.
pub async fn confirm_email(
    cx: &AccountsContext,
    actor: &RequestActor,
    id: UserId,
    confirmation: MailAddressConfirmation,
) -> Result<MailAddress> {
    let counter = AttemptCounter::new(format!("email-confirm:{id}"), cx.settings.sign_in_attempts);
    let counters = [counter];
    attempts::record_attempt(cx, actor, &counters, (EMAIL_ACTION, &actor.who)).await?;
    let hash = secrets::hash_entered_code(&confirmation.code);
    let tx = cx.store.begin().await?;
    let mut user = cx.store.lock_user_by_id(&tx, id).await?.ok_or_else(|| Error::not_found("user", id))?;
    let code = cx.store.lock_email_code(&tx, id).await?;
    let code = code.filter(|code| code.hash == hash && code.expires > actor.now);
    let EmailCode { address, .. } = code.ok_or_else(build_code_error)?;
    replace_email(cx, &tx, actor, &mut user, Some(address)).await?;
    attempts::forget_attempts(cx, &tx, &counters, actor.now).await?;
    tx.commit().await?;
    Ok(describe_addresses(&user, None))
}

async fn remove_email(
    cx: &AccountsContext,
    actor: &RequestActor,
    checked: &CheckedUser,
) -> Result<MailAddress> {
    let tx = cx.store.begin().await?;
    let mut user = checked.lock_user(cx, &tx, actor).await?;
    replace_email(cx, &tx, actor, &mut user, None).await?;
    tx.commit().await?;
    Ok(MailAddress::default())
}

/// Replaces the confirmed address of a user whose row is locked, and enqueues the notice to the former one.
async fn replace_email(
    cx: &AccountsContext,
    tx: &Tx,
    actor: &RequestActor,
    user: &mut User,
    address: Option<EmailAddress>,
) -> Result<()> {
    cx.store.delete_email_code(tx, user.id).await?;
    if user.email == address && user.confirmed_email == address {
        return Ok(());
    }
    if let Some(former) = user.verified_email().cloned() {
        // Of several changes before the notice is sent, the oldest address counts: it is the one of the owner.
        user.former_email.get_or_insert(former);
        let (task, key) = (AccountStore::ADDRESS_NOTICE_TASK, user.id.to_string());
        cx.store.queue.enqueue(tx, task, &key, &(), actor.now).await?;
    }
    (user.email, user.confirmed_email) = (address.clone(), address);
    cx.store.update_user(tx, user).await?;
    cx.record_audit_entry(tx, actor, EMAIL_ACTION, None, &user.name).await
}

/// Mails the notice of a change to the former address of a user. It does not contain the new address.
pub async fn send_address_notice(cx: &AccountsContext, id: UserId) -> Result<()> {
    let Some(user) = cx.store.find_user_by_id(id).await? else { return Ok(()) };
    let Some(former) = user.former_email else { return Ok(()) };
    let body = format!(
        "The mail address of {name} at {door} was changed or removed. This address gets no more mail, and recovers \
         the account no more.\n\nIf that was not you, somebody knows your password. Ask an operator of {door} for a \
         recovery code, and set a new password with it:\n\n    hearth password --code-stdin\n\nThen set your address \
         again: hearth notify email ADDRESS\n",
        name = user.name,
        door = cx.door.public_authority(),
    );
    let subject = format!("Changed mail address of {}", user.name);
    account_mails::send_queued_mail(cx, former.clone(), subject, body).await?;
    let tx = cx.store.begin().await?;
    if let Some(mut user) = cx.store.lock_user_by_id(&tx, id).await?
        && user.former_email.as_ref() == Some(&former)
    {
        user.former_email = None;
        cx.store.update_user(&tx, &user).await?;
    }
    tx.commit().await
}

/// Describes the addresses of a user. An address from before addresses were confirmed is pending.
fn describe_addresses(user: &User, pending: Option<EmailAddress>) -> MailAddress {
    let address = user.verified_email().cloned();
    let pending = pending.or_else(|| user.email.clone()).filter(|pending| address.as_ref() != Some(pending));
    MailAddress { address, pending }
}

async fn send_code(cx: &AccountsContext, user: &User, to: EmailAddress, code: &Secret) -> Result<()> {
    let body = format!(
        "The user {name} at {door} wants to get mail at this address.\n\nIf that is you, run\n\n    hearth notify \
         email --code-stdin\n\nand enter the code\n\n    {code}\n\nIt is valid for an hour. If it is not you, ignore \
         this mail: no more will come.\n",
        name = user.name,
        door = cx.door.public_authority(),
        code = code.expose_secret(),
    );
    account_mails::send_mail(cx, to, format!("Code for mail to {}", user.name), body).await
}

fn build_password_needed_error() -> Error {
    Error::invalid("password-needed", "a change of the mail address needs the current password")
        .help("send it as `password`, or run: hearth notify email ADDRESS")
}

fn build_code_error() -> Error {
    Error::forbidden("code-refused", "the code is invalid: it is mistyped, used, replaced or expired")
        .help("request a new one: hearth notify email ADDRESS")
}
