//! A job as people write it down.

use hearth_base::{Cpu, JobName, Memory};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

use super::{Checks, HealthCheck, HealthCheckWritten, StopPolicy};

/// Declares a struct that has its own fields, then the optional fields that both [`JobCreate`] and
/// [`Job`](super::Job) have. Each of those is declared once, here.
macro_rules! with_job_fields {
    ($(#[$outer:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$outer])*
        pub struct $name {
            $($own)*
            /// The time zone of the schedule, as in `Europe/Berlin`; UTC when absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub timezone: Option<String>,
            /// How many seconds late a scheduled run may start; 30 when absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub starting_deadline: Option<u32>,
            /// What happens when it is due while it still runs.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub concurrency: Option<Concurrency>,
            /// Whether the lines go to files in the tool's home instead of the log.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub filelog: Option<bool>,
            /// The file for standard output; `NAME.out` in the tool's home when absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub filelog_stdout: Option<String>,
            /// The file for standard error; `NAME.err` in the tool's home when absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub filelog_stderr: Option<String>,
            /// When mail is sent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub emails: Option<Emails>,
            /// How often a run that failed is tried again.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 0, maximum = 5)]
            pub retry: Option<u8>,
            /// The most seconds that a run may take; 0 is no limit.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub timeout: Option<u32>,
            /// Whether the tool's home is mounted: all for provided images, none for built ones when absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub mount: Option<MountMode>,
            /// The most memory of one run, as in `512Mi`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<String>, pattern = "^[0-9]+(\\.[0-9]{1,9})?([KMGT]i?|k)?$")]
            pub memory: Option<Memory>,
            /// The most processors of one run, as in `0.5` or `500m`.
            #[serde(
                default,
                skip_serializing_if = "Option::is_none",
                deserialize_with = "crate::jobs::create::deserialize_cpu"
            )]
            #[schema(value_type = Option<String>, pattern = "^[0-9]+(\\.[0-9]{1,9})?m?$")]
            pub cpu: Option<Cpu>,
            /// The most that one run writes beside the tool's home, as in `2Gi`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<String>, pattern = "^[0-9]+(\\.[0-9]{1,9})?([KMGT]i?|k)?$")]
            pub disk: Option<Memory>,
            /// How many run side by side.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(minimum = 1)]
            pub replicas: Option<u16>,
            /// The port it listens on; a number, or its text.
            #[serde(
                default,
                skip_serializing_if = "Option::is_none",
                deserialize_with = "crate::jobs::create::deserialize_port"
            )]
            #[schema(minimum = 1, maximum = 65535)]
            pub port: Option<u16>,
            /// What it speaks there.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub port_protocol: Option<PortProtocol>,
            /// How to find out how a container is: whether it has started, is ready, and is alive.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<HealthCheckWritten>)]
            pub health_check: Option<HealthCheck>,
            /// What is asked otherwise than `health_check` says.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub checks: Option<Checks>,
            /// How a container is asked to end.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub stop: Option<StopPolicy>,
            /// Whether a continuous job is restarted when its image's tag means something else, as after a build.
            /// Runs of other jobs begin with what it means by then in any case.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub auto_update: Option<bool>,
        }
    };
}
pub(super) use with_job_fields;

with_job_fields! {
    /// A job to make, or to change: what is absent (or null) takes its default.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    #[schema(as = jobs::JobCreate, example = json!({"name": "tidy", "imagename": "bookworm", "cmd": "./tidy.sh",
        "schedule": "@daily", "memory": "256Mi"}))]
    pub struct JobCreate {
        /// Its name: a host name's label of at most 52 characters, unique within the tool.
        #[schema(value_type = String, min_length = 1, max_length = 52, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
        pub name: JobName,
        /// The image: a provided one by its short name, or one of the tool's own.
        pub imagename: String,
        /// The command: a line for the shell, or the name of a process of the image's Procfile. Only a webservice
        /// may leave it out.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub cmd: String,
        /// The sort of job. Absent: scheduled when there is a schedule, continuous when `continuous` says so, else
        /// one-off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub job_type: Option<JobType>,
        /// The older way to say that a job is continuous.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub continuous: Option<bool>,
        /// When it runs: five fields, or `@hourly` and the like.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub schedule: Option<String>,
        /// Whether it is the tool's page, at most one of the tool's jobs: true or `/`.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "publish_out",
            deserialize_with = "publish"
        )]
        #[schema(value_type = Option<String>)]
        pub publish: Option<bool>,
    }
}

