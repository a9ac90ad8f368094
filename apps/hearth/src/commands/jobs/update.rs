//! `hearth jobs update NAME`: changes parts of a job's definition; the rest stays.

use hearth_base::{Error, Result};
use hearth_wire::jobs::Job;
use serde_json::Value;

use super::definition::JobDefinition;
use crate::{
    context::CommandContext,
    flags::DryRun,
    job_calls::{fetch_job, list_jobs},
};

/// The arguments of `hearth jobs update`.
#[derive(Debug, clap::Args)]
#[command(mut_arg("image", |image| image.required(false)))]
#[command(mut_arg("name", |name| name.help("The job").required(true)))]
#[command(mut_args(remove_schedule_requirement))]
pub struct UpdateJobArgs {
    #[command(flatten)]
    changes: JobDefinition,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The flags of a schedule with their names and values.
const SCHEDULE_FLAGS: [(&str, &str, &str); 3] = [
    ("timezone", "timezone", "ZONE"),
    ("concurrency", "concurrency", "POLICY"),
    ("starting_deadline", "starting-deadline", "SECONDS"),
];

/// The flags of a schedule apply to the job's own schedule, which need not be named again.
fn remove_schedule_requirement(arg: clap::Arg) -> clap::Arg {
    let known = SCHEDULE_FLAGS.into_iter().find(|(id, ..)| arg.get_id().as_str() == *id);
    let Some((id, long, value)) = known else { return arg };
    let plain = clap::Arg::new(id).long(long).value_name(value);
    let plain = plain.value_parser(arg.get_value_parser().clone());
    plain.help(arg.get_help().cloned().unwrap_or_default()).hide_short_help(true).hide_possible_values(true)
}

/// Changes the job.
pub async fn run(cx: &CommandContext, args: UpdateJobArgs) -> Result<()> {
    let result = cx.printer.open_output::<Job>()?;
    let UpdateJobArgs { changes, dry_run } = args;
    let Some(name) = changes.name.clone() else {
        return Err(Error::invalid("missing-argument", "no job is named").help("hearth jobs list"));
    };
    let session = cx.open_tool_session()?;
    // It proposes the nearest name when the job does not exist.
    let job = fetch_job(&session, &name).await?;
    let before = list_jobs(&session, true).await?.into_iter().find(|known| known.name == name);
    let before = JobDefinition::from_job(before.as_ref().unwrap_or(&job));
    let after = before.clone().with_changes(&changes)?;
    let differences = describe_differences(&before, &after)?;
    if differences.is_empty() {
        return result.print_sentence(&job, &format!("nothing to change: {name} is as requested"));
    }
    let create = after.to_job_create()?;
    if dry_run.dry_run {
        return result.print_sentence(&job, &format!("would change {name}: {differences}"));
    }
    let changed =
        session.send(session.client().jobs().update(session.tool_name(), &create)).await?.job_changed;
    let job = fetch_job(&session, &name).await?;
    if !changed {
        return result.print_sentence(&job, &format!("nothing to change: {name} is as requested"));
    }
    result.print_done(&job, &format!("{name} is changed: {differences}"))?;
    cx.printer.print_next(&format!("hearth jobs show {name}"));
    Ok(())
}

/// Describes the fields that differ, as in `mem 256Mi → 512Mi`.
fn describe_differences(before: &JobDefinition, after: &JobDefinition) -> Result<String> {
    let (before, after) = (to_fields(before)?, to_fields(after)?);
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let show = |value: Option<&Value>| match value {
        None => "default".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let differing = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let described =
        differing.map(|name| format!("{name} {} → {}", show(before.get(name)), show(after.get(name))));
    Ok(described.collect::<Vec<_>>().join(", "))
}

fn to_fields(definition: &JobDefinition) -> Result<serde_json::Map<String, Value>> {
    match serde_json::to_value(definition).map_err(Error::internal)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(Error::internal("job definition is not an object")),
    }
}

impl JobDefinition {
    /// Overrides the fields that `changes` sets. A flag of one health check or of one place for the output
    /// replaces the earlier one. The type of a job does not change.
    fn with_changes(self, changes: &Self) -> Result<Self> {
        let changes_type = changes.continuous && !self.continuous
            || changes.webservice && !self.webservice
            || changes.schedule.is_some() && self.schedule.is_none();
        if changes_type {
            return Err(Error::invalid("job-type", "the type of a job cannot be changed")
                .help("delete the job, then create it with hearth jobs run"));
        }
        let checks_health = changes.health_check_http.is_some()
            || changes.health_check_script.is_some()
            || changes.health_check_tcp;
        let mut base = to_fields(&self)?;
        if checks_health {
            base.retain(|name, _| !name.starts_with("health-check"));
        }
        if changes.filelog || changes.no_filelog {
            base.retain(|name, _| name != "filelog" && name != "no-filelog");
        }
        base.extend(to_fields(changes)?);
        serde_json::from_value(Value::Object(base)).map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn update_changes_only_the_named_fields() -> Result<()> {
        let before = JobDefinition {
            name: Some("tidy".parse()?),
            image: Some("bookworm".to_owned()),
            schedule: Some("@daily".to_owned()),
            mem: Some("256Mi".to_owned()),
            filelog: true,
            ..JobDefinition::default()
        };
        let changes = JobDefinition {
            name: before.name.clone(),
            mem: Some("512Mi".to_owned()),
            schedule: Some("@hourly".to_owned()),
            no_filelog: true,
            ..JobDefinition::default()
        };
        let after = before.clone().with_changes(&changes)?;
        assert_eq!((after.image.as_deref(), after.mem.as_deref()), (Some("bookworm"), Some("512Mi")));
        assert_eq!((after.filelog, after.no_filelog), (false, true));
        let differences = describe_differences(&before, &after)?;
        assert!(differences.contains("mem 256Mi → 512Mi, "), "{differences}");
        assert!(differences.contains("schedule @daily → @hourly"), "{differences}");
        Ok(())
    }

    #[test]
    fn new_health_check_replaces_the_earlier_one() -> Result<()> {
        let before = JobDefinition {
            continuous: true,
            health_check_script: Some("./check".to_owned()),
            ..JobDefinition::default()
        };
        let changes = JobDefinition { health_check_http: Some("/up".to_owned()), ..JobDefinition::default() };
        let after = before.with_changes(&changes)?;
        assert_eq!((after.health_check_script, after.health_check_http.as_deref()), (None, Some("/up")));
        Ok(())
    }

    #[test]
    fn type_of_a_job_is_not_changed() {
        let before = JobDefinition { continuous: true, ..JobDefinition::default() };
        let changes = JobDefinition { schedule: Some("@daily".to_owned()), ..JobDefinition::default() };
        assert_eq!(
            before.with_changes(&changes).err().map(|error| error.code().to_owned()).as_deref(),
            Some("job-type")
        );
    }
}
