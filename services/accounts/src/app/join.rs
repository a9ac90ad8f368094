//! Creation of accounts by code.

use hearth_base::{Error, Result, UserId};
use hearth_wire::accounts::UserRegistration;

use super::{attempts, reserved_names, secrets};
use crate::{
    context::{AccountsContext, RequestActor},
    store::User,
};

/// Action of a new account in the audit log.
const JOIN_ACTION: &str = "user.join";

/// Creates an account for the holder of a code. The code is used up.
pub async fn create_account(
    cx: &AccountsContext,
    actor: &RequestActor,
    join: UserRegistration,
) -> Result<User> {
    let UserRegistration { code, name, password } = join;
    let code = secrets::hash_secret(&code);
    let counters = attempts::list_code_counters(&cx.settings, actor.client);
    attempts::record_attempt(cx, actor, &counters, (JOIN_ACTION, name.as_str())).await?;
    // Checked before the password is hashed, so that requests without a code stay cheap.
    if !cx.store.is_valid_invitation(&code, actor.now).await? {
        let attempt = (JOIN_ACTION, name.as_str());
        return Err(attempts::record_refused_attempt(cx, actor, attempt, build_code_error()).await?);
    }
    reserved_names::check_new_user_name(&name)?;
    let password_hash = cx.passwords.hash_password(&password, actor.client).await?;
    let tx = cx.store.begin().await?;
    let invitation = cx
        .store
        .take_invitation(&tx, &code)
        .await?
        .filter(|invitation| invitation.expires > actor.now)
        .ok_or_else(build_code_error)?;
    let user = User {
        id: UserId::new(actor.now, &cx.entropy),
        name,
        password_hash,
        operator: invitation.operator,
        disabled: false,
        created: actor.now,
        email: None,
        confirmed_email: None,
        former_email: None,
    };
    // People and tools share one name space: both may get mail at their names.
    if cx.store.is_tool_name_held(&tx, user.name.as_str()).await? {
        return Err(Error::conflict("user-name-taken", format!("the name {} is taken by a tool", user.name))
            .help("choose another name"));
    }
    cx.store.insert_user(&tx, &user).await?;
    attempts::forget_attempts(cx, &tx, &counters, actor.now).await?;
    cx.record_audit_entry(&tx, &actor.with_user(&user), JOIN_ACTION, None, &user.name).await?;
    tx.commit().await?;
    if invitation.is_setup {
        // The code is used up; the file would only mislead.
        if let Err(cause) = std::fs::remove_file(cx.state.setup_code_path()) {
            tracing::warn!(%cause, "file of the used setup code not deleted");
        }
    }
    Ok(user)
}

fn build_code_error() -> Error {
    Error::forbidden("code-refused", "the code is invalid: it is mistyped, used, withdrawn or expired")
        .help("ask an operator of this Hearth for a new code")
}
