//! Job definition as written by users.

use hearth_base::{Cpu, JobName, Memory};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

use super::{Checks, HealthCheck, HealthCheckDocument, StopPolicy};

/// Declares a struct that has its own fields, then the optional fields that both [`JobCreate`] and
/// [`Job`](super::Job) have. Each of these fields is declared once, here.
macro_rules! with_job_fields {
    ($(#[$outer:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$outer])*
        pub struct $name {
            $($own)*
            /// Time zone of the schedule, as in `Europe/Berlin`; default UTC.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub timezone: Option<String>,
            /// Maximum delay of a scheduled run, in seconds; default 30.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub starting_deadline: Option<u32>,
            /// Policy for a due time while an earlier run is still running.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub concurrency: Option<Concurrency>,
            /// True: write output to files in the tool's home instead of the log. Default: true for provided
            /// images whose job mounts the home and is no web service, false for others.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub filelog: Option<bool>,
            /// File for standard output; default `NAME.out` in the tool's home.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub filelog_stdout: Option<String>,
            /// File for standard error; default `NAME.err` in the tool's home.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub filelog_stderr: Option<String>,
            /// Occasions for mail.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub emails: Option<Emails>,
            /// Number of retries after a failed run.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 0, maximum = 5)]
            pub retry: Option<u8>,
            /// Maximum duration of a run, in seconds; 0 for no limit.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub timeout: Option<u32>,
            /// Mount of the tool's home; default `all` for provided images and `none` for built ones.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub mount: Option<MountMode>,
            /// Memory limit of one run, as in `512Mi`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<String>, pattern = "^[0-9]+(\\.[0-9]{1,9})?([KMGT]i?|k)?$")]
            pub memory: Option<Memory>,
            /// CPU limit of one run, as in `0.5` or `500m`.
            #[serde(
                default,
                skip_serializing_if = "Option::is_none",
                deserialize_with = "crate::jobs::create::deserialize_cpu"
            )]
            #[schema(value_type = Option<String>, pattern = "^[0-9]+(\\.[0-9]{1,9})?m?$")]
            pub cpu: Option<Cpu>,
            /// Limit of one run's disk writes outside the tool's home, as in `2Gi`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<String>, pattern = "^[0-9]+(\\.[0-9]{1,9})?([KMGT]i?|k)?$")]
            pub disk: Option<Memory>,
            /// Number of replicas.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 1)]
            pub replicas: Option<u16>,
            /// Port that the job listens on; a number, or its text.
            #[serde(
                default,
                skip_serializing_if = "Option::is_none",
                deserialize_with = "crate::jobs::create::deserialize_port"
            )]
            #[schema(minimum = 1, maximum = 65535)]
            pub port: Option<u16>,
            /// Protocol of the port.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub port_protocol: Option<PortProtocol>,
            /// Health check of a container; it serves as startup, readiness and liveness probe.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<HealthCheckDocument>)]
            pub health_check: Option<HealthCheck>,
            /// Separate startup, readiness and liveness probes, in place of `health_check`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub checks: Option<Checks>,
            /// Policy of stopping a container.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub stop: Option<StopPolicy>,
            /// True: restart a continuous job when the tag of its image points to another image, as after a
            /// build. Runs of other jobs always start with the tag's current image.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub auto_update: Option<bool>,
            /// Time without visits after which a published job is stopped until the next visit, in seconds; 0: never,
            /// the default.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 0, maximum = 604800)]
            pub sleep_after: Option<u32>,
            /// Environment variables of the job's own, which replace those of the tool and of the image. They are no
            /// secrets: readers of the job see them. At most 64, with 32 KiB in total.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
            pub variables: Option<crate::jobs::JobVariables>,
            /// Names of the tool's environment variables and secrets that runs get; default: all of them. A run
            /// does not start while one of them does not exist.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<Vec<String>>, max_items = 200)]
            pub envvars: Option<Vec<hearth_base::EnvvarName>>,
            /// Preview that the job is part of: it is isolated from its tool, and is deleted when the preview ends. A job
            /// has it if and only if its name ends in `--pr-NUMBER`. Without `envvars`, it gets none of the tool's
            /// variables.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub preview: Option<crate::jobs::JobPreview>,
            /// Time whose values the tool's environment variables have in the runs, as after a rollback with variables.
            /// Default: their current values; a later definition of the job without a time returns to these.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<String>, format = DateTime)]
            pub envvars_at: Option<jiff::Timestamp>,
        }
    };
}
pub(super) use with_job_fields;

