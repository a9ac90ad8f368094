//! `hearth webservice [TYPE] ACTION`: the tool's page as Toolforge's `webservice` says it.
//!
//! It is a job like any other; `hearth deploy` makes one from a folder. What it reads from `service.template`, and
//! leaves behind in `service.manifest`, is what Toolforge's leaves.

use std::path::{Path, PathBuf};

use hearth_base::{Error, Kind, Result};
use hearth_wire::jobs::{Job, JobType};
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    jobs,
    jobs::{
        interactive::{self, How},
        spec::Spec,
    },
    logs,
};
use crate::{
    at_tool::AtTool, attach::terminal, context::Context, exit::Exit, flags::DryRun, job_calls::list_jobs,
    trouble::why,
};

/// What `hearth webservice` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Perhaps what it runs on: buildservice, or an image such as python3.11; then start, stop, restart, status, logs
    /// or shell; and perhaps what is started, where the image does not say it
    #[arg(value_names = ["[TYPE] ACTION", "COMMAND"], num_args = 1.., required = true)]
    words: Vec<String>,
    #[command(flatten)]
    wanted: Wanted,
    /// Take what is not said here from this file
    #[arg(long, value_name = "FILE", default_value = "service.template", hide_default_value = true)]
    template: PathBuf,
    /// With logs: go on with new lines as they come
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// How it is to run: flags, and the keys of the template.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Wanted {
    /// The type, in the template only.
    #[arg(skip)]
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    sort: Option<String>,
    /// The most memory, as in 512Mi
    #[arg(long, short, value_name = "MEMORY")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "jobs::written::text")]
    mem: Option<String>,
    /// The most processors, as in 0.5
    #[arg(long, short, value_name = "CPU")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "jobs::written::text")]
    cpu: Option<String>,
    /// The most it writes beside the tool's home, as in 2Gi
    #[arg(long, value_name = "DISK", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "jobs::written::text")]
    disk: Option<String>,
    /// How many run side by side
    #[arg(long, short, value_name = "COUNT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<u16>,
    /// Ready when this path answers
    #[arg(long, value_name = "PATH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check_path: Option<String>,
    /// Mount the tool's home: all or none
    #[arg(long, value_name = "WHAT", value_parser = ["all", "none"], hide_possible_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    mount: Option<String>,
    /// The image of the type buildservice
    #[arg(long, value_name = "IMAGE", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    buildservice_image: Option<String>,
    /// What is started: words, or in the template also a line.
    #[arg(skip)]
    #[serde(rename = "extra_args", skip_serializing_if = "Option::is_none", deserialize_with = "line")]
    command: Option<String>,
    /// Taken for compatibility: there is one
    #[arg(long, value_name = "BACKEND", hide = true)]
    #[serde(skip_serializing)]
    backend: Option<String>,
}

const ACTIONS: [&str; 6] = ["start", "stop", "restart", "status", "logs", "shell"];

/// The type, if it is said, the action, and the command.
fn said(words: &[String]) -> Result<(Option<String>, &str, &[String])> {
    let is_action = |word: &String| ACTIONS.contains(&word.as_str());
    let (sort, action, command) = match words {
        [action, command @ ..] if is_action(action) => (None, action, command),
        [sort, action, command @ ..] if is_action(action) => (Some(sort.clone()), action, command),
        [.., wrong] => {
            let sentence = format!("{wrong:.40?} cannot be given as ACTION");
            return Err(Error::invalid("invalid-value", sentence)
                .also(format!("It takes {}.", ACTIONS.join(", ")))
                .help("hearth webservice start"));
        }
        [] => return Err(Error::invalid("missing-argument", "hearth webservice needs ACTION")),
    };
    if let (Some(more), false) = (command.first(), ["start", "shell"].contains(&action.as_str())) {
        let sentence = format!("hearth webservice {action} takes nothing more: {more:.40?} is too much");
        return Err(Error::invalid("unknown-argument", sentence).help("hearth webservice -h"));
    }
    Ok((sort, action, command))
}

/// Words as one line for the shell, or the line itself.
fn line<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Line(String),
        Words(Vec<String>),
    }
    Ok(match Option::<Given>::deserialize(deserializer)? {
        None => None,
        Some(Given::Line(line)) => Some(line),
        Some(Given::Words(words)) => Some(joined(&words).map_err(serde::de::Error::custom)?),
    })
}

/// Each word as it is, whatever it holds.
fn joined(words: &[String]) -> Result<String> {
    shlex::try_join(words.iter().map(String::as_str)).map_err(|_| {
        Error::invalid("command", "a command holds a character that ends every text").help("leave it out")
    })
}

/// What was done.
#[derive(Debug, Serialize, Deserialize)]
struct Served {
    job: String,
    state: Option<String>,
    changed: bool,
}

/// Does it.
pub async fn run(cx: &Context, args: Args) -> Result<Exit> {
    let at = cx.at_tool()?;
    let Args { words, mut wanted, template, follow, dry_run } = args;
    let (sort, action, command) = said(&words)?;
    if !command.is_empty() {
        wanted.command = Some(joined(command)?);
    }
    match action {
        "start" => start(cx, &at, wanted.over(cx, sort, read(&template)?), dry_run).await?,
        "logs" => logs::print(cx, &at, Some(&page(&at).await?.name), logs::Which::newest(follow)).await?,
        "shell" => {
            let command = wanted.command.take();
            return shell(cx, &at, wanted.over(cx, sort, read(&template)?), command, dry_run).await;
        }
        "status" => {
            let answer = cx.printer.answer::<Job>()?;
            let job = page(&at).await?;
            answer.said(&job, &format!("{}: {}", job.name, job.status_long))?;
        }
        other => end(cx, &at, other == "restart", dry_run).await?,
    }
    Ok(Exit::Done)
}

