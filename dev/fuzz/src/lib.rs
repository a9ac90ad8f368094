//! Fuzz targets: each passes bytes to one of Hearth's parsers of untrusted input, and asserts the invariants
//! of the parsed result. A panic is a finding.
//!
//! The targets do not depend on the fuzzer: [`drive`] runs them on stable Rust, and the programs in `fuzz/`
//! run them with libFuzzer.

pub mod drive;
mod mutate;
mod targets;

/// Fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct FuzzTarget {
    /// Name of the target, of its seed folder and of its program in `fuzz/`.
    pub name: &'static str,
    /// Reads one input. Panics when an invariant is violated.
    pub run_input: fn(&[u8]),
}

/// Calls a macro with the names of all targets.
#[macro_export]
macro_rules! for_all_targets {
    ($callback:ident) => {
        $callback! {
            build_section,
            configuration,
            dns,
            dotenv,
            file_paths,
            forge_payloads,
            git_refs,
            http_heads,
            inventory,
            layers,
            log_frames,
            manifests,
            package_sources,
            schedules,
            static_pages,
            tool_config,
            uploads,
            upstream_answers,
        }
    };
}

macro_rules! export_targets {
    ($($name:ident),* $(,)?) => {
        $(pub use targets::$name::run_target as $name;)*

        /// All targets.
        pub const FUZZ_TARGETS: &[FuzzTarget] = &[$(FuzzTarget { name: stringify!($name), run_input: $name }),*];
    };
}

for_all_targets!(export_targets);

/// Finds the target with the name `name`.
pub fn find_target(name: &str) -> Option<&'static FuzzTarget> {
    FUZZ_TARGETS.iter().find(|target| target.name == name)
}
