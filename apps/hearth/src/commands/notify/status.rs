//! `hearth notify status`.

use hearth_base::{Result, UserName};
use hearth_wire::notify::{EventType, MailSettings};

use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// Shows the mail settings of the tool.
pub async fn run(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<MailSettings>()?;
    let session = cx.open_tool_session()?;
    let settings = session.send(session.client().notify().show_mail_settings(session.tool_name())).await?;
    let MailSettings { sends, off, recipients, waiting, next, events, available_events, .. } = &settings;
    let names = recipients.iter().map(UserName::as_str).collect::<Vec<_>>().join(", ");
    let mut pairs = vec![
        ("mail", Cell::from(if *sends { "sent" } else { "not sent by this Hearth" })),
        ("to", Cell::from(if names.is_empty() { "nobody".to_owned() } else { names })),
        ("to you", Cell::from(if *off { "off" } else { "on" })),
    ];
    // A Hearth of an earlier release knows no choice.
    if !available_events.is_empty() {
        pairs.push(("about", Cell::from(describe_events(events))));
    }
    pairs.push(("waiting", Cell::from(waiting.to_string())));
    pairs.extend(next.map(|next| ("next mail", Cell::from(next))));
    result.print_record(&settings, &Table::from_pairs(pairs))?;
    if *sends && recipients.is_empty() {
        cx.printer.print_note("No maintainer of this tool has a mail address with mail switched on.");
        cx.printer.print_next("hearth notify email ADDRESS");
    }
    Ok(())
}

fn describe_events(events: &[EventType]) -> String {
    if events.is_empty() {
        return "no event".to_owned();
    }
    events.iter().map(EventType::as_str).collect::<Vec<_>>().join(", ")
}
