//! Drives a target without nightly Rust: its seeds first, then what follows from them by chance.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fastrand::Rng;

use crate::{Target, mutate::mutate};

/// How long a target is driven.
#[derive(Debug, Clone, Copy)]
pub enum Budget {
    /// So many inputs behind the seeds: the same each time, for the same seed of chance.
    Inputs(u64),
    /// So much time.
    Time(Duration),
}

/// The outcome.
#[derive(Debug)]
pub struct Driven {
    /// How many inputs were read.
    pub inputs: u64,
    /// The longest time that one took.
    pub longest: Duration,
    /// The input that took it.
    pub longest_input: Vec<u8>,
    /// The input at which the target panicked, if it did.
    pub found: Option<Vec<u8>>,
}

/// Reads the seeds of a target, in the order of their names.
pub fn read_seeds(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(seeds_folder(target))? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths.iter().map(fs::read).collect()
}

/// The folder of a target's seeds.
pub fn seeds_folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target.name)
}

/// Drives a target until the budget is used up or it panics.
pub fn drive(target: &Target, seeds: &[Vec<u8>], chance: &mut Rng, budget: Budget) -> Driven {
    let began = Instant::now();
    let mut driven = Driven { inputs: 0, longest: Duration::ZERO, longest_input: Vec::new(), found: None };
    let mut first = seeds.iter();
    loop {
        let input = match first.next() {
            Some(seed) => seed.clone(),
            None => mutate(seeds, chance),
        };
        let before = Instant::now();
        let read = catch_unwind(AssertUnwindSafe(|| (target.read)(&input)));
        let took = before.elapsed();
        driven.inputs += 1;
        if read.is_err() {
            driven.found = Some(input);
            return driven;
        }
        if took > driven.longest {
            (driven.longest, driven.longest_input) = (took, input);
        }
        let is_over = match budget {
            Budget::Inputs(inputs) => driven.inputs >= inputs.saturating_add(seeds.len() as u64),
            Budget::Time(time) => began.elapsed() >= time,
        };
        if is_over {
            return driven;
        }
    }
}
