//! Chance that can be repeated: what a test does at random follows from a seed that it tells.

use std::{io::Write, ops::RangeBounds, time::Duration};

use hearth_base::{Entropy, Error, Result};

/// The variable that gives the seed of a failure to repeat.
const SEED: &str = "HEARTH_TEST_SEED";
/// The variable that gives the number of rounds.
const ROUNDS: &str = "HEARTH_TEST_ROUNDS";
/// The rounds of a test at random where nothing else is said.
const DEFAULT_ROUNDS: u32 = 20;

/// How many rounds a test at random has: as many as `HEARTH_TEST_ROUNDS` says, which `cargo xtask soak` sets.
pub fn read_rounds() -> Result<u32> {
    let Some(text) = given(ROUNDS) else { return Ok(DEFAULT_ROUNDS) };
    text.parse().map_err(|_| Error::internal(format!("{ROUNDS} is no number: {text:?}")))
}

/// Draws at random, the same again from the same seed.
#[derive(Debug, Clone)]
pub struct Chance {
    seed: u64,
    drawn: fastrand::Rng,
}

impl Chance {
    /// From a seed that is new each time, or the one in `HEARTH_TEST_SEED`. It is told at once, with what it is for.
    pub fn told(what: &str) -> Result<Self> {
        let seed = match given(SEED) {
            Some(text) => text.parse().map_err(|_| Error::internal(format!("{SEED} is no number")))?,
            None => u64::from_le_bytes(Entropy::System.bytes()) >> 16,
        };
        let line = format!("{what}: {SEED}={seed}\n");
        std::io::stderr().write_all(line.as_bytes()).map_err(Error::internal)?;
        Ok(Self::of(seed))
    }

    /// From this seed.
    pub fn of(seed: u64) -> Self {
        Self { seed, drawn: fastrand::Rng::with_seed(seed) }
    }

    /// What all follows from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A number of a range.
    pub fn number(&mut self, range: impl RangeBounds<u64>) -> u64 {
        self.drawn.u64((range.start_bound().cloned(), range.end_bound().cloned()))
    }

    /// Whether something happens that does in so many of a hundred cases.
    pub fn percent(&mut self, cases: u64) -> bool {
        self.number(0..100) < cases
    }

    /// One of these; none when there is none.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        self.drawn.choice(of)
    }

    /// Lets as many milliseconds pass, so that whatever is under way gets so far: load, and nothing to rely on.
    pub async fn linger(&mut self, milliseconds: impl RangeBounds<u64>) {
        tokio::time::sleep(Duration::from_millis(self.number(milliseconds))).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever repeats a failure, or soaks, says it in the environment"
)]
fn given(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}
