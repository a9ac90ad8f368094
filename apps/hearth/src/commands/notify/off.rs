//! `hearth notify off` and `hearth notify on`: switch mail to you about a tool.

use hearth_base::Result;
use hearth_wire::notify::{MailSettings, MailSettingsPut};

use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth notify off` and `on`.
#[derive(Debug, clap::Args)]
pub struct SwitchMailArgs {
    #[command(flatten)]
    dry_run: DryRun,
}

/// Switches mail off or on.
pub async fn run(cx: &CommandContext, args: SwitchMailArgs, off: bool) -> Result<()> {
    let result = cx.printer.open_output::<MailSettings>()?;
    let session = cx.open_tool_session()?;
    let (calls, word) = (session.client().notify(), if off { "off" } else { "on" });
    let current = session.send(calls.show_mail_settings(session.tool_name())).await?;
    let subject = format!("mail about {} to you", session.tool_name());
    if current.off == off {
        return result.print_sentence(&current, &format!("nothing to change: {subject} is {word}"));
    }
    if args.dry_run.dry_run {
        return result.print_sentence(&current, &format!("{subject} would be {word}"));
    }
    let put = MailSettingsPut { off, events: None };
    let changed = session.send(calls.update_mail_settings(session.tool_name(), &put)).await?;
    result.print_done(&changed, &format!("{subject} is {word}"))
}
