//! `hearth new NAME`: makes a tool and links this folder to it. Doing it again changes nothing.

use hearth_base::{Error, Kind, Result, ToolName};
use hearth_wire::tools::{Tool, ToolCreate, ToolState};
use serde::{Deserialize, Serialize};

use crate::{
    context::Context,
    flags::DryRun,
    session::Session,
    settings::{Folder, Link},
};

/// What `hearth new` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its name: 2 to 32 lower-case letters, digits and single hyphens
    name: ToolName,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What there is now.
#[derive(Debug, Serialize, Deserialize)]
struct Made {
    tool: ToolName,
    role: Option<String>,
    created: bool,
    linked: bool,
    file: String,
}

/// Makes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Made>()?;
    let Args { name, description, dry_run } = args;
    let session = cx.session()?;
    let linked = already_linked(&cx.settings.folder, &name)?;
    let file = cx.settings.folder.link_path().display().to_string();
    let known = find(&session, &name).await?;
    let (create, link) = (known.is_none(), !linked);
    if create {
        name.check_new()?;
    }
    if dry_run.dry_run {
        let made = Made { tool: name, role: role(known.as_ref()), created: false, linked: false, file };
        return answer.said(&made, &would(&made.tool, create, link));
    }
    // What can be refused here is refused before anything is made there.
    let new_link = link.then(|| cx.settings.folder.prepare_link(&name)).transpose()?;
    let tool = match known {
        Some(tool) => tool,
        None => make(&session, &name, description).await?,
    };
    if let Some(new_link) = new_link {
        new_link.keep()?;
    }
    let role = role(Some(&tool));
    let what_you_are = role.as_deref().map_or("an operator".to_owned(), |role| format!("its {role}"));
    let made = Made { tool: name, role, created: create, linked: link, file };
    let tool = &made.tool;
    match (create, link) {
        (true, true) => {
            let sentence =
                format!("tool {tool}: you are {what_you_are}; this folder is linked (hearth.yaml)");
            answer.done(&made, &sentence)?;
        }
        (true, false) => answer.done(&made, &format!("tool {tool}: you are {what_you_are}"))?,
        (false, true) => {
            let sentence = format!(
                "tool {tool} was there, you are {what_you_are}; this folder is linked now (hearth.yaml)"
            );
            answer.done(&made, &sentence)?;
        }
        (false, false) => {
            let sentence = format!(
                "nothing to change: tool {tool} is there, you are {what_you_are}, this folder is linked"
            );
            answer.said(&made, &sentence)?;
        }
    }
    cx.printer.next("hearth deploy");
    Ok(())
}

/// Makes the tool, and the link of `folder` to it, where they are missing, and says so.
pub async fn ensure(cx: &Context, name: &ToolName, folder: Option<&Folder>) -> Result<()> {
    let unlinked = folder.map(|folder| Ok::<_, Error>((!already_linked(folder, name)?).then_some(folder)));
    let unlinked = unlinked.transpose()?.flatten();
    let session = cx.session()?;
    let known = find(&session, name).await?;
    if known.is_none() {
        name.check_new()?;
    }
    let new_link = unlinked.map(|folder| folder.prepare_link(name)).transpose()?;
    if known.is_none() {
        make(&session, name, String::new()).await?;
        cx.printer.note(&format!("tool {name} is made; you are its owner"));
    }
    if let Some(new_link) = new_link {
        new_link.keep()?;
        cx.printer.note("the folder is linked to it (hearth.yaml)");
    }
    Ok(())
}

/// Whether this folder is linked to `name` already; a folder of another tool is refused.
fn already_linked(folder: &Folder, name: &ToolName) -> Result<bool> {
    match folder.own_link()? {
        None => folder.check_own(name).map(|()| false),
        Some(link) if link.tool == *name => Ok(true),
        Some(Link { tool, path }) => {
            let sentence = format!("the folder belongs to the tool {tool}, not to {name}");
            Err(Error::conflict("folder-taken", sentence)
                .also(format!("{} says so; nothing was changed.", path.display()))
                .help(format!("mkdir {name} && cd {name} && hearth new {name}")))
        }
    }
}

/// The tool, if it is one of the caller's.
async fn find(session: &Session<'_>, name: &ToolName) -> Result<Option<Tool>> {
    match session.ask(session.client.tools().show(name)).await {
        Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::NotFound) => Ok(None),
        Ok(tool) if tool.state == ToolState::Deleting => {
            let waits = tool.waits_for.join(", ");
            Err(Error::conflict("tool-deleting", format!("a tool {name} is being deleted"))
                .also(format!("Its name is free again when these have let go of it: {waits}."))
                .help("choose another name, or wait"))
        }
        // An operator sees tools that are none of theirs.
        Ok(tool) if tool.role.is_none() => {
            Err(Error::conflict("tool-name-taken", format!("the name {name} is taken"))
                .help(format!("hearth tool members set YOUR-NAME maintainer --tool {name}")))
        }
        answer => answer.map(Some),
    }
}

async fn make(session: &Session<'_>, name: &ToolName, description: String) -> Result<Tool> {
    let create = ToolCreate { name: name.clone(), description };
    session.ask(session.client.tools().create(&create)).await
}

fn role(tool: Option<&Tool>) -> Option<String> {
    tool?.role.map(|role| role.to_string())
}

fn would(name: &ToolName, create: bool, link: bool) -> String {
    match (create, link) {
        (true, true) => format!("would make the tool {name} and link this folder (hearth.yaml)"),
        (true, false) => format!("would make the tool {name}; this folder is linked to it already"),
        (false, true) => format!("would link this folder (hearth.yaml); the tool {name} is there already"),
        (false, false) => "nothing to change".to_owned(),
    }
}
