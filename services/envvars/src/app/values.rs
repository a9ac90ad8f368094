//! Limits of values.

use hearth_base::{EnvvarName, Error, ErrorKind, Result, Secret};

/// Maximum size of one value. Linux accepts 128 KiB for a name with its value (execve(2), `MAX_ARG_STRLEN`).
const MAX_VALUE_BYTES: usize = 64 << 10;
/// Maximum size of all names and values of a tool. Linux accepts 2 MiB for a program's environment and
/// arguments at the default stack size (execve(2)); the rest is for the image and the run.
const MAX_TOTAL_BYTES: usize = 512 << 10;

/// Rejects a value that would prevent a run from starting.
pub fn check_value(name: &EnvvarName, value: &Secret) -> Result<()> {
    let size = value.expose_secret().len();
    if value.expose_secret().contains('\0') {
        let public = format!("the value of {name} contains a NUL byte, which environments do not support");
        return Err(Error::invalid("envvar-value", public).help("encode it, in base64 for instance"));
    }
    if size > MAX_VALUE_BYTES {
        let public = format!("the value of {name} is too large: {size} bytes; at most {MAX_VALUE_BYTES}");
        return Err(Error::new(ErrorKind::TooLarge, "envvar-too-large", public).help("keep it in a file"));
    }
    Ok(())
}

/// Computes the size of a variable in an environment: `NAME=value` and a terminator.
pub fn compute_size(name: &EnvvarName, value: &Secret) -> usize {
    name.as_str().len() + value.expose_secret().len() + 2
}

/// Rejects variables whose total size exceeds the limit.
pub fn check_total_size(sizes: impl Iterator<Item = usize>) -> Result<()> {
    let all = sizes.fold(0, usize::saturating_add);
    if all > MAX_TOTAL_BYTES {
        let public = format!("the tool's variables are too large: {all} bytes; at most {MAX_TOTAL_BYTES}");
        return Err(Error::new(ErrorKind::TooLarge, "envvars-too-large", public)
            .help("keep large values in files, or delete some: hearth envvars delete"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_value_is_refused_and_not_repeated() -> Result<()> {
        let name: EnvvarName = "API_KEY".parse()?;
        for (value, code) in
            [("a\0b".to_owned(), "envvar-value"), ("x".repeat(MAX_VALUE_BYTES + 1), "envvar-too-large")]
        {
            let refused = check_value(&name, &Secret::new(&*value)).unwrap_err();
            assert_eq!(refused.code(), code);
            assert!(!refused.public_message().contains(&value));
        }
        check_value(&name, &Secret::new("x".repeat(MAX_VALUE_BYTES)))?;
        check_value(&name, &Secret::new(""))?;
        check_total_size([MAX_TOTAL_BYTES].into_iter())?;
        assert!(check_total_size([MAX_TOTAL_BYTES, 1].into_iter()).is_err());
        assert!(check_total_size([usize::MAX, usize::MAX].into_iter()).is_err());
        Ok(())
    }
}
