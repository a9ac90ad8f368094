//! `hearth tool offers`.

use hearth_base::Result;
use hearth_wire::accounts::MembershipOffer;

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Lists the memberships that are offered to the caller.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<MembershipOffer>()?;
    let session = cx.open_session()?;
    let accounts = session.client.accounts();
    let offers =
        session.collect_items(|paging| async move { accounts.list_membership_offers(&paging).await }).await?;
    let mut table = Table::with_headings(&["tool", "role", "offered by", "offered", "expires"]);
    for MembershipOffer { tool, role, offered_by, offered, expires } in &offers {
        table.add_row([
            Cell::from(tool.as_str()),
            Cell::from(role.name()),
            Cell::from(offered_by.as_ref().map_or("-", |user| user.as_str())),
            Cell::from(*offered),
            Cell::from(*expires),
        ]);
    }
    result.print_list(&offers, &table)?;
    match offers.first() {
        Some(offer) => cx.printer.print_next(&format!("hearth tool accept {}", offer.tool)),
        None => cx.printer.print_note("No tool offers you a membership."),
    }
    Ok(())
}