impl JobCreate {
    /// A job of which only this much is said.
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
            filelog: None,
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
            publish: None,
        }
    }

    /// The sort of job that this is.
    pub fn kind(&self) -> JobType {
        match self.job_type {
            Some(kind) => kind,
            None if self.schedule.is_some() => JobType::Scheduled,
            None if self.continuous == Some(true) => JobType::Continuous,
            None => JobType::OneOff,
        }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident as $schema:path { $($(#[$inner:meta])* $variant:ident = $word:tt,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[schema(as = $schema)]
        pub enum $name {
            $($(#[$inner])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// The word on the wire.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    )*};
}

words! {
    /// The sort of a job.
    JobType as jobs::JobType {
        /// Runs once.
        OneOff = "one-off",
        /// Runs whenever its schedule says.
        Scheduled = "scheduled",
        /// Is kept running.
        Continuous = "continuous",
        /// Is kept running and is the tool's page, at port 8000 unless it says another.
        Webservice = "webservice",
    }

    /// What happens when a job is due while it still runs.
    Concurrency as jobs::Concurrency {
        /// The new run is skipped.
        Forbid = "forbid",
        /// The old run is stopped.
        Replace = "replace",
        /// Both run.
        Allow = "allow",
    }

    /// When mail is sent.
    Emails as jobs::Emails {
        /// Never.
        None = "none",
        /// At each start and end.
        All = "all",
        /// At each end.
        OnFinish = "onfinish",
        /// When a run fails.
        OnFailure = "onfailure",
    }

    /// What is mounted.
    MountMode as jobs::MountMode {
        /// The tool's home.
        All = "all",
        /// Nothing.
        None = "none",
    }

    /// What is spoken at a port.
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
    fn text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

pub(super) fn deserialize_port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let Some(given) = Option::<NumberOrText>::deserialize(deserializer)? else { return Ok(None) };
    let port = given.text().parse::<u16>().ok().filter(|port| *port > 0);
    port.map(Some).ok_or_else(|| D::Error::custom("a port is a number from 1 to 65535"))
}

pub(super) fn deserialize_cpu<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cpu>, D::Error> {
    let Some(given) = Option::<NumberOrText>::deserialize(deserializer)? else { return Ok(None) };
    given.text().parse().map(Some).map_err(D::Error::custom)
}

fn publish<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Flag(bool),
        Path(String),
    }
    match Option::<Given>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Given::Flag(publish)) => Ok(Some(publish)),
        Some(Given::Path(path)) if path == "/" => Ok(Some(true)),
        Some(Given::Path(_)) => Err(D::Error::custom("a job is published at \"/\"")),
    }
}

/// As Toolforge's clients know it: the path at which a job is published.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
pub(super) fn publish_out<S: Serializer>(publish: &Option<bool>, serializer: S) -> Result<S::Ok, S::Error> {
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

    fn read(mut more: serde_json::Value) -> Result<JobCreate, serde_json::Error> {
        for (name, value) in [("name", "web"), ("imagename", "python3.11"), ("cmd", "./run")] {
            more[name] = value.into();
        }
        serde_json::from_value(more)
    }

    #[test]
    fn a_port_may_be_text_and_a_processor_a_number() -> Result<(), serde_json::Error> {
        let job = read(json!({"port": "8000", "cpu": 0.5, "publish": "/", "memory": null}))?;
        assert_eq!((job.port, job.cpu, job.publish), (Some(8000), Some(Cpu::milli(500)), Some(true)));
        assert_eq!(serde_json::to_value(&job)?["publish"], "/");
        assert!(read(json!({"port": 0})).is_err());
        assert!(read(json!({"port": "eighty"})).is_err());
        assert!(read(json!({"publish": "/sub"})).is_err());
        Ok(())
    }

    #[test]
    fn the_sort_of_a_job_is_said_or_seen() -> Result<(), serde_json::Error> {
        assert_eq!(read(json!({}))?.kind(), JobType::OneOff);
        assert_eq!(read(json!({"schedule": "@daily"}))?.kind(), JobType::Scheduled);
        assert_eq!(read(json!({"continuous": true}))?.kind(), JobType::Continuous);
        assert_eq!(read(json!({"job_type": "webservice"}))?.kind(), JobType::Webservice);
        Ok(())
    }
}
