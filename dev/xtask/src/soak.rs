//! `cargo xtask soak`: checks that find more the longer they run: many rounds of the tests that kill Hearth at random,
//! the fuzz targets for minutes each, all provided images, and this build beside the previous release.

mod fuzz;

use std::{path::Path, process::Command};

use clap::Args;

use crate::{
    Verdict, command_error::CommandError, process::run_and_check, release, report::Report,
    workspace::Workspace,
};

/// Randomised tests: name of the run, crate, filter of test names, description of a round.
const KILL_TESTS: [(&str, &str, &str, &str); 4] = [
    ("killed", "hearth-jobs", "faults::", "the jobs service and the runtime are killed, and the clock jumps"),
    (
        "killing",
        "hearth-testkit",
        "killing::",
        "any process of a whole Hearth is killed while containers run",
    ),
    ("builds", "hearth-builds", "kills::", "builders die and come back, and outside builders report late"),
    (
        "deployments",
        "hearth-components",
        "kills::",
        "the service is killed while deployments of several components run",
    ),
];

/// The name of the tests with the previous release.
const MIXED_TESTS: &str = "mixed";

/// The name of the tests of all provided images, languages and recipes of package managers.
const IMAGE_TESTS: &str = "images";
/// The environment variable by which these tests check all of them.
const ALL_IMAGES_VARIABLE: &str = "HEARTH_TEST_ALL_IMAGES";
/// The name of the tests of a whole Hearth in the shapes that `./test` leaves out.
const SHAPE_TESTS: &str = "shapes";

#[derive(Args)]
pub struct Soak {
    /// The name of a run; "all" for everything
    name: Option<String>,
    /// Minutes for each fuzz target
    #[arg(long, default_value_t = 20)]
    minutes: u64,
    /// Rounds of each test at random
    #[arg(long, default_value_t = 200)]
    rounds: u32,
}

/// Lists what can be run, or runs it.
pub fn run(soak: &Soak, report: &mut Report) -> Result<Verdict, CommandError> {
    let workspace = Workspace::read()?;
    let targets = fuzz::read_targets(&workspace)?;
    let Some(name) = soak.name.as_deref() else {
        for (name, _, _, about) in KILL_TESTS {
            report.print_line(&format_args!("{name:14} {about}: {} rounds", soak.rounds));
        }
        report.print_line(&format_args!(
            "{MIXED_TESTS:14} this build and the previous release, on one state and side by side"
        ));
        report.print_line(&format_args!(
            "{IMAGE_TESTS:14} every provided image is built and run, tools in every language answer, and every package manager \
             installs"
        ));
        report.print_line(&format_args!(
            "{SHAPE_TESTS:14} one process on PostgreSQL, and a process for each service on SQLite"
        ));
        for target in &targets {
            report.print_line(&format_args!("{target:14} a fuzz target: {} minutes", soak.minutes));
        }
        return Ok(Verdict::Good);
    };
    let wanted = |known: &str| name == "all" || name == known;
    let tests: Vec<_> = KILL_TESTS.iter().filter(|(known, ..)| wanted(known)).collect();
    let targets: Vec<_> = targets.iter().filter(|target| wanted(target)).collect();
    let has_known_name = [MIXED_TESTS, IMAGE_TESTS, SHAPE_TESTS].into_iter().any(wanted);
    if tests.is_empty() && targets.is_empty() && !has_known_name {
        return Err(CommandError::new(
            format!("there is nothing called {name} to soak"),
            "cargo xtask soak lists what there is",
        ));
    }
    let mut failed = Vec::new();
    for (known, package, test, _) in tests {
        if !run_rounds(&workspace.root, package, test, soak.rounds)? {
            failed.push((*known).to_owned());
        }
    }
    if wanted(MIXED_TESTS) && !run_mixed_tests(&workspace)? {
        failed.push(MIXED_TESTS.to_owned());
    }
    if wanted(IMAGE_TESTS) && !run_image_tests(&workspace.root)? {
        failed.push(IMAGE_TESTS.to_owned());
    }
    if wanted(SHAPE_TESTS) && !run_shape_tests(&workspace.root)? {
        failed.push(SHAPE_TESTS.to_owned());
    }
    if !targets.is_empty() {
        let fuzzer = fuzz::Fuzzer::find_or_build(&workspace, report)?;
        for target in targets {
            if !fuzzer.run_target(target, soak.minutes * 60)? {
                failed.push(target.clone());
            }
        }
    }
    match failed.as_slice() {
        [] => {
            report.print_line(&"soak: nothing was found");
            Ok(Verdict::Good)
        }
        some => {
            report.print_line(&format_args!("soak: {} found something; see above", some.join(", ")));
            Ok(Verdict::Bad)
        }
    }
}

/// Runs a test for so many rounds, by `./test`, which starts what it needs. nextest's profile `soak` gives it time.
fn run_rounds(root: &Path, package: &str, test: &str, rounds: u32) -> Result<bool, CommandError> {
    let mut command = Command::new("./test");
    command.current_dir(root).args(["-p", package, test]);
    command.env("HEARTH_TEST_ROUNDS", rounds.to_string()).env("NEXTEST_PROFILE", "soak");
    run_and_check(&mut command)
}

/// Runs the tests of provided images, languages and package managers with all of them.
fn run_image_tests(root: &Path) -> Result<bool, CommandError> {
    let mut command = Command::new("./test");
    command.current_dir(root).args(["-p", "hearth-testkit", "-p", "hearth-builder"]);
    command.args([
        "provided_images::",
        "languages::",
        "front_ends::",
        "package_index::",
        "package_registry::",
    ]);
    command.env(ALL_IMAGES_VARIABLE, "1").env("NEXTEST_PROFILE", "soak");
    run_and_check(&mut command)
}

/// Runs the tests of a whole Hearth in the shapes that the default filter of nextest leaves out.
fn run_shape_tests(root: &Path) -> Result<bool, CommandError> {
    let mut command = Command::new("./test");
    command.current_dir(root).args([
        "-p",
        "hearth-testkit",
        "::together_on_postgres::",
        "::split_on_sqlite::",
    ]);
    run_and_check(command.env("NEXTEST_PROFILE", "soak"))
}

/// Builds the previous release, and runs it beside this build.
fn run_mixed_tests(workspace: &Workspace) -> Result<bool, CommandError> {
    let releases = release::read_releases(workspace)?;
    let previous = releases
        .last()
        .ok_or_else(|| CommandError::new("dev/releases.toml is empty", "restore it from git"))?;
    let programs = release::build_programs(workspace, previous)?;
    let mut command = Command::new("./test");
    command.current_dir(&workspace.root).args(["-p", "hearth-testkit", "mixed::"]);
    command.env(release::PREVIOUS_RELEASE_VARIABLE, programs).env("NEXTEST_PROFILE", "soak");
    run_and_check(&mut command)
}
