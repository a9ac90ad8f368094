//! Tests that no target panics at its seeds and at random mutations of them.

use fastrand::Rng;
use hearth_fuzz::{
    drive::{FuzzBudget, drive_target, read_seeds},
    find_target,
};
use hearth_testkit::SeededRng;

/// Number of inputs for each target: a few seconds without optimisation.
const INPUT_COUNT: u64 = 10_000;
/// Number of inputs for `schedules`, whose target evaluates a whole day.
const SLOW_INPUT_COUNT: u64 = 1000;

fn assert_target_survives(name: &str) {
    let inputs = if name == "schedules" { SLOW_INPUT_COUNT } else { INPUT_COUNT };
    let target = find_target(name).unwrap();
    let seeds = read_seeds(target).unwrap();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    let mut drawn = SeededRng::from_environment(name).unwrap();
    for seed in [25, drawn.pick_number(..)] {
        let driven = drive_target(target, &seeds, &mut Rng::with_seed(seed), FuzzBudget::Inputs(inputs / 2));
        let found = driven.panic_input.map(|input| input.escape_ascii().to_string());
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
