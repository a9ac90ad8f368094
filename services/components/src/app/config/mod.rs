//! Configurations of tools: they name the components that a deployment runs.
//!
//! A text in Toolforge's format (`v1beta1`) or Hearth's (`hearth/v1`) is parsed into a tree with places ([`document`]),
//! read into the types of the API ([`toolforge`], [`hearth`]), which reports every problem at once, and converted for
//! the deployment ([`convert`]).

mod convert;
mod document;
mod environments;
mod fetch;
mod field_texts;
mod fields;
pub mod generate;
mod health;
mod hearth;
mod links;
mod previews;
mod problems;
mod rules;
pub mod schema;
pub mod stored;
#[cfg(test)]
mod tests;
mod toolforge;
mod values;
mod variables;

use std::collections::BTreeMap;

use hearth_base::{Error, JobName, Result};
use hearth_wire::components::{ConfigDocument, DeploySource, ToolBuild, ToolComponent};
use serde_json::Value;

use self::{document::ConfigNode, fields::FieldReader, problems::ConfigProblems};
use crate::spec::ToolSpec;

pub use document::MAX_CONFIG_BYTES;
pub use environments::{PRODUCTION_ENVIRONMENT, build_job_name, check_environment_name};
pub use fetch::resolve_config;
use fields::MAX_COMPONENTS;

/// Choices of a deployment beside its configuration.
#[derive(Debug, Clone, Default)]
pub struct ConfigContext {
    /// The source of the deployment: that of components whose build names no repository.
    pub source: Option<DeploySource>,
    /// The environment that is deployed; without one, the configuration itself.
    pub environment: Option<String>,
    /// True if components that would be built keep the images that they have: no source is needed.
    pub keeps_images: bool,
    /// The digests of the files that `when_changed` selects, by component.
    pub source_digests: BTreeMap<JobName, String>,
}

/// A configuration for a deployment.
#[derive(Debug, Clone)]
pub struct ParsedConfig {
    /// The components. Empty and not complete if the configuration has a `source_url`.
    pub spec: ToolSpec,
    /// The address of the configuration that is deployed instead of this one; see [`resolve_config`].
    pub source_url: Option<String>,
    /// The configuration as the API shows it.
    pub document: ConfigDocument,
    /// Warnings for the author.
    pub warnings: Vec<String>,
}

/// A configuration without problems.
#[derive(Debug, Clone)]
pub struct CheckedConfig {
    /// The configuration as the API shows it.
    pub document: ConfigDocument,
    /// Warnings for the author.
    pub warnings: Vec<String>,
}

/// Reads a configuration for a deployment. Errors: those of [`check_config`]; `no-such-environment` (not found);
/// `config-invalid` if a component has no source.
pub fn read_config(text: &str, context: &ConfigContext) -> Result<ParsedConfig> {
    let root = ConfigNode::parse_yaml(text)?;
    let CheckedConfig { document, warnings } = check_document(&root)?;
    let (spec, source_url) = match &document {
        ConfigDocument::Toolforge(config) => match &config.source_url {
            Some(url) => (ToolSpec::default(), Some(url.clone())),
            None => (convert::convert_tool_config(config, context)?, None),
        },
        ConfigDocument::Hearth(config) => (convert::convert_hearth_config(&root, config, context)?, None),
    };
    Ok(ParsedConfig { spec, source_url, document, warnings })
}

/// Checks a configuration with all its environments. Errors, each with every problem: `config-too-large` (too large),
/// `invalid-yaml` (invalid), `config-invalid` (unprocessable).
pub fn check_config(text: &str) -> Result<CheckedConfig> {
    check_document(&ConfigNode::parse_yaml(text)?)
}

/// Checks a configuration in JSON; returns its text in YAML too.
pub fn check_json_config(document: Value) -> Result<(CheckedConfig, String)> {
    let root = ConfigNode::from_json(document);
    check_document(&root)?;
    let text = serde_saphyr::to_string(&root.to_json()).map_err(Error::internal)?;
    Ok((check_config(&text)?, text))
}

/// Shows a configuration that is no longer stored. Later rules may refuse what was stored before them: then it is shown
/// without components.
pub fn show_former_config(text: &str) -> CheckedConfig {
    check_config(text).unwrap_or_else(|error| CheckedConfig {
        document: ConfigDocument::Toolforge(Default::default()),
        warnings: vec![format!("it was not valid any more: {error}")],
    })
}

/// True if a text has components, or the address of a configuration. A `hearth.yaml` without them only names its tool
/// and says how it is built.
pub fn names_components(text: &str) -> Result<bool> {
    let root = ConfigNode::parse_yaml(text)?;
    Ok(root.find_key("source_url").is_some() || !toolforge::is_without_components(&root))
}

fn check_document(root: &ConfigNode) -> Result<CheckedConfig> {
    let problems = ConfigProblems::default();
    let document = match read_version(root, &problems) {
        Some(ConfigVersion::Toolforge) => {
            ConfigDocument::Toolforge(toolforge::read_tool_config(root, &problems))
        }
        Some(ConfigVersion::Hearth) => {
            ConfigDocument::Hearth(Box::new(hearth::read_hearth_config(root, &problems)))
        }
        None => ConfigDocument::Toolforge(Default::default()),
    };
    problems.into_result()?;
    let warnings = list_warnings(&document);
    Ok(CheckedConfig { document, warnings })
}

#[derive(Debug, Clone, Copy)]
enum ConfigVersion {
    Toolforge,
    Hearth,
}

fn read_version(root: &ConfigNode, problems: &ConfigProblems) -> Option<ConfigVersion> {
    let mut fields = FieldReader::open(root, String::new(), problems)?;
    if fields.find_field("config_version").is_none() {
        return Some(ConfigVersion::Toolforge);
    }
    let versions = [("v1beta1", ConfigVersion::Toolforge), ("hearth/v1", ConfigVersion::Hearth)];
    fields.read_choice("config_version", &versions)
}

/// Lists what has no effect.
fn list_warnings(document: &ConfigDocument) -> Vec<String> {
    let config = match document {
        ConfigDocument::Toolforge(config) => config,
        ConfigDocument::Hearth(config) => return variables::list_secret_warnings(config),
    };
    let mut warnings = Vec::new();
    if config.source_url.is_some() && !config.components.is_empty() {
        warnings.push("components are ignored, because source_url names another configuration".to_owned());
    }
    for (name, component) in &config.components {
        let build = match component {
            ToolComponent::Continuous(component) => &component.build,
            ToolComponent::Scheduled(component) => &component.build,
        };
        let ToolBuild::Source(build) = build else { continue };
        if build.use_latest_versions == Some(true) {
            warnings.push(format!(
                "component {name}: use_latest_versions has no effect; base images are always the newest"
            ));
        }
        if build.use_deprecated_versions == Some(true) {
            warnings.push(format!(
                "component {name}: use_deprecated_versions has no effect; there are no deprecated base images"
            ));
        }
    }
    warnings
}
