//! This crate has no code: its manifest lists the features that dependencies have in a build of the whole workspace.
