//! Mail addresses of users. Mail is sent only to an address whose code was entered: a code is mailed to a new
//! address, and the user enters it.

use hearth_base::{EmailAddress, Error, Result, Role, Secret, UserId};
use hearth_wire::{
    accounts::{MailAddress, MailAddressConfirmation},
    notify::internal::AccountMail,
};
use jiff::SignedDuration;

use super::{
    attempts::{self, AttemptCounter},
    secrets,
};
use crate::{
    context::{AccountsContext, RequestActor},
    store::{EmailCode, User},
};

/// Time for which a mailed code is valid.
const EMAIL_CODE_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// Finds the confirmed and the pending mail address of a user.
pub async fn find_email(cx: &AccountsContext, id: UserId) -> Result<MailAddress> {
    let user = cx.store.find_user_by_id(id).await?.ok_or_else(|| Error::not_found("user", id))?;
    let code = cx.store.find_email_code(id).await?;
    Ok(describe_addresses(&user, code.map(|code| code.address)))
}

/// Sets the mail address of a user, or removes it. A new address is pending until its code is entered; the former
/// one stays in use until then. The audit log records the change without the address.
pub async fn set_email(
    cx: &AccountsContext,
    actor: &RequestActor,
    id: UserId,
    address: Option<EmailAddress>,
) -> Result<MailAddress> {
    let user = cx.store.find_user_by_id(id).await?.ok_or_else(|| Error::not_found("user", id))?;
    let Some(address) = address else { return remove_email(cx, actor, id).await };
    if user.verified_email() == Some(&address) {
        return find_email(cx, id).await;
    }
    let address_hash = secrets::hash_secret(&Secret::new(address.as_str()));
    let counters = [
        AttemptCounter::new(format!("email-code:{id}"), cx.settings.code_mails_per_user),
        // Several accounts must not flood one address.
        AttemptCounter::new(format!("email-code-to:{address_hash}"), cx.settings.code_mails_per_user),
    ];
    attempts::record_mail_request(cx, actor, &counters, ("user.email", user.name.as_str())).await?;
    let code = secrets::create_entered_code(&cx.entropy);
    let stored = EmailCode {
        address: address.clone(),
        hash: secrets::hash_entered_code(&code),
        expires: actor.now.saturating_add(EMAIL_CODE_LIFETIME).unwrap_or(actor.now),
    };
    let tx = cx.store.begin().await?;
    cx.store.lock_user_by_id(&tx, id).await?;
    cx.store.save_email_code(&tx, id, &stored).await?;
    tx.commit().await?;
    // Sent after the commit, so that each mailed code is stored. On an error the caller repeats the request.
    send_code(cx, &user, address.clone(), &code).await?;
    Ok(describe_addresses(&user, Some(address)))
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
    attempts::record_attempt(cx, actor, &counters, ("user.email", &actor.who)).await?;
    let hash = secrets::hash_entered_code(&confirmation.code);
    let tx = cx.store.begin().await?;
    let mut user = cx.store.lock_user_by_id(&tx, id).await?.ok_or_else(|| Error::not_found("user", id))?;
    let code = cx.store.lock_email_code(&tx, id).await?;
    let code = code.filter(|code| code.hash == hash && code.expires > actor.now);
    let EmailCode { address, .. } = code.ok_or_else(build_code_error)?;
    user.email = Some(address.clone());
    user.confirmed_email = Some(address);
    cx.store.update_user(&tx, &user).await?;
    cx.store.delete_email_code(&tx, id).await?;
    attempts::forget_attempts(cx, &tx, &counters, actor.now).await?;
    cx.record_audit_entry(&tx, actor, "user.email", None, &user.name).await?;
    tx.commit().await?;
    Ok(describe_addresses(&user, None))
}

async fn remove_email(cx: &AccountsContext, actor: &RequestActor, id: UserId) -> Result<MailAddress> {
    let tx = cx.store.begin().await?;
    let mut user = cx.store.lock_user_by_id(&tx, id).await?.ok_or_else(|| Error::not_found("user", id))?;
    cx.store.delete_email_code(&tx, id).await?;
    if user.email.is_some() || user.confirmed_email.is_some() {
        (user.email, user.confirmed_email) = (None, None);
        cx.store.update_user(&tx, &user).await?;
        cx.record_audit_entry(&tx, actor, "user.email", None, &user.name).await?;
    }
    tx.commit().await?;
    Ok(MailAddress::default())
}

/// Describes the addresses of a user. An address from before addresses were confirmed is pending.
fn describe_addresses(user: &User, pending: Option<EmailAddress>) -> MailAddress {
    let address = user.verified_email().cloned();
    let pending = pending.or_else(|| user.email.clone()).filter(|pending| address.as_ref() != Some(pending));
    MailAddress { address, pending }
}

async fn send_code(cx: &AccountsContext, user: &User, to: EmailAddress, code: &Secret) -> Result<()> {
    let body = format!(
        "The user {name} at {door} wants to get mail at this address.\n\nIf that is you, enter the code\n\n    \
         {code}\n\nwith: hearth notify email --code {code}\n\nIt is valid for an hour. If it is not you, ignore this \
         mail: no more will come.\n",
        name = user.name,
        door = cx.door.public_authority(),
        code = code.expose_secret(),
    );
    let mail = AccountMail { to, subject: format!("Code for mail to {}", user.name), body };
    cx.clients.create_client(Role::Notify)?.notify().send_account_mail(&mail).await.map(drop)
}

fn build_code_error() -> Error {
    Error::forbidden("code-refused", "the code is invalid: it is mistyped, used, replaced or expired")
        .help("request a new one: hearth notify email ADDRESS")
}
