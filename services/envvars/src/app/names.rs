//! Rules for names.

use hearth_base::{EnvvarName, Error, Result};

/// Names that change the lookup and start of programs.
const RISKY_NAMES: &[&str] = &["LD_LIBRARY_PATH", "LD_PRELOAD", "PATH", "SHELL", "USER"];

/// Rejects a reserved name; otherwise returns warnings.
pub fn check_name(name: &EnvvarName) -> Result<Vec<String>> {
    if name.is_reserved() {
        let public = format!("{name} is set by Hearth in every run and cannot be a variable of a tool");
        return Err(Error::invalid("envvar-reserved", public)
            .help(format!("choose another name, such as MY_{name}, and let the program read that")));
    }
    let mut warnings = Vec::new();
    if RISKY_NAMES.contains(&name.as_str()) {
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
    fn reserved_name_is_refused_and_unusual_name_has_a_warning() -> Result<()> {
        assert_eq!(check_name(&"PORT".parse()?).unwrap_err().code(), "envvar-reserved");
        assert!(check_name(&"API_KEY".parse()?)?.is_empty());
        assert_eq!(check_name(&"http_proxy".parse()?)?.len(), 1);
        assert!(check_name(&"PATH".parse()?)?[0].contains("image's own"));
        Ok(())
    }
}
