//! Which values a variable may have.

use hearth_base::{EnvvarName, Error, Kind, Result, Secret};

/// The most bytes of one value. Linux takes 128 KiB for a name with its value (execve(2), `MAX_ARG_STRLEN`).
const ONE: usize = 64 << 10;
/// The most bytes of all names and values of a tool. Linux takes 2 MiB for a program's whole environment and
/// arguments at its usual stack size (execve(2)); the rest is for the image and the run.
const ALL: usize = 512 << 10;

/// Refuses a value that no run could be started with.
pub fn check(name: &EnvvarName, value: &Secret) -> Result<()> {
    let size = value.reveal().len();
    if value.reveal().contains('\0') {
        let public = format!("the value of {name} holds a NUL byte, which no environment can hold");
        return Err(Error::invalid("envvar-value", public).help("encode it, in base64 for instance"));
    }
    if size > ONE {
        let public = format!("the value of {name} has {size} bytes, and the most is {ONE}");
        return Err(Error::new(Kind::TooLarge, "envvar-too-large", public).help("keep it in a file"));
    }
    Ok(())
}

/// How much of the whole a variable takes: as in an environment, `NAME=value` and an end.
pub fn size(name: &EnvvarName, value: &Secret) -> usize {
    name.as_str().len() + value.reveal().len() + 2
}

/// Refuses what would make a tool's variables too large together.
pub fn check_all(sizes: impl Iterator<Item = usize>) -> Result<()> {
    let all = sizes.fold(0, usize::saturating_add);
    if all > ALL {
        let public = format!("the tool's envvars would have {all} bytes together, and the most is {ALL}");
        return Err(Error::new(Kind::TooLarge, "envvars-too-large", public)
            .help("keep large values in files, or delete some: hearth envvars delete"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_environment_holds_is_refused_without_being_repeated() -> Result<()> {
        let name: EnvvarName = "API_KEY".parse()?;
        for (value, code) in [("a\0b".to_owned(), "envvar-value"), ("x".repeat(ONE + 1), "envvar-too-large")]
        {
            let refused = check(&name, &Secret::new(&*value)).unwrap_err();
            assert_eq!(refused.code(), code);
            assert!(!refused.public().contains(&value));
        }
        check(&name, &Secret::new("x".repeat(ONE)))?;
        check(&name, &Secret::new(""))?;
        check_all([ALL].into_iter())?;
        assert!(check_all([ALL, 1].into_iter()).is_err());
        assert!(check_all([usize::MAX, usize::MAX].into_iter()).is_err());
        Ok(())
    }
}
