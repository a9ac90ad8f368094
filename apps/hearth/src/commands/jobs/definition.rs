//! Job definitions as users write them: the flags of `jobs run`, and the items of the file of `jobs load`.

use hearth_base::{EnvvarName, Error, JobName, Result};
use hearth_wire::jobs::{
    Checks, HealthCheck, HealthProbe, Job, JobCreate, JobType, JobVariables, PortProtocol, StopPolicy,
};
use serde::{Deserialize, Serialize};

use crate::context::CommandContext;

use super::values::{deserialize_text, is_off, parse_enum_value, parse_port, parse_publish, parse_signal};

/// A job definition. Absent fields take their defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct JobDefinition {
    /// The name; default with --webservice: webservice
    pub name: Option<JobName>,
    /// The command, or the name of a process of the image's Procfile
    #[arg(long, value_name = "COMMAND")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The image, by its short name (see hearth jobs images)
    #[arg(long, value_name = "IMAGE", required = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Run on a schedule: five fields, or @hourly, @daily, @weekly, @monthly
    #[arg(long, value_name = "SCHEDULE", conflicts_with_all = ["continuous", "webservice"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Run it continuously
    #[arg(long)]
    #[serde(skip_serializing_if = "is_off")]
    pub continuous: bool,
    /// Run it continuously and publish it
    #[arg(long, conflicts_with = "continuous")]
    #[serde(skip_serializing_if = "is_off")]
    pub webservice: bool,
    /// The memory limit, as in 512Mi
    #[arg(long, value_name = "MEMORY")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "deserialize_text")]
    pub mem: Option<String>,
    /// The CPU limit, as in 0.5
    #[arg(long, value_name = "CPU")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "deserialize_text")]
    pub cpu: Option<String>,
    /// The limit of disk space outside the tool's home, as in 2Gi
    #[arg(long, value_name = "DISK", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "deserialize_text")]
    pub disk: Option<String>,
    /// The port, as in 8080 or 8080/udp
    #[arg(long, short, value_name = "PORT")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "deserialize_text")]
    pub port: Option<String>,
    /// Publish it at the tool's address
    #[arg(long, value_name = "/", num_args = 0..=1, default_missing_value = "/")]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "deserialize_text")]
    pub publish: Option<String>,
    /// Retry a failed run, up to 5 times
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u8).range(0..=5), hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<u8>,
    /// The number of replicas
    #[arg(long, value_name = "COUNT", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u16>,
    /// Health check: an HTTP request for this path of its port succeeds
    #[arg(long, value_name = "PATH", conflicts_with = "health_check_script", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_http: Option<String>,
    /// Health check: this command in its container succeeds
    #[arg(long, value_name = "COMMAND", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_script: Option<String>,
    /// Health check: its port accepts a connection
    #[arg(long, conflicts_with_all = ["health_check_http", "health_check_script"], hide_short_help = true)]
    #[serde(skip_serializing_if = "is_off")]
    pub health_check_tcp: bool,
    /// The health check with interval and timeout (files only).
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// The startup, readiness and liveness probes where they differ (files only).
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Checks>,
    /// Restart it when its start takes longer than this many seconds
    #[arg(long, value_name = "SECONDS", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_within: Option<u32>,
    /// The stop signal, as in INT
    #[arg(long, value_name = "SIGNAL", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// Kill it this many seconds after the stop signal
    #[arg(long, value_name = "SECONDS", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace: Option<u32>,
    /// Stop a scheduled run after this many seconds
    #[arg(long, value_name = "SECONDS", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
    /// The time zone of the schedule, as in Europe/Berlin
    #[arg(long, value_name = "ZONE", requires = "schedule", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The policy for a due time during a run: forbid, replace or allow
    #[arg(long, value_name = "POLICY", requires = "schedule", value_parser = ["forbid", "replace", "allow"], hide_possible_values = true, hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<String>,
    /// Skip a run that would start more than this many seconds late
    #[arg(long, value_name = "SECONDS", requires = "schedule", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_deadline: Option<u32>,
    /// Restart it when its image changes
    #[arg(long, hide_short_help = true)]
    #[serde(skip_serializing_if = "is_off")]
    pub auto_update: bool,
    /// Stop it after this many seconds without a visit of its page, until the next one
    #[arg(long, value_name = "SECONDS", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleep_after: Option<u32>,
    /// Environment variables of its own; in files only
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<JobVariables>,
    /// Names of the tool's variables that it gets; in files only
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envvars: Option<Vec<EnvvarName>>,
    /// Mount the tool's home: all or none
    #[arg(long, value_name = "FOLDERS", value_parser = ["all", "none"], hide_possible_values = true, hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount: Option<String>,
    /// Send mail: none, all, onfinish or onfailure
    #[arg(long, value_name = "EVENTS", value_parser = ["none", "all", "onfinish", "onfailure"], hide_possible_values = true, hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emails: Option<String>,
    /// Write to files in the tool's home instead of the log
    #[arg(long, conflicts_with = "no_filelog", hide_short_help = true)]
    #[serde(skip_serializing_if = "is_off")]
    pub filelog: bool,
    /// Write to the log and not to files
    #[arg(long, hide_short_help = true)]
    #[serde(skip_serializing_if = "is_off")]
    pub no_filelog: bool,
    /// The file for standard output
    #[arg(long, short = 'o', value_name = "PATH", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filelog_stdout: Option<String>,
    /// The file for standard error
    #[arg(long, short = 'e', value_name = "PATH", hide_short_help = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filelog_stderr: Option<String>,
}

