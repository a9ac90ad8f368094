//! Validation of image names.

use hearth_base::{Error, Result, ToolName};

/// Returns the requested image name, or `tool-TOOL`. Repository names are lower case (OCI distribution
/// specification, "Pulling manifests").
pub fn choose_image_name(requested: Option<&str>, tool: &ToolName) -> Result<String> {
    let Some(name) = requested.filter(|name| !name.is_empty()) else { return Ok(format!("tool-{tool}")) };
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_valid = (1..=64).contains(&name.len())
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
}
