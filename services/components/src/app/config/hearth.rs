//! Hearth's format, `config_version: hearth/v1`.

use std::collections::BTreeMap;

use hearth_base::{BuilderName, JobName};
use hearth_plan::{InMemorySource, SourcePath, read_declared_builder};
use hearth_wire::{
    builds::RecipeChoice,
    components::{
        FrontEndChoice, HearthBuild, HearthBuildDefaults, HearthComponent, HearthComponentType, HearthConfig,
        HearthConfigVersion, HearthEnvironment, OneOffTime,
    },
    jobs::{
        Concurrency,
        page_sleep::{MAX_SLEEP_SECONDS, MIN_SLEEP_SECONDS},
    },
};
use serde_json::{Value, json};

use super::{
    document::{ConfigNode, ConfigValue},
    environments::{check_environments, parse_environment_name},
    fields::FieldReader,
    health::{read_checks, read_health_check, read_stop_policy},
    previews::read_previews,
    problems::ConfigProblems,
    rules::check_components,
    toolforge::{
        CPU_FORM, EMAIL_WORDS, MAX_COMMAND_CHARACTERS, MAX_REF_CHARACTERS, MAX_SCHEDULE_CHARACTERS,
        MEMORY_FORM, MOUNT_WORDS, PORT_PROTOCOL_WORDS, is_without_components, read_log_files,
    },
    values::{has_values, read_filled_config},
    variables::{read_envvar_names, read_file_patterns, read_variables},
};

/// The name of the file that describes a tool, as the builder finds it.
const TOOL_FILE_NAME: &str = "hearth.yaml";
/// The maximum length of the name of an image.
const MAX_IMAGE_CHARACTERS: usize = 500;
/// The maximum length of a time zone.
const MAX_ZONE_CHARACTERS: usize = 100;
/// The maximum length of a folder.
const MAX_FOLDER_CHARACTERS: usize = 200;

/// Keys that v1beta1 has in other places.
const COMPONENT_HINTS: &[(&str, &str)] = &[
    ("component_type", "write type"),
    ("health_check_http", "write health_check: {type: http, path: …}"),
    ("health_check_script", "write health_check: {type: script, script: …}"),
    ("environment", "write variables; or name an environment below environments, beside components"),
    ("env", "write variables"),
    ("secrets", "write envvars: the names of the tool's variables and secrets"),
];

/// Reads a configuration of this format. Where it has values, they are filled in first.
pub fn read_hearth_config(root: &ConfigNode, problems: &ConfigProblems) -> HearthConfig {
    let config = match has_values(root) {
        true => read_filled_config(root, problems, read_sections),
        false => read_sections(root, problems),
    };
    check_components(root, &[&["components"]], "", &config.components, &config, problems);
    check_environments(root, &config, problems);
    config
}

/// Reads the sections of a configuration. Values are accepted and left out.
fn read_sections(root: &ConfigNode, problems: &ConfigProblems) -> HearthConfig {
    let Some(mut fields) = FieldReader::open(root, String::new(), problems) else {
        return HearthConfig::default();
    };
    fields.accept_field("config_version");
    fields.accept_field("values");
    let tool = fields.read_text("tool", 32);
    let build = fields.read_section("build").map(read_build_defaults);
    let components = fields.read_components(read_component);
    if is_without_components(root) {
        fields.report_field("components", "is missing or empty; expected at least one component");
    }
    let environments =
        fields.read_objects("environments", "environment", parse_environment_name, read_environment);
    let previews = fields.read_section("previews").map(read_previews);
    fields.refuse_unknown_keys_with_hints(&[("source_url", "it is a key of v1beta1")]);
    HearthConfig {
        config_version: HearthConfigVersion::HearthV1,
        tool,
        values: BTreeMap::new(),
        build,
        components,
        environments,
        previews,
    }
}

