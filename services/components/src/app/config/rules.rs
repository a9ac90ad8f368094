//! Rules about the keys of a component in Hearth's format.

use std::collections::BTreeMap;

use hearth_base::JobName;
use hearth_wire::{
    components::{HearthComponent, HearthComponentType, HearthConfig},
    jobs::PortProtocol,
};
use serde_json::{Value, json};

use super::{
    document::ConfigNode,
    health::needs_port,
    links::{ComponentLink, check_links},
    problems::ConfigProblems,
};

/// Keys that only some types of components may have.
const KEYS_OF_TYPES: &[(&str, &[HearthComponentType])] = &[
    ("run", &[HearthComponentType::OneOff]),
    ("schedule", &[HearthComponentType::Scheduled]),
    ("timezone", &[HearthComponentType::Scheduled]),
    ("concurrency", &[HearthComponentType::Scheduled]),
    ("starting_deadline", &[HearthComponentType::Scheduled]),
    ("port", &[HearthComponentType::Continuous]),
    ("port_protocol", &[HearthComponentType::Continuous]),
    ("publish", &[HearthComponentType::Continuous]),
    ("replicas", &[HearthComponentType::Continuous]),
    ("sleep_after", &[HearthComponentType::Continuous]),
    ("health_check", &[HearthComponentType::Continuous]),
    ("checks", &[HearthComponentType::Continuous]),
    ("retry", &[HearthComponentType::Scheduled, HearthComponentType::OneOff]),
    ("timeout", &[HearthComponentType::Scheduled, HearthComponentType::OneOff]),
];

/// Finds the type of a component: the given one, or the one that other keys imply.
pub fn find_component_type(component: &HearthComponent) -> HearthComponentType {
    match component.component_type {
        Some(component_type) => component_type,
        None if component.run.is_some() => HearthComponentType::OneOff,
        None if component.schedule.is_some() => HearthComponentType::Scheduled,
        None => HearthComponentType::Continuous,
    }
}

fn describe_type(component_type: HearthComponentType) -> &'static str {
    match component_type {
        HearthComponentType::Continuous => "continuous",
        HearthComponentType::Scheduled => "scheduled",
        HearthComponentType::OneOff => "one-off",
    }
}

/// Checks the components of the configuration or of one environment. `lists` lead to the components in the text, the
/// first to the most specific ones; `scope` stands before the component in errors.
pub fn check_components(
    root: &ConfigNode,
    lists: &[&[&str]],
    scope: &str,
    components: &BTreeMap<JobName, HearthComponent>,
    config: &HearthConfig,
    problems: &ConfigProblems,
) {
    for (name, component) in components {
        ComponentRules { root, lists, scope, name, problems }.check_component(component, config);
    }
    let links = components.iter().map(|(name, component)| {
        let is_published = component.publish == Some(true);
        (name, ComponentLink { reuse_from: component.reuse_from.as_ref(), is_published })
    });
    check_links(root, lists, scope, &links.collect(), problems);
}

/// One component, for its errors.
struct ComponentRules<'a> {
    root: &'a ConfigNode,
    lists: &'a [&'a [&'a str]],
    scope: &'a str,
    name: &'a JobName,
    problems: &'a ConfigProblems,
}

impl ComponentRules<'_> {
    fn report_field(&self, keys: &[&str], what: &str) {
        let find = |keys: &[&str]| {
            let component = [self.name.as_str()];
            self.lists.iter().find_map(|list| self.root.find_entry(&[list, &component[..], keys].concat()))
        };
        let entry = find(keys).or_else(|| find(&[]));
        let place = entry.and_then(|entry| entry.place);
        let sentence = format!("{}component {}: {} {what}", self.scope, self.name, keys.join("."));
        self.problems.add_problem(place, sentence);
    }

    fn check_component(&self, component: &HearthComponent, config: &HearthConfig) {
        let component_type = find_component_type(component);
        self.check_keys_of_type(component, component_type);
        if component_type == HearthComponentType::Scheduled && component.schedule.is_none() {
            self.report_field(&["schedule"], "is missing; expected five fields, or @hourly and the like");
        }
        if component_type == HearthComponentType::Continuous {
            self.check_ports(component);
        }
        if !component.when_changed.is_empty()
            && let Some(source) = [
                component.image.as_ref().map(|_| "image"),
                component.reuse_from.as_ref().map(|_| "reuse_from"),
            ]
            .into_iter()
            .flatten()
            .next()
        {
            self.report_field(
                &["when_changed"],
                &format!("stands beside {source}; only components with a build of their own have it"),
            );
        }
        let default_repository = config.build.as_ref().and_then(|build| build.repository.as_ref());
        if let Some(build) = &component.build
            && build.reference.is_some()
            && build.repository.as_ref().or(default_repository).is_none()
        {
            self.report_field(&["build", "ref"], "has no repository; add repository, or leave ref out");
        }
    }

    fn check_keys_of_type(&self, component: &HearthComponent, component_type: HearthComponentType) {
        let values = json!(component);
        // A value that changes nothing is allowed everywhere.
        let is_set = |key: &str| {
            values.get(key).is_some_and(|value| *value != Value::Bool(false) && *value != json!(0))
        };
        for (key, allowed) in KEYS_OF_TYPES {
            if is_set(key) && !allowed.contains(&component_type) {
                let found = describe_type(component_type);
                let types: Vec<_> = allowed.iter().map(|one| describe_type(*one)).collect();
                let types = types.join(" and ");
                self.report_field(
                    &[key],
                    &format!("is not allowed for a {found} component; {types} ones only"),
                );
            }
        }
    }

    fn check_ports(&self, component: &HearthComponent) {
        let is_published = component.publish == Some(true);
        if component.port_protocol.is_some() && component.port.is_none() {
            self.report_field(&["port_protocol"], "has no port; add port, or leave it out");
        } else if component.port_protocol == Some(PortProtocol::Udp) && is_published {
            self.report_field(&["port_protocol"], "is \"udp\"; expected tcp for a published component");
        }
        if component.sleep_after > Some(0) && !is_published {
            self.report_field(
                &["sleep_after"],
                "needs a page whose visits wake it; add publish: true, or leave it out",
            );
        }
        if component.port.is_some() || is_published {
            return;
        }
        let checks = component.checks.clone().unwrap_or_default();
        for (keys, check) in [
            (&["health_check"][..], &component.health_check),
            (&["checks", "startup"], &checks.startup),
            (&["checks", "readiness"], &checks.readiness),
            (&["checks", "liveness"], &checks.liveness),
        ] {
            if check.as_ref().is_some_and(needs_port) {
                self.report_field(keys, "needs a port; add port");
            }
        }
    }
}
