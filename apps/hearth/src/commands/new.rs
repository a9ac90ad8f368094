//! `hearth new NAME`: creates a tool and links this folder to it. A repetition changes nothing.

use hearth_base::{Error, ErrorKind, Result, ToolName};
use hearth_wire::tools::{Tool, ToolCreate, ToolState};
use serde::{Deserialize, Serialize};

use crate::{
    context::CommandContext,
    flags::DryRun,
    session::Session,
    settings::{FolderLink, LinkableFolder, PreparedLink},
};

/// Code of the error that a tool or a user has the name.
const NAME_TAKEN_CODE: &str = "tool-name-taken";

/// The arguments of `hearth new`.
#[derive(Debug, clap::Args)]
pub struct CreateToolArgs {
    /// The name: 2 to 32 lower-case letters, digits and single hyphens
    name: ToolName,
    /// A description of the tool
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct CreatedTool {
    tool: ToolName,
    role: Option<String>,
    created: bool,
    linked: bool,
    file: String,
}

/// Creates the tool and the link.
pub async fn run(cx: &CommandContext, args: CreateToolArgs) -> Result<()> {
    let result = cx.printer.open_output::<CreatedTool>()?;
    let CreateToolArgs { name, description, dry_run } = args;
    let session = cx.open_session()?;
    let linked = is_linked(&cx.settings.folder, &name)?;
    let file = cx.settings.folder.link_path().display().to_string();
    let existing = find_tool(&session, &name).await?;
    let (create, link) = (existing.is_none(), !linked);
    if create {
        name.check_new()?;
    }
    if dry_run.dry_run {
        let made = CreatedTool {
            tool: name,
            role: role_name(existing.as_ref()),
            created: false,
            linked: false,
            file,
        };
        return result.print_sentence(&made, &describe_plan(&made.tool, create, link));
    }
    // Local errors come before any change at the server.
    let new_link = link.then(|| cx.settings.folder.prepare_link(&name)).transpose()?;
    let (tool, create) = match existing {
        Some(tool) => (tool, false),
        None => create_or_find_tool(&session, &name, description).await?,
    };
    let link = new_link.map(PreparedLink::persist_link).transpose()?.unwrap_or(false);
    let role = role_name(Some(&tool));
    let what_you_are = role.as_deref().map_or("an operator".to_owned(), |role| format!("its {role}"));
    let made = CreatedTool { tool: name, role, created: create, linked: link, file };
    let tool = &made.tool;
    match (create, link) {
        (true, true) => {
            let sentence =
                format!("tool {tool}: you are {what_you_are}; this folder is linked (hearth.yaml)");
            result.print_done(&made, &sentence)?;
        }
        (true, false) => result.print_done(&made, &format!("tool {tool}: you are {what_you_are}"))?,
        (false, true) => {
            let sentence = format!(
                "tool {tool} existed, you are {what_you_are}; this folder is now linked (hearth.yaml)"
            );
            result.print_done(&made, &sentence)?;
        }
        (false, false) => {
            let sentence = format!(
                "nothing to change: tool {tool} exists, you are {what_you_are}, this folder is linked"
            );
            result.print_sentence(&made, &sentence)?;
        }
    }
    cx.printer.print_next("hearth deploy");
    Ok(())
}

/// Creates the tool and the link of `folder` where they are missing, and prints a note for each.
pub async fn ensure_tool(
    cx: &CommandContext,
    name: &ToolName,
    folder: Option<&LinkableFolder>,
) -> Result<()> {
    let unlinked = folder.map(|folder| Ok::<_, Error>((!is_linked(folder, name)?).then_some(folder)));
    let unlinked = unlinked.transpose()?.flatten();
    let session = cx.open_session()?;
    let existing = find_tool(&session, name).await?;
    if existing.is_none() {
        name.check_new()?;
    }
    let new_link = unlinked.map(|folder| folder.prepare_link(name)).transpose()?;
    if existing.is_none() && create_or_find_tool(&session, name, String::new()).await?.1 {
        cx.printer.print_note(&format!("tool {name} is created; you are its owner"));
    }
    if new_link.map(PreparedLink::persist_link).transpose()? == Some(true) {
        cx.printer.print_note("the folder is linked to it (hearth.yaml)");
    }
    Ok(())
}

/// Returns true when this folder is linked to `name`; refuses a folder of another tool.
fn is_linked(folder: &LinkableFolder, name: &ToolName) -> Result<bool> {
    match folder.read_own_link()? {
        None => folder.check_linkable(name).map(|()| false),
        Some(link) if link.tool == *name => Ok(true),
        Some(FolderLink { tool, path }) => {
            let sentence = format!("the folder belongs to the tool {tool}, not to {name}");
            Err(Error::conflict("folder-taken", sentence)
                .and_message(format!("{} has the link; nothing was changed.", path.display()))
                .help(format!("mkdir {name} && cd {name} && hearth new {name}")))
        }
    }
}

/// Finds the tool among the caller's tools.
async fn find_tool(session: &Session<'_>, name: &ToolName) -> Result<Option<Tool>> {
    match session.send(session.client.tools().show(name)).await {
        Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => Ok(None),
        Ok(tool) if tool.state == ToolState::Deleting => {
            let waits = tool.waits_for.join(", ");
            Err(Error::conflict("tool-deleting", format!("tool {name} is being deleted"))
                .and_message(format!("Its name is free when these services have finished: {waits}."))
                .help("choose another name, or wait"))
        }
        // Operators also see tools of which they are no member.
        Ok(tool) if tool.role.is_none() => {
            Err(Error::conflict(NAME_TAKEN_CODE, format!("the name {name} is taken"))
                .help(format!("hearth tool members set YOUR-NAME maintainer --tool {name}")))
        }
        answer => answer.map(Some),
    }
}

/// Creates the tool. Returns the caller's own tool and false if it exists: another command of the caller may create it
/// after this one has looked for it. Names are unique, so there is one tool in any case.
async fn create_or_find_tool(
    session: &Session<'_>,
    name: &ToolName,
    description: String,
) -> Result<(Tool, bool)> {
    let create = ToolCreate { name: name.clone(), description };
    match session.send(session.client.tools().create(&create)).await {
        Err(error) if error.code() == NAME_TAKEN_CODE => {
            // The list of the caller's tools is never cached, unlike the caller's role on one tool.
            let is_own = |tool: &Tool| tool.name == *name && tool.state == ToolState::Active;
            let own = session.list_tools(false).await?.into_iter().find(is_own);
            own.map(|tool| (tool, false)).ok_or(error)
        }
        answer => answer.map(|tool| (tool, true)),
    }
}

fn role_name(tool: Option<&Tool>) -> Option<String> {
    tool?.role.map(|role| role.to_string())
}

fn describe_plan(name: &ToolName, create: bool, link: bool) -> String {
    match (create, link) {
        (true, true) => format!("would create the tool {name} and link this folder (hearth.yaml)"),
        (true, false) => format!("would create the tool {name}; this folder is linked to it already"),
        (false, true) => format!("would link this folder (hearth.yaml); the tool {name} exists already"),
        (false, false) => "nothing to change".to_owned(),
    }
}
