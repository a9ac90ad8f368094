//! The configuration of `hearth deploy`: that of the folder, a file that `--config` names, or the stored one.

use std::path::PathBuf;

use hearth_base::{Error, Result, ToolName};
use hearth_wire::components::{Deployment, DeploymentCreate, DeploymentCreateQuery};
use serde::{Deserialize, Serialize};

use super::{DeployToolArgs, start_deployment};
use crate::{
    config_file::{ConfigFile, STORED_CONFIG_NAME},
    context::CommandContext,
    settings::{LINK_FILE_NAME, LinkableFolder},
    tool_session::ToolSession,
};

/// The flags of `hearth deploy` about the configuration.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConfigArgs {
    /// Deploy this environment of hearth.yaml; default: production
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The configuration with the components; default: hearth.yaml of the folder
    #[arg(long = "config", value_name = "FILE", value_hint = clap::ValueHint::FilePath, hide_short_help = true)]
    file: Option<PathBuf>,
    /// Deploy the stored configuration instead of a source
    #[arg(long, conflicts_with_all = [
        "source", "new", "reference", "file", "command", "continuous", "schedule", "component", "port", "no_publish",
        "mount", "source_folder", "recipe", "include",
    ])]
    pub stored: bool,
}

impl ConfigArgs {
    /// The flags of a command that deploys no stored configuration.
    pub fn new(environment: Option<String>, file: Option<PathBuf>) -> Self {
        Self { environment, file, stored: false }
    }

    /// Finds the configuration that names the components: the file of `--config`, or `hearth.yaml` of the folder if it has
    /// components. `None`: one component is deployed, which the flags name.
    pub fn find_config(&self, folder: Option<&LinkableFolder>) -> Result<Option<ConfigFile>> {
        let file = match (&self.file, folder.map(LinkableFolder::link_path)) {
            (Some(path), _) => Some(ConfigFile::read_path(path)?),
            (None, Some(path)) if path.is_file() => {
                Some(ConfigFile::read_path(&path)?.with_name(LINK_FILE_NAME))
            }
            (None, _) => None,
        };
        match file {
            Some(file) if file.names_components() => Ok(Some(file)),
            Some(file) if self.file.is_some() => {
                Err(Error::invalid("no-components", format!("{} names no components", file.name))
                    .help("add components to it, or omit --config"))
            }
            _ => match &self.environment {
                None => Ok(None),
                Some(environment) => {
                    let what = format!("no configuration with components has the environment {environment}");
                    Err(Error::invalid("no-components", what)
                        .help("name the file with the components: --config FILE"))
                }
            },
        }
    }
}

/// Refuses flags about one component beside a configuration, which names the components.
pub fn refuse_component_flags(config: &ConfigFile, flags: &[&str]) -> Result<()> {
    if flags.is_empty() {
        return Ok(());
    }
    let what =
        format!("{} names the components; {} cannot be combined with it", config.name, flags.join(", "));
    Err(Error::invalid("config-and-component", what)
        .help(format!("set it in {}, for each component, and omit the flag", config.name)))
}

/// Starts a deployment of the stored configuration. Returns `None` after a dry run.
pub async fn begin_stored_deployment(
    cx: &CommandContext,
    args: DeployToolArgs,
) -> Result<Option<(ToolSession<'_>, Deployment)>> {
    let DeployToolArgs { config, queue, message, force_build, force_run, dry_run, .. } = args;
    let session = cx.open_tool_session()?;
    if dry_run.dry_run {
        print_stored_plan(cx, &session, config.environment.as_deref()).await?;
        return Ok(None);
    }
    let create = DeploymentCreate {
        description: message,
        environment: config.environment,
        ..DeploymentCreate::default()
    };
    let query = DeploymentCreateQuery { force_build, force_run, queue };
    let begun = start_deployment(cx, &session, &create, &query).await?;
    Ok(Some((session, begun)))
}

/// The result of a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct PlannedStoredDeployment {
    tool: ToolName,
    components: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
}

/// Prints what a deployment of the stored configuration would deploy.
pub async fn print_stored_plan(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    environment: Option<&str>,
) -> Result<()> {
    let result = cx.printer.open_output::<PlannedStoredDeployment>()?;
    let tool = session.tool_name();
    let stored = session.send(session.client().components().show_config_text(tool)).await?;
    let config = ConfigFile::from_text(STORED_CONFIG_NAME, stored.text)?;
    let place = environment.map(|name| format!(" in the environment {name}")).unwrap_or_default();
    let sentence =
        format!("would deploy {STORED_CONFIG_NAME} of {tool}{place}: {}", config.describe_components());
    let planned = PlannedStoredDeployment {
        tool: tool.clone(),
        components: config.components,
        environment: environment.map(str::to_owned),
    };
    result.print_sentence(&planned, &sentence)
}
