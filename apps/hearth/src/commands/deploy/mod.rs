//! `hearth deploy [SOURCE]`: from a folder or a repository to a page that answers, step by step.
//!
//! It never makes a tool unasked, and stopping it stops nothing: the deployment goes on at the server.

mod follow;

use std::path::Path;

use clap::ValueHint;
use hearth_base::{Error, JobName, Result, ToolName};
use hearth_plan::{Folder, Kind, Plan};
use hearth_wire::components::{
    DeploySource, Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentState, GitSource, WEB,
};
use serde::{Deserialize, Serialize};

use super::new;
use crate::{
    at_tool::AtTool,
    context::Context,
    door,
    flags::DryRun,
    pack,
    printer::Steps,
    settings::{Source, Sourced},
    upload::upload,
};

/// What `hearth deploy` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder, or the address of a git repository; absent: this folder
    #[arg(default_value = ".", hide_default_value = true, value_hint = ValueHint::DirPath)]
    source: String,
    /// Make this tool first, and link the folder to it
    #[arg(long, value_name = "NAME", conflicts_with = "tool")]
    new: Option<ToolName>,
    /// The repository's branch, tag or commit
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// Come back to the newest deployment instead of beginning one
    #[arg(long, short, conflicts_with_all = ["new", "reference", "queue"])]
    follow: bool,
    /// Wait behind another deployment instead of being refused
    #[arg(long)]
    queue: bool,
    /// What it is and why
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
    /// The command; absent: the process web
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// The job that is made or changed; absent: web
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    component: Option<JobName>,
    /// The port that it listens on; absent: 8000
    #[arg(long, value_name = "PORT", hide_short_help = true)]
    port: Option<u16>,
    /// Run it, but not as the tool's page
    #[arg(long, hide_short_help = true)]
    no_publish: bool,
    /// Build even what was built before
    #[arg(long, hide_short_help = true)]
    force_build: bool,
    /// Start anew even when nothing changed
    #[arg(long, hide_short_help = true)]
    force_run: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What would be deployed.
#[derive(Debug, Serialize, Deserialize)]
struct Would {
    tool: ToolName,
    source: String,
}

/// Deploys.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Deployment>()?;
    let mut steps = cx.printer.steps();
    let (at, begun) = if args.follow {
        let at = cx.at_tool()?;
        let latest = at.ask(at.client().components().latest(at.name())).await?;
        (at, latest)
    } else {
        match begin(cx, &mut steps, args).await? {
            Some(begun) => begun,
            None => return Ok(()),
        }
    };
    let over = follow::to_the_end(&at, begun, &mut steps).await?;
    if over.status != DeploymentState::Successful {
        return Err(unsuccessful(&over));
    }
    if let Some(url) = &over.url {
        steps.begin("answer");
        match steps.during(door::answers(&at.session, url)).await {
            true => steps.done(""),
            false => steps.failed("not yet; hearth logs -f shows why"),
        }
    }
    let address = over.url.as_deref().unwrap_or("it runs, and is not published");
    let revision = over.revision.map(|revision| format!("   revision {revision}")).unwrap_or_default();
    answer.said(&over, &format!("{address}{revision}"))
}

/// Checks everything that can be checked here, then begins. `None` when only that was wanted.
async fn begin<'a>(
    cx: &'a Context,
    steps: &mut Steps<'_>,
    args: Args,
) -> Result<Option<(AtTool<'a>, Deployment)>> {
    let Args { source, new, reference, follow: _, queue, message, command, dry_run, .. } = args;
    let folder = pack::is_folder(&source).then(|| Path::new(&source));
    if folder.is_some() && reference.is_some() {
        return Err(Error::invalid("ref-of-folder", "a folder has no branches: it is deployed as it is")
            .help("leave --ref out, or name the repository's address"));
    }
    let linked = folder.map(|folder| cx.settings.folder.below(folder)).transpose()?;
    let named = match &new {
        Some(name) => Sourced::new(name.clone(), Source::Flag("--new")),
        None => match &linked {
            Some(linked) => cx.tool_of(linked)?,
            None => cx.tool()?,
        },
    };
    let component = args.component;
    let web = component.as_ref().map_or(WEB, JobName::as_str);
    if let Some(folder) = folder {
        steps.begin("plan");
        let planned = plan(folder, web, command.is_some());
        match &planned {
            Ok(sentence) => steps.done(sentence),
            Err(_) => steps.failed("nothing was changed"),
        }
        planned?;
    }
    if dry_run.dry_run {
        let what = if new.is_some() { "make the tool and deploy" } else { "deploy" };
        let would = Would { tool: named.value, source };
        let sentence = format!("would {what} {} as {}", would.source, would.tool);
        cx.printer.answer()?.said(&would, &sentence)?;
        return Ok(None);
    }
    if let Some(name) = new {
        new::ensure(cx, &name, linked.as_ref()).await?;
    }
    let at = cx.at(named)?;
    let source = match folder {
        Some(folder) => DeploySource::Upload(steps.during(upload(cx, &at, folder)).await?.id),
        None => DeploySource::Git(GitSource { url: source, reference }),
    };
    let create = DeploymentCreate {
        description: message,
        source: Some(source),
        component,
        command,
        port: args.port,
        publish: args.no_publish.then_some(false),
    };
    let query = DeploymentCreateQuery { force_build: args.force_build, force_run: args.force_run, queue };
    let begun = at.ask(at.client().components().deploy(at.name(), &create, &query)).await?;
    Ok(Some((at, begun)))
}

/// How the folder will be built, in a sentence; refused when nothing in it could run.
fn plan(folder: &Path, web: &str, commanded: bool) -> Result<String> {
    let Plan { kind, processes, because, .. } = hearth_plan::plan(&Folder::at(folder))?;
    let runs = processes.get(web);
    if runs.is_none() && !commanded && kind != Kind::Own {
        let names = processes.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let there_are = if names.is_empty() { "no processes".to_owned() } else { format!("only {names}") };
        return Err(Error::invalid(
            "no-such-process",
            format!("the folder has no process {web}: {there_are}"),
        )
        .also("For jobs alone, build the image and make the jobs yourself.")
        .help(if names.is_empty() {
            "add a Procfile with a line such as web: COMMAND"
        } else {
            "hearth build start ."
        }));
    }
    let why = because.first().and_then(|why| why.split(';').next()).unwrap_or_default().trim_end_matches('.');
    Ok(match runs {
        Some(line) => format!("{why}; {web}: {line}"),
        None => why.to_owned(),
    })
}

/// What a deployment that did not end well says: first what still runs.
fn unsuccessful(over: &Deployment) -> Error {
    let code = over.code.clone().unwrap_or_else(|| match over.status {
        DeploymentState::TimedOut => "deployment-timed-out".to_owned(),
        DeploymentState::Cancelled => "deployment-cancelled".to_owned(),
        _ => "deployment-failed".to_owned(),
    });
    let still = match over.still_running {
        Some(revision) => format!("Nothing changed: revision {revision} runs as before."),
        None => "Nothing else changed; no earlier revision was running.".to_owned(),
    };
    let error = Error::new(hearth_base::Kind::Invalid, code, in_a_line(&over.long_status)).also(still);
    error.help(over.help.as_deref().unwrap_or("hearth logs"))
}

/// What went wrong, when several lines of a program tell of it: what was done, and the last of them.
fn in_a_line(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    match lines.next_back() {
        Some(last) => format!("{}: {last}", first.trim_end_matches(['.', ':'])),
        None => first.to_owned(),
    }
}
