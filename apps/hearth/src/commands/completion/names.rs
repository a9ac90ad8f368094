//! Completion of names from the server: tools, jobs, builds, variables, images, addresses of credentials.
//!
//! The type of an argument's value decides which names it takes. One request with a short timeout uses the
//! settings and the flags on the line; without an answer there are no names.

use std::{
    any::TypeId,
    ffi::{OsStr, OsString},
    sync::Arc,
    time::Duration,
};

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, SubcommandCandidates};
use hearth_base::{BuildId, EnvvarName, JobName, PageLimit, Result, ToolName};
use hearth_client::{Bearer, Client, Transport};
use hearth_wire::{envvars::EnvvarsQuery, jobs::JobsQuery, reply::Paging, tools::ToolQuery};

use super::is_plain;
use crate::{
    commands::build::{self, credentials::CredentialAddress},
    external,
    settings::{CommandSettings, Environment, SettingFlags},
};

/// The time limit of the request: the user waits for it after a key.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// The maximum number of offered names.
const MAX_NAMES: usize = 200;

/// The kind of the names that an argument takes.
#[derive(Debug, Clone, Copy)]
enum NameKind {
    Tools,
    Jobs,
    Builds,
    Envvars,
    Images,
    CredentialAddresses,
}

/// Adds completers of names to all arguments in the tree of commands.
pub fn add_name_completers(
    words: &[OsString],
    environment: Environment,
    full_tree: clap::Command,
) -> clap::Command {
    let (path, built_in) = (environment.search_path.clone(), full_tree.clone());
    let programs = move || {
        external::list_external_commands(&path, &built_in).into_iter().map(CompletionCandidate::new).collect()
    };
    let lookup = Arc::new(NameLookup { flags: parse_setting_flags(words), environment });
    add_completers_to_command(full_tree, &lookup).add(SubcommandCandidates::new(programs))
}

fn add_completers_to_command(command: clap::Command, lookup: &Arc<NameLookup>) -> clap::Command {
    let creates_job = command.get_name() == "run";
    let find_kind = |arg: &clap::Arg| match arg.get_id().as_str() {
        // The name of a new job is free.
        "name" if creates_job => None,
        "image" => Some(NameKind::Images),
        _ => NameKind::from_argument(arg),
    };
    let add_completer = |arg: clap::Arg| match find_kind(&arg) {
        Some(kind) => {
            let lookup = Arc::clone(lookup);
            arg.add(ArgValueCompleter::new(move |typed: &OsStr| lookup.complete_prefix(typed, kind)))
        }
        None => arg,
    };
    command.mut_args(add_completer).mut_subcommands(|below| add_completers_to_command(below, lookup))
}

impl NameKind {
    fn from_argument(arg: &clap::Arg) -> Option<Self> {
        let value_type = arg.get_value_parser().type_id();
        let kinds = [
            (TypeId::of::<ToolName>(), Self::Tools),
            (TypeId::of::<JobName>(), Self::Jobs),
            (TypeId::of::<BuildId>(), Self::Builds),
            (TypeId::of::<EnvvarName>(), Self::Envvars),
            (TypeId::of::<CredentialAddress>(), Self::CredentialAddresses),
        ];
        kinds.into_iter().find(|(known_type, _)| value_type == *known_type).map(|(_, kind)| kind)
    }
}

/// Fetches names with the settings and the flags on the line.
struct NameLookup {
    flags: Option<SettingFlags>,
    environment: Environment,
}

impl NameLookup {
    fn complete_prefix(&self, typed: &OsStr, kind: NameKind) -> Vec<CompletionCandidate> {
        let Some(typed) = typed.to_str().filter(|typed| !typed.starts_with('-')) else { return Vec::new() };
        let mut names = self.fetch_names(kind).unwrap_or_default();
        names.retain(|NameCandidate { name, .. }| {
            name.starts_with(typed) && is_plain(name) && !name.starts_with('-')
        });
        names.truncate(MAX_NAMES);
        names
            .into_iter()
            .map(|NameCandidate { name, help }| CompletionCandidate::new(name).help(help))
            .collect()
    }

    fn fetch_names(&self, kind: NameKind) -> Option<Vec<NameCandidate>> {
        let settings = CommandSettings::read(self.flags.clone()?, self.environment.clone()).ok()?;
        let server = settings.resolve_server().ok()?.value;
        let token = settings.find_token(&server)?.value;
        let client = Client::new(Transport::from_url(server.as_str()).ok()?, Arc::new(Bearer(token)));
        let tool = settings.find_tool().ok().flatten().map(|tool| tool.value);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let names = runtime.block_on(async {
            tokio::time::timeout(LOOKUP_TIMEOUT, kind.fetch_names_of_kind(&client, tool)).await
        });
        // A blocking thread may still resolve an address.
        runtime.shutdown_background();
        names.ok()?.ok()
    }
}

/// A name with its description.
struct NameCandidate {
    name: String,
    help: Option<clap::builder::StyledStr>,
}

impl From<String> for NameCandidate {
    fn from(name: String) -> Self {
        Self { name, help: None }
    }
}

impl NameKind {
    async fn fetch_names_of_kind(
        self,
        client: &Client,
        tool: Option<ToolName>,
    ) -> Result<Vec<NameCandidate>> {
        Ok(match (self, tool) {
            (Self::Tools, _) => {
                let query =
                    ToolQuery { all: false, limit: PageLimit::new(PageLimit::MAX_ITEMS)?, cursor: None };
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
                let name = |build| NameCandidate {
                    help: Some(build::describe_build_state(&build).into()),
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
                let images = client.jobs().list_images(&tool).await?.images;
                images.into_iter().map(|image| image.shortname.into()).collect()
            }
            (Self::CredentialAddresses, Some(tool)) => {
                let credentials = client.builds().list_source_credentials(&tool).await?;
                credentials.into_iter().map(|credential| credential.address.into()).collect()
            }
        })
    }
}

/// Parses `--server` and `--tool` among the words; `None` when one is invalid.
fn parse_setting_flags(words: &[OsString]) -> Option<SettingFlags> {
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
    Some(SettingFlags { server, tool })
}
