//! `hearth tool delete NAME`: says what is lost, and wants a yes.

use hearth_base::{Access, Error, Result, ToolName};
use hearth_wire::tools::{Tool, ToolState};

use crate::{
    context::Context,
    flags::DryRun,
    session::Session,
    settings::{Source, Sourced},
};

/// What `hearth tool delete` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tool
    name: ToolName,
    /// Its name once more, instead of being asked for it
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Deletes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Tool>()?;
    let Args { name, confirm, dry_run } = args;
    let session = cx.session()?;
    let sourced = Sourced::new(name, Source::Argument);
    let tool = session.ask_about(&sourced, session.client.tools().show(&sourced.value)).await?;
    let name = &tool.name;
    if tool.state == ToolState::Deleting {
        let waits = tool.waits_for.join(", ");
        let sentence = format!("nothing to change: {name} is being deleted already; it waits for {waits}");
        return answer.said(&tool, &sentence);
    }
    check_right(&session, &tool).await?;
    let lost = lost(&session, name).await?;
    if dry_run.dry_run {
        return answer.said(
            &tool,
            &format!("would delete the tool {name}, and with it {lost}; this cannot be undone"),
        );
    }
    if !cx.yes || confirm.is_some() {
        confirmed(cx, name, confirm, &lost).await?;
    }
    let ended = session.ask(session.client.tools().delete(name)).await?;
    let sentence = if ended.waits_for.is_empty() {
        format!("tool {name} is deleted, and with it {lost}")
    } else {
        let waits = ended.waits_for.join(", ");
        format!(
            "tool {name} is being deleted, and with it {lost}; its name is free when these are done: {waits}"
        )
    };
    answer.done(&ended, &sentence)?;
    if let Ok(Some(link)) = cx.settings.folder.link()
        && link.tool == *name
    {
        cx.printer.note(&format!("{} still links its folder to {name}", link.path.display()));
    }
    Ok(())
}

/// Refuses those whom the server would refuse, before they are asked to confirm.
async fn check_right(session: &Session<'_>, tool: &Tool) -> Result<()> {
    if tool.role.is_some_and(|role| role.access() == Access::Own)
        || session.ask(session.client.accounts().me()).await?.operator
    {
        return Ok(());
    }
    let but =
        tool.role.map_or("you are none of its members".to_owned(), |role| format!("you are its {role}"));
    let name = &tool.name;
    let error = Error::forbidden("forbidden", format!("only an owner can delete {name}, and {but}"))
        .help(format!("hearth tool members --tool {name}"));
    Err(session.credential().into_iter().fold(error, |error, how| error.also(format!("You are {how}."))))
}

/// What goes with the tool, in words.
async fn lost(session: &Session<'_>, name: &ToolName) -> Result<String> {
    let tools = session.client.tools();
    let members = session.all(|paging| async move { tools.member_list(name, &paging).await }).await?;
    let tokens = session.all(|paging| async move { tools.token_list(name, &paging).await }).await?;
    let count = |count: usize, one: &str| match count {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        more => format!("{more} {one}s"),
    };
    let (members, tokens) = (count(members.len(), "member"), count(tokens.len(), "token"));
    Ok(format!("{members} and {tokens} of its own"))
}

async fn confirmed(cx: &Context, name: &ToolName, confirm: Option<String>, lost: &str) -> Result<()> {
    let typed = match confirm {
        Some(confirm) => confirm,
        None => {
            if let Some(because) = cx.ask.is_silent() {
                return Err(Error::invalid(
                    "not-confirmed",
                    format!("deleting {name}, and with it {lost}, is not confirmed"),
                )
                .also(because)
                .help(format!("hearth tool delete {name} --confirm {name}")));
            }
            cx.printer
                .warning(&format!("this deletes the tool {name}, and with it {lost}; it cannot be undone"));
            let question = format!("Type {name} to delete it: ");
            cx.ask.line(&question, "the confirmation (--confirm)", "hearth tool delete").await?
        }
    };
    if typed.trim() == name.as_str() {
        return Ok(());
    }
    Err(Error::invalid("not-confirmed", format!("{typed:.40?} is not {name}; nothing was deleted"))
        .help(format!("hearth tool delete {name}")))
}
