//! Names of what is at the server: tools, jobs, builds, variables, images.
//!
//! Which argument takes which is said by the type of its value. The server is asked once, briefly, with what the
//! settings and the words say; no answer means no names.

use std::{
    any::TypeId,
    ffi::{OsStr, OsString},
    sync::Arc,
    time::Duration,
};

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, SubcommandCandidates};
use hearth_base::{BuildId, EnvvarName, JobName, Limit, Result, ToolName};
use hearth_client::{Bearer, Client, Transport};
use hearth_wire::{envvars::EnvvarsQuery, jobs::JobsQuery, reply::Paging, tools::ToolQuery};

use super::is_plain;
use crate::{
    commands::build,
    external,
    settings::{Environment, Flags, Settings},
};

/// How long whoever presses a key waits for names.
const PATIENCE: Duration = Duration::from_secs(2);

/// More names than this help nobody.
const MOST: usize = 200;

/// What a name is of.
#[derive(Debug, Clone, Copy)]
enum Of {
    Tools,
    Jobs,
    Builds,
    Envvars,
    Images,
}

/// The tree of commands, in which arguments know where their names come from.
pub fn tree(words: &[OsString], environment: Environment, whole: clap::Command) -> clap::Command {
    let (path, built_in) = (environment.path.clone(), whole.clone());
    let programs =
        move || external::names(&path, &built_in).into_iter().map(CompletionCandidate::new).collect();
    let asked = Arc::new(Asked { flags: flags(words), environment });
    named(whole, &asked).add(SubcommandCandidates::new(programs))
}

fn named(command: clap::Command, asked: &Arc<Asked>) -> clap::Command {
    let makes = command.get_name() == "run";
    let of = |arg: &clap::Arg| match arg.get_id().as_str() {
        // The one that a new job is given.
        "name" if makes => None,
        "image" => Some(Of::Images),
        _ => Of::taken_by(arg),
    };
    let with = |arg: clap::Arg| match of(&arg) {
        Some(of) => {
            let asked = Arc::clone(asked);
            arg.add(ArgValueCompleter::new(move |typed: &OsStr| asked.beginning_with(typed, of)))
        }
        None => arg,
    };
    command.mut_args(with).mut_subcommands(|below| named(below, asked))
}

impl Of {
    fn taken_by(arg: &clap::Arg) -> Option<Self> {
        let sort = arg.get_value_parser().type_id();
        let sorts = [
            (TypeId::of::<ToolName>(), Self::Tools),
            (TypeId::of::<JobName>(), Self::Jobs),
            (TypeId::of::<BuildId>(), Self::Builds),
            (TypeId::of::<EnvvarName>(), Self::Envvars),
        ];
        sorts.into_iter().find(|(known, _)| sort == *known).map(|(_, of)| of)
    }
}

/// What is known before the server is asked.
struct Asked {
    flags: Option<Flags>,
    environment: Environment,
}

impl Asked {
    fn beginning_with(&self, typed: &OsStr, of: Of) -> Vec<CompletionCandidate> {
        let Some(typed) = typed.to_str().filter(|typed| !typed.starts_with('-')) else { return Vec::new() };
        let mut names = self.names(of).unwrap_or_default();
        names.retain(|Name { name, .. }| name.starts_with(typed) && is_plain(name) && !name.starts_with('-'));
        names.truncate(MOST);
        names.into_iter().map(|Name { name, help }| CompletionCandidate::new(name).help(help)).collect()
    }

    fn names(&self, of: Of) -> Option<Vec<Name>> {
        let settings = Settings::read(self.flags.clone()?, self.environment.clone()).ok()?;
        let server = settings.server().ok()?.value;
        let token = settings.token(&server)?.value;
        let client = Client::new(Transport::url(server.as_str()).ok()?, Arc::new(Bearer(token)));
        let tool = settings.tool().ok().flatten().map(|tool| tool.value);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let names = runtime.block_on(async { tokio::time::timeout(PATIENCE, of.names(&client, tool)).await });
        // A thread may still wait for an address.
        runtime.shutdown_background();
        names.ok()?.ok()
    }
}

/// A name, and what may be said of it.
struct Name {
    name: String,
    help: Option<clap::builder::StyledStr>,
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        Self { name, help: None }
    }
}

impl Of {
    async fn names(self, client: &Client, tool: Option<ToolName>) -> Result<Vec<Name>> {
        Ok(match (self, tool) {
            (Self::Tools, _) => {
                let query = ToolQuery { all: false, limit: Limit::new(Limit::MAX)?, cursor: None };
                let tools = client.tools().list(&query).await?.items;
                tools.into_iter().map(|tool| tool.name.to_string().into()).collect()
            }
            (_, None) => Vec::new(),
            (Self::Jobs, Some(tool)) => {
                let jobs = client.jobs().list(&tool, &JobsQuery::default()).await?;
                jobs.into_iter().map(|job| job.name.to_string().into()).collect()
            }
            (Self::Builds, Some(tool)) => {
                let builds = client.builds().list(&tool, &Paging::default()).await?.builds;
                let name = |build| Name {
                    help: Some(build::state(&build).into()),
                    name: build.build_id.to_string(),
                };
                builds.into_iter().map(name).collect()
            }
            (Self::Envvars, Some(tool)) => {
                let envvars = client
                    .envvars()
                    .list(&tool, &EnvvarsQuery { all: true, ..EnvvarsQuery::default() })
                    .await?
                    .content
                    .envvars;
                envvars.into_iter().map(|envvar| envvar.name.to_string().into()).collect()
            }
            (Self::Images, Some(tool)) => {
                let images = client.jobs().images(&tool).await?.images;
                images.into_iter().map(|image| image.shortname.into()).collect()
            }
        })
    }
}

/// The flags among the words that say which server and which tool; none when they cannot be.
fn flags(words: &[OsString]) -> Option<Flags> {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let before_cursor = words.len().saturating_sub(1);
    let value = |flag: &str| {
        let lines = words.iter().take(before_cursor).take_while(|word| *word != "--").enumerate();
        lines
            .filter_map(|(at, word)| match word.strip_prefix(flag)? {
                "" => words.get(at + 1).filter(|_| at + 1 < before_cursor).map(ToString::to_string),
                rest => rest.strip_prefix('=').map(str::to_owned),
            })
            .last()
    };
    let server = value("--server").map(|text| text.parse()).transpose().ok()?;
    let tool = value("--tool").map(|text| text.parse()).transpose().ok()?;
    Some(Flags { server, tool })
}
