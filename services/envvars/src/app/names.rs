//! Which names a variable may have.

use hearth_base::{EnvvarName, Error, Result};

/// Names that Hearth itself sets in a run: a tool's own value would be lost, or would break what relies on them.
const RESERVED: &[&str] = &["HOME", "HOSTNAME", "PORT", "PWD", "TOOL_DATA_DIR", "TOOL_TOOLFORGE_API_URL"];

/// Names that change how programs are found and started.
const SHARP: &[&str] = &["LD_LIBRARY_PATH", "LD_PRELOAD", "PATH", "SHELL", "USER"];

/// Refuses a name that is reserved, and gives what is to be said about one that is not.
pub fn check(name: &EnvvarName) -> Result<Vec<String>> {
    if RESERVED.contains(&name.as_str()) {
        let public = format!("{name} is set by Hearth in every run and cannot be an envvar");
        return Err(Error::invalid("envvar-reserved", public)
            .help(format!("choose another name, such as MY_{name}, and let the program read that")));
    }
    let mut warnings = Vec::new();
    if SHARP.contains(&name.as_str()) {
        warnings.push(format!("{name} replaces the image's own: programs may not be found or not start"));
    }
    if !name.is_portable() {
        let rule = "four or more capital letters, digits and underscores, beginning with a letter";
        warnings.push(format!("{name} works here, but other platforms want {rule}"));
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hearth_sets_is_refused_and_what_is_unusual_is_said() -> Result<()> {
        assert_eq!(check(&"PORT".parse()?).unwrap_err().code(), "envvar-reserved");
        assert!(check(&"API_KEY".parse()?)?.is_empty());
        assert_eq!(check(&"http_proxy".parse()?)?.len(), 1);
        assert!(check(&"PATH".parse()?)?[0].contains("image's own"));
        Ok(())
    }
}
