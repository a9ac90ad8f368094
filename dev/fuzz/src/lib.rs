//! Fuzz targets: each reads bytes as one part of Hearth reads them from outside, and asserts what must hold of whatever
//! was understood. A panic is a finding.
//!
//! The targets know nothing of who calls them: [`drive`] on stable Rust, or libFuzzer by `fuzz/`.

pub mod drive;
mod mutate;
mod targets;

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of its folder of seeds and of its program in `fuzz/`.
    pub name: &'static str,
    /// Reads one input. Panics when something does not hold.
    pub read: fn(&[u8]),
}

/// Calls a macro with the names of all targets.
#[macro_export]
macro_rules! for_all_targets {
    ($callback:ident) => {
        $callback! {
            configuration,
            dns,
            dotenv,
            git_refs,
            http_heads,
            layers,
            log_frames,
            manifests,
            schedules,
            uploads,
        }
    };
}

macro_rules! export_targets {
    ($($name:ident),* $(,)?) => {
        $(pub use targets::$name::$name;)*

        /// Every target.
        pub const TARGETS: &[Target] = &[$(Target { name: stringify!($name), read: $name }),*];
    };
}

for_all_targets!(export_targets);

/// The target called `name`.
pub fn find_target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
