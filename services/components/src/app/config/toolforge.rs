//! Toolforge's format, `config_version: v1beta1`.

use hearth_wire::{
    components::{
        ContinuousToolComponent, ContinuousToolRun, ContinuousType, ScheduledToolComponent, ScheduledToolRun,
        ScheduledType, ToolBuild, ToolBuildReference, ToolComponent, ToolConfig, ToolConfigVersion,
        ToolSourceBuild,
    },
    jobs::{Emails, MountMode, PortProtocol},
};

use super::{
    document::{ConfigNode, ConfigValue},
    fields::FieldReader,
    links::{ComponentLink, check_links},
    problems::ConfigProblems,
};

/// The maximum length of a command, as in deployments without a configuration.
pub const MAX_COMMAND_CHARACTERS: usize = 4000;
/// The maximum length of the path of a log file.
pub const MAX_FILE_CHARACTERS: usize = 1024;
/// The maximum length of the path of a health check.
pub const MAX_CHECK_PATH_CHARACTERS: usize = 1024;
/// The maximum length of a branch, a tag or a commit.
pub const MAX_REF_CHARACTERS: usize = 250;
/// The maximum length of a schedule.
pub const MAX_SCHEDULE_CHARACTERS: usize = 200;
/// The occasions for mail by their words.
pub const EMAIL_WORDS: &[(&str, Emails)] = &[
    ("none", Emails::None),
    ("all", Emails::All),
    ("onfinish", Emails::OnFinish),
    ("onfailure", Emails::OnFailure),
];
/// The mounts by their words.
pub const MOUNT_WORDS: &[(&str, MountMode)] = &[("all", MountMode::All), ("none", MountMode::None)];
/// The protocols of ports by their words.
pub const PORT_PROTOCOL_WORDS: &[(&str, PortProtocol)] =
    &[("tcp", PortProtocol::Tcp), ("udp", PortProtocol::Udp)];
/// The form of an amount of memory.
pub const MEMORY_FORM: &str = "an amount of memory, as in 512Mi or 2Gi";
/// The form of an amount of CPU.
pub const CPU_FORM: &str = "a number of CPUs, as in 0.5, 2 or 500m";

/// Keys of Hearth's format that v1beta1 does not have.
const HEARTH_KEYS: &[(&str, &str)] = &[
    ("tool", "add the line config_version: hearth/v1"),
    ("build", "add the line config_version: hearth/v1, or name the build of each component"),
    ("environments", "add the line config_version: hearth/v1"),
    ("previews", "add the line config_version: hearth/v1"),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum ToolComponentType {
    Continuous,
    Scheduled,
}

/// Reads a configuration of this format.
pub fn read_tool_config(root: &ConfigNode, problems: &ConfigProblems) -> ToolConfig {
    let Some(mut fields) = FieldReader::open(root, String::new(), problems) else {
        return ToolConfig::default();
    };
    fields.accept_field("config_version");
    // A generated configuration contains its warnings.
    fields.accept_field("Warning");
    let source_url = fields.read_url("source_url");
    let components = fields.read_components(read_component);
    if fields.find_field("source_url").is_none() && is_without_components(root) {
        fields.report_field("components", "is missing or empty; expected at least one component");
    }
    fields.refuse_unknown_keys_with_hints(HEARTH_KEYS);
    let links = components.iter().map(|(name, component)| (name, build_link(component)));
    check_links(root, &[&["components"]], "", &links.collect(), problems);
    ToolConfig { config_version: ToolConfigVersion::V1Beta1, source_url, components, warning: None }
}

/// True if a configuration names no components, with a value that is a map.
pub fn is_without_components(root: &ConfigNode) -> bool {
    match root.find_key("components").map(|node| &node.value) {
        None => true,
        Some(ConfigValue::Map(entries)) => entries.is_empty(),
        Some(_) => false,
    }
}

fn build_link(component: &ToolComponent) -> ComponentLink<'_> {
    let (build, is_published) = match component {
        ToolComponent::Continuous(component) => (&component.build, component.run.publish.is_some()),
        ToolComponent::Scheduled(component) => (&component.build, false),
    };
    let reuse_from = match build {
        ToolBuild::Reuse(reference) => Some(&reference.reuse_from),
        ToolBuild::Source(_) => None,
    };
    ComponentLink { reuse_from, is_published }
}

