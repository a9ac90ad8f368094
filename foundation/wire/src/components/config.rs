//! Configurations of tools in Toolforge's format, and the document of either format.

use std::collections::BTreeMap;

use hearth_base::{Cpu, JobName, Memory};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::HearthConfig;
use crate::jobs::{Emails, MountMode, PortProtocol};

/// Configuration of a tool: Hearth's format with `config_version: hearth/v1`, otherwise Toolforge's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ConfigDocument)]
#[serde(untagged)]
pub enum ConfigDocument {
    /// Hearth's format. It is the first, because it requires its version.
    Hearth(Box<HearthConfig>),
    /// Toolforge's format.
    Toolforge(ToolConfig),
}

/// Configuration of a tool in Toolforge's format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ToolConfig, example = json!({"config_version": "v1beta1", "components": {"web": {
    "component_type": "continuous",
    "build": {"repository": "https://git.example.org/ada/dup-finder", "ref": "main"},
    "run": {"command": "web", "port": 8000, "publish": "/"}}}}))]
pub struct ToolConfig {
    /// Version of the format; default `v1beta1`.
    #[serde(default)]
    pub config_version: ToolConfigVersion,
    /// URL of a configuration that is fetched at each deployment; the components here are then ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^https?://", max_length = 2000)]
    pub source_url: Option<String>,
    /// Components by name: each is the job of that name. At least one, unless `source_url` is set.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, ToolComponent>)]
    pub components: BTreeMap<JobName, ToolComponent>,
    /// Warning of a generated configuration; ignored.
    #[serde(default, rename = "Warning", skip_serializing)]
    #[schema(write_only)]
    pub warning: Option<String>,
}

/// Version of Toolforge's format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ToolConfigVersion)]
pub enum ToolConfigVersion {
    /// The only one.
    #[default]
    #[serde(rename = "v1beta1")]
    V1Beta1,
}

/// Component in Toolforge's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ToolComponent)]
#[serde(untagged)]
pub enum ToolComponent {
    /// A scheduled job. It is the first, because it requires its schedule.
    Scheduled(ScheduledToolComponent),
    /// A continuous job.
    Continuous(ContinuousToolComponent),
}

/// Continuous component in Toolforge's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ContinuousToolComponent)]
pub struct ContinuousToolComponent {
    /// Type of the component; default `continuous`.
    #[serde(default)]
    pub component_type: ContinuousType,
    /// Source of its image.
    pub build: ToolBuild,
    /// Definition of its job.
    pub run: ContinuousToolRun,
}

/// Scheduled component in Toolforge's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ScheduledToolComponent)]
pub struct ScheduledToolComponent {
    /// Type of the component; default `scheduled`, because it has a schedule.
    #[serde(default)]
    pub component_type: ScheduledType,
    /// Source of its image.
    pub build: ToolBuild,
    /// Definition of its job.
    pub run: ScheduledToolRun,
}

/// Type of a continuous component.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ContinuousType)]
pub enum ContinuousType {
    /// A continuous job.
    #[default]
    #[serde(rename = "continuous")]
    Continuous,
}

/// Type of a scheduled component.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ScheduledType)]
pub enum ScheduledType {
    /// A scheduled job.
    #[default]
    #[serde(rename = "scheduled")]
    Scheduled,
}

/// Source of a component's image in Toolforge's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ToolBuild)]
#[serde(untagged)]
pub enum ToolBuild {
    /// A build of a repository.
    Source(ToolSourceBuild),
    /// The image of another component.
    Reuse(ToolBuildReference),
}

/// Build of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ToolSourceBuild)]
pub struct ToolSourceBuild {
    /// URL of a git repository.
    #[schema(pattern = "^https?://", max_length = 2000)]
    pub repository: String,
    /// Branch, tag or commit.
    #[serde(rename = "ref")]
    #[schema(min_length = 1, max_length = 250)]
    pub reference: String,
    /// Accepted for compatibility and ignored: base images are always the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_latest_versions: Option<bool>,
    /// Accepted for compatibility and ignored: there are no deprecated base images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_deprecated_versions: Option<bool>,
}

/// Reference to the build of another component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::ToolBuildReference)]
pub struct ToolBuildReference {
    /// Component whose image is used; it has a build of its own.
    #[schema(value_type = String)]
    pub reuse_from: JobName,
}

/// Declares a struct with its own fields and the fields that continuous and scheduled runs have in common.
macro_rules! tool_runs {
    ($($(#[$outer:meta])* pub struct $name:ident { $($own:tt)* })*) => {$(
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        $(#[$outer])*
        pub struct $name {
            /// Shell command line, or the name of a process of the image.
            #[schema(min_length = 1, max_length = 4000)]
            pub command: String,
            $($own)*
            /// CPU limit, as in `0.5` or `500m`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<String>, pattern = "^[0-9]+(\\.[0-9]{1,9})?m?$")]
            pub cpu: Option<Cpu>,
            /// Memory limit, as in `512Mi`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<String>, pattern = "^[0-9]+(\\.[0-9]{1,9})?([KMGT]i?|k)?$")]
            pub memory: Option<Memory>,
            /// Occasions for mail; default `none`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub emails: Option<Emails>,
            /// Mount of the tool's home; default `none`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub mount: Option<MountMode>,
            /// True: write output to files in the tool's home instead of the log; default false.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub filelog: Option<bool>,
            /// File for standard output.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(min_length = 1, max_length = 1024)]
            pub filelog_stdout: Option<String>,
            /// File for standard error.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(min_length = 1, max_length = 1024)]
            pub filelog_stderr: Option<String>,
        }
    )*};
}

tool_runs! {
    /// Job of a continuous component in Toolforge's format.
    #[schema(as = components::ContinuousToolRun)]
    pub struct ContinuousToolRun {
        /// Port that the component listens on; a number, or its text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(minimum = 1, maximum = 65535)]
        pub port: Option<u16>,
        /// Protocol of the port; default `tcp`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub port_protocol: Option<PortProtocol>,
        /// `/`: publish the component as the tool's web page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(pattern = "^/$")]
        pub publish: Option<String>,
        /// Number of replicas.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(minimum = 1)]
        pub replicas: Option<u16>,
        /// Health check: path that answers an HTTP request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(pattern = "^/", max_length = 1024)]
        pub health_check_http: Option<String>,
        /// Health check: shell command line that exits with status 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(min_length = 1, max_length = 4000)]
        pub health_check_script: Option<String>,
    }

    /// Job of a scheduled component in Toolforge's format.
    #[schema(as = components::ScheduledToolRun)]
    pub struct ScheduledToolRun {
        /// Schedule: five fields, or `@hourly` and the like.
        #[schema(min_length = 1, max_length = 200)]
        pub schedule: String,
        /// Number of retries after a failed run; default 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(minimum = 0, maximum = 5)]
        pub retry: Option<u8>,
        /// Maximum duration of a run, in seconds; 0 for no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub timeout: Option<u32>,
    }
}

/// Options of requests about a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ConfigQuery {
    /// Accepted for compatibility and ignored.
    #[serde(
        deserialize_with = "crate::query_flag::deserialize_flag",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub rebuild_storage: bool,
    /// True: check the configuration that is sent, and store nothing.
    #[serde(
        deserialize_with = "crate::query_flag::deserialize_flag",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub dry_run: bool,
}
