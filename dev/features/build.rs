//! Empty build script: cargo resolves features of build dependencies only for crates with a build script.

fn main() {}
