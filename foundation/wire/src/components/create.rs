//! A new deployment.

use hearth_base::{JobName, SourceId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What is to be deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::DeploymentCreate)]
#[serde(default)]
pub struct DeploymentCreate {
    /// What it is and why, in your own words.
    #[schema(max_length = 500)]
    pub description: String,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<DeploySource>,
    /// The component, which is the job that is made or changed; `web` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub component: Option<JobName>,
    /// The command; the image's process of the component's name when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The port that it listens on; 8000 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 65535)]
    pub port: Option<u16>,
    /// Whether it is the tool's page; true when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<bool>,
}

/// Where a deployment comes from: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::DeploySource)]
#[serde(rename_all = "lowercase")]
pub enum DeploySource {
    /// A folder that was uploaded to `builds`.
    #[schema(value_type = String)]
    Upload(SourceId),
    /// A public git repository.
    Git(GitSource),
    /// An image that is there already: nothing is built.
    Image(String),
}

/// A public git repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::GitSource)]
pub struct GitSource {
    /// Its address, as `https://…`.
    pub url: String,
    /// Its branch, tag or commit; the repository's own default when absent.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// How a deployment is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct DeploymentCreateQuery {
    /// Build even when this very source was built before.
    #[serde(rename = "force-build", alias = "force_build", deserialize_with = "crate::flag::one")]
    #[param(rename = "force-build")]
    pub force_build: bool,
    /// Start anew even when nothing changed.
    #[serde(rename = "force-run", alias = "force_run", deserialize_with = "crate::flag::one")]
    #[param(rename = "force-run")]
    pub force_run: bool,
    /// Wait for the tool's active deployment instead of being refused.
    #[serde(deserialize_with = "crate::flag::one")]
    pub queue: bool,
}
