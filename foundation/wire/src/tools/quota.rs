//! How much a tool may use.

use hearth_base::{Cpu, Memory};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! quota {
    ($($(#[$doc:meta])* $field:ident: $type:ty as $shown:ty $(= $former:literal)?,)*) => {
        /// How much a tool may use.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[schema(as = tools::Quota)]
        pub struct Quota {
            $($(#[$doc])*
            $(#[serde(default = $former)])?
            #[schema(value_type = $shown, required = true)]
            pub $field: $type,)*
        }

        /// What an operator changes of a tool's quota: what is absent stays, `null` goes back to the default.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[schema(as = tools::QuotaPatch)]
        #[serde(default)]
        pub struct QuotaPatch {
            $($(#[$doc])*
            #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
            #[schema(value_type = Option<$shown>)]
            pub $field: Option<Option<$type>>,)*
        }

        impl QuotaPatch {
            /// The quota that `default` and these changes make.
            pub fn over(&self, default: &Quota) -> Quota {
                Quota { $($field: self.$field.flatten().unwrap_or(default.$field),)* }
            }

            /// These changes with later ones laid over them.
            #[must_use]
            pub fn then(&self, later: &Self) -> Self {
                Self { $($field: later.$field.or(self.$field).filter(Option::is_some),)* }
            }
        }
    };
}

quota! {
    /// Memory of all that runs at one time.
    memory: Memory as String,
    /// Processors of all that runs at one time.
    cpu: Cpu as String,
    /// Memory of one run.
    job_memory: Memory as String,
    /// Processors of one run.
    job_cpu: Cpu as String,
    /// What one run writes beside the tool's home.
    job_disk: Memory as String = "job_disk",
    /// Jobs that run at one time.
    running_jobs: u32 as u32,
    /// Scheduled jobs.
    scheduled_jobs: u32 as u32,
    /// Continuous jobs.
    continuous_jobs: u32 as u32,
    /// Replicas of one job.
    replicas: u32 as u32,
    /// Builds that run at one time.
    running_builds: u32 as u32,
    /// Variables.
    envvars: u32 as u32,
    /// Room for images.
    image_storage: Memory as String,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            memory: Memory::mib(8192),
            cpu: Cpu::milli(8000),
            job_memory: Memory::mib(4096),
            job_cpu: Cpu::milli(3000),
            job_disk: job_disk(),
            running_jobs: 16,
            scheduled_jobs: 50,
            continuous_jobs: 16,
            replicas: 8,
            running_builds: 4,
            envvars: 64,
            image_storage: Memory::mib(4096),
        }
    }
}

/// For a service or a configuration of a release that did not know it.
const fn job_disk() -> Memory {
    Memory::mib(16 << 10)
}

/// Tells a field that is `null` from one that is absent.
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_keeps_what_is_absent_and_null_goes_back_to_the_default() -> Result<(), serde_json::Error> {
        let first: QuotaPatch = serde_json::from_str(r#"{"memory": "1Gi", "envvars": 3}"#)?;
        let then = first.then(&serde_json::from_str(r#"{"envvars": null}"#)?);
        let quota = then.over(&Quota::default());
        assert_eq!(quota.memory, Memory::mib(1024));
        assert_eq!(quota.envvars, Quota::default().envvars);
        Ok(())
    }
}
