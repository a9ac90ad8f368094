//! Derived ids of runs, so that another builder finds the runs of a build.

use hearth_base::{BuildId, Result};
use hearth_runtime_api::RunId;
use sha2::{Digest, Sha256};
use ulid::Ulid;

/// Derives the id of a step's run from build, attempt and step.
pub fn derive_run_id(build: BuildId, attempt: u32, step: &str) -> Result<RunId> {
    let hash = Sha256::digest(format!("{build}/{attempt}/{step}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    // 128 bits make 26 digits of base 32, the first of them below 8: each value is a valid ULID.
    format!("run_{}", Ulid::from_bytes(bytes).to_string().to_ascii_lowercase()).parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_id_is_stable_for_each_step_and_attempt() {
        let build: BuildId = "build_01jd0w5e3mqk8v7h4c2x9s6tbn".parse().unwrap();
        let id = |attempt, step| derive_run_id(build, attempt, step).unwrap();
        assert_eq!(id(1, "fetch"), id(1, "fetch"));
        assert_ne!(id(1, "fetch"), id(2, "fetch"));
        assert_ne!(id(1, "fetch"), id(1, "image"));
        // The value is fixed: another release must find the runs that this one started.
        assert_eq!(id(1, "fetch").to_string(), EXPECTED_RUN_ID);
    }

    const EXPECTED_RUN_ID: &str = "run_12v50t6d43qa0ed9zphk3x6r19";
}
