//! Plans of deployments.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{EnvvarName, JobName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::jobs::{JobCreate, PortProtocol};

/// Changes that a deployment would make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::DeploymentPlan)]
pub struct DeploymentPlan {
    /// Components by name, with those that would be removed.
    pub components: Vec<PlannedComponent>,
    /// Environment that the deployment would change; absent for production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// Options of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct DeploymentPlanQuery {
    /// True: the source of the deployment will be an uploaded folder, which the request need not name.
    #[serde(
        deserialize_with = "crate::query_flag::deserialize_flag",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub folder: bool,
}

/// Changes of one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::PlannedComponent)]
pub struct PlannedComponent {
    /// Name of the component.
    #[schema(value_type = String)]
    pub name: JobName,
    /// Effect on its job.
    pub action: PlannedAction,
    /// Source of its image, as a sentence part: `a build of https://…`, `the image python3.13`. Empty for a removal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// True if the image, and with it the command of its process, is known only after a build.
    #[serde(default)]
    pub needs_build: bool,
    /// Fields of the job that would change, without the image.
    pub changes: Vec<FieldChange>,
}

/// Effect of a deployment on a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::PlannedAction)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedAction {
    /// The job does not exist and would be created.
    Create,
    /// The job would change, and continuous ones would get new containers.
    Update,
    /// The one-off job would run.
    Run,
    /// The job would be deleted.
    Remove,
    /// The job would stay as it is.
    Keep,
}

/// Change of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = components::FieldChange)]
pub struct FieldChange {
    /// Name of the field of the job; of a variable, `variables.NAME`.
    pub field: String,
    /// Value before; absent if it was not set. A variable that was set has `set` instead of its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// Value after; absent if it is not set. A variable has `set`, or `changed` if it was set to another value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// Lists the fields in which two definitions of a job differ, by name. The older form of the type, `continuous`, counts as
/// the type that it stands for, and `tcp`, which a shown job has by default, as no protocol.
pub fn compare_jobs(from: Option<&JobCreate>, to: Option<&JobCreate>) -> Vec<FieldChange> {
    let (old, new) = (from.map(list_fields).unwrap_or_default(), to.map(list_fields).unwrap_or_default());
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let changed = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    let to_change = |field: &String| FieldChange {
        field: field.clone(),
        from: old.get(field).cloned(),
        to: new.get(field).cloned(),
    };
    changed.map(to_change).chain(compare_variables(from, to)).collect()
}

/// Lists the variables that differ, without their values: plans are printed in logs of pipelines.
fn compare_variables(from: Option<&JobCreate>, to: Option<&JobCreate>) -> Vec<FieldChange> {
    let list = |job: Option<&JobCreate>| {
        let variables = job.and_then(|job| job.variables.as_ref());
        variables.map(|variables| variables.as_map().clone()).unwrap_or_default()
    };
    let (from, to) = (list(from), list(to));
    let names: BTreeSet<_> = from.keys().chain(to.keys()).collect();
    let changed = names.into_iter().filter(|name| from.get(*name) != to.get(*name));
    let to_change = |name: &EnvvarName| {
        let (before, after) = (from.contains_key(name), to.contains_key(name));
        FieldChange {
            field: format!("variables.{name}"),
            from: before.then(|| Value::from("set")),
            to: after.then(|| Value::from(if before { "changed" } else { "set" })),
        }
    };
    changed.map(to_change).collect()
}

fn list_fields(job: &JobCreate) -> BTreeMap<String, Value> {
    let job = JobCreate {
        job_type: Some(job.effective_type()),
        continuous: None,
        port_protocol: job.port_protocol.filter(|protocol| *protocol != PortProtocol::Tcp),
        variables: None,
        ..job.clone()
    };
    match serde_json::to_value(job) {
        Ok(Value::Object(fields)) => fields.into_iter().filter(|(name, _)| name != "name").collect(),
        _ => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_differ_are_listed_by_name() -> hearth_base::Result<()> {
        let old =
            JobCreate { continuous: Some(true), ..JobCreate::new("web".parse()?, "python3.13", "./serve") };
        let new = JobCreate {
            continuous: None,
            job_type: Some(crate::jobs::JobType::Continuous),
            port: Some(8000),
            cmd: "./serve --new".to_owned(),
            ..old.clone()
        };
        let changes = compare_jobs(Some(&old), Some(&new));
        let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, ["cmd", "port"]);
        assert_eq!((changes[1].from.clone(), changes[1].to.clone()), (None, Some(Value::from(8000))));
        assert_eq!(compare_jobs(Some(&old), Some(&old)), []);
        let shown = JobCreate { port_protocol: Some(PortProtocol::Tcp), ..new.clone() };
        assert_eq!(compare_jobs(Some(&new), Some(&shown)), []);
        assert!(compare_jobs(None, Some(&new)).iter().all(|change| change.from.is_none()));
        Ok(())
    }

    #[test]
    fn variables_are_compared_by_name_and_their_values_are_hidden() -> hearth_base::Result<()> {
        let build_job = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| Ok((name.parse()?, (*value).to_owned())));
            let variables = Some(variables.collect::<hearth_base::Result<crate::jobs::JobVariables>>()?);
            Ok::<_, hearth_base::Error>(JobCreate {
                variables,
                ..JobCreate::new("web".parse()?, "python3.13", "./serve")
            })
        };
        let old = build_job(&[("GONE", "value-1"), ("KEPT", "value-2"), ("LEVEL", "value-3")])?;
        let new = build_job(&[("KEPT", "value-2"), ("LEVEL", "value-4"), ("NEW", "value-5")])?;
        let changes = compare_jobs(Some(&old), Some(&new));
        let shown = serde_json::to_value(&changes).map_err(hearth_base::Error::internal)?;
        let expected = serde_json::json!([
            {"field": "variables.GONE", "from": "set"},
            {"field": "variables.LEVEL", "from": "set", "to": "changed"},
            {"field": "variables.NEW", "to": "set"},
        ]);
        assert_eq!(shown, expected);
        Ok(())
    }
}
