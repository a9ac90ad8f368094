//! `hearth-fuzz TARGET SECONDS [SEED]`: runs one target for a time on stable Rust. `cargo xtask soak` calls
//! it when cargo-fuzz is not installed. `hearth-fuzz TARGET FILE` runs a target with one input.

use std::{
    env, fs,
    io::Write,
    process::ExitCode,
    time::{Duration, Instant},
};

use fastrand::Rng;
use hearth_fuzz::{
    FuzzTarget,
    drive::{FuzzBudget, FuzzOutcome, drive_target, read_seeds},
    find_target,
};

/// Maximum duration of one input. A longer one is a finding, since all inputs are small.
const MAX_INPUT_TIME: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [name, path] = arguments.as_slice()
        && let (Some(target), Ok(input)) = (find_target(name), fs::read(path))
    {
        let began = Instant::now();
        (target.run_input)(&input);
        return print_result(
            &format!("{name}: {path} was read in {:.0?}", began.elapsed()),
            ExitCode::SUCCESS,
        );
    }
    let (target, time, seed) = match read_arguments(&arguments) {
        Ok(read) => read,
        Err(reason) => return print_result(&format!("error: {reason}"), ExitCode::FAILURE),
    };
    let seeds = match read_seeds(target) {
        Ok(seeds) => seeds,
        Err(error) => return print_result(&format!("error: {}: {error}", target.name), ExitCode::FAILURE),
    };
    let FuzzOutcome { inputs, slowest_time, slowest_input, panic_input } =
        drive_target(target, &seeds, &mut Rng::with_seed(seed), FuzzBudget::Time(time));
    let name = target.name;
    let finding = panic_input.or((slowest_time > MAX_INPUT_TIME).then_some(slowest_input));
    let Some(input) = finding else {
        let line =
            format!("{name}: {inputs} inputs, no finding, the slowest took {slowest_time:.0?} (seed {seed})");
        return print_result(&line, ExitCode::SUCCESS);
    };
    let path = env::temp_dir().join(format!("hearth-fuzz-{name}-{seed}-{inputs}"));
    let location =
        fs::write(&path, input).map_or_else(|error| error.to_string(), |()| path.display().to_string());
    print_result(&format!("{name}: finding at input {inputs} (seed {seed}): {location}"), ExitCode::FAILURE)
}

fn read_arguments(arguments: &[String]) -> Result<(&'static FuzzTarget, Duration, u64), String> {
    let (name, seconds, seed) = match arguments {
        [name, seconds] => (name, seconds, None),
        [name, seconds, seed] => (name, seconds, Some(seed)),
        _ => return Err("usage: hearth-fuzz TARGET SECONDS [SEED], or hearth-fuzz TARGET FILE".to_owned()),
    };
    let target = find_target(name).ok_or_else(|| format!("fuzz target not found: {name:?}"))?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("invalid number {text:?}"));
    let seed = seed.map_or_else(|| Ok(Rng::new().u64(..)), |seed| number(seed))?;
    Ok((target, Duration::from_secs(number(seconds)?), seed))
}

/// Prints the result. A closed standard output is ignored.
fn print_result(line: &str, code: ExitCode) -> ExitCode {
    let _ = writeln!(std::io::stdout(), "{line}");
    code
}
