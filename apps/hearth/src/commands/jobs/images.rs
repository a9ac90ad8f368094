//! `hearth jobs images`.

use hearth_base::Result;
use hearth_wire::jobs::JobImage;

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Lists the images.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<JobImage>()?;
    let session = cx.open_tool_session()?;
    let images = session.send(session.client().jobs().list_images(session.tool_name())).await?.images;
    let mut table = Table::with_headings(&["short name", "image"]);
    for JobImage { shortname, image } in &images {
        table.add_row([Cell::from(shortname.as_str()), Cell::from(image.as_str())]);
    }
    result.print_list(&images, &table)?;
    if images.is_empty() {
        cx.printer.print_note("There are no images yet.");
        cx.printer.print_next("hearth deploy");
    }
    Ok(())
}
