//! `hearth files usage`.

use hearth_base::Result;
use hearth_wire::storage::Volume;

use crate::{
    context::CommandContext,
    pack::format_size,
    printer::{Cell, Table},
};

/// Shows the used space of the home.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<Volume>()?;
    let session = cx.open_tool_session()?;
    let home = session.send(session.client().storage().show_home(session.tool_name())).await?;
    let limit = |text: Option<String>| text.unwrap_or_else(|| "not limited".to_owned());
    let mut table = Table::with_headings(&["resource", "used", "quota"]);
    table.add_row([
        Cell::from("space"),
        Cell::from(format_size(home.used_bytes)),
        Cell::from(limit(home.max_bytes.map(format_size))),
    ]);
    table.add_row([
        Cell::from("files and folders"),
        Cell::from(home.files.to_string()),
        Cell::from(limit(home.max_files.map(|count| count.to_string()))),
    ]);
    result.print_record(&home, &table)
}
