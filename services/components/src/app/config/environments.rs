//! Environments in Hearth's format: changes of the components, which get jobs of their own.

use std::collections::BTreeMap;

use hearth_base::{EnvironmentName, Error, JobName, Result};
use hearth_wire::components::{HearthComponent, HearthConfig, HearthEnvironment};
use serde_json::{Value, json};

use super::{document::ConfigNode, problems::ConfigProblems, rules::check_components};

/// The environment of the configuration itself, whose jobs have the names of the components.
pub const PRODUCTION_ENVIRONMENT: &str = EnvironmentName::PRODUCTION_NAME;

/// Parses the name of an environment; an error is the rule. Every name that is accepted fits the address of every tool,
/// `TOOL--ENVIRONMENT`, so the configuration needs no tool to be checked.
pub fn parse_environment_name(text: &str) -> std::result::Result<String, String> {
    let error = match text.parse::<EnvironmentName>() {
        Ok(name) if name.find_preview().is_some() => {
            return Err("pr- and a number are the name of a preview; expected another name".to_owned());
        }
        Ok(_) => return Ok(text.to_owned()),
        Err(error) => error,
    };
    if text == PRODUCTION_ENVIRONMENT {
        return Err("production is the configuration itself; change components".to_owned());
    }
    let rule = error.public_message().rsplit_once(": ").map_or("", |(_, rule)| rule);
    if rule.starts_with("pr-") {
        Err(format!("{rule}; expected another name"))
    } else {
        Err(format!("expected {rule}"))
    }
}

/// Checks the name of an environment. Error `environment-name` (invalid).
pub fn check_environment_name(name: &str) -> Result<()> {
    parse_environment_name(name).map(drop).map_err(|rule| {
        let what = format!("invalid environment {}: {rule}", super::document::quote_value(name));
        Error::invalid("environment-name", what).help("name an environment of the tool's configuration")
    })
}

/// Builds the name of a component's job in an environment.
pub fn build_job_name(component: &JobName, environment: &str) -> Result<JobName> {
    format!("{component}--{environment}").parse()
}

/// Checks the components of every environment that change, and the names of all jobs.
pub fn check_environments(root: &ConfigNode, config: &HearthConfig, problems: &ConfigProblems) {
    for (name, environment) in &config.environments {
        let of_environment = ["environments", name.as_str(), "components"];
        let lists: [&[&str]; 2] = [&of_environment, &["components"]];
        let scope = format!("environment {name}, ");
        match merge_components(config, environment) {
            Ok(mut merged) => {
                let suffix = format!("--{name}");
                for component in merged.keys() {
                    check_job_names(root, &lists, (component, name, &suffix), problems);
                }
                // What the environment does not change has been checked already, but its links may have changed.
                let unchanged: Vec<JobName> =
                    merged.keys().filter(|key| !environment.components.contains_key(*key)).cloned().collect();
                for component in unchanged {
                    if let Some(component) = merged.get_mut(&component) {
                        keep_links(component);
                    }
                }
                check_components(root, &lists, &scope, &merged, config, problems);
            }
            Err(error) => problems.add_problem(None, format!("environment {name}: {error}")),
        }
    }
}

/// Keeps of a component only what the rules about several components need.
fn keep_links(component: &mut HearthComponent) {
    *component = HearthComponent {
        reuse_from: component.reuse_from.take(),
        publish: component.publish,
        ..HearthComponent::default()
    };
}

fn check_job_names(
    root: &ConfigNode,
    lists: &[&[&str]],
    (component, environment, suffix): (&JobName, &str, &str),
    problems: &ConfigProblems,
) {
    let entry = lists.iter().find_map(|list| root.find_entry(&[list, &[component.as_str()][..]].concat()));
    let place = entry.and_then(|entry| entry.place);
    if component.as_str().ends_with(suffix) {
        let what = format!(
            "component {component}: the name ends in {suffix}, as the jobs of environment {environment}"
        );
        problems.add_problem(place, format!("{what}; expected another name"));
    } else if let Err(error) = build_job_name(component, environment) {
        let rule = error.public_message().rsplit_once(": ").map_or("", |(_, rule)| rule).to_owned();
        let job = format!("{component}{suffix}");
        problems.add_problem(place, format!("environment {environment}, component {component}: its job {job:?} has a name that is refused; expected {rule}"));
    }
}

/// Builds the components of an environment: those of the configuration with its changes, and its own.
pub fn merge_components(
    config: &HearthConfig,
    environment: &HearthEnvironment,
) -> Result<BTreeMap<JobName, HearthComponent>> {
    let mut merged = config.components.clone();
    for (name, changes) in &environment.components {
        let component = match config.components.get(name) {
            Some(component) => merge_component(component, changes)?,
            None => changes.clone(),
        };
        merged.insert(name.clone(), component);
    }
    Ok(merged)
}

/// Replaces keys of a component. An image source replaces any other one; of two builds and of variables, only the changed keys.
pub fn merge_component(component: &HearthComponent, changes: &HearthComponent) -> Result<HearthComponent> {
    let (Value::Object(mut merged), Value::Object(changed)) = (json!(component), json!(changes)) else {
        return Err(Error::internal("a component is not an object"));
    };
    let sources = ["build", "reuse_from", "image"];
    if sources.iter().any(|source| changed.contains_key(*source)) {
        let is_other = |source: &&&str| !(changed.contains_key(**source) && **source == "build");
        sources.iter().filter(is_other).for_each(|source| drop(merged.remove(*source)));
    }
    for (key, value) in changed {
        match (merged.get_mut(&key), value) {
            (Some(Value::Object(entries)), Value::Object(changes))
                if key == "build" || key == "variables" =>
            {
                entries.extend(changes);
            }
            (_, value) => drop(merged.insert(key, value)),
        }
    }
    serde_json::from_value(Value::Object(merged)).map_err(Error::internal)
}
