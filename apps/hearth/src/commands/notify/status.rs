//! `hearth notify status`.

use hearth_base::{Result, UserName};
use hearth_wire::notify::MailSettings;

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Shows the mail settings of the tool.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<MailSettings>()?;
    let session = cx.open_tool_session()?;
    let settings = session.send(session.client().notify().show_mail_settings(session.tool_name())).await?;
    let MailSettings { sends, off, recipients, waiting, next } = &settings;
    let names = recipients.iter().map(UserName::as_str).collect::<Vec<_>>().join(", ");
    let mut pairs = vec![
        ("mail", Cell::from(if *sends { "sent" } else { "not sent by this Hearth" })),
        ("to", Cell::from(if names.is_empty() { "nobody".to_owned() } else { names })),
        ("to you", Cell::from(if *off { "off" } else { "on" })),
        ("waiting", Cell::from(waiting.to_string())),
    ];
    pairs.extend(next.map(|next| ("next mail", Cell::from(next))));
    result.print_record(&settings, &Table::from_pairs(pairs))?;
    if *sends && recipients.is_empty() {
        cx.printer.print_note("No maintainer of this tool has a mail address with mail switched on.");
        cx.printer.print_next("hearth notify email ADDRESS");
    }
    Ok(())
}