fn read_component(mut fields: FieldReader<'_>) -> Option<ToolComponent> {
    let types = [("continuous", ToolComponentType::Continuous), ("scheduled", ToolComponentType::Scheduled)];
    let given_type = fields.read_choice("component_type", &types);
    fields.require_field("build", "build with repository and ref, or with reuse_from");
    fields.require_field("run", "run with at least a command");
    let build = fields.read_section("build").and_then(read_build);
    let run = fields.read_section("run").and_then(|run| read_run(run, given_type));
    fields.refuse_unknown_keys();
    Some(match (build?, run?) {
        (build, ToolRun::Continuous(run)) => ToolComponent::Continuous(ContinuousToolComponent {
            component_type: ContinuousType::Continuous,
            build,
            run,
        }),
        (build, ToolRun::Scheduled(run)) => ToolComponent::Scheduled(ScheduledToolComponent {
            component_type: ScheduledType::Scheduled,
            build,
            run,
        }),
    })
}

fn read_build(mut fields: FieldReader<'_>) -> Option<ToolBuild> {
    let reuse_from = fields.read_name("reuse_from");
    let is_reuse = fields.find_field("reuse_from").is_some();
    if !is_reuse {
        fields.require_field("repository", "the address of a public git repository, or reuse_from");
        fields.require_field("ref", "a branch, a tag or a commit");
    }
    let repository = fields.read_url("repository");
    let reference = fields.read_text("ref", MAX_REF_CHARACTERS);
    let use_latest_versions = fields.read_flag("use_latest_versions");
    let use_deprecated_versions = fields.read_flag("use_deprecated_versions");
    if is_reuse && fields.find_field("repository").is_some() {
        fields.report_field("repository", "stands beside reuse_from; expected one of them");
    }
    fields.refuse_unknown_keys();
    if is_reuse {
        return Some(ToolBuild::Reuse(ToolBuildReference { reuse_from: reuse_from? }));
    }
    Some(ToolBuild::Source(ToolSourceBuild {
        repository: repository?,
        reference: reference?,
        use_latest_versions,
        use_deprecated_versions,
    }))
}

enum ToolRun {
    Continuous(ContinuousToolRun),
    Scheduled(ScheduledToolRun),
}

