//! Limits of what is found and reported.

/// Most packages of one image.
pub const MAX_PACKAGES: usize = 20_000;
/// Most differences of two images that are named: in a report, and in the result of a repeated build.
pub const MAX_DIFFERENCES: usize = 100;
