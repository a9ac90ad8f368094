//! Configurations of tools in Hearth's format.

use std::collections::BTreeMap;

use hearth_base::{BuilderName, Cpu, EnvvarName, JobName, Memory};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    builds::RecipeChoice,
    jobs::{
        Checks, Concurrency, Emails, HealthCheck, HealthCheckDocument, JobVariables, MountMode, PortProtocol,
        StopPolicy,
    },
};

/// Configuration of a tool in Hearth's format, as in `hearth.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::HearthConfig, example = json!({"config_version": "hearth/v1",
    "build": {"repository": "https://git.example.org/ada/dup-finder", "ref": "main"},
    "components": {"web": {"port": 8000, "publish": true}, "migrate": {"run": "before", "command": "./migrate"}}}))]
pub struct HearthConfig {
    /// Version of the format.
    pub config_version: HearthConfigVersion,
    /// Tool that the folder belongs to. The command line reads it; the server ignores it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 32)]
    pub tool: Option<String>,
    /// Values by name, at most 64: `${NAME}` in the texts of components and of `build` stands for the value, and `$$` for a
    /// dollar sign. They are filled in when the file is read; responses in JSON have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    pub values: BTreeMap<String, String>,
    /// Defaults for the builds of all components, and how the source is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<HearthBuildDefaults>,
    /// Components by name, from 1 to 64: each is the job of that name.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, HearthComponent>)]
    pub components: BTreeMap<JobName, HearthComponent>,
    /// Environments by name, such as `staging`. Their jobs are called `COMPONENT--ENVIRONMENT`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environments: BTreeMap<String, HearthEnvironment>,
    /// Previews of merge requests, if a linked repository makes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previews: Option<HearthPreviews>,
}

/// Version of Hearth's format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::HearthConfigVersion)]
pub enum HearthConfigVersion {
    /// The only one.
    #[default]
    #[serde(rename = "hearth/v1")]
    HearthV1,
}

/// Defaults for the builds of all components, and how the source is built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::HearthBuildDefaults)]
#[serde(default)]
pub struct HearthBuildDefaults {
    /// URL of a public git repository; default: the source of the deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^https?://", max_length = 2000)]
    pub repository: Option<String>,
    /// Branch, tag or commit; default: the repository's default branch.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 250)]
    pub reference: Option<String>,
    /// Folder of the source that is built, as in `backend`; default: the top folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub folder: Option<String>,
    /// Recipe, if the source has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeChoice>,
    /// Outside builder, or `hearth` for this Hearth's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 40)]
    pub builder: Option<BuilderName>,
    /// Language of the program, if the source has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Folder with the `package.json` of the pages; false: none is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub front_end: Option<FrontEndChoice>,
    /// Debian packages of the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// Commands that run after the packages of the language are installed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// Folder whose files are the page.
    #[serde(rename = "static", skip_serializing_if = "Option::is_none")]
    pub static_folder: Option<String>,
    /// Processes of the image, as in a Procfile.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub processes: BTreeMap<String, String>,
}

/// Front end of a source: a folder, or false for none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::FrontEndChoice)]
#[serde(untagged)]
pub enum FrontEndChoice {
    /// False: none is built. True: the one that is detected.
    Enabled(bool),
    /// The folder.
    Folder(String),
}

/// Build of a component. Absent fields are those of the configuration's `build`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::HearthBuild)]
#[serde(default)]
pub struct HearthBuild {
    /// URL of a public git repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^https?://", max_length = 2000)]
    pub repository: Option<String>,
    /// Branch, tag or commit.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 250)]
    pub reference: Option<String>,
    /// Folder of the source that is built, as in `backend`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub folder: Option<String>,
    /// Recipe, if the source has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeChoice>,
    /// Outside builder, or `hearth` for this Hearth's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 40)]
    pub builder: Option<BuilderName>,
}

