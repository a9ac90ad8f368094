//! `hearth notify events`: choose the events about a tool that are mailed to you.

use hearth_base::{Error, Result};
use hearth_wire::notify::{EventType, MailSettings, MailSettingsPut};

use crate::{
    context::CommandContext,
    flags::DryRun,
    printer::{Cell, Table},
};

/// The arguments of `hearth notify events`.
#[derive(Debug, clap::Args)]
pub struct ChooseEventsArgs {
    /// Event types about which you get mail, and no others; default: show them
    #[arg(value_name = "EVENT", value_parser = parse_mail_type)]
    events: Vec<EventType>,
    /// Choose the events that are mailed to members without a choice
    #[arg(long, conflicts_with_all = ["events", "none"])]
    default: bool,
    /// Choose no event
    #[arg(long, conflicts_with = "events")]
    none: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

fn parse_mail_type(text: &str) -> Result<EventType> {
    let parsed = EventType::from_event(text);
    parsed.check_mail_type().map(|()| parsed)
}

/// Shows or changes the choice.
pub async fn run(cx: &CommandContext, args: ChooseEventsArgs) -> Result<()> {
    let result = cx.printer.open_output::<MailSettings>()?;
    let ChooseEventsArgs { mut events, default, none, dry_run } = args;
    let session = cx.open_tool_session()?;
    let calls = session.client().notify();
    let current = session.send(calls.show_mail_settings(session.tool_name())).await?;
    if current.available_events.is_empty() {
        let what = "this Hearth is of a release in which mail cannot be chosen by event";
        return Err(Error::invalid("events-not-known", what).help("hearth notify off"));
    }
    if events.is_empty() && !default && !none {
        result.print_record(&current, &build_event_table(&current))?;
        if current.off {
            cx.printer.print_note("Mail to you about this tool is off.");
            cx.printer.print_next("hearth notify on");
        }
        return Ok(());
    }
    if default {
        events.clone_from(&current.default_events);
    }
    events.sort_unstable();
    events.dedup();
    let described = describe_events(&events);
    if events == current.events {
        return result.print_sentence(&current, &format!("nothing to change: {described}"));
    }
    if dry_run.dry_run {
        return result.print_sentence(&current, &format!("would change the choice: {described}"));
    }
    let put = MailSettingsPut { off: current.off, events: Some(events) };
    let changed = session.send(calls.update_mail_settings(session.tool_name(), &put)).await?;
    result.print_done(&changed, &described)
}

fn describe_events(events: &[EventType]) -> String {
    match events {
        [] => "you get mail about no event".to_owned(),
        events => {
            let names: Vec<&str> = events.iter().map(EventType::as_str).collect();
            format!("you get mail about {}", names.join(", "))
        }
    }
}

/// Builds a table of all event types, and whether they are mailed.
fn build_event_table(settings: &MailSettings) -> Table {
    let MailSettings { events, available_events, .. } = settings;
    let mut table = Table::with_headings(&["event", "mail to you"]);
    for event in available_events {
        let is_mailed = events.contains(event);
        table.add_row([Cell::from(event.as_str()), Cell::from(if is_mailed { "yes" } else { "no" })]);
    }
    table
}
