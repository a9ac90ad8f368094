//! First start: a code for the first operator's account, stored in a file that only Hearth's own user can
//! read. There is no default password.

use hearth_base::{Error, Result, TokenId};
use hearth_kit::state::write_private_file;
use jiff::SignedDuration;

use super::secrets::{self, SecretKind};
use crate::{context::AccountsContext, store::Invitation};

/// Creates the setup code while there are no users. Each start replaces the previous code.
pub async fn prepare_setup_code(cx: &AccountsContext) -> Result<()> {
    if cx.store.count_users().await? > 0 {
        // The code is used up; the file would only mislead.
        return match std::fs::remove_file(cx.state.setup_code_path()) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(Error::internal(cause)),
            _ => Ok(()),
        };
    }
    let actor = cx.build_system_actor();
    let code = secrets::create_secret(SecretKind::Invitation, &cx.entropy);
    let tx = cx.store.begin().await?;
    cx.store.delete_setup_invitations(&tx).await?;
    let invitation = Invitation {
        id: TokenId::new(actor.now, &cx.entropy),
        hash: secrets::hash_secret(&code),
        operator: true,
        is_setup: true,
        maker: None,
        note: "the first operator".to_owned(),
        created: actor.now,
        expires: actor.now.saturating_add(SignedDuration::from_hours(24 * 365)).unwrap_or(actor.now),
    };
    cx.store.insert_invitation(&tx, &invitation).await?;
    write_private_file(&cx.state.setup_code_path(), code.expose_secret())?;
    tx.commit().await
}
