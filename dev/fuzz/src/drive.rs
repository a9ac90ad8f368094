//! Fuzz driver for stable Rust: it runs a target with its seeds first, then with random mutations of them.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fastrand::Rng;

use crate::{FuzzTarget, mutate::mutate_seeds};

/// Limit of a fuzz run.
#[derive(Debug, Clone, Copy)]
pub enum FuzzBudget {
    /// Number of inputs after the seeds. The same random seed gives the same inputs.
    Inputs(u64),
    /// Duration of the run.
    Time(Duration),
}

/// Outcome of a fuzz run.
#[derive(Debug)]
pub struct FuzzOutcome {
    /// Number of inputs.
    pub inputs: u64,
    /// Longest duration of one input.
    pub slowest_time: Duration,
    /// Input with the longest duration.
    pub slowest_input: Vec<u8>,
    /// Input at which the target panicked, if any.
    pub panic_input: Option<Vec<u8>>,
}

/// Reads the seeds of a target, sorted by file name.
pub fn read_seeds(target: &FuzzTarget) -> io::Result<Vec<Vec<u8>>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(seeds_folder(target))? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths.iter().map(fs::read).collect()
}

/// Folder of a target's seeds.
pub fn seeds_folder(target: &FuzzTarget) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target.name)
}

/// Runs a target until the budget is used up or it panics.
pub fn drive_target(
    target: &FuzzTarget,
    seeds: &[Vec<u8>],
    chance: &mut Rng,
    budget: FuzzBudget,
) -> FuzzOutcome {
    let began = Instant::now();
    let mut driven =
        FuzzOutcome { inputs: 0, slowest_time: Duration::ZERO, slowest_input: Vec::new(), panic_input: None };
    let mut first = seeds.iter();
    loop {
        let input = match first.next() {
            Some(seed) => seed.clone(),
            None => mutate_seeds(seeds, chance),
        };
        let before = Instant::now();
        let read = catch_unwind(AssertUnwindSafe(|| (target.run_input)(&input)));
        let took = before.elapsed();
        driven.inputs += 1;
        if read.is_err() {
            driven.panic_input = Some(input);
            return driven;
        }
        if took > driven.slowest_time {
            (driven.slowest_time, driven.slowest_input) = (took, input);
        }
        let is_over = match budget {
            FuzzBudget::Inputs(inputs) => driven.inputs >= inputs.saturating_add(seeds.len() as u64),
            FuzzBudget::Time(time) => began.elapsed() >= time,
        };
        if is_over {
            return driven;
        }
    }
}