async fn start(cx: &Context, at: &AtTool<'_>, wanted: Wanted, dry_run: DryRun) -> Result<()> {
    let answer = cx.printer.answer::<Served>()?;
    let create = wanted.spec(at)?.create()?;
    let job = create.name.to_string();
    if dry_run.dry_run {
        let sentence = format!("would run {job} on {}", create.imagename);
        return answer.said(&Served { job, state: None, changed: false }, &sentence);
    }
    let changed = at.ask(at.client().jobs().update(at.name(), &create)).await?.job_changed;
    leave(&wanted)?;
    let served = Served { job, state: None, changed };
    match changed {
        true => answer.done(&served, &format!("{} starts on {}", served.job, create.imagename))?,
        false => answer.said(&served, &format!("nothing to change: {} is there", served.job))?,
    }
    cx.printer.next("hearth webservice status");
    Ok(())
}

/// A shell beside the page: in a container of its own, of the same sort.
async fn shell(
    cx: &Context,
    at: &AtTool<'_>,
    wanted: Wanted,
    command: Option<String>,
    dry_run: DryRun,
) -> Result<Exit> {
    let like = match wanted.sort {
        Some(_) => wanted.spec(at)?,
        None => Spec::of(&page(at).await?),
    };
    let Spec { image, mem, cpu, disk, mount, .. } = like;
    let name = Some(interactive::some_name()?);
    let spec = Spec { name, image, command, mem, cpu, disk, mount, ..Spec::default() };
    let create = spec.create()?;
    if dry_run.dry_run {
        let sentence = format!("would run a shell on {}", create.imagename);
        let served = Served { job: create.name.to_string(), state: None, changed: false };
        cx.printer.answer()?.said(&served, &sentence)?;
        return Ok(Exit::Done);
    }
    interactive::run(cx, at, create, How { terminal: terminal(), removed: true, named: false }).await
}

async fn end(cx: &Context, at: &AtTool<'_>, again: bool, dry_run: DryRun) -> Result<()> {
    let answer = cx.printer.answer::<Served>()?;
    let name = page(at).await?.name;
    let job = name.to_string();
    let verb = if again { "restart" } else { "stop" };
    if dry_run.dry_run {
        return answer.said(&Served { job, state: None, changed: false }, &format!("would {verb} {name}"));
    }
    let jobs = at.client().jobs();
    if again {
        at.ask(jobs.restart(at.name(), &name)).await?;
        return answer.done(&Served { job, state: None, changed: true }, &format!("{name} starts anew"));
    }
    at.ask(jobs.delete(at.name(), &name)).await?;
    let _there_may_be_none = std::fs::remove_file(MANIFEST);
    answer.done(&Served { job, state: None, changed: true }, &format!("{name} is stopped and deleted"))
}

/// The job that is the tool's page.
async fn page(at: &AtTool<'_>) -> Result<Job> {
    let jobs = list_jobs(at, false).await?;
    let is_page = |job: &Job| job.publish == Some(true) || job.job_type == JobType::Webservice;
    jobs.into_iter().find(is_page).ok_or_else(|| {
        Error::new(Kind::NotFound, "no-webservice", format!("{} has nothing that is published", at.name()))
            .help("hearth deploy")
    })
}

impl Wanted {
    /// What flags say, and the template where they say nothing.
    fn over(self, cx: &Context, sort: Option<String>, template: Self) -> Self {
        if let Some(backend) = self.backend.or(template.backend) {
            cx.printer.note(&format!("the backend {backend} is left out: there is one"));
        }
        Self {
            sort: sort.or(template.sort),
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

    /// The job.
    fn spec(&self, at: &AtTool<'_>) -> Result<Spec> {
        let Some(sort) = self.sort.as_deref() else {
            return Err(Error::invalid("no-type", "nothing says what the webservice runs on")
                .also("A type is buildservice, or an image of hearth jobs images.")
                .help("hearth webservice buildservice start"));
        };
        let built = format!("tool-{0}/tool-{0}:latest", at.name());
        let (image, process) = match sort {
            "buildservice" => (self.buildservice_image.clone().unwrap_or(built), Some("web".to_owned())),
            image => (image.to_owned(), None),
        };
        Ok(Spec {
            webservice: true,
            image: Some(image),
            command: self.command.clone().or(process),
            mem: self.mem.clone(),
            cpu: self.cpu.clone(),
            disk: self.disk.clone(),
            replicas: self.replicas,
            health_check_http: self.health_check_path.clone(),
            mount: self.mount.clone(),
            ..Spec::default()
        })
    }
}

/// The file that says what runs, as Toolforge's `webservice` leaves it.
const MANIFEST: &str = "service.manifest";

fn read(template: &Path) -> Result<Wanted> {
    let refused = |why: &str| {
        Error::invalid("service-template", format!("{} cannot be used: {why}", template.display()))
    };
    match std::fs::read_to_string(template) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(Wanted::default()),
        Err(cause) => Err(refused(&why(&cause))),
        Ok(text) => serde_saphyr::from_str(&text).map_err(|cause| {
            let cause = cause.to_string();
            refused(cause.lines().next().unwrap_or_default().trim_start_matches("error: "))
        }),
    }
}

fn leave(wanted: &Wanted) -> Result<()> {
    let text = serde_saphyr::to_string(wanted).map_err(Error::internal)?;
    std::fs::write(MANIFEST, text).map_err(|cause| {
        Error::invalid("service-manifest", format!("{MANIFEST} cannot be written: {}", why(&cause)))
    })
}
