//! Builds the plan of a workload from a job and its image.

use std::collections::BTreeMap;

use crate::JobsSettings;
use hearth_base::{Error, PreviewNumber, Result, ToolName};
use hearth_wire::jobs::{JobVariables, MountMode, PortProtocol, StopSignal};

use super::{
    command::{self, OutputFiles},
    home::{home_path, log_file_path},
    spec::RunLimits,
};
use crate::store::{JobSpec, PreviewPlan, ResolvedImage, WorkloadPlan};

/// Address of the API inside a run.
pub const API_URL: &str = "http://hearth.internal";
/// Variable that names the kubeconfig of a run, in which Toolforge's clients look for their credential.
pub const KUBECONFIG_VARIABLE: &str = "KUBECONFIG";
/// Path of the kubeconfig in a run.
pub const KUBECONFIG_PATH: &str = "/run/hearth/kubeconfig";
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Builds the plan of `job` with this image and count of restarts.
pub fn build_plan(
    job: &JobSpec,
    tool: &ToolName,
    image: &ResolvedImage,
    restart: u64,
    settings: &JobsSettings,
) -> Result<WorkloadPlan> {
    let mounted = job.mount_mode(image.provided) == MountMode::All;
    let files = find_output_files(job, tool, image.provided)?;
    let argv = command::build_argv(&job.cmd, &image.config, files.as_ref())?;
    let RunLimits { memory, cpu, disk } = job.resolve_limits(settings);
    let port = job.listen_port();
    let udp = job.port_protocol == Some(PortProtocol::Udp);
    let stop = job.stop.unwrap_or_default();
    let variables = job.variables.clone().unwrap_or_default();
    let (mut env, cwd) = build_environment(tool, image, &variables, mounted, port);
    let (argv, preview) = match find_preview_number(job)? {
        Some(number) => (Vec::new(), Some(PreviewPlan { number, argv })),
        None => {
            env.insert("TOOL_TOOLFORGE_API_URL".to_owned(), API_URL.to_owned());
            env.insert(KUBECONFIG_VARIABLE.to_owned(), KUBECONFIG_PATH.to_owned());
            (argv, None)
        }
    };
    Ok(WorkloadPlan {
        job: job.name.clone(),
        tool: tool.clone(),
        argv,
        env,
        envvars: job.chosen_envvars(),
        envvars_at: job.envvars_at,
        preview,
        cwd,
        user: parse_user(&image.config.user),
        home: mounted.then(|| home_path(tool)),
        memory,
        cpu,
        processes: settings.processes,
        disk,
        timeout: job.timeout.filter(|seconds| *seconds > 0),
        grace: stop.grace.unwrap_or(settings.grace),
        stop_signal: stop.signal.unwrap_or(StopSignal::Term).signal_number(),
        replicas: job.replica_count(),
        restart,
        retry: job.retry.unwrap_or(0),
        port: port.filter(|_| !udp),
        publish: job.is_page(),
        health: job.health_check.clone(),
        checks: job.checks.clone().unwrap_or_default(),
        await_ready: false,
        is_asleep: false,
        image: image.clone(),
    })
}

/// Returns the files for a job's output, if it goes to files; `filelog` (invalid) if the home is not mounted.
pub fn find_output_files(
    job: &JobSpec,
    tool: &ToolName,
    image_is_provided: bool,
) -> Result<Option<OutputFiles>> {
    if !job.writes_files(image_is_provided) {
        return Ok(None);
    }
    if job.mount_mode(image_is_provided) != MountMode::All {
        return Err(Error::invalid(
            "filelog",
            format!("job {} writes its log to files, but its home is not mounted", job.name),
        )
        .help("set mount to all, or filelog to false and use hearth jobs logs"));
    }
    let [out, err] = [(&job.filelog_stdout, "out"), (&job.filelog_stderr, "err")]
        .map(|(file, ending)| log_file_path(&job.name, file.as_deref(), tool, ending));
    Ok(Some(OutputFiles { out, err }))
}