with_job_fields! {
    /// Job to create or update; absent and null fields take their defaults.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    #[schema(as = jobs::JobCreate, example = json!({"name": "tidy", "imagename": "bookworm", "cmd": "./tidy.sh",
        "schedule": "@daily", "memory": "256Mi"}))]
    pub struct JobCreate {
        /// Name: a host name label of at most 52 characters, unique within the tool.
        #[schema(value_type = String, min_length = 1, max_length = 52, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
        pub name: JobName,
        /// Image: the short name of a provided one, or one of the tool's own.
        pub imagename: String,
        /// Command: a shell command line, or the name of a process of the image's Procfile. Optional for a
        /// webservice only.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub cmd: String,
        /// Type of the job. Default: scheduled with a schedule, continuous with `continuous`, otherwise
        /// one-off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub job_type: Option<JobType>,
        /// True for a continuous job; the older form of `job_type`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub continuous: Option<bool>,
        /// Schedule: five fields, or `@hourly` and the like.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub schedule: Option<String>,
        /// Publishes the job as the tool's web page: true or `/`. At most one job of a tool is published, and one of
        /// each environment: a job `NAME--ENVIRONMENT`.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "serialize_publish",
            deserialize_with = "deserialize_publish"
        )]
        #[schema(value_type = Option<PublishDocument>)]
        pub publish: Option<bool>,
    }
}

impl JobCreate {
    /// Creates a job definition whose output goes to Hearth's log, with defaults in all other fields.
    pub fn new(name: JobName, imagename: impl Into<String>, cmd: impl Into<String>) -> Self {
        Self {
            name,
            imagename: imagename.into(),
            cmd: cmd.into(),
            job_type: None,
            continuous: None,
            schedule: None,
            timezone: None,
            starting_deadline: None,
            concurrency: None,
            filelog: Some(false),
            filelog_stdout: None,
            filelog_stderr: None,
            emails: None,
            retry: None,
            timeout: None,
            mount: None,
            memory: None,
            cpu: None,
            disk: None,
            replicas: None,
            port: None,
            port_protocol: None,
            health_check: None,
            checks: None,
            stop: None,
            auto_update: None,
            sleep_after: None,
            variables: None,
            envvars: None,
            preview: None,
            envvars_at: None,
            publish: None,
        }
    }

    /// Returns the type of this job: the explicit one, or the one that other fields imply.
    pub fn effective_type(&self) -> JobType {
        match self.job_type {
            Some(kind) => kind,
            None if self.schedule.is_some() => JobType::Scheduled,
            None if self.continuous == Some(true) => JobType::Continuous,
            None => JobType::OneOff,
        }
    }
}

