//! Each target reads its seeds and what follows from them by chance.

use fastrand::Rng;
use hearth_fuzz::{
    drive::{Budget, drive, read_seeds},
    find_target,
};
use hearth_testkit::Chance;

/// Some seconds for each target, without optimisation.
const INPUTS: u64 = 10_000;
/// A schedule is looked up for a whole day.
const SLOW_INPUTS: u64 = 1000;

fn assert_target_survives(name: &str) {
    let inputs = if name == "schedules" { SLOW_INPUTS } else { INPUTS };
    let target = find_target(name).unwrap();
    let seeds = read_seeds(target).unwrap();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    let mut drawn = Chance::told(name).unwrap();
    for seed in [25, drawn.number(..)] {
        let driven = drive(target, &seeds, &mut Rng::with_seed(seed), Budget::Inputs(inputs / 2));
        let found = driven.found.map(|input| input.escape_ascii().to_string());
        assert_eq!(found, None, "{name} panics at an input drawn from {seed}");
    }
}

macro_rules! test_targets {
    ($($target:ident),* $(,)?) => {
        $(
            #[test]
            fn $target() {
                assert_target_survives(stringify!($target));
            }
        )*
    };
}

hearth_fuzz::for_all_targets!(test_targets);