/// Component in Hearth's format. Its image comes from one of `build`, `reuse_from` and `image`; without them it is built
/// with the configuration's `build`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::HearthComponent)]
#[serde(default)]
pub struct HearthComponent {
    /// Type of the component; default: one-off with `run`, scheduled with `schedule`, otherwise continuous.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub component_type: Option<HearthComponentType>,
    /// Time of a one-off component's run within a deployment; default `before`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<OneOffTime>,
    /// Build of its image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<HearthBuild>,
    /// Component whose image is used; it has an image source of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reuse_from: Option<JobName>,
    /// Files of the source that decide whether the component is built, as in `web/**`: while none of them has changed
    /// since the newest revision, it keeps its image. Known for uploaded folders only; otherwise it is built.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub when_changed: Vec<String>,
    /// Existing image, as in `python3.11` or `tool-dup-finder/dup-finder:latest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 500)]
    pub image: Option<String>,
    /// Shell command line, or the name of a process of the image; default: the process of the component's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 4000)]
    pub command: Option<String>,
    /// Environment variables of its own, which replace those of the tool. They are no secrets. An environment changes
    /// only those that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub variables: Option<JobVariables>,
    /// Names of the tool's environment variables and secrets that it gets; default: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, max_items = 200)]
    pub envvars: Option<Vec<EnvvarName>>,
    /// Port that a continuous component listens on; default 8000 for a published one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 65535)]
    pub port: Option<u16>,
    /// Protocol of the port; default `tcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_protocol: Option<PortProtocol>,
    /// True: publish the component as the tool's web page, in an environment as that of the environment. At
    /// most one component is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<bool>,
    /// Schedule: five fields, or `@hourly` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub schedule: Option<String>,
    /// Time zone of the schedule, as in `Europe/Berlin`; default UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub timezone: Option<String>,
    /// Policy for a due time while an earlier run is still running; default `forbid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Maximum delay of a scheduled run, in seconds; default 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_deadline: Option<u32>,
    /// Number of replicas of a continuous component; default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub replicas: Option<u16>,
    /// Time without visits after which a published component is stopped until the next visit, in seconds, or with a
    /// unit as in `30m`; default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SleepTimeDocument>)]
    pub sleep_after: Option<u32>,
    /// Memory limit, as in `512Mi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]+(\\.[0-9]{1,9})?([KMGT]i?|k)?$")]
    pub memory: Option<Memory>,
    /// CPU limit, as in `0.5` or `500m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]+(\\.[0-9]{1,9})?m?$")]
    pub cpu: Option<Cpu>,
    /// Limit of disk writes outside the tool's home, as in `2Gi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]+(\\.[0-9]{1,9})?([KMGT]i?|k)?$")]
    pub disk: Option<Memory>,
    /// Health check of a continuous component.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<HealthCheckDocument>)]
    pub health_check: Option<HealthCheck>,
    /// Separate startup, readiness and liveness probes, in place of `health_check`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Checks>,
    /// Policy of stopping a container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopPolicy>,
    /// Number of retries after a failed run of a scheduled or one-off component; default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 5)]
    pub retry: Option<u8>,
    /// Maximum duration of a run of a scheduled or one-off component, in seconds; 0 for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
    /// Occasions for mail; default `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emails: Option<Emails>,
    /// Mount of the tool's home; default `all` for provided images and `none` for built ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount: Option<MountMode>,
    /// True: write output to files in the tool's home instead of the log; default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filelog: Option<bool>,
    /// File for standard output.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 1024)]
    pub filelog_stdout: Option<String>,
    /// File for standard error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 1024)]
    pub filelog_stderr: Option<String>,
}

/// Previews of merge requests. They run the continuous components of the stored configuration, and get nothing of the tool
/// but what is named here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::HearthPreviews)]
#[serde(default)]
pub struct HearthPreviews {
    /// Environment variables of all components of a preview; those of the components themselves are not given to it. They
    /// are no secrets: the code of the merge request reads them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub variables: Option<JobVariables>,
    /// Names of the tool's environment variables and secrets that a preview gets; default: none. The code of the merge
    /// request reads them. A component with `envvars` of its own gets those that both lists name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, max_items = 200)]
    pub envvars: Vec<EnvvarName>,
    /// Time after the newest commit at which a preview ends, in seconds, or with a unit as in `7d` or `12h`: from 1 hour
    /// to 30 days; default 7 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PreviewLifetimeDocument>)]
    pub expire_after: Option<u32>,
}

impl HearthPreviews {
    /// The shortest time after which a preview ends, in seconds.
    pub const MIN_LIFETIME_SECONDS: u32 = 3600;
    /// The longest time after which a preview ends, in seconds.
    pub const MAX_LIFETIME_SECONDS: u32 = 30 * 24 * 3600;
    /// The time after which a preview ends if none is named, in seconds.
    pub const DEFAULT_LIFETIME_SECONDS: u32 = 7 * 24 * 3600;
}

/// Lifetime of a preview: whole seconds, or a text with a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::PreviewLifetime)]
#[serde(untagged)]
pub enum PreviewLifetimeDocument {
    /// Seconds: 3600 to 2592000.
    Seconds(u32),
    /// A number with the unit `s`, `m`, `h` or `d`.
    Text(String),
}

/// Time without visits: whole seconds, or a text with a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::SleepTime)]
#[serde(untagged)]
pub enum SleepTimeDocument {
    /// Seconds: 0, or 10 to 604800.
    Seconds(u32),
    /// A number with the unit `s`, `m` or `h`.
    Text(String),
}

/// Type of a component in Hearth's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::HearthComponentType)]
#[serde(rename_all = "kebab-case")]
pub enum HearthComponentType {
    /// A continuous job.
    Continuous,
    /// A scheduled job.
    Scheduled,
    /// A job that each deployment runs once.
    OneOff,
}

/// Time of a one-off component's run within a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::OneOffTime)]
#[serde(rename_all = "lowercase")]
pub enum OneOffTime {
    /// Before any other component changes. A failure fails the deployment.
    Before,
    /// Once all other components are ready. A failure stops the deployment.
    After,
}

/// Environment of a tool: its own set of jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::HearthEnvironment)]
#[serde(default)]
pub struct HearthEnvironment {
    /// Branch of the configuration's `build` and of the deployment's source that is built in this environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 250)]
    pub branch: Option<String>,
    /// Values that replace those of the configuration, and further ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    pub values: BTreeMap<String, String>,
    /// Changes of components by name, and further components. A key replaces that of the component; `build`,
    /// `reuse_from` and `image` replace each other, and of `build` and `variables` only the given keys change.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, HearthComponent>)]
    pub components: BTreeMap<JobName, HearthComponent>,
}
