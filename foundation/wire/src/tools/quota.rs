//! Quota of a tool.

use hearth_base::{Cpu, Memory};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! quota {
    ($($(#[$doc:meta])* $field:ident: $type:ty as $shown:ty $(= $former:literal)?,)*) => {
        /// Resource quota of a tool.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[schema(as = tools::Quota)]
        pub struct Quota {
            $($(#[$doc])*
            $(#[serde(default = $former)])?
            #[schema(value_type = $shown, required = true)]
            pub $field: $type,)*
        }

        /// Changes that an operator makes to a tool's quota. Absent fields stay unchanged; `null` restores
        /// the default.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[schema(as = tools::QuotaPatch)]
        #[serde(default)]
        pub struct QuotaPatch {
            $($(#[$doc])*
            #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "deserialize_present")]
            #[schema(value_type = Option<$shown>)]
            pub $field: Option<Option<$type>>,)*
        }

        impl QuotaPatch {
            /// Applies these changes to the default quota.
            pub fn apply_to(&self, default: &Quota) -> Quota {
                Quota { $($field: self.$field.flatten().unwrap_or(default.$field),)* }
            }

            /// Merges these changes with later ones, which take precedence.
            #[must_use]
            pub fn merge_with(&self, later: &Self) -> Self {
                Self { $($field: later.$field.or(self.$field).filter(Option::is_some),)* }
            }

            /// Describes the changes in one line, as `hearth tool quota --set` takes them:
            /// `memory=16Gi, running-jobs=default`.
            pub fn describe_limits(&self) -> String {
                let mut limits = Vec::new();
                $(if let Some(limit) = self.$field {
                    let name = stringify!($field).replace('_', "-");
                    let limit = limit.map_or_else(|| "default".to_owned(), |limit| limit.to_string());
                    limits.push(format!("{name}={limit}"));
                })*
                limits.join(", ")
            }
        }
    };
}

quota! {
    /// Total memory of concurrent runs.
    memory: Memory as String,
    /// Total CPUs of concurrent runs.
    cpu: Cpu as String,
    /// Memory of one run.
    job_memory: Memory as String,
    /// CPUs of one run.
    job_cpu: Cpu as String,
    /// Disk writes of one run outside the tool's home.
    job_disk: Memory as String = "default_job_disk",
    /// Number of concurrent runs.
    running_jobs: u32 as u32,
    /// Number of scheduled jobs.
    scheduled_jobs: u32 as u32,
    /// Number of continuous jobs.
    continuous_jobs: u32 as u32,
    /// Number of replicas of one job.
    replicas: u32 as u32,
    /// Number of concurrent builds.
    running_builds: u32 as u32,
    /// Number of environment variables.
    envvars: u32 as u32,
    /// Total size of images.
    image_storage: Memory as String,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            memory: Memory::from_mib(8192),
            cpu: Cpu::from_milli(8000),
            job_memory: Memory::from_mib(4096),
            job_cpu: Cpu::from_milli(3000),
            job_disk: default_job_disk(),
            running_jobs: 16,
            scheduled_jobs: 50,
            continuous_jobs: 16,
            replicas: 8,
            running_builds: 4,
            envvars: 64,
            image_storage: Memory::from_mib(4096),
        }
    }
}

/// Default for a service or a configuration of a release without this field.
const fn default_job_disk() -> Memory {
    Memory::from_mib(16 << 10)
}

/// Deserializes a field so that `null` and absence are different values.
fn deserialize_present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quota_patch_preserves_absent_fields_and_null_restores_the_default() -> Result<(), serde_json::Error> {
        let first: QuotaPatch = serde_json::from_str(r#"{"memory": "1Gi", "envvars": 3}"#)?;
        let merged = first.merge_with(&serde_json::from_str(r#"{"envvars": null}"#)?);
        let quota = merged.apply_to(&Quota::default());
        assert_eq!(quota.memory, Memory::from_mib(1024));
        assert_eq!(quota.envvars, Quota::default().envvars);
        Ok(())
    }

    #[test]
    fn quota_patch_is_described_as_the_command_line_takes_it() -> Result<(), serde_json::Error> {
        let patch: QuotaPatch =
            serde_json::from_str(r#"{"memory": "16Gi", "cpu": "500m", "running_jobs": 9, "envvars": null}"#)?;
        assert_eq!(patch.describe_limits(), "memory=16Gi, cpu=500m, running-jobs=9, envvars=default");
        assert_eq!(QuotaPatch::default().describe_limits(), "");
        Ok(())
    }
}
