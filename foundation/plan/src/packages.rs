//! Debian packages that a source asks for: the file `Aptfile`.

use std::fmt;

use hearth_base::{Error, Result};

use crate::source::SourceTree;

/// Maximum number of packages of a source.
pub const MAX_PACKAGES: usize = 200;

/// Packages that a program needs only while it is built. Packages for developers that end in `-dev` are not among them:
/// they bring the libraries that a compiled program is linked with.
const BUILD_PACKAGES: [&str; 15] = [
    "autoconf",
    "automake",
    "build-essential",
    "cargo",
    "cmake",
    "g++",
    "gcc",
    "gfortran",
    "gradle",
    "libtool",
    "maven",
    "pkg-config",
    "pkgconf",
    "python3-dev",
    "rustc",
];

/// Name of a Debian package (Debian policy, 5.6.1): lower case letters, digits, `+`, `-` and `.`, so that it can stand
/// in a shell command unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageName(String);

impl PackageName {
    /// Parses a name; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
        let begins = text.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
        // apt reads a trailing `-` or `+` as an order to remove or to install.
        let ends =
            text.ends_with(|last: char| last.is_ascii_lowercase() || last.is_ascii_digit() || last == '+');
        let valid = begins && ends && (2..=100).contains(&text.len()) && text.bytes().all(fits);
        valid.then(|| Self(text.to_owned()))
    }

    /// True for a compiler or another package that a built program does not need.
    pub fn is_for_builds(&self) -> bool {
        BUILD_PACKAGES.contains(&self.0.as_str())
    }

    /// A name that is known to be valid.
    pub(crate) fn from_known(name: &'static str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the packages of `Aptfile`: one name per line. Error `aptfile` (invalid) contains each line that is no name.
pub fn read_aptfile(source: &dyn SourceTree) -> Result<Vec<PackageName>> {
    let Some(text) = source.read("Aptfile")? else { return Ok(Vec::new()) };
    let mut packages: Vec<PackageName> = Vec::new();
    let mut error: Option<Error> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let words = line.split('#').next().unwrap_or_default().split_whitespace();
        for word in words {
            match PackageName::parse(word) {
                Some(name) if packages.contains(&name) => {}
                Some(name) => packages.push(name),
                None => {
                    let shown: String = word.chars().take(60).collect();
                    let sentence =
                        format!("Aptfile line {number}: {shown:?} is not the name of a Debian package");
                    error = Some(match error {
                        None => Error::invalid("aptfile", sentence)
                            .help("write the names of packages of Debian only, or use a Containerfile"),
                        Some(error) => error.and_message(sentence),
                    });
                }
            }
        }
    }
    if packages.len() > MAX_PACKAGES {
        let sentence = format!("Aptfile names {} packages; at most {MAX_PACKAGES}", packages.len());
        return Err(Error::invalid("aptfile", sentence).help("use a Containerfile"));
    }
    error.map_or(Ok(packages), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::InMemorySource;

    fn read_names(text: &str) -> Result<Vec<String>> {
        let source = InMemorySource::new().with_file("Aptfile", text);
        Ok(read_aptfile(&source)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn aptfile_lists_packages() -> Result<()> {
        assert_eq!(
            read_names("# tools\nimagemagick\n\nlibpq-dev  g++ # build\nimagemagick\n")?,
            ["imagemagick", "libpq-dev", "g++"]
        );
        Ok(())
    }

    #[test]
    fn anything_but_a_package_name_is_refused() {
        for line in
            ["https://x.example/a.deb", ":repo:deb x", "-y", "a;b", "$(id)", "a=1.0", "vim-", "A", "a"]
        {
            let error = read_names(line).err();
            assert!(
                error.is_some_and(|error| error.public_message().starts_with("Aptfile line 1")),
                "{line}"
            );
        }
    }
}
