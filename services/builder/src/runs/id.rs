//! Ids of runs that are known before the runs are: whoever takes a build over finds what was started for it.

use hearth_base::{BuildId, Result};
use hearth_runtime_api::RunId;
use sha2::{Digest, Sha256};
use ulid::Ulid;

/// The id of a step's run in one attempt at a build.
pub fn run_id(build: BuildId, attempt: u32, step: &str) -> Result<RunId> {
    let hash = Sha256::digest(format!("{build}/{attempt}/{step}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    // The first bit of 128 in base 32 makes the first digit; all values below 8 are good.
    format!("run_{}", Ulid::from_bytes(bytes).to_string().to_ascii_lowercase()).parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_of_each_attempt_has_its_own_run_for_ever() {
        let build: BuildId = "build_01jd0w5e3mqk8v7h4c2x9s6tbn".parse().unwrap();
        let id = |attempt, step| run_id(build, attempt, step).unwrap();
        assert_eq!(id(1, "fetch"), id(1, "fetch"));
        assert_ne!(id(1, "fetch"), id(2, "fetch"));
        assert_ne!(id(1, "fetch"), id(1, "image"));
        // Written down: another release must find what this one started.
        assert_eq!(id(1, "fetch").to_string(), EXPECTED);
    }

    const EXPECTED: &str = "run_12v50t6d43qa0ed9zphk3x6r19";
}
