//! `hearth webservice [TYPE] ACTION`: the tool's web service, with the arguments of Toolforge's `webservice`.
//!
//! It is an ordinary job; `hearth deploy` creates one from a folder. It reads `service.template` and writes
//! `service.manifest` in Toolforge's format.

mod template;

use std::path::PathBuf;

use hearth_base::{Error, ErrorKind, Result};
use hearth_wire::jobs::Job;
use serde::{Deserialize, Deserializer, Serialize};

use template::{MANIFEST_FILE_NAME, read_template, write_manifest};

use super::{
    jobs,
    jobs::{
        definition::JobDefinition,
        interactive::{self, InteractiveOptions},
    },
    logs,
};
use crate::{
    attach::find_terminal_size,
    context::CommandContext,
    exit::Exit,
    flags::DryRun,
    job_calls::{find_page_job as find_published_job, list_jobs},
    tool_session::ToolSession,
};

/// The arguments of `hearth webservice`.
#[derive(Debug, clap::Args)]
pub struct WebserviceArgs {
    /// Optionally the type: buildservice, or an image such as python3.11; then start, stop, restart, status,
    /// logs or shell; then optionally the command, where the image has none
    #[arg(value_names = ["[TYPE] ACTION", "COMMAND"], num_args = 1.., required = true)]
    words: Vec<String>,
    #[command(flatten)]
    options: WebserviceOptions,
    /// Read missing options from this file
    #[arg(long, value_name = "FILE", default_value = "service.template", hide_default_value = true)]
    template: PathBuf,
    /// With logs: follow new lines
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The options of a web service: flags, and the keys of the template.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct WebserviceOptions {
    /// The type (template only).
    #[arg(skip)]
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    type_word: Option<String>,
    /// The memory limit, as in 512Mi
    #[arg(long, short, value_name = "MEMORY")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "jobs::values::deserialize_text")]
    mem: Option<String>,
    /// The CPU limit, as in 0.5
    #[arg(long, short, value_name = "CPU")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "jobs::values::deserialize_text")]
    cpu: Option<String>,
    /// The limit of disk space outside the tool's home, as in 2Gi
    #[arg(long, value_name = "DISK", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "jobs::values::deserialize_text")]
    disk: Option<String>,
    /// The number of replicas
    #[arg(long, short, value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<u16>,
    /// Health check: an HTTP request for this path succeeds
    #[arg(long, value_name = "PATH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check_path: Option<String>,
    /// Mount the tool's home: all or none
    #[arg(long, value_name = "FOLDERS", value_parser = ["all", "none"], hide_possible_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    mount: Option<String>,
    /// The image of the type buildservice
    #[arg(long, value_name = "IMAGE", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    buildservice_image: Option<String>,
    /// The command: words, or in the template also a line.
    #[arg(skip)]
    #[serde(
        rename = "extra_args",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "deserialize_line"
    )]
    command: Option<String>,
    /// Accepted for compatibility: there is only one backend
    #[arg(long, value_name = "BACKEND", hide = true)]
    #[serde(skip_serializing)]
    backend: Option<String>,
}

const WEBSERVICE_ACTIONS: [&str; 6] = ["start", "stop", "restart", "status", "logs", "shell"];

/// Splits the words into the optional type, the action, and the command.
fn parse_words(words: &[String]) -> Result<(Option<String>, &str, &[String])> {
    let is_action = |word: &String| WEBSERVICE_ACTIONS.contains(&word.as_str());
    let (type_word, action, command) = match words {
        [action, command @ ..] if is_action(action) => (None, action, command),
        [sort, action, command @ ..] if is_action(action) => (Some(sort.clone()), action, command),
        [.., wrong] => {
            let sentence = format!("invalid value {wrong:.40?} for ACTION");
            return Err(Error::invalid("invalid-value", sentence)
                .and_message(format!("The values are {}.", WEBSERVICE_ACTIONS.join(", ")))
                .help("hearth webservice start"));
        }
        [] => return Err(Error::invalid("missing-argument", "hearth webservice needs ACTION")),
    };
    if let (Some(more), false) = (command.first(), ["start", "shell"].contains(&action.as_str())) {
        let sentence = format!("hearth webservice {action} has no further argument: {more:.40?}");
        return Err(Error::invalid("unknown-argument", sentence).help("hearth webservice -h"));
    }
    Ok((type_word, action, command))
}

