//! Variables of components in Hearth's format, and the files that decide whether a component is built.

use hearth_base::EnvvarName;
use hearth_wire::{components::HearthConfig, jobs::JobVariables};

use super::{
    document::{ConfigValue, quote_value},
    fields::FieldReader,
};

/// The maximum number of variables of a component, as for jobs.
const MAX_VARIABLES: usize = 64;
/// The maximum length of the value of a variable, as for jobs.
const MAX_VARIABLE_BYTES: usize = 4 << 10;
/// The maximum size of all variables of a component, as for jobs.
const MAX_VARIABLES_BYTES: usize = 32 << 10;
/// The maximum number of the tool's variables that a component names.
const MAX_ENVVARS: usize = 200;
/// The maximum number of patterns of files of a component.
const MAX_PATTERNS: usize = 64;
/// The maximum length of a pattern of files.
const MAX_PATTERN_CHARACTERS: usize = 200;

/// Reads the variables of a component. Errors do not repeat a value.
pub fn read_variables(fields: &mut FieldReader<'_>) -> Option<JobVariables> {
    let entries = fields.read_entries("variables", MAX_VARIABLES)?;
    let mut variables = Vec::new();
    for entry in entries {
        let problem = match (entry.key.parse::<EnvvarName>(), &entry.node.value) {
            (Err(_), _) => {
                "is no name of a variable; expected letters, digits and underscores, not beginning with a digit"
            }
            (Ok(name), _) if name.is_reserved() => "is set by Hearth in every run; expected another name",
            (Ok(_), ConfigValue::Text(text)) if text.len() > MAX_VARIABLE_BYTES => {
                "is too long; at most 4096 bytes"
            }
            (Ok(_), ConfigValue::Text(text)) if text.contains('\0') => {
                "has a NUL byte; expected text without it"
            }
            (Ok(name), ConfigValue::Text(text)) => {
                variables.push((name, text.clone()));
                continue;
            }
            (Ok(_), ConfigValue::Number(_) | ConfigValue::Flag(_)) => {
                "is no text; expected text; write it in quotes"
            }
            (Ok(_), _) => "is no text; expected text, which may be empty: \"\"",
        };
        fields.report_entry("variables", entry, problem);
    }
    let size: usize = variables.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > MAX_VARIABLES_BYTES {
        fields.report_field("variables", format!("have {size} bytes; at most {MAX_VARIABLES_BYTES}"));
    }
    Some(variables.into_iter().collect())
}

/// Reads the names of the tool's variables that a component gets. An empty list is a choice too.
pub fn read_envvar_names(fields: &mut FieldReader<'_>) -> Option<Vec<EnvvarName>> {
    fields.find_field("envvars")?;
    let texts = fields.read_texts("envvars", 128);
    if texts.len() > MAX_ENVVARS {
        fields.report_field("envvars", format!("has {} names; at most {MAX_ENVVARS}", texts.len()));
        return None;
    }
    let names = texts.iter().filter_map(|text| {
        let name = text.parse::<EnvvarName>();
        if name.is_err() {
            let what = format!(
                "has {}; expected names of variables: letters, digits and underscores, not beginning with a digit",
                quote_value(text)
            );
            fields.report_field("envvars", what);
        }
        name.ok()
    });
    Some(names.collect())
}

/// Reads patterns of files of the source: paths with `*`, `?` and `**`.
pub fn read_file_patterns(fields: &mut FieldReader<'_>) -> Vec<String> {
    let patterns = fields.read_texts("when_changed", MAX_PATTERN_CHARACTERS);
    if patterns.len() > MAX_PATTERNS {
        fields
            .report_field("when_changed", format!("has {} patterns; at most {MAX_PATTERNS}", patterns.len()));
        return Vec::new();
    }
    for pattern in &patterns {
        let leaves_source = pattern.starts_with('/')
            || pattern.split('/').any(|segment| matches!(segment, "" | "." | ".."))
            || pattern.contains(['\\', '[', ']', '{', '}', '!', '\n']);
        if leaves_source {
            let what = format!(
                "has {}; expected paths of the source with *, ? and **, as in web/**",
                quote_value(pattern)
            );
            fields.report_field("when_changed", what);
        }
    }
    patterns
}

/// Lists the variables whose names suggest secrets: everybody who reads the file or the job sees their values.
pub fn list_secret_warnings(config: &HearthConfig) -> Vec<String> {
    let of_environments = config.environments.iter().flat_map(|(name, environment)| {
        let scope = format!("environment {name}, ");
        environment.components.iter().map(move |(component, changes)| (scope.clone(), component, changes))
    });
    let all = config.components.iter().map(|(name, component)| (String::new(), name, component));
    let mut warnings = Vec::new();
    for (scope, name, component) in all.chain(of_environments) {
        let Some(variables) = &component.variables else { continue };
        for variable in variables.as_map().keys().filter(|variable| variable.suggests_secret()) {
            warnings.push(format!(
                "{scope}component {name}: variables are no secrets, and {variable} has the name of one; \
                 set it with hearth envvars create {variable} and leave it out here"
            ));
        }
    }
    let previews = config.previews.as_ref();
    let of_previews = previews.and_then(|previews| previews.variables.as_ref());
    let secrets = of_previews.iter().flat_map(|variables| variables.as_map().keys());
    for variable in secrets.filter(|variable| variable.suggests_secret()) {
        warnings.push(format!(
            "previews: variables are no secrets, and {variable} has the name of one; the code of every merge request \
             reads it"
        ));
    }
    let secrets = previews.iter().flat_map(|previews| &previews.envvars);
    for variable in secrets.filter(|variable| variable.suggests_secret()) {
        warnings.push(format!("previews: the code of every merge request reads {variable}"));
    }
    warnings
}
