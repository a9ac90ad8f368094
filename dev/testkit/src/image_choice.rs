//! The extent of tests of provided images.

/// The environment variable that `cargo xtask soak images` sets.
const ALL_IMAGES_VARIABLE: &str = "HEARTH_TEST_ALL_IMAGES";

/// True when a test checks all provided images and all recipes of package managers, which takes minutes; otherwise it
/// checks representative ones.
#[expect(clippy::disallowed_methods, reason = "the environment chooses the extent of the tests")]
pub fn checks_all_images() -> bool {
    std::env::var_os(ALL_IMAGES_VARIABLE).is_some()
}