macro_rules! wire_enums {
    ($($(#[$doc:meta])* $name:ident as $schema:path { $($(#[$inner:meta])* $variant:ident = $word:tt,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[schema(as = $schema)]
        pub enum $name {
            $($(#[$inner])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Returns the value's form on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    )*};
}

wire_enums! {
    /// Type of a job.
    JobType as jobs::JobType {
        /// Runs once.
        OneOff = "one-off",
        /// Runs at each due time of its schedule.
        Scheduled = "scheduled",
        /// Runs continuously.
        Continuous = "continuous",
        /// Runs continuously as the tool's web page, on port 8000 by default.
        Webservice = "webservice",
    }

    /// Policy for a due time while an earlier run is still running.
    Concurrency as jobs::Concurrency {
        /// Skip the new run.
        Forbid = "forbid",
        /// Stop the earlier run.
        Replace = "replace",
        /// Run both.
        Allow = "allow",
    }

    /// Occasions for mail.
    Emails as jobs::Emails {
        /// Never.
        None = "none",
        /// Each start and end.
        All = "all",
        /// Each end.
        OnFinish = "onfinish",
        /// Each failure.
        OnFailure = "onfailure",
    }

    /// Mounts of a run.
    MountMode as jobs::MountMode {
        /// The home of the tool.
        All = "all",
        /// None.
        None = "none",
    }

    /// Protocol of a port.
    PortProtocol as jobs::PortProtocol {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(serde_json::Number),
    Text(String),
}

impl NumberOrText {
    fn into_text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

pub(super) fn deserialize_port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let Some(value) = Option::<NumberOrText>::deserialize(deserializer)? else { return Ok(None) };
    let port = value.into_text().parse::<u16>().ok().filter(|port| *port > 0);
    port.map(Some).ok_or_else(|| D::Error::custom("invalid port: expected a number from 1 to 65535"))
}

pub(super) fn deserialize_cpu<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cpu>, D::Error> {
    let Some(value) = Option::<NumberOrText>::deserialize(deserializer)? else { return Ok(None) };
    value.into_text().parse().map(Some).map_err(D::Error::custom)
}

fn deserialize_publish<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum PublishValue {
        Flag(bool),
        Path(String),
    }
    match Option::<PublishValue>::deserialize(deserializer)? {
        None => Ok(None),
        Some(PublishValue::Flag(publish)) => Ok(Some(publish)),
        Some(PublishValue::Path(path)) if path == "/" => Ok(Some(true)),
        Some(PublishValue::Path(_)) => Err(D::Error::custom("invalid path: expected \"/\" or true")),
    }
}

/// Publication of a job as written by users: a flag, or the published path `/`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = jobs::Publish)]
#[serde(untagged)]
pub enum PublishDocument {
    /// True: the job is the page.
    Flag(bool),
    /// The path `/`.
    Path(String),
}

/// Serializes the published path, as Toolforge's clients expect it: `/` for a published job.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
pub(super) fn serialize_publish<S: Serializer>(
    publish: &Option<bool>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match publish {
        Some(true) => serializer.serialize_str("/"),
        Some(false) => serializer.serialize_bool(false),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse_job(mut more: serde_json::Value) -> Result<JobCreate, serde_json::Error> {
        for (name, value) in [("name", "web"), ("imagename", "python3.11"), ("cmd", "./run")] {
            more[name] = value.into();
        }
        serde_json::from_value(more)
    }

    #[test]
    fn port_may_be_text_and_cpu_a_number() -> Result<(), serde_json::Error> {
        let job = parse_job(json!({"port": "8000", "cpu": 0.5, "publish": "/", "memory": null}))?;
        assert_eq!((job.port, job.cpu, job.publish), (Some(8000), Some(Cpu::from_milli(500)), Some(true)));
        assert_eq!(serde_json::to_value(&job)?["publish"], "/");
        assert!(parse_job(json!({"port": 0})).is_err());
        assert!(parse_job(json!({"port": "eighty"})).is_err());
        assert!(parse_job(json!({"publish": "/sub"})).is_err());
        Ok(())
    }

    #[test]
    fn preview_of_a_job_has_an_end() -> Result<(), serde_json::Error> {
        let job = parse_job(json!({"preview": {"expires": "2026-12-07T12:00:00Z"}}))?;
        let expires =
            "2026-12-07T12:00:00Z".parse().map_err(<serde_json::Error as serde::de::Error>::custom)?;
        assert_eq!(job.preview, Some(crate::jobs::JobPreview { expires }));
        assert_eq!(serde_json::to_value(&job)?["preview"]["expires"], "2026-12-07T12:00:00Z");
        assert!(parse_job(json!({"preview": {}})).is_err());
        assert_eq!(serde_json::to_value(parse_job(json!({}))?)?.get("preview"), None);
        Ok(())
    }

    #[test]
    fn job_type_is_explicit_or_implied() -> Result<(), serde_json::Error> {
        assert_eq!(parse_job(json!({}))?.effective_type(), JobType::OneOff);
        assert_eq!(parse_job(json!({"schedule": "@daily"}))?.effective_type(), JobType::Scheduled);
        assert_eq!(parse_job(json!({"continuous": true}))?.effective_type(), JobType::Continuous);
        assert_eq!(parse_job(json!({"job_type": "webservice"}))?.effective_type(), JobType::Webservice);
        Ok(())
    }
}
