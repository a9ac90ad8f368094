//! Inviting people.

use hearth_base::{Error, Result, Secret, TokenId, plain_text};
use hearth_wire::accounts::InvitationCreate;
use jiff::SignedDuration;

use super::secrets::{self, Purpose};
use crate::{
    cx::{By, Cx},
    store::Invitation,
};

const LIFE: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Makes a code by which somebody can come in, once, within a week.
pub async fn create(cx: &Cx, by: &By, create: InvitationCreate) -> Result<(Secret, Invitation)> {
    let InvitationCreate { operator, note } = create;
    plain_text("note", &note, 0..=200)?;
    let code = secrets::make(Purpose::Invitation, &cx.entropy);
    let invitation = Invitation {
        id: TokenId::new(by.now, &cx.entropy),
        hash: secrets::hash(&code),
        operator,
        first: false,
        maker: by.user,
        note,
        created: by.now,
        expires: by.now.saturating_add(LIFE).unwrap_or(by.now),
    };
    let tx = cx.store.begin().await?;
    cx.still_operator(&tx, by).await?;
    cx.store.invitation_add(&tx, &invitation).await?;
    cx.audit(&tx, by, "invitation.create", None, &invitation.note).await?;
    tx.commit().await?;
    Ok((code, invitation))
}

/// Withdraws a code that was not used.
pub async fn withdraw(cx: &Cx, by: &By, id: TokenId) -> Result<()> {
    let tx = cx.store.begin().await?;
    let withdrawn = cx.store.invitation_withdraw(&tx, id).await?;
    let invitation = withdrawn.ok_or_else(|| Error::not_found("invitation", id))?;
    cx.audit(&tx, by, "invitation.withdraw", None, invitation.note).await?;
    tx.commit().await
}
