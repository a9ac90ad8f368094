//! Repeatable random numbers: a randomised test prints its seed, from which all its random choices follow.

use std::{io::Write, ops::RangeBounds, time::Duration};

use hearth_base::{Entropy, Error, Result};

/// The environment variable with the seed of a failure to repeat.
const SEED_VARIABLE: &str = "HEARTH_TEST_SEED";
/// The environment variable with the number of rounds.
const ROUNDS_VARIABLE: &str = "HEARTH_TEST_ROUNDS";
/// The number of rounds of a randomised test by default.
const DEFAULT_ROUNDS: u32 = 20;

/// Reads the number of rounds of a randomised test from `HEARTH_TEST_ROUNDS`, which `cargo xtask soak` sets.
pub fn read_rounds() -> Result<u32> {
    let Some(text) = read_variable(ROUNDS_VARIABLE) else { return Ok(DEFAULT_ROUNDS) };
    text.parse().map_err(|_| Error::internal(format!("{ROUNDS_VARIABLE} is not a number: {text:?}")))
}

/// A random number generator with a known seed.
#[derive(Debug, Clone)]
pub struct SeededRng {
    seed: u64,
    rng: fastrand::Rng,
}

impl SeededRng {
    /// Creates a generator with the seed in `HEARTH_TEST_SEED`, or with a new one, and prints the seed with
    /// its purpose.
    pub fn from_environment(purpose: &str) -> Result<Self> {
        let seed = match read_variable(SEED_VARIABLE) {
            Some(text) => text
                .parse()
                .map_err(|_| Error::internal(format!("{SEED_VARIABLE} is not a number: {text:?}")))?,
            None => u64::from_le_bytes(Entropy::System.generate_bytes()) >> 16,
        };
        let line = format!("{purpose}: {SEED_VARIABLE}={seed}\n");
        std::io::stderr().write_all(line.as_bytes()).map_err(Error::internal)?;
        Ok(Self::from_seed(seed))
    }

    /// Creates a generator with this seed.
    pub fn from_seed(seed: u64) -> Self {
        Self { seed, rng: fastrand::Rng::with_seed(seed) }
    }

    /// The seed of the random numbers.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns a random number of a range.
    pub fn pick_number(&mut self, range: impl RangeBounds<u64>) -> u64 {
        self.rng.u64((range.start_bound().cloned(), range.end_bound().cloned()))
    }

    /// Returns true with this probability, in percent.
    pub fn pick_bool(&mut self, percent: u64) -> bool {
        self.pick_number(0..100) < percent
    }

    /// Returns a random item, or none if there are none.
    pub fn pick_item<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        self.rng.choice(items)
    }

    /// Sleeps for a random number of milliseconds, to vary how far other work proceeds. No result may rely on
    /// it.
    pub async fn sleep_for(&mut self, milliseconds: impl RangeBounds<u64>) {
        tokio::time::sleep(Duration::from_millis(self.pick_number(milliseconds))).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the seed and the number of rounds are set in the environment")]
fn read_variable(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}
