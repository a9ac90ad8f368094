//! `hearth tool members list`.

use hearth_base::Result;
use hearth_wire::tools::Member;

use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// Lists them.
pub async fn run(cx: &Context) -> Result<()> {
    let answer = cx.printer.answer::<Member>()?;
    let tool = cx.tool()?;
    let members = super::all(&cx.session()?, &tool).await?;
    let mut table = Table::of(&["user", "role", "since"]);
    for Member { user, role, since } in &members {
        table.row([Cell::from(user.as_str()), Cell::from(role.name()), Cell::from(*since)]);
    }
    answer.listed(&members, &table)
}
