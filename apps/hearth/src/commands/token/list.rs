//! `hearth token list`.

use hearth_base::Result;
use hearth_wire::accounts::Token;

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// The arguments of `hearth token list`.
#[derive(Debug, clap::Args)]
pub struct ListTokensArgs {
    /// List your own tokens instead of the tool's
    #[arg(long)]
    personal: bool,
}

/// Lists the tokens.
pub async fn run(cx: &CommandContext, args: ListTokensArgs) -> Result<()> {
    let result = cx.printer.open_output::<Token>()?;
    let tokens = if args.personal {
        let session = cx.open_session()?;
        let accounts = session.client.accounts();
        session.collect_items(|paging| async move { accounts.list_tokens(&paging).await }).await?
    } else {
        let session = cx.open_tool_session()?;
        session.send(session.client().tools().show(session.tool_name())).await?;
        let (tools, name) = (session.client().tools(), session.tool_name());
        session
            .server_session
            .collect_items(|paging| async move { tools.list_tokens(name, &paging).await })
            .await?
    };
    let mut table = Table::with_headings(&["token", "label", "owner", "state", "created", "used", "expires"]);
    for Token { id, label, scopes: _, created, last_used, expires, owner, suspended } in &tokens {
        table.add_row([
            Cell::from(id.to_string()),
            Cell::from(label.as_str()),
            Cell::from(owner.as_ref().map_or("you", |owner| owner.as_str())),
            Cell::from(if *suspended { "suspended" } else { "valid" }),
            Cell::from(*created),
            last_used.map_or_else(|| Cell::from("-"), Cell::from),
            expires.map_or_else(|| Cell::from("-"), Cell::from),
        ]);
    }
    result.print_list(&tokens, &table)?;
    if tokens.is_empty() {
        cx.printer.print_note("No tokens yet.");
        cx.printer.print_next("hearth token create LABEL");
    }
    if let Some(suspended) = tokens.iter().find(|token| token.suspended) {
        cx.printer.print_note("The owner of a suspended token may no longer change the tool; take it over.");
        cx.printer.print_next(&format!("hearth token claim {}", suspended.id));
    }
    Ok(())
}
