//! `hearth jobs images`.

use hearth_base::Result;
use hearth_wire::jobs::Image;

use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// Lists them.
pub async fn run(cx: &Context) -> Result<()> {
    let answer = cx.printer.answer::<Image>()?;
    let at = cx.at_tool()?;
    let images = at.ask(at.client().jobs().images(at.name())).await?.images;
    let mut table = Table::of(&["short name", "image"]);
    for Image { shortname, image } in &images {
        table.row([Cell::from(shortname.as_str()), Cell::from(image.as_str())]);
    }
    answer.listed(&images, &table)?;
    if images.is_empty() {
        cx.printer.note("There are no images yet.");
        cx.printer.next("hearth deploy");
    }
    Ok(())
}