fn read_recipe(fields: &mut FieldReader<'_>) -> Option<RecipeChoice> {
    fields.read_choice(
        "recipe",
        &[
            ("containerfile", RecipeChoice::Containerfile),
            ("detected", RecipeChoice::Detected),
            ("dockerfile", RecipeChoice::Containerfile),
        ],
    )
}

fn read_folder(fields: &mut FieldReader<'_>) -> Option<String> {
    let text = fields.read_text("folder", MAX_FOLDER_CHARACTERS)?;
    let path = SourcePath::parse(&text);
    if path.is_none() {
        let expected = "a folder of the source: letters, digits and ._- between slashes";
        fields.report_field("folder", format!("is {text:.60?}; expected {expected}"));
    }
    path.map(|path| path.to_string())
}

fn read_build_defaults(mut fields: FieldReader<'_>) -> HearthBuildDefaults {
    let front_end = match fields.find_field("front_end").map(|node| &node.value) {
        Some(ConfigValue::Flag(flag)) => Some(FrontEndChoice::Enabled(*flag)),
        _ => fields.read_text("front_end", MAX_FOLDER_CHARACTERS).map(FrontEndChoice::Folder),
    };
    let build = HearthBuildDefaults {
        repository: fields.read_url("repository"),
        reference: fields.read_text("ref", MAX_REF_CHARACTERS),
        folder: read_folder(&mut fields),
        recipe: read_recipe(&mut fields),
        builder: fields.read_name::<BuilderName>("builder"),
        language: fields.read_text("language", 40),
        front_end,
        packages: fields.read_texts("packages", 100),
        commands: fields.read_texts("commands", MAX_COMMAND_CHARACTERS),
        static_folder: fields.read_text("static", MAX_FOLDER_CHARACTERS),
        processes: fields.read_text_map("processes", MAX_COMMAND_CHARACTERS),
    };
    if build.reference.is_some() && fields.find_field("repository").is_none() {
        fields.report_field("ref", "has no repository; add repository, or leave ref out");
    }
    for problem in list_plan_problems(&build) {
        fields.report_sentence(&problem);
    }
    fields.refuse_unknown_keys_with_hints(&[("reuse_from", "it is a key of a component")]);
    build
}

/// Lists what the builder would refuse in the section `build`.
fn list_plan_problems(build: &HearthBuildDefaults) -> Vec<String> {
    let HearthBuildDefaults { language, front_end, packages, commands, static_folder, processes, .. } = build;
    let mut section = json!({
        "language": language, "front_end": front_end, "packages": packages, "commands": commands,
        "static": static_folder,
    });
    if !processes.is_empty() {
        section["processes"] = json!(processes);
    }
    let section = match section {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect::<Value>(),
        other => other,
    };
    // JSON is YAML.
    let source = InMemorySource::new().with_file(TOOL_FILE_NAME, json!({"build": section}).to_string());
    let Err(error) = read_declared_builder(&source) else { return Vec::new() };
    let sentences = error.public_messages().map(|sentence| {
        sentence.split_once("section build: ").map_or(sentence, |(_, problem)| problem).to_owned()
    });
    sentences.collect()
}

fn read_component_build(mut fields: FieldReader<'_>) -> HearthBuild {
    let build = HearthBuild {
        repository: fields.read_url("repository"),
        reference: fields.read_text("ref", MAX_REF_CHARACTERS),
        folder: read_folder(&mut fields),
        recipe: read_recipe(&mut fields),
        builder: fields.read_name::<BuilderName>("builder"),
    };
    let of_tool = "it belongs to the configuration's own build";
    let hints =
        ["language", "front_end", "packages", "commands", "static", "processes"].map(|key| (key, of_tool));
    fields.refuse_unknown_keys_with_hints(
        &[&hints[..], &[("reuse_from", "write reuse_from beside build, without build")]].concat(),
    );
    build
}

