//! `hearth notify off` and `hearth notify on`: mail about a tool to you.

use hearth_base::Result;
use hearth_wire::notify::{MailSettings, MailSettingsPut};

use crate::{context::Context, flags::DryRun};

/// What `hearth notify off` and `on` take.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    dry_run: DryRun,
}

/// Switches it.
pub async fn run(cx: &Context, args: Args, off: bool) -> Result<()> {
    let answer = cx.printer.answer::<MailSettings>()?;
    let at = cx.at_tool()?;
    let (calls, word) = (at.client().notify(), if off { "off" } else { "on" });
    let known = at.ask(calls.mail(at.name())).await?;
    let what = format!("mail about {} to you", at.name());
    if known.off == off {
        return answer.said(&known, &format!("nothing to change: {what} is {word}"));
    }
    if args.dry_run.dry_run {
        return answer.said(&known, &format!("{what} would be {word}"));
    }
    let changed = at.ask(calls.mail_put(at.name(), &MailSettingsPut { off })).await?;
    answer.done(&changed, &format!("{what} is {word}"))
}