/// Reads the definition of a job. Without a type, a schedule makes the component a scheduled one.
fn read_run(mut fields: FieldReader<'_>, given_type: Option<ToolComponentType>) -> Option<ToolRun> {
    fields.require_field("command", "a shell command line, or the name of a process of the image");
    let has_schedule = fields.find_field("schedule").is_some();
    let implied = if has_schedule { ToolComponentType::Scheduled } else { ToolComponentType::Continuous };
    let command = fields.read_text("command", MAX_COMMAND_CHARACTERS);
    let (cpu, memory) = (fields.read_amount("cpu", CPU_FORM), fields.read_amount("memory", MEMORY_FORM));
    let emails = fields.read_choice("emails", EMAIL_WORDS);
    let mount = fields.read_choice("mount", MOUNT_WORDS);
    let (filelog, filelog_stdout, filelog_stderr) = read_log_files(&mut fields);
    let continuous = read_continuous_fields(&mut fields);
    let scheduled = ScheduledToolRun {
        schedule: fields.read_text("schedule", MAX_SCHEDULE_CHARACTERS).unwrap_or_default(),
        retry: fields.read_number("retry", 0..=5),
        timeout: fields.read_number("timeout", 0..=u64::from(u32::MAX)),
        ..ScheduledToolRun::default()
    };
    let component_type = given_type.unwrap_or(implied);
    let (refused, noun): (&[&'static str], _) = match component_type {
        ToolComponentType::Continuous => (&["schedule", "retry", "timeout"], "continuous"),
        ToolComponentType::Scheduled => {
            fields.require_field("schedule", "five fields, or @hourly and the like");
            (CONTINUOUS_KEYS, "scheduled")
        }
    };
    for key in refused {
        if fields.find_field(key).is_some() {
            fields.report_field(
                key,
                format!("is not allowed for a {noun} component; leave it out, or change component_type"),
            );
        }
    }
    fields.refuse_unknown_keys();
    let command = command?;
    Some(match component_type {
        ToolComponentType::Continuous => ToolRun::Continuous(ContinuousToolRun {
            command,
            cpu,
            memory,
            emails,
            mount,
            filelog,
            filelog_stdout,
            filelog_stderr,
            ..continuous
        }),
        ToolComponentType::Scheduled => ToolRun::Scheduled(ScheduledToolRun {
            command,
            cpu,
            memory,
            emails,
            mount,
            filelog,
            filelog_stdout,
            filelog_stderr,
            ..scheduled
        }),
    })
}

/// Keys of a continuous run only.
const CONTINUOUS_KEYS: &[&str] =
    &["port", "port_protocol", "publish", "replicas", "health_check_http", "health_check_script"];

fn read_continuous_fields(fields: &mut FieldReader<'_>) -> ContinuousToolRun {
    let run = ContinuousToolRun {
        port: fields.read_number("port", 1..=65535),
        port_protocol: fields.read_choice("port_protocol", PORT_PROTOCOL_WORDS),
        publish: fields.read_choice("publish", &[("/", "/")]).map(str::to_owned),
        replicas: fields.read_number("replicas", 1..=u64::from(u16::MAX)),
        health_check_http: fields.read_text("health_check_http", MAX_CHECK_PATH_CHARACTERS),
        health_check_script: fields.read_text("health_check_script", MAX_COMMAND_CHARACTERS),
        ..ContinuousToolRun::default()
    };
    check_port_protocol(fields, run.port_protocol, run.publish.is_some());
    if let Some(path) = run.health_check_http.as_deref() {
        check_http_path(fields, "health_check_http", path);
        if fields.find_field("port").is_none() && run.publish.is_none() {
            fields.report_field("health_check_http", "needs a port; add port");
        }
        if run.health_check_script.is_some() {
            fields
                .report_field("health_check_http", "stands beside health_check_script; expected one of them");
        }
    }
    run
}

/// Checks that a protocol has a port, and that a published component has no UDP port.
pub fn check_port_protocol(fields: &mut FieldReader<'_>, protocol: Option<PortProtocol>, is_published: bool) {
    if protocol.is_some() && fields.find_field("port").is_none() {
        fields.report_field("port_protocol", "has no port; add port, or leave it out");
    } else if protocol == Some(PortProtocol::Udp) && is_published {
        fields.report_field("port_protocol", "is \"udp\"; expected tcp for a published component");
    }
}

/// Checks the path of an HTTP health check.
pub fn check_http_path(fields: &FieldReader<'_>, key: &str, path: &str) {
    let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if !is_path {
        fields.report_field(
            key,
            format!("is {path:.60?}; expected a path that begins with a slash, as in /healthz"),
        );
    }
}

/// Reads the fields of log files: paths in the tool's home.
pub fn read_log_files(fields: &mut FieldReader<'_>) -> (Option<bool>, Option<String>, Option<String>) {
    let filelog = fields.read_flag("filelog");
    let mut files = ["filelog_stdout", "filelog_stderr"].map(|key| {
        let file = fields.read_text(key, MAX_FILE_CHARACTERS)?;
        if file.contains('\n') || file.split('/').any(|segment| segment == "..") {
            fields.report_field(
                key,
                format!("is {file:.60?}; expected a path in the tool's home, as in logs/job.out"),
            );
            return None;
        }
        if filelog == Some(false) {
            fields.report_field(key, "is set, but filelog is false; expected filelog: true, or no file");
        }
        Some(file)
    });
    (filelog, files[0].take(), files[1].take())
}
