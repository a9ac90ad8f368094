//! Coming in with a code.

use hearth_base::{Error, Result, UserId};
use hearth_wire::accounts::Join;

use super::secrets;
use crate::{
    cx::{By, Cx},
    store::User,
};

/// Makes the account of whoever holds a code.
pub async fn join(cx: &Cx, by: &By, join: Join) -> Result<User> {
    let Join { code, name, password } = join;
    let code = secrets::hash(&code);
    // Looked at first: strangers without a code cost nothing.
    if !cx.store.invitation_is_good(&code, by.now).await? {
        return Err(refused());
    }
    let password_hash = cx.passwords.hash(&password).await?;
    let tx = cx.store.begin().await?;
    let invitation = cx
        .store
        .invitation_take(&tx, &code)
        .await?
        .filter(|invitation| invitation.expires > by.now)
        .ok_or_else(refused)?;
    let user = User {
        id: UserId::new(by.now, &cx.entropy),
        name,
        password_hash,
        operator: invitation.operator,
        disabled: false,
        created: by.now,
        email: None,
    };
    cx.store.user_add(&tx, &user).await?;
    cx.audit(&tx, &by.named(&user), "user.join", None, &user.name).await?;
    tx.commit().await?;
    if invitation.first {
        // Its code is good no more; the file would only mislead.
        if let Err(cause) = std::fs::remove_file(cx.state.setup_code()) {
            tracing::warn!(%cause, "the file with the used set-up code is still there");
        }
    }
    Ok(user)
}

fn refused() -> Error {
    Error::forbidden("code-refused", "this code is not good: it was used, withdrawn, or has run out")
        .help("ask whoever runs this Hearth for a new one")
}