/// Finds the preview that a job is part of. Its name is checked when it is written; a stored job whose name and preview
/// contradict each other does not run.
fn find_preview_number(job: &JobSpec) -> Result<Option<PreviewNumber>> {
    match (job.preview, job.name.find_preview()) {
        (None, _) => Ok(None),
        (Some(_), Some(number)) => Ok(Some(number)),
        (Some(_), None) => Err(Error::internal(format!("job {} has a preview without a number", job.name))),
    }
}

/// Builds the environment and the working directory, without the variables for the API. The job's own variables replace those of the image, and Hearth's
/// replace both.
fn build_environment(
    tool: &ToolName,
    image: &ResolvedImage,
    variables: &JobVariables,
    mounted: bool,
    port: Option<u16>,
) -> (BTreeMap<String, String>, String) {
    let pairs = image.config.env.iter().filter_map(|pair| pair.split_once('='));
    let mut env: BTreeMap<String, String> =
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    env.extend(variables.as_map().iter().map(|(name, value)| (name.to_string(), value.clone())));
    env.entry("PATH".to_owned()).or_insert_with(|| DEFAULT_PATH.to_owned());
    let own = Some(image.config.working_dir.as_str()).filter(|folder| folder.starts_with('/'));
    let cwd = match own {
        _ if mounted && image.provided => home_path(tool),
        Some(own) => own.to_owned(),
        None => "/".to_owned(),
    };
    if mounted {
        env.insert("HOME".to_owned(), home_path(tool));
        env.insert("TOOL_DATA_DIR".to_owned(), home_path(tool));
    } else {
        env.entry("HOME".to_owned()).or_insert_with(|| cwd.clone());
    }
    if let Some(port) = port {
        env.insert("PORT".to_owned(), port.to_string());
    }
    (env, cwd)
}

