//! `hearth tool delete NAME`: deletes a tool after a confirmation that names the loss.

use hearth_base::{Access, Error, Result, ToolName};
use hearth_wire::tools::{Tool, ToolState};

use crate::{
    context::CommandContext,
    flags::DryRun,
    session::Session,
    settings::{SettingSource, Sourced},
};

/// The arguments of `hearth tool delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteToolArgs {
    /// The tool
    name: ToolName,
    /// The name again, which replaces the question
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Deletes the tool.
pub async fn run(cx: &CommandContext, args: DeleteToolArgs) -> Result<()> {
    let result = cx.printer.open_output::<Tool>()?;
    let DeleteToolArgs { name, confirm, dry_run } = args;
    let session = cx.open_session()?;
    let sourced = Sourced::new(name, SettingSource::Argument);
    let tool = session.send_about_tool(&sourced, session.client.tools().show(&sourced.value)).await?;
    let name = &tool.name;
    if tool.state == ToolState::Deleting {
        let waits = tool.waits_for.join(", ");
        let sentence = format!("nothing to change: {name} is being deleted already; waiting for {waits}");
        return result.print_sentence(&tool, &sentence);
    }
    check_right(&session, &tool).await?;
    let lost = describe_loss(&session, name).await?;
    if dry_run.dry_run {
        return result.print_sentence(
            &tool,
            &format!("would delete the tool {name} with {lost}; this cannot be undone"),
        );
    }
    if !cx.assume_yes || confirm.is_some() {
        confirm_by_name(cx, name, confirm, &lost).await?;
    }
    let ended = session.send(session.client.tools().delete(name)).await?;
    let sentence = if ended.waits_for.is_empty() {
        format!("tool {name} is deleted with {lost}")
    } else {
        let waits = ended.waits_for.join(", ");
        format!(
            "tool {name} is being deleted with {lost}; its name is free when these services have finished: {waits}"
        )
    };
    result.print_done(&ended, &sentence)?;
    if let Ok(Some(link)) = cx.settings.folder.find_link()
        && link.tool == *name
    {
        cx.printer.print_note(&format!("{} still links its folder to {name}", link.path.display()));
    }
    Ok(())
}

/// Refuses callers without the right to delete before the confirmation.
async fn check_right(session: &Session<'_>, tool: &Tool) -> Result<()> {
    if tool.role.is_some_and(|role| role.granted_access() == Access::Own)
        || session.send(session.client.accounts().show_caller()).await?.operator
    {
        return Ok(());
    }
    let reason = tool.role.map_or("you are not a member".to_owned(), |role| format!("you are its {role}"));
    let name = &tool.name;
    let error = Error::forbidden("forbidden", format!("only an owner can delete {name}, and {reason}"))
        .help(format!("hearth tool members --tool {name}"));
    Err(session
        .describe_credential()
        .into_iter()
        .fold(error, |error, how| error.and_message(format!("You are {how}."))))
}

/// Describes the members and tokens that are deleted with the tool.
async fn describe_loss(session: &Session<'_>, name: &ToolName) -> Result<String> {
    let tools = session.client.tools();
    let members =
        session.collect_items(|paging| async move { tools.list_members(name, &paging).await }).await?;
    let tokens =
        session.collect_items(|paging| async move { tools.list_tokens(name, &paging).await }).await?;
    let count = |count: usize, one: &str| match count {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        more => format!("{more} {one}s"),
    };
    let (members, tokens) = (count(members.len(), "member"), count(tokens.len(), "token"));
    Ok(format!("{members} and {tokens}"))
}

async fn confirm_by_name(
    cx: &CommandContext,
    name: &ToolName,
    confirm: Option<String>,
    lost: &str,
) -> Result<()> {
    let typed = match confirm {
        Some(confirm) => confirm,
        None => {
            if let Some(because) = cx.prompter.silence_reason() {
                return Err(Error::invalid(
                    "not-confirmed",
                    format!("the deletion of {name} with {lost} is not confirmed"),
                )
                .and_message(because)
                .help(format!("hearth tool delete {name} --confirm {name}")));
            }
            cx.printer
                .print_warning(&format!("this deletes the tool {name} with {lost}; it cannot be undone"));
            let question = format!("Type {name} to delete it: ");
            cx.prompter.ask_line(&question, "the confirmation (--confirm)", "hearth tool delete").await?
        }
    };
    if typed.trim() == name.as_str() {
        return Ok(());
    }
    Err(Error::invalid("not-confirmed", format!("{typed:.40?} is not {name}; nothing was deleted"))
        .help(format!("hearth tool delete {name}")))
}
