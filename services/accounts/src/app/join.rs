//! Creation of accounts by code.

use hearth_base::{Error, Result, UserId};
use hearth_wire::accounts::UserRegistration;

use super::secrets;
use crate::{
    context::{AccountsContext, RequestActor},
    store::User,
};

/// Creates an account for the holder of a code. The code is used up.
pub async fn create_account(
    cx: &AccountsContext,
    actor: &RequestActor,
    join: UserRegistration,
) -> Result<User> {
    let UserRegistration { code, name, password } = join;
    let code = secrets::hash_secret(&code);
    // Checked before the password is hashed, so that requests without a code stay cheap.
    if !cx.store.is_valid_invitation(&code, actor.now).await? {
        return Err(build_code_error());
    }
    let password_hash = cx.passwords.hash_password(&password).await?;
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
    };
    cx.store.insert_user(&tx, &user).await?;
    cx.record_audit_entry(&tx, &actor.with_user(&user), "user.join", None, &user.name).await?;
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