/// Deserializes a command from a line, or from words that are joined for the shell.
fn deserialize_line<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum LineOrWords {
        Line(String),
        Words(Vec<String>),
    }
    Ok(match Option::<LineOrWords>::deserialize(deserializer)? {
        None => None,
        Some(LineOrWords::Line(line)) => Some(line),
        Some(LineOrWords::Words(words)) => Some(join_words(&words).map_err(serde::de::Error::custom)?),
    })
}

/// Joins words to a shell line; each word is quoted.
fn join_words(words: &[String]) -> Result<String> {
    shlex::try_join(words.iter().map(String::as_str))
        .map_err(|_| Error::invalid("command", "the command contains a NUL byte").help("remove it"))
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct WebserviceResult {
    job: String,
    state: Option<String>,
    changed: bool,
}

/// Runs the action.
pub async fn run(cx: &CommandContext, args: WebserviceArgs) -> Result<Exit> {
    let session = cx.open_tool_session()?;
    let WebserviceArgs { words, mut options, template, follow, dry_run } = args;
    let (type_word, action, command) = parse_words(&words)?;
    if !command.is_empty() {
        options.command = Some(join_words(command)?);
    }
    match action {
        "start" => {
            let options = options.merge_template(cx, type_word, read_template(cx, &template)?);
            let options = options.with_default_type(&session).await;
            start_webservice(cx, &session, options, dry_run).await?
        }
        "logs" => {
            logs::print_logs(
                cx,
                &session,
                Some(&find_page_job(&session).await?.name),
                logs::LogSelection::newest_lines(follow),
            )
            .await?
        }
        "shell" => {
            let command = options.command.take();
            return run_shell(
                cx,
                &session,
                options.merge_template(cx, type_word, read_template(cx, &template)?),
                command,
                dry_run,
            )
            .await;
        }
        "status" => {
            let result = cx.printer.open_output::<Job>()?;
            match find_running_webservice(&session).await? {
                Some(job) => result.print_sentence(&job, &describe_webservice(&session, &job))?,
                None => {
                    let stopped = WebserviceResult { job: String::new(), state: None, changed: false };
                    cx.printer.open_output()?.print_sentence(&stopped, NOT_RUNNING)?;
                }
            }
        }
        other => stop_or_restart(cx, &session, other == "restart", dry_run).await?,
    }
    Ok(Exit::Done)
}

async fn start_webservice(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    options: WebserviceOptions,
    dry_run: DryRun,
) -> Result<()> {
    let result = cx.printer.open_output::<WebserviceResult>()?;
    let create = options.to_job_definition(session)?.with_default_log(cx).to_job_create()?;
    let job = create.name.to_string();
    if dry_run.dry_run {
        let sentence = format!("would run {job} on {}", create.imagename);
        return result.print_sentence(&WebserviceResult { job, state: None, changed: false }, &sentence);
    }
    let changed =
        session.send(session.client().jobs().update(session.tool_name(), &create)).await?.job_changed;
    write_manifest(&options)?;
    let served = WebserviceResult { job, state: None, changed };
    match changed {
        true => result.print_done(&served, &format!("Starting webservice on {}", create.imagename))?,
        false => result.print_sentence(&served, &format!("nothing to change: {} exists", served.job))?,
    }
    cx.printer.print_next("hearth webservice status");
    Ok(())
}

/// Runs a shell in a container of its own, with the image and limits of the web service.
async fn run_shell(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    options: WebserviceOptions,
    command: Option<String>,
    dry_run: DryRun,
) -> Result<Exit> {
    let definition = match options.type_word {
        Some(_) => options.to_job_definition(session)?,
        None => JobDefinition::from_job(&find_page_job(session).await?),
    };
    let JobDefinition { image, mem, cpu, disk, mount, .. } = definition;
    let name = Some(interactive::generate_job_name()?);
    let spec = JobDefinition { name, image, command, mem, cpu, disk, mount, ..JobDefinition::default() };
    let create = spec.to_job_create()?;
    if dry_run.dry_run {
        let sentence = format!("would run a shell on {}", create.imagename);
        let served = WebserviceResult { job: create.name.to_string(), state: None, changed: false };
        cx.printer.open_output()?.print_sentence(&served, &sentence)?;
        return Ok(Exit::Done);
    }
    interactive::run(
        cx,
        session,
        create,
        InteractiveOptions {
            terminal: find_terminal_size(),
            delete_when_over: true,
            is_named_by_user: false,
        },
    )
    .await
}

async fn stop_or_restart(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    restart: bool,
    dry_run: DryRun,
) -> Result<()> {
    let result = cx.printer.open_output::<WebserviceResult>()?;
    let Some(Job { name, .. }) = find_running_webservice(session).await? else {
        if restart {
            return Err(no_webservice_error(session));
        }
        let stopped = WebserviceResult { job: String::new(), state: None, changed: false };
        return result.print_sentence(&stopped, NOT_RUNNING);
    };
    let job = name.to_string();
    let verb = if restart { "restart" } else { "stop" };
    if dry_run.dry_run {
        return result.print_sentence(
            &WebserviceResult { job, state: None, changed: false },
            &format!("would {verb} {name}"),
        );
    }
    let jobs = session.client().jobs();
    if restart {
        session.send(jobs.restart(session.tool_name(), &name)).await?;
        return result.print_done(
            &WebserviceResult { job, state: None, changed: true },
            &format!("Restarting webservice: {name}"),
        );
    }
    session.send(jobs.delete(session.tool_name(), &name)).await?;
    let _may_not_exist = std::fs::remove_file(MANIFEST_FILE_NAME);
    result.print_done(
        &WebserviceResult { job, state: None, changed: true },
        &format!("Stopping webservice: {name} is deleted"),
    )
}

/// The sentence about a tool without a web service, in the words of Toolforge's `webservice`.
const NOT_RUNNING: &str = "Your webservice is not running";

/// Finds the published job.
async fn find_page_job(session: &ToolSession<'_>) -> Result<Job> {
    find_running_webservice(session).await?.ok_or_else(|| no_webservice_error(session))
}

/// Finds the published job, if there is one.
async fn find_running_webservice(session: &ToolSession<'_>) -> Result<Option<Job>> {
    Ok(find_published_job(&list_jobs(session, false).await?).cloned())
}

fn no_webservice_error(session: &ToolSession<'_>) -> Error {
    let what = format!("{} has no published job", session.tool_name());
    Error::new(ErrorKind::NotFound, "no-webservice", what).help("hearth deploy")
}

/// Describes the state of a web service in the words of Toolforge's `webservice`.
fn describe_webservice(session: &ToolSession<'_>, job: &Job) -> String {
    let own = format!("tool-{}/", session.tool_name());
    let type_word = if job.image.starts_with(&own) { "buildservice" } else { &job.image };
    let state = if job.status.ready > 0 { "running" } else { "not ready" };
    format!("Your webservice of type {type_word} is {state} ({}: {})", job.name, job.status_long)
}

impl WebserviceOptions {
    /// Fills missing flags from the template.
    fn merge_template(self, cx: &CommandContext, sort: Option<String>, template: Self) -> Self {
        if let Some(backend) = self.backend.or(template.backend) {
            cx.printer.print_note(&format!("the backend {backend} is ignored: there is only one"));
        }
        Self {
            type_word: sort.or(template.type_word),
            mem: self.mem.or(template.mem),
            cpu: self.cpu.or(template.cpu),
            disk: self.disk.or(template.disk),
            replicas: self.replicas.or(template.replicas),
            health_check_path: self.health_check_path.or(template.health_check_path),
            mount: self.mount.or(template.mount),
            buildservice_image: self.buildservice_image.or(template.buildservice_image),
            command: self.command.or(template.command),
            backend: None,
        }
    }

    /// Fills a missing type: the newest provided image for PHP, as in Toolforge.
    async fn with_default_type(self, session: &ToolSession<'_>) -> Self {
        if self.type_word.is_some() {
            return self;
        }
        // Without the list, the missing type is refused below.
        let images = session.send(session.client().jobs().list_images(session.tool_name())).await;
        let names = images.into_iter().flat_map(|list| list.images).map(|image| image.shortname);
        Self { type_word: names.filter(|name| name.starts_with("php")).max(), ..self }
    }

    /// Converts the options to a job definition.
    fn to_job_definition(&self, session: &ToolSession<'_>) -> Result<JobDefinition> {
        let Some(sort) = self.type_word.as_deref() else {
            return Err(Error::invalid("no-type", "the web service has no type")
                .and_message("A type is buildservice, or an image from hearth jobs images.")
                .help("hearth webservice buildservice start"));
        };
        let built = format!("tool-{0}/tool-{0}:latest", session.tool_name());
        let (image, process) = match sort {
            "buildservice" => (self.buildservice_image.clone().unwrap_or(built), Some("web".to_owned())),
            image => (image.to_owned(), None),
        };
        Ok(JobDefinition {
            webservice: true,
            image: Some(image),
            command: self.command.clone().or(process),
            mem: self.mem.clone(),
            cpu: self.cpu.clone(),
            disk: self.disk.clone(),
            replicas: self.replicas,
            health_check_http: self.health_check_path.clone(),
            mount: self.mount.clone(),
            ..JobDefinition::default()
        })
    }
}
