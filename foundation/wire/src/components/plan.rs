//! Plans of deployments.

use std::collections::BTreeMap;

use hearth_base::JobName;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

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
    /// Name of the field of the job.
    pub field: String,
    /// Value before; absent if it was not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// Value after; absent if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// Lists the fields in which two definitions of a job differ, by name. The older form of the type, `continuous`, counts as
/// the type that it stands for, and `tcp`, which a shown job has by default, as no protocol.
pub fn compare_jobs(from: Option<&JobCreate>, to: Option<&JobCreate>) -> Vec<FieldChange> {
    let (from, to) = (from.map(list_fields).unwrap_or_default(), to.map(list_fields).unwrap_or_default());
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort();
    names.dedup();
    let changed = names.into_iter().filter(|name| from.get(*name) != to.get(*name));
    let to_change = |field: &String| FieldChange {
        field: field.clone(),
        from: from.get(field).cloned(),
        to: to.get(field).cloned(),
    };
    changed.map(to_change).collect()
}

fn list_fields(job: &JobCreate) -> BTreeMap<String, Value> {
    let port_protocol = job.port_protocol.filter(|protocol| *protocol != PortProtocol::Tcp);
    let job =
        JobCreate { job_type: Some(job.effective_type()), continuous: None, port_protocol, ..job.clone() };
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
}
