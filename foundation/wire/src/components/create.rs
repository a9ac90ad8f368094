//! Request of a new deployment.

use std::collections::BTreeMap;

use hearth_base::{BuilderName, JobName, SourceId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{builds::RecipeChoice, jobs::MountMode};

/// New deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::DeploymentCreate)]
#[serde(default)]
pub struct DeploymentCreate {
    /// Description of the change.
    #[schema(max_length = 500)]
    pub description: String,
    /// Source of the deployment. Without a source, a configuration and a revision, the stored configuration of the tool is
    /// deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<DeploySource>,
    /// Configuration that names the components, as in `hearth.yaml`. The source is that of its components that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 262144)]
    pub config: Option<String>,
    /// Environment of the configuration that is deployed; default: production.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40)]
    pub environment: Option<String>,
    /// True: build nothing. Components keep the images that they have in the newest revision; one that needs a build is
    /// refused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keep_images: bool,
    /// Digests of the files that `when_changed` of components selects, by component, as the client computed them: a
    /// component whose digest is that of the newest revision keeps its image.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub source_digests: BTreeMap<JobName, String>,
    /// Revision to return to: all its components with their images, without a build.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub revision: Option<u32>,
    /// True: with `revision`, the environment variables of the tool have the values that they had when the revision was
    /// deployed, until the next deployment. Values of deleted variables do not come back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restore_envvars: bool,
    /// Folder of the source that is built, as in `backend` or `apps/api`; default: the top folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub folder: Option<String>,
    /// Recipe, if the source has several; default: the one that `hearth build plan` shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeChoice>,
    /// Outside builder, or `hearth` for this Hearth's own; default: the choice of the tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 40)]
    pub builder: Option<BuilderName>,
    /// Name of the component, which is the job to create or change; default `web`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub component: Option<JobName>,
    /// Command; default: the process of the image that has the component's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Port that the component listens on; default 8000 for a published component, otherwise none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 65535)]
    pub port: Option<u16>,
    /// True: publish the component as the tool's web page; default true, unless it has a schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<bool>,
    /// Schedule: the component is a scheduled job instead of a continuous one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub schedule: Option<String>,
    /// Time zone of the schedule, as in `Europe/Berlin`; default UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100)]
    pub timezone: Option<String>,
    /// Mount of the tool's home, whose path is in `TOOL_DATA_DIR`; default: as before, for a new component `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount: Option<MountMode>,
}

/// Source of a deployment: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::DeploySource)]
#[serde(rename_all = "lowercase")]
pub enum DeploySource {
    /// Id of a folder that was uploaded to `builds`.
    #[schema(value_type = String)]
    Upload(SourceId),
    /// A git repository.
    Git(GitSource),
    /// Name of an existing image; nothing is built.
    Image(String),
}

/// A git repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::GitSource)]
pub struct GitSource {
    /// URL of the repository, as `https://…`.
    pub url: String,
    /// Branch, tag or commit; default: the repository's default branch.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// Options of a new deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct DeploymentCreateQuery {
    /// True: build even when the same source was built before.
    #[serde(
        rename = "force-build",
        alias = "force_build",
        deserialize_with = "crate::query_flag::deserialize_flag"
    )]
    #[param(rename = "force-build")]
    pub force_build: bool,
    /// True: restart the component even when nothing changed.
    #[serde(
        rename = "force-run",
        alias = "force_run",
        deserialize_with = "crate::query_flag::deserialize_flag"
    )]
    #[param(rename = "force-run")]
    pub force_run: bool,
    /// True: queue the deployment behind the tool's active one instead of refusing it.
    #[serde(deserialize_with = "crate::query_flag::deserialize_flag")]
    pub queue: bool,
}
