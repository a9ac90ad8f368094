//! Access of the fuzz targets to the parser of configurations.

use std::collections::BTreeSet;

use hearth_base::Result;
use hearth_wire::components::{DeploySource, GitSource};

use crate::{
    app::config::{self, ConfigContext},
    spec::ComponentImage,
};

/// A parsed configuration.
#[derive(Debug)]
pub struct ReadConfig {
    /// The names of the jobs.
    pub jobs: BTreeSet<String>,
    /// The jobs whose images other ones use.
    pub reused: BTreeSet<String>,
    /// The number of published jobs.
    pub published: usize,
    /// True if the configuration in JSON, as the API shows it, is read as the same.
    pub is_shown_faithfully: bool,
}

/// Reads a configuration for a deployment of a repository, in one of its environments or in production.
pub fn read_config(text: &str, environment: Option<&str>) -> Result<ReadConfig> {
    let source = GitSource { url: "https://git.example.org/a/b".to_owned(), reference: None };
    let context = ConfigContext {
        source: Some(DeploySource::Git(source)),
        environment: environment.map(str::to_owned),
    };
    let parsed = config::read_config(text, &context)?;
    let shown = serde_json::to_value(&parsed.document).ok().map(config::check_json_config);
    let components = &parsed.spec.components;
    let reused = components.values().filter_map(|component| match &component.image {
        ComponentImage::ReuseFrom(name) => Some(name.to_string()),
        ComponentImage::Build(_) | ComponentImage::Image(_) => None,
    });
    Ok(ReadConfig {
        jobs: components.keys().map(ToString::to_string).collect(),
        reused: reused.collect(),
        published: components.values().filter(|component| component.job.publish == Some(true)).count(),
        is_shown_faithfully: matches!(shown, Some(Ok((checked, _))) if checked.document == parsed.document),
    })
}