impl JobDefinition {
    /// Converts the definition to a request; refuses contradictions.
    pub fn to_job_create(&self) -> Result<JobCreate> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None if self.webservice => "webservice".parse()?,
            None => {
                return Err(
                    Error::invalid("missing-argument", "the job has no name").help("hearth jobs run -h")
                );
            }
        };
        let Some(image) = &self.image else {
            return Err(
                Error::invalid("missing-argument", format!("{name} has no image")).help("hearth jobs images")
            );
        };
        let (port, port_protocol) = self.port.as_deref().map(parse_port).transpose()?.unzip();
        let job_type = match (self.schedule.is_some(), self.continuous, self.webservice) {
            (true, false, false) => JobType::Scheduled,
            (false, true, false) => JobType::Continuous,
            (false, false, true) => JobType::Webservice,
            (false, false, false) => JobType::OneOff,
            _ => {
                let sentence =
                    format!("{name} has several types; choose one of schedule, continuous and webservice");
                return Err(Error::invalid("job-type", sentence).help("hearth jobs run -h"));
            }
        };
        Ok(JobCreate {
            job_type: Some(job_type),
            continuous: self.continuous.then_some(true),
            schedule: self.schedule.clone(),
            timezone: self.timezone.clone(),
            concurrency: self.concurrency.as_deref().map(parse_enum_value).transpose()?,
            starting_deadline: self.starting_deadline,
            auto_update: self.auto_update.then_some(true),
            sleep_after: self.sleep_after,
            variables: self.variables.clone(),
            envvars: self.envvars.clone(),
            filelog: match (self.filelog, self.no_filelog) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            filelog_stdout: self.filelog_stdout.clone(),
            filelog_stderr: self.filelog_stderr.clone(),
            emails: self.emails.as_deref().map(parse_enum_value).transpose()?,
            retry: self.retry,
            timeout: self.timeout,
            mount: self.mount.as_deref().map(parse_enum_value).transpose()?,
            memory: self.mem.as_deref().map(str::parse).transpose()?,
            cpu: self.cpu.as_deref().map(str::parse).transpose()?,
            disk: self.disk.as_deref().map(str::parse).transpose()?,
            replicas: self.replicas,
            port,
            port_protocol: port_protocol.flatten(),
            health_check: self.build_health_check(&name)?,
            checks: match (&self.checks, self.start_within) {
                (None, None) => None,
                (checks, within) => {
                    let checks = checks.clone().unwrap_or_default();
                    Some(Checks { start_within: within.or(checks.start_within), ..checks })
                }
            },
            stop: match (self.stop_signal.as_deref().map(parse_signal).transpose()?, self.grace) {
                (None, None) => None,
                (signal, grace) => Some(StopPolicy { signal, grace }),
            },
            publish: self.publish.as_deref().map(parse_publish).transpose()?,
            ..JobCreate::new(name, image.as_str(), self.command.as_deref().unwrap_or_default())
        })
    }

    /// Makes a new job write to Hearth's log, unless the user asked for files. Called as `toolforge`, the server's
    /// default stays, which is that of Toolforge: files for provided images.
    pub fn with_default_log(self, cx: &CommandContext) -> Self {
        let names_file = self.filelog_stdout.is_some() || self.filelog_stderr.is_some();
        let no_filelog =
            self.no_filelog || !(self.filelog || names_file || cx.settings.environment.is_called_toolforge);
        Self { no_filelog, ..self }
    }

    fn build_health_check(&self, name: &JobName) -> Result<Option<HealthCheck>> {
        let http = self.health_check_http.clone().map(HealthProbe::Http).map(HealthCheck::from_probe);
        let script = self.health_check_script.clone().map(HealthProbe::Script).map(HealthCheck::from_probe);
        let tcp = self.health_check_tcp.then(|| HealthCheck::from_probe(HealthProbe::Tcp));
        let mut checks = [http, script, tcp, self.health_check.clone()].into_iter().flatten();
        match (checks.next(), checks.next()) {
            (check, None) => Ok(check),
            (_, Some(_)) => {
                Err(Error::invalid("health-check", format!("{name} has more than one health check"))
                    .help("keep one; startup and liveness probes go under checks"))
            }
        }
    }

    /// Converts a job, without its defaults, back to a definition.
    pub fn from_job(job: &Job) -> Self {
        let mut written = Self::default();
        match job.health_check.clone() {
            Some(check) if check != HealthCheck::from_probe(check.probe.clone()) => {
                written.health_check = Some(check)
            }
            Some(HealthCheck { probe: HealthProbe::Http(path), .. }) => {
                written.health_check_http = Some(path)
            }
            Some(HealthCheck { probe: HealthProbe::Script(script), .. }) => {
                written.health_check_script = Some(script);
            }
            Some(HealthCheck { probe: HealthProbe::Tcp, .. }) => written.health_check_tcp = true,
            None => {}
        }
        let checks = job.checks.clone().unwrap_or_default();
        let stop = job.stop.unwrap_or_default();
        let start_within = checks.start_within;
        let checks =
            Some(Checks { start_within: None, ..checks }).filter(|checks| *checks != Checks::default());
        let port = job.port.map(|port| match job.port_protocol {
            Some(PortProtocol::Udp) => format!("{port}/udp"),
            Some(PortProtocol::Tcp) | None => port.to_string(),
        });
        Self {
            name: Some(job.name.clone()),
            command: Some(job.cmd.clone()).filter(|command| !command.is_empty()),
            image: Some(job.imagename.clone()),
            schedule: job.schedule.clone(),
            continuous: job.job_type == JobType::Continuous,
            webservice: job.job_type == JobType::Webservice,
            mem: job.memory.map(|memory| memory.to_string()),
            cpu: job.cpu.map(|cpu| cpu.to_string()),
            disk: job.disk.map(|disk| disk.to_string()),
            port,
            publish: job.publish.map(|publish| if publish { "/".to_owned() } else { "false".to_owned() }),
            retry: job.retry,
            replicas: job.replicas,
            checks,
            start_within,
            stop_signal: stop.signal.map(|signal| signal.as_str().to_owned()),
            grace: stop.grace,
            timeout: job.timeout,
            timezone: job.timezone.clone(),
            concurrency: job.concurrency.map(|how| how.as_str().to_owned()),
            starting_deadline: job.starting_deadline,
            auto_update: job.auto_update == Some(true),
            sleep_after: job.sleep_after,
            variables: job.variables.clone(),
            envvars: job.envvars.clone(),
            mount: job.mount.map(|mount| mount.as_str().to_owned()),
            emails: job.emails.map(|emails| emails.as_str().to_owned()),
            filelog: job.filelog == Some(true),
            no_filelog: job.filelog == Some(false),
            filelog_stdout: job.filelog_stdout.clone(),
            filelog_stderr: job.filelog_stderr.clone(),
            ..written
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_wire::jobs::StopSignal;

    const JOB_FILE: &str = "
- name: tidy
  image: python3.11
  command: python3 tidy.py
  schedule: '@daily'
  no-filelog: true
  mem: 512Mi
  cpu: 0.5
- name: web
  image: tool-dup-finder/tool-dup-finder:latest
  command: web
  continuous: true
  port: 8000
  publish: /
  health-check-http: /healthz
  start-within: 300
  stop-signal: INT
  grace: 60
  checks:
    liveness: {type: tcp, interval: 5}
";

    #[test]
    fn job_file_and_flags_have_the_same_meaning() -> Result<()> {
        let specs: Vec<JobDefinition> = serde_saphyr::from_str(JOB_FILE).map_err(Error::internal)?;
        let [tidy, web] = specs.as_slice() else { return Err(Error::internal("two jobs")) };
        let (tidy, web) = (tidy.to_job_create()?, web.to_job_create()?);
        assert_eq!((tidy.effective_type(), tidy.filelog), (JobType::Scheduled, Some(false)));
        assert_eq!(tidy.cpu.map(|cpu| cpu.to_string()).as_deref(), Some("500m"));
        assert_eq!(
            (web.effective_type(), web.port, web.publish),
            (JobType::Continuous, Some(8000), Some(true))
        );
        assert_eq!(web.health_check, Some(HealthCheck::from_probe(HealthProbe::Http("/healthz".to_owned()))));
        let liveness = HealthCheck { interval: Some(5), ..HealthCheck::from_probe(HealthProbe::Tcp) };
        let checks = Checks { liveness: Some(liveness), start_within: Some(300), ..Checks::default() };
        assert_eq!(web.checks, Some(checks));
        assert_eq!(web.stop, Some(StopPolicy { signal: Some(StopSignal::Int), grace: Some(60) }));
        Ok(())
    }

    #[test]
    fn written_job_file_is_read_back_unchanged() -> Result<()> {
        let specs: Vec<JobDefinition> = serde_saphyr::from_str(JOB_FILE).map_err(Error::internal)?;
        let written = serde_saphyr::to_string(&specs).map_err(Error::internal)?;
        assert_eq!(serde_saphyr::from_str::<Vec<JobDefinition>>(&written).ok(), Some(specs), "{written}");
        Ok(())
    }

    #[test]
    fn contradictory_job_definitions_are_refused() {
        for (more, code) in [
            ("continuous: true\n  schedule: '@daily'", "job-type"),
            ("port: 0", "port"),
            ("port: 80/icmp", "port"),
            ("publish: /sub", "publish"),
            ("stop-signal: KILL", "signal"),
            ("health-check-tcp: true\n  health-check-http: /", "health-check"),
        ] {
            let text = format!("name: a\nimage: b\n{}", more.replace("\n  ", "\n"));
            let spec = serde_saphyr::from_str::<JobDefinition>(&text).ok();
            let error = spec.map(|spec| spec.to_job_create().err().map(|error| error.code().to_owned()));
            assert_eq!(error, Some(Some(code.to_owned())), "{text}");
        }
    }
}
