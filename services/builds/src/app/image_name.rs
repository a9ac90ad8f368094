//! Validation of image names.

use hearth_base::{Error, PreviewNumber, Result, ToolName};
use hearth_wire::images::{REBUILT_ENDING, build_preview_ending};

/// Length of the longest image name, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Returns the requested image name, or `tool-TOOL`. Repository names are lower case (OCI distribution
/// specification, "Pulling manifests").
pub fn choose_image_name(requested: Option<&str>, tool: &ToolName) -> Result<String> {
    let Some(name) = requested.filter(|name| !name.is_empty()) else { return Ok(format!("tool-{tool}")) };
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_valid = (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(fits)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("---");
    if is_valid {
        return Ok(name.to_owned());
    }
    Err(Error::invalid("image-name", format!("invalid image name: {name:.80?}")).help(
        "use 1 to 64 lower-case letters, digits and single hyphens; begin and end with a letter or digit",
    ))
}

/// Returns the name of the image that repeats one with this name: `NAME.rebuilt`. No other build has such a name, because
/// [`choose_image_name`] refuses the dot, and the registry refuses other pushes to it. A long name is cut. The repetition
/// of a repetition has the same name.
pub fn choose_rebuilt_name(original: &str) -> String {
    add_ending(original.strip_suffix(REBUILT_ENDING).unwrap_or(original), REBUILT_ENDING)
}

/// Returns the name of the image of a preview, instead of the one with this name: `NAME.pr-7`. It is as reserved as that of
/// a repetition, so that the image of a preview moves no tag of an image that the tool runs.
pub fn choose_preview_name(name: &str, preview: PreviewNumber) -> String {
    add_ending(name, &build_preview_ending(preview))
}

/// Adds an ending to the name of an image, which is cut if it is too long.
fn add_ending(name: &str, ending: &str) -> String {
    let begin: String = name.chars().take(MAX_NAME_BYTES - ending.len()).collect();
    format!("{}{ending}", begin.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_options_and_other_registries_are_not_image_names() {
        let tool: ToolName = "hello".parse().unwrap();
        for name in ["-x", "a/b", "../x", "A", "a b", "a:b", "a@b", "x.example/y", "a\n", "a---b"] {
            assert!(choose_image_name(Some(name), &tool).is_err(), "{name:?}");
        }
        assert_eq!(choose_image_name(None, &tool).unwrap(), "tool-hello");
        assert_eq!(choose_image_name(Some(""), &tool).unwrap(), "tool-hello");
        assert_eq!(choose_image_name(Some("api-2"), &tool).unwrap(), "api-2");
    }

    #[test]
    fn name_of_a_preview_image_is_valid_and_no_other_build_has_it() {
        let tool: ToolName = "hello".parse().unwrap();
        let preview = PreviewNumber::new(7).unwrap();
        assert_eq!(choose_preview_name("tool-hello", preview), "tool-hello.pr-7");
        for number in [7, u32::MAX] {
            let name = choose_preview_name(&"a".repeat(MAX_NAME_BYTES), PreviewNumber::new(number).unwrap());
            assert!(choose_image_name(Some(&name), &tool).is_err(), "{name}");
            let parsed = name.parse::<hearth_base::ImageName>().unwrap();
            assert!(hearth_wire::images::is_reserved_image_name(&parsed), "{name}");
        }
    }

    #[test]
    fn name_of_a_repeated_image_is_valid_and_no_other_build_has_it() {
        let tool: ToolName = "hello".parse().unwrap();
        assert_eq!(choose_rebuilt_name("tool-hello"), "tool-hello.rebuilt");
        for original in ["a".repeat(MAX_NAME_BYTES), format!("{}-{}", "a".repeat(55), "b".repeat(8))] {
            let name = choose_rebuilt_name(&original);
            assert!(choose_image_name(Some(&name), &tool).is_err(), "{name}");
            assert!(name.parse::<hearth_base::ImageName>().is_ok(), "{name}");
            assert_eq!(choose_rebuilt_name(&name), name);
        }
    }
}
