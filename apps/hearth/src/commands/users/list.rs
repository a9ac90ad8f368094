//! `hearth users list`.

use hearth_base::Result;
use hearth_wire::accounts::User;

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Lists the users.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<User>()?;
    let session = cx.open_session()?;
    let accounts = session.client.accounts();
    let users = session.collect_items(|paging| async move { accounts.list_users(&paging).await }).await?;
    let mut table = Table::with_headings(&["user", "rights", "state", "created"]);
    for User { id: _, name, operator, disabled, created } in &users {
        table.add_row([
            Cell::from(name.as_str()),
            Cell::from(if *operator { "operator" } else { "user" }),
            Cell::from(if *disabled { "disabled" } else { "enabled" }),
            Cell::from(*created),
        ]);
    }
    result.print_list(&users, &table)
}
