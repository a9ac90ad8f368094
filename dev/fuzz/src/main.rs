//! `hearth-fuzz TARGET SECONDS [SEED]`: drives one target for a time on stable Rust. `cargo xtask soak` calls it where
//! cargo-fuzz is not there. `hearth-fuzz TARGET FILE` reads one input again.

use std::{
    env, fs,
    io::Write,
    process::ExitCode,
    time::{Duration, Instant},
};

use fastrand::Rng;
use hearth_fuzz::{
    Target,
    drive::{Budget, Driven, drive, read_seeds},
    find_target,
};

/// An input that takes longer than this is a finding: everything here reads small inputs.
const MAX_TIME: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [name, path] = arguments.as_slice()
        && let (Some(target), Ok(input)) = (find_target(name), fs::read(path))
    {
        let began = Instant::now();
        (target.read)(&input);
        return end(&format!("{name}: {path} was read in {:.0?}", began.elapsed()), ExitCode::SUCCESS);
    }
    let (target, time, seed) = match read_arguments(&arguments) {
        Ok(read) => read,
        Err(why) => return end(&format!("error: {why}"), ExitCode::FAILURE),
    };
    let seeds = match read_seeds(target) {
        Ok(seeds) => seeds,
        Err(error) => return end(&format!("error: {}: {error}", target.name), ExitCode::FAILURE),
    };
    let Driven { inputs, longest, longest_input, found } =
        drive(target, &seeds, &mut Rng::with_seed(seed), Budget::Time(time));
    let name = target.name;
    let finding = found.or((longest > MAX_TIME).then_some(longest_input));
    let Some(input) = finding else {
        let line =
            format!("{name}: {inputs} inputs, none found, the longest took {longest:.0?} (seed {seed})");
        return end(&line, ExitCode::SUCCESS);
    };
    let path = env::temp_dir().join(format!("hearth-fuzz-{name}-{seed}-{inputs}"));
    let kept =
        fs::write(&path, input).map_or_else(|error| error.to_string(), |()| path.display().to_string());
    end(&format!("{name}: found by input {inputs} (seed {seed}): {kept}"), ExitCode::FAILURE)
}

fn read_arguments(arguments: &[String]) -> Result<(&'static Target, Duration, u64), String> {
    let (name, seconds, seed) = match arguments {
        [name, seconds] => (name, seconds, None),
        [name, seconds, seed] => (name, seconds, Some(seed)),
        _ => return Err("usage: hearth-fuzz TARGET SECONDS [SEED], or hearth-fuzz TARGET FILE".to_owned()),
    };
    let target = find_target(name).ok_or_else(|| format!("there is no fuzz target {name:?}"))?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{text:?} is no number"));
    let seed = seed.map_or_else(|| Ok(Rng::new().u64(..)), |seed| number(seed))?;
    Ok((target, Duration::from_secs(number(seconds)?), seed))
}

/// Prints the last line. Nobody may be there to read it.
fn end(line: &str, code: ExitCode) -> ExitCode {
    let _ = writeln!(std::io::stdout(), "{line}");
    code
}