/// Parses the user and group of an image. Names would need the image's files, so they mean root of the
/// container's user namespace.
fn parse_user(text: &str) -> (u32, u32) {
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
    use hearth_wire::jobs::{JobCreate, JobPreview, JobType};

    pub fn build_image(provided: bool) -> ResolvedImage {
        ResolvedImage {
            image: "python3.11".to_owned(),
            reference: format!("registry/hearth/python3.11@{}", Digest::new([1; 32])),
            digest: Digest::new([1; 32]),
            state: "stable".to_owned(),
            provided,
            config: ImageConfig { working_dir: "/app".to_owned(), ..ImageConfig::default() },
        }
    }

    fn plan_job(provided: bool, change: impl FnOnce(&mut JobCreate)) -> Result<WorkloadPlan> {
        let mut job = JobCreate::new("a".parse().unwrap(), "python3.11", "./run");
        change(&mut job);
        build_plan(
            &JobSpec::from_create(job)?,
            &"hello".parse().unwrap(),
            &build_image(provided),
            0,
            &JobsSettings::default(),
        )
    }

    #[test]
    fn provided_image_starts_in_the_home_and_built_image_in_its_own_folder() {
        let provided = plan_job(true, |_| ()).unwrap();
        assert_eq!(
            (provided.cwd.as_str(), provided.home.as_deref()),
            ("/data/project/hello", Some("/data/project/hello"))
        );
        let built = plan_job(false, |_| ()).unwrap();
        assert_eq!((built.cwd.as_str(), built.home.as_deref()), ("/app", None));
        assert_eq!(provided.env["TOOL_DATA_DIR"], "/data/project/hello");
        // A folder that is not there is not named.
        assert!(!built.env.contains_key("TOOL_DATA_DIR"));
        let mounted = plan_job(false, |job| job.mount = Some(MountMode::All)).unwrap();
        assert_eq!(mounted.env["TOOL_DATA_DIR"], "/data/project/hello");
        assert_eq!(built.env["HOME"], "/app");
    }

    #[test]
    fn variables_of_the_job_replace_those_of_the_image() {
        let variables = [("PATH", "/own/bin"), ("LEVEL", "debug")];
        let variables = variables.map(|(name, value)| (name.parse().unwrap(), value.to_owned()));
        let plan = plan_job(false, |job| {
            job.variables = Some(variables.into_iter().collect());
            job.envvars = Some(vec!["API_KEY".parse().unwrap()]);
        });
        let plan = plan.unwrap();
        assert_eq!((plan.env["PATH"].as_str(), plan.env["LEVEL"].as_str()), ("/own/bin", "debug"));
        assert_eq!(plan.env["TOOL_TOOLFORGE_API_URL"], API_URL);
        assert_eq!(plan.envvars.map(|names| names.len()), Some(1));
    }

    #[test]
    fn job_of_a_preview_has_nothing_of_its_tool() {
        let of_preview = |provided, change: fn(&mut JobCreate)| {
            let plan = plan_job(provided, |job| {
                job.name = "a--pr-7".parse().unwrap();
                job.preview = Some(JobPreview { expires: jiff::Timestamp::UNIX_EPOCH });
                job.filelog = None;
                change(job);
            });
            plan.unwrap()
        };
        for plan in [of_preview(false, |_| ()), of_preview(true, |_| ())] {
            assert_eq!((plan.home.as_deref(), plan.envvars.as_deref()), (None, Some(&[][..])));
            for name in ["TOOL_TOOLFORGE_API_URL", "KUBECONFIG", "TOOL_DATA_DIR"] {
                assert!(!plan.env.contains_key(name), "{name}");
            }
            assert_eq!((plan.cwd.as_str(), plan.env["HOME"].as_str()), ("/app", "/app"));
            // Release 0.1.0 would run it as a workload of the tool, and cannot without a program.
            assert!(plan.argv.is_empty() && !plan.select_argv().is_empty());
            assert_eq!(plan.preview.map(|preview| preview.number.as_u32()), Some(7));
        }
        let chosen = of_preview(false, |job| job.envvars = Some(vec!["API_KEY".parse().unwrap()]));
        assert_eq!(chosen.envvars.map(|names| names.len()), Some(1));
        let of_tool = plan_job(false, |_| ()).unwrap();
        assert_eq!((of_tool.preview, of_tool.envvars), (None, None));
    }

    #[test]
    fn port_is_in_the_environment() {
        let web = plan_job(false, |job| (job.continuous, job.port) = (Some(true), Some(5000))).unwrap();
        assert_eq!((web.env["PORT"].as_str(), web.port), ("5000", Some(5000)));
        assert!(!plan_job(false, |_| ()).unwrap().env.contains_key("PORT"));
    }

    #[test]
    fn log_in_files_needs_a_home() {
        let argv = plan_job(true, |job| job.filelog = Some(true)).unwrap().argv;
        assert_eq!(argv[4..], ["/data/project/hello/a.out", "/data/project/hello/a.err"]);
        assert_eq!(plan_job(false, |job| job.filelog = Some(true)).unwrap_err().code(), "filelog");
    }

    #[test]
    fn output_goes_to_files_by_default_for_provided_images_only() {
        let files = |provided, change: fn(&mut JobCreate)| plan_job(provided, change).unwrap().argv.len() > 4;
        assert!(files(true, |job| job.filelog = None));
        assert!(!files(true, |job| job.filelog = Some(false)));
        assert!(!files(true, |job| (job.filelog, job.job_type) = (None, Some(JobType::Webservice))));
        assert!(!files(false, |job| job.filelog = None));
        assert!(!files(false, |job| (job.filelog, job.mount) = (None, Some(MountMode::All))));
    }

    #[test]
    fn numeric_user_is_used() {
        assert_eq!(
            [parse_user("1000"), parse_user("1000:50"), parse_user("www-data"), parse_user("")],
            [(1000, 1000), (1000, 50), (0, 0), (0, 0)]
        );
    }
}
