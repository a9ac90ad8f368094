//! Validates the environment variables of a job's own, and its choice of the tool's.

use hearth_base::{Error, Result};
use hearth_wire::jobs::JobVariables;

use crate::store::JobSpec;

/// Validates the variables of a job: `variables` or `envvars` (invalid). Errors have no values.
pub fn validate_variables(job: &JobSpec) -> Result<()> {
    const MAX_VARIABLES: usize = JobVariables::MAX_COUNT;
    const MAX_VALUE_BYTES: usize = JobVariables::MAX_VALUE_BYTES;
    const MAX_TOTAL_BYTES: usize = JobVariables::MAX_TOTAL_BYTES;
    const MAX_CHOSEN_ENVVARS: usize = JobVariables::MAX_ENVVARS;
    let variables = job.variables.clone().unwrap_or_default();
    let variables = variables.as_map();
    if variables.len() > MAX_VARIABLES {
        let what = format!("job {} has {} variables; at most {MAX_VARIABLES}", job.name, variables.len());
        return Err(Error::invalid("variables", what).help("keep further settings in a file of the source"));
    }
    for (name, value) in variables {
        let problem = if name.is_reserved() {
            "is set by Hearth in every run; choose another name".to_owned()
        } else if value.contains('\0') {
            "has a NUL byte, which environments do not support".to_owned()
        } else if value.len() > MAX_VALUE_BYTES {
            format!("has {} bytes; at most {MAX_VALUE_BYTES}", value.len())
        } else {
            continue;
        };
        return Err(Error::invalid("variables", format!("variable {name} of job {} {problem}", job.name))
            .help("correct variables of the job"));
    }
    let total: usize = variables.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if total > MAX_TOTAL_BYTES {
        let what = format!("the variables of job {} have {total} bytes; at most {MAX_TOTAL_BYTES}", job.name);
        return Err(Error::invalid("variables", what).help("keep large values in a file of the source"));
    }
    let chosen = job.envvars.as_ref().map_or(0, Vec::len);
    if chosen > MAX_CHOSEN_ENVVARS {
        let what =
            format!("job {} names {chosen} of the tool's variables; at most {MAX_CHOSEN_ENVVARS}", job.name);
        return Err(Error::invalid("envvars", what).help("leave envvars out: the job then gets all of them"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hearth_wire::jobs::JobCreate;

    use super::*;

    fn build_spec(variables: &[(&str, &str)], envvars: Option<&[&str]>) -> JobSpec {
        let own = variables.iter().map(|(name, value)| (name.parse().unwrap(), (*value).to_owned()));
        let create = JobCreate {
            variables: Some(own.collect()),
            envvars: envvars.map(|names| names.iter().map(|name| name.parse().unwrap()).collect()),
            ..JobCreate::new("a".parse().unwrap(), "python3.11", "./run")
        };
        JobSpec::from_create(create).unwrap()
    }

    fn find_refusal(job: &JobSpec) -> String {
        validate_variables(job).err().map(|error| error.public_message().to_owned()).unwrap_or_default()
    }

    #[test]
    fn variables_are_limited_and_errors_have_no_values() {
        assert_eq!(find_refusal(&build_spec(&[("LEVEL", "debug"), ("EMPTY", "")], Some(&[]))), "");
        let large = "v".repeat(JobVariables::MAX_VALUE_BYTES + 1);
        for value in [&*large, "v\0v"] {
            let message = find_refusal(&build_spec(&[("LEVEL", value)], None));
            assert!(message.contains("LEVEL") && !message.contains(value), "{message}");
        }
        assert!(find_refusal(&build_spec(&[("PORT", "1")], None)).contains("is set by Hearth"));
        let many: Vec<String> = (0..=JobVariables::MAX_COUNT).map(|number| format!("V{number}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "")).collect();
        assert!(find_refusal(&build_spec(&many, None)).contains("at most 64"));
        let value = "v".repeat(JobVariables::MAX_VALUE_BYTES);
        let full = ["A", "B", "C", "D", "E", "F", "G", "H"].map(|name| (name, &*value));
        assert!(find_refusal(&build_spec(&full, None)).contains("bytes; at most 32768"));
    }
}
