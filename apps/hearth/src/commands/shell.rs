//! `hearth shell [-- COMMAND …]`: runs a shell, or a program, in a new container of the newest revision.
//!
//! `hearth exec` enters a container that runs already; this command starts one of its own, with the image,
//! the variables and the home of the tool, and deletes it at the end.

use hearth_base::{Error, ErrorKind, Result};
use hearth_wire::jobs::JobCreate;

use super::{
    jobs::{
        definition::JobDefinition,
        interactive::{self, InteractiveOptions},
    },
    revisions::{fetch_newest_revisions, require_kept},
};
use crate::{
    attach::find_terminal_size, command_line::quote_argument, context::CommandContext, exit::Exit,
    flags::DryRun, tool_session::ToolSession,
};

/// The arguments of `hearth shell`.
#[derive(Debug, clap::Args)]
pub struct OpenShellArgs {
    /// The program and its arguments; default: a shell
    #[arg(last = true)]
    command: Vec<String>,
    /// Use the image of this revision
    #[arg(long, value_name = "NUMBER", conflicts_with = "image")]
    revision: Option<u32>,
    /// Use this image (see hearth jobs images)
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// The memory limit, as in 512Mi
    #[arg(long, value_name = "MEMORY")]
    mem: Option<String>,
    /// Use plain streams, even at a terminal
    #[arg(long, short = 'T')]
    no_terminal: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Runs the shell and returns its exit status.
pub async fn run(cx: &CommandContext, args: OpenShellArgs) -> Result<Exit> {
    let session = cx.open_tool_session()?;
    let image = match &args.image {
        Some(image) => image.clone(),
        None => find_revision_image(&session, args.revision).await?,
    };
    let line = args.command.iter().map(|word| quote_argument(word)).collect::<Vec<_>>().join(" ");
    let definition = JobDefinition {
        name: Some(interactive::generate_job_name()?),
        image: Some(image),
        command: Some(line).filter(|line| !line.is_empty()),
        mem: args.mem.clone(),
        mount: Some("all".to_owned()),
        ..JobDefinition::default()
    };
    let create = definition.to_job_create()?;
    if args.dry_run.dry_run {
        let sentence = format!("would run a shell on {}", create.imagename);
        cx.printer.open_output::<JobCreate>()?.print_sentence(&create, &sentence)?;
        return Ok(Exit::Done);
    }
    let terminal = find_terminal_size().filter(|_| !args.no_terminal);
    let options = InteractiveOptions { terminal, delete_when_over: true, is_named_by_user: false };
    interactive::run(cx, &session, create, options).await
}

/// Finds the image of the revision with this number, or of the newest.
async fn find_revision_image(session: &ToolSession<'_>, number: Option<u32>) -> Result<String> {
    let revisions = fetch_newest_revisions(session).await?;
    let found = match number {
        Some(number) => revisions.iter().find(|revision| revision.number == number),
        None => revisions.first(),
    };
    match (found, number) {
        (Some(revision), _) => {
            Ok(require_kept(revision, &revisions, "hearth shell --revision")?.image.clone())
        }
        (None, Some(number)) => Err(Error::not_found("revision", number).help("hearth revisions")),
        (None, None) => Err(Error::new(
            ErrorKind::NotFound,
            "no-revision",
            format!("{} has no revision yet", session.tool_name()),
        )
        .and_message("A shell on a provided image: hearth shell --image NAME.")
        .help("hearth deploy")),
    }
}