fn read_publish(fields: &mut FieldReader<'_>) -> Option<bool> {
    let node = fields.find_field("publish")?;
    match &node.value {
        ConfigValue::Flag(flag) => Some(*flag),
        ConfigValue::Text(path) if path == "/" => Some(true),
        _ => {
            fields.report_field("publish", format!("is {node}; expected true, false or \"/\""));
            None
        }
    }
}

/// Reads the values of a component. Rules about several keys are checked later, for the component of each environment.
fn read_component(mut fields: FieldReader<'_>) -> Option<HearthComponent> {
    let sources = ["build", "reuse_from", "image"];
    let given: Vec<_> = sources.into_iter().filter(|key| fields.find_field(key).is_some()).collect();
    if let [first, second, ..] = given[..] {
        fields.report_field(
            second,
            format!("stands beside {first}; expected one of build, reuse_from and image"),
        );
    }
    let component_types = [
        ("continuous", HearthComponentType::Continuous),
        ("scheduled", HearthComponentType::Scheduled),
        ("one-off", HearthComponentType::OneOff),
    ];
    let policies =
        [("forbid", Concurrency::Forbid), ("replace", Concurrency::Replace), ("allow", Concurrency::Allow)];
    let seconds = 0..=u64::from(u32::MAX);
    let (filelog, filelog_stdout, filelog_stderr) = read_log_files(&mut fields);
    let component = HearthComponent {
        component_type: fields.read_choice("type", &component_types),
        run: fields.read_choice("run", &[("before", OneOffTime::Before), ("after", OneOffTime::After)]),
        build: fields.read_section("build").map(read_component_build),
        reuse_from: fields.read_name::<JobName>("reuse_from"),
        when_changed: read_file_patterns(&mut fields),
        image: fields.read_text("image", MAX_IMAGE_CHARACTERS),
        variables: read_variables(&mut fields),
        envvars: read_envvar_names(&mut fields),
        command: fields.read_text("command", MAX_COMMAND_CHARACTERS),
        port: fields.read_number("port", 1..=65535),
        port_protocol: fields.read_choice("port_protocol", PORT_PROTOCOL_WORDS),
        publish: read_publish(&mut fields),
        schedule: fields.read_text("schedule", MAX_SCHEDULE_CHARACTERS),
        timezone: fields.read_text("timezone", MAX_ZONE_CHARACTERS),
        concurrency: fields.read_choice("concurrency", &policies),
        starting_deadline: fields.read_number("starting_deadline", seconds.clone()),
        replicas: fields.read_number("replicas", 1..=u64::from(u16::MAX)),
        sleep_after: fields.read_seconds("sleep_after", MIN_SLEEP_SECONDS..=MAX_SLEEP_SECONDS),
        memory: fields.read_amount("memory", MEMORY_FORM),
        cpu: fields.read_amount("cpu", CPU_FORM),
        disk: fields.read_amount("disk", MEMORY_FORM),
        health_check: fields.read_section("health_check").and_then(read_health_check),
        checks: fields.read_section("checks").map(read_checks),
        stop: fields.read_section("stop").map(read_stop_policy),
        retry: fields.read_number("retry", 0..=5),
        timeout: fields.read_number("timeout", seconds),
        emails: fields.read_choice("emails", EMAIL_WORDS),
        mount: fields.read_choice("mount", MOUNT_WORDS),
        filelog,
        filelog_stdout,
        filelog_stderr,
    };
    fields.refuse_unknown_keys_with_hints(COMPONENT_HINTS);
    Some(component)
}

fn read_environment(mut fields: FieldReader<'_>) -> Option<HearthEnvironment> {
    let branch = fields.read_text("branch", MAX_REF_CHARACTERS);
    fields.accept_field("values");
    let components: BTreeMap<JobName, HearthComponent> = fields.read_components(read_component);
    fields.refuse_unknown_keys();
    Some(HearthEnvironment { branch, values: BTreeMap::new(), components })
}
