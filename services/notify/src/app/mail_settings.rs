//! Mail settings of a tool: its recipients, their opt-outs and their choices of event types.

use hearth_base::{Caller, Error, Result, ToolId, UserId};
use hearth_kit::tool_state::lock_existing_tool;
use hearth_wire::notify::{EventType, MailSettings, MailSettingsPut};

use super::pace::MailPace;
use crate::{context::NotifyContext, store::MailChoice};

/// The number of recipients that the settings list.
const MAX_NAMED_RECIPIENTS: usize = 100;

/// Shows the mail settings of a tool, and the caller's opt-out and choice.
pub async fn show(cx: &NotifyContext, tool: ToolId, caller: &Caller) -> Result<MailSettings> {
    let (off, choice) = match caller {
        Caller::User { id, .. } => {
            let off = cx.store.list_opted_out(tool).await?.contains(id);
            (off, Some(cx.store.find_mail_choice(tool, *id).await?))
        }
        _ => (false, None),
    };
    let default_choice = MailChoice::default();
    let mail_choice = choice.as_ref().unwrap_or(&default_choice);
    let counts = cx.store.count_notices(tool).await?;
    let counts = counts.iter().filter(|notices| mail_choice.includes_event(notices.event_type.as_ref()));
    let waiting = counts.map(|notices| notices.count).sum();
    let recipients = cx.list_recipients(tool).await?;
    let mail_times = cx.store.find_mail_times(tool).await?;
    Ok(MailSettings {
        sends: cx.mailer.is_some(),
        off,
        recipients: recipients
            .into_iter()
            .take(MAX_NAMED_RECIPIENTS)
            .map(|recipient| recipient.name)
            .collect(),
        waiting,
        next: (waiting > 0)
            .then(|| MailPace::from_settings(&cx.settings).next_mail_time(&mail_times, cx.now())),
        events: choice.as_ref().map(list_mailed_types).unwrap_or_default(),
        available_events: EventType::list_mail_types(),
        default_events: list_mailed_types(&default_choice),
    })
}

/// Lists the types of this release that a choice includes.
fn list_mailed_types(choice: &MailChoice) -> Vec<EventType> {
    let known = EventType::list_mail_types().into_iter();
    known.filter(|event_type| choice.includes_event(Some(event_type))).collect()
}

/// Switches mail about a tool off or on for the caller, and stores the caller's choice of event types, if there is one.
pub async fn update(cx: &NotifyContext, tool: ToolId, caller: &Caller, put: MailSettingsPut) -> Result<()> {
    let MailSettingsPut { off, events } = put;
    let user = require_user(caller)?;
    events.iter().flatten().try_for_each(EventType::check_mail_type)?;
    let tx = cx.store.begin().await?;
    lock_existing_tool(&tx, tool).await?;
    cx.store.set_opt_out(&tx, tool, user, off).await?;
    if let Some(events) = events {
        let choice = MailChoice::from_chosen_types(events);
        cx.store.save_mail_choice(&tx, tool, user, &choice).await?;
    }
    tx.commit().await
}

fn require_user(caller: &Caller) -> Result<UserId> {
    match caller {
        Caller::User { id, .. } => Ok(*id),
        _ => Err(Error::invalid("not-a-user", "a tool token cannot receive mail")
            .help("use a token of your own: hearth login")),
    }
}
