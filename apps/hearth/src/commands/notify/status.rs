//! `hearth notify status`.

use hearth_base::{Result, UserName};
use hearth_wire::notify::MailSettings;

use crate::{
    context::Context,
    printer::{Cell, Table},
};

/// Says it.
pub async fn run(cx: &Context) -> Result<()> {
    let answer = cx.printer.answer::<MailSettings>()?;
    let at = cx.at_tool()?;
    let told = at.ask(at.client().notify().mail(at.name())).await?;
    let MailSettings { sends, off, recipients, waiting, next } = &told;
    let names = recipients.iter().map(UserName::as_str).collect::<Vec<_>>().join(", ");
    let mut pairs = vec![
        ("mail", Cell::from(if *sends { "sent" } else { "not sent by this Hearth" })),
        ("to", Cell::from(if names.is_empty() { "nobody".to_owned() } else { names })),
        ("to you", Cell::from(if *off { "off" } else { "on" })),
        ("waiting", Cell::from(waiting.to_string())),
    ];
    pairs.extend(next.map(|next| ("next mail", Cell::from(next))));
    answer.shown(&told, &Table::pairs(pairs))?;
    if *sends && recipients.is_empty() {
        cx.printer.note("No maintainer of this tool has a mail address and wants mail.");
        cx.printer.next("hearth notify email ADDRESS");
    }
    Ok(())
}
