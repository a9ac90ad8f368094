//! From a job and its image to what is run.

use std::collections::BTreeMap;

use crate::JobsSettings;
use hearth_base::{Error, Result, ToolName};
use hearth_wire::jobs::{MountMode, PortProtocol, StopSignal};

use super::{
    command::{self, Files},
    home::{home, log_file},
    spec::Limits,
};
use crate::store::{Image, JobSpec, Plan};

/// Where the API is, seen from inside a run.
const DOOR: &str = "http://hearth.internal";
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is run for `job`.
pub fn plan(
    job: &JobSpec,
    tool: &ToolName,
    image: &Image,
    restart: u64,
    settings: &JobsSettings,
) -> Result<Plan> {
    let mounted = job.mount_mode(image.provided) == MountMode::All;
    let files = files(job, tool, mounted)?;
    let argv = command::argv(&job.cmd, &image.config, files.as_ref())?;
    let Limits { memory, cpu, disk } = job.limits(settings);
    let port = job.listen_port();
    let udp = job.port_protocol == Some(PortProtocol::Udp);
    let stop = job.stop.unwrap_or_default();
    let (env, cwd) = surroundings(tool, image, mounted, port);
    Ok(Plan {
        job: job.name.clone(),
        tool: tool.clone(),
        argv,
        env,
        cwd,
        user: user(&image.config.user),
        home: mounted.then(|| home(tool)),
        memory,
        cpu,
        processes: settings.processes,
        disk,
        timeout: job.timeout.filter(|seconds| *seconds > 0),
        grace: stop.grace.unwrap_or(settings.grace),
        stop_signal: stop.signal.unwrap_or(StopSignal::Term).number(),
        replicas: job.replica_count(),
        restart,
        retry: job.retry.unwrap_or(0),
        port: port.filter(|_| !udp),
        publish: job.is_page(),
        health: job.health_check.clone(),
        checks: job.checks.clone().unwrap_or_default(),
        await_ready: false,
        image: image.clone(),
    })
}

/// The files that a job's log goes to, if it does.
pub fn files(job: &JobSpec, tool: &ToolName, mounted: bool) -> Result<Option<Files>> {
    if !job.writes_files() {
        return Ok(None);
    }
    if !mounted {
        return Err(Error::invalid("filelog", format!("{} has no home to write its log to", job.name))
            .help("set mount to all, or filelog to false: the lines are in hearth jobs logs"));
    }
    let [out, err] = [(&job.filelog_stdout, "out"), (&job.filelog_stderr, "err")]
        .map(|(file, ending)| log_file(&job.name, file.as_deref(), tool, ending));
    Ok(Some(Files { out, err }))
}

fn surroundings(
    tool: &ToolName,
    image: &Image,
    mounted: bool,
    port: Option<u16>,
) -> (BTreeMap<String, String>, String) {
    let pairs = image.config.env.iter().filter_map(|pair| pair.split_once('='));
    let mut env: BTreeMap<String, String> =
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    env.entry("PATH".to_owned()).or_insert_with(|| PATH.to_owned());
    let own = Some(image.config.working_dir.as_str()).filter(|folder| folder.starts_with('/'));
    let cwd = match own {
        _ if mounted && image.provided => home(tool),
        Some(own) => own.to_owned(),
        None => "/".to_owned(),
    };
    if mounted {
        env.insert("HOME".to_owned(), home(tool));
    } else {
        env.entry("HOME".to_owned()).or_insert_with(|| cwd.clone());
    }
    env.insert("TOOL_DATA_DIR".to_owned(), home(tool));
    env.insert("TOOL_TOOLFORGE_API_URL".to_owned(), DOOR.to_owned());
    if let Some(port) = port {
        env.insert("PORT".to_owned(), port.to_string());
    }
    (env, cwd)
}

/// The numbers of an image's user and group; names cannot be looked up from here, and mean root of the
/// container's own namespace.
fn user(text: &str) -> (u32, u32) {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number < 65_536);
    let uid = number(user).unwrap_or(0);
    (uid, number(group).unwrap_or(if number(user).is_some() { uid } else { 0 }))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::store::ImageConfig;
    use hearth_base::Digest;
    use hearth_wire::jobs::JobCreate;

    pub fn image(provided: bool) -> Image {
        Image {
            image: "python3.11".to_owned(),
            reference: format!("registry/hearth/python3.11@{}", Digest::new([1; 32])),
            digest: Digest::new([1; 32]),
            state: "stable".to_owned(),
            provided,
            config: ImageConfig { working_dir: "/app".to_owned(), ..ImageConfig::default() },
        }
    }

    fn planned(provided: bool, change: impl FnOnce(&mut JobCreate)) -> Result<Plan> {
        let mut job = JobCreate::new("a".parse().unwrap(), "python3.11", "./run");
        change(&mut job);
        plan(
            &JobSpec::from_create(job)?,
            &"hello".parse().unwrap(),
            &image(provided),
            0,
            &JobsSettings::default(),
        )
    }

    #[test]
    fn a_provided_image_starts_in_the_home_and_a_built_one_in_its_own_folder() {
        let provided = planned(true, |_| ()).unwrap();
        assert_eq!(
            (provided.cwd.as_str(), provided.home.as_deref()),
            ("/data/project/hello", Some("/data/project/hello"))
        );
        let built = planned(false, |_| ()).unwrap();
        assert_eq!((built.cwd.as_str(), built.home.as_deref()), ("/app", None));
        assert_eq!(built.env["TOOL_DATA_DIR"], "/data/project/hello");
        assert_eq!(built.env["HOME"], "/app");
    }

    #[test]
    fn the_port_is_in_the_environment() {
        let web = planned(false, |job| (job.continuous, job.port) = (Some(true), Some(5000))).unwrap();
        assert_eq!((web.env["PORT"].as_str(), web.port), ("5000", Some(5000)));
        assert!(!planned(false, |_| ()).unwrap().env.contains_key("PORT"));
    }

    #[test]
    fn a_log_in_files_needs_a_home() {
        let argv = planned(true, |job| job.filelog = Some(true)).unwrap().argv;
        assert_eq!(argv[4..], ["/data/project/hello/a.out", "/data/project/hello/a.err"]);
        assert_eq!(planned(false, |job| job.filelog = Some(true)).unwrap_err().code(), "filelog");
    }

    #[test]
    fn a_user_by_number_is_kept() {
        assert_eq!(
            [user("1000"), user("1000:50"), user("www-data"), user("")],
            [(1000, 1000), (1000, 50), (0, 0), (0, 0)]
        );
    }
}
