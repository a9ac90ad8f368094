//! What an image may be called.

use hearth_base::{Error, Result, ToolName};

/// The name of an image: as asked for, or that of the tool. Repositories' names are lower case (OCI distribution
/// specification, "Pulling manifests").
pub fn image_name(asked: Option<&str>, tool: &ToolName) -> Result<String> {
    let Some(name) = asked.filter(|name| !name.is_empty()) else { return Ok(format!("tool-{tool}")) };
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let good = (1..=64).contains(&name.len())
        && name.bytes().all(fits)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("---");
    if good {
        return Ok(name.to_owned());
    }
    Err(Error::invalid("image-name", format!("{name:.80?} cannot be an image's name")).help(
        "choose 1 to 64 lower-case letters, digits and hyphens, beginning and ending with a letter or digit",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_be_a_path_an_option_or_another_registry_is_refused() {
        let tool: ToolName = "hello".parse().unwrap();
        for name in ["-x", "a/b", "../x", "A", "a b", "a:b", "a@b", "x.example/y", "a\n", "a---b"] {
            assert!(image_name(Some(name), &tool).is_err(), "{name:?}");
        }
        assert_eq!(image_name(None, &tool).unwrap(), "tool-hello");
        assert_eq!(image_name(Some(""), &tool).unwrap(), "tool-hello");
        assert_eq!(image_name(Some("api-2"), &tool).unwrap(), "api-2");
    }
}
