//! The first start: a code by which the first operator comes in, printed and in a file only Hearth's own user
//! can read. There is no default password.

use hearth_base::{Error, Result, TokenId};
use hearth_kit::state::write_private;
use jiff::SignedDuration;

use super::secrets::{self, Purpose};
use crate::{cx::Cx, store::Invitation};

/// Makes the code while there are no users, anew at each start; the one before is good no more.
pub async fn prepare(cx: &Cx) -> Result<()> {
    if cx.store.user_count().await? > 0 {
        // Its code is good no more; the file would only mislead.
        return match std::fs::remove_file(cx.state.setup_code()) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(Error::internal(cause)),
            _ => Ok(()),
        };
    }
    let by = cx.by_itself();
    let code = secrets::make(Purpose::Invitation, &cx.entropy);
    let tx = cx.store.begin().await?;
    cx.store.invitation_forget_first(&tx).await?;
    let invitation = Invitation {
        id: TokenId::new(by.now, &cx.entropy),
        hash: secrets::hash(&code),
        operator: true,
        first: true,
        maker: None,
        note: "the first operator".to_owned(),
        created: by.now,
        expires: by.now.saturating_add(SignedDuration::from_hours(24 * 365)).unwrap_or(by.now),
    };
    cx.store.invitation_add(&tx, &invitation).await?;
    write_private(&cx.state.setup_code(), code.reveal())?;
    tx.commit().await
}
