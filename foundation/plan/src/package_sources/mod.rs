//! Package sources: archives of Debian packages that an operator adds to Debian's own (sources.list(5), "deb822-style
//! format"). A build gets the sources of its tool, each with the key that signs it.
//!
//! A source never replaces packages of Debian, unless the operator says so: apt prefers Debian's version of each package
//! that Debian has (apt_preferences(5)).

mod deb822;
mod key;

use std::collections::BTreeSet;

use hearth_base::{Error, PackageSourceName, Result};
use sha2::{Digest, Sha256};

use deb822::{StanzaField, build_line_error, parse_stanza};
pub use key::{MAX_KEY_BYTES, PackageSourceKey};

/// Largest file of a source, in bytes. The fields may contain a key, which is ignored.
pub const MAX_SOURCE_BYTES: usize = 96 << 10;
/// Most words of one field.
const MAX_FIELD_WORDS: usize = 20;
/// Longest word of a field, in bytes.
const MAX_WORD_BYTES: usize = 300;
/// Priority of packages of a source: lower than that of installed packages (100) and of Debian's (500), and enough for
/// packages that Debian does not have.
const SOURCE_PRIORITY: u8 = 50;
/// Fields that switch off the check of signatures.
const UNSAFE_FIELDS: [&str; 4] = ["trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure"];

/// Content of a source's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageSourceFile {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
    architectures: Vec<String>,
}

impl PackageSourceFile {
    /// Parses a deb822 file with one stanza of the fields `Types`, `URIs`, `Suites`, `Components`, `Architectures` and
    /// `Signed-By`. `Signed-By` is ignored: the key is given beside the file. Error `package-source` (invalid).
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_SOURCE_BYTES {
            return Err(build_source_error(format!(
                "the package source is too large; at most {MAX_SOURCE_BYTES} bytes"
            )));
        }
        let mut file =
            Self { uris: Vec::new(), suites: Vec::new(), components: Vec::new(), architectures: Vec::new() };
        let mut has_types = false;
        for field in parse_stanza(text)? {
            match field.name.as_str() {
                "types" => {
                    check_words(&field, |word| matches!(word, "deb" | "deb-src"))?;
                    has_types = field.words.iter().any(|word| word == "deb");
                }
                "uris" => file.uris = take_words(field, is_source_uri)?,
                "suites" => file.suites = take_words(field, is_suite)?,
                "components" => file.components = take_words(field, is_component)?,
                "architectures" => file.architectures = take_words(field, is_architecture)?,
                "signed-by" => {}
                name if UNSAFE_FIELDS.contains(&name) => {
                    let problem = format!("has the field {name}, which switches off the check of signatures");
                    return Err(build_line_error(field.line, &problem).help("remove the line"));
                }
                name => {
                    let problem = format!(
                        "has the unknown field {name}; allowed are Types, URIs, Suites, Components, Architectures and \
                         Signed-By"
                    );
                    return Err(build_line_error(field.line, &problem));
                }
            }
        }
        file.check_required_fields(has_types)?;
        Ok(file)
    }

    fn check_required_fields(&self, has_types: bool) -> Result<()> {
        let missing = match () {
            () if !has_types => "Types: deb",
            () if self.uris.is_empty() => "URIs",
            () if self.suites.is_empty() => "Suites",
            () => "",
        };
        if !missing.is_empty() {
            return Err(build_source_error(format!("the package source has no {missing}")));
        }
        // A suite that ends in a slash is a folder with the list of packages, and has no components.
        let are_folders = self.suites.iter().all(|suite| suite.ends_with('/'));
        let has_folder = self.suites.iter().any(|suite| suite.ends_with('/'));
        match self.components.is_empty() {
            true if !are_folders => {
                Err(build_source_error("the package source has no Components".to_owned()))
            }
            false if has_folder => Err(build_source_error(
                "the package source has Components beside a suite that ends in a slash".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// Addresses of the archive.
    pub fn uris(&self) -> &[String] {
        &self.uris
    }

    /// Hosts of the addresses, without ports.
    fn list_hosts(&self) -> BTreeSet<&str> {
        self.uris.iter().filter_map(|uri| find_host(uri)).collect()
    }

    /// Renders the file without a key: as it is stored, and shown to operators.
    pub fn render_file(&self) -> String {
        let mut text =
            format!("Types: deb\nURIs: {}\nSuites: {}\n", self.uris.join(" "), self.suites.join(" "));
        for (name, words) in [("Components", &self.components), ("Architectures", &self.architectures)] {
            if !words.is_empty() {
                text.push_str(&format!("{name}: {}\n", words.join(" ")));
            }
        }
        text
    }
}

fn take_words(field: StanzaField, fits: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    check_words(&field, fits)?;
    Ok(field.words)
}

fn check_words(field: &StanzaField, fits: impl Fn(&str) -> bool) -> Result<()> {
    let StanzaField { name, line, words } = field;
    if !(1..=MAX_FIELD_WORDS).contains(&words.len()) {
        let problem = format!("has {} values of {name}; expected 1 to {MAX_FIELD_WORDS}", words.len());
        return Err(build_line_error(*line, &problem));
    }
    match words.iter().find(|word| word.len() > MAX_WORD_BYTES || !fits(word)) {
        Some(word) => {
            let shown: String = word.chars().take(60).collect();
            Err(build_line_error(*line, &format!("has an invalid value of {name}: {shown:?}")))
        }
        None => Ok(()),
    }
}

/// True for an address of an archive: http or https, without a user name, a query and an escape that a shell reads. The
/// signature protects what plain HTTP carries.
fn is_source_uri(uri: &str) -> bool {
    let path_fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%+=,:".contains(&byte);
    find_host(uri).is_some_and(|host| !host.is_empty())
        && uri.split_once("://").is_some_and(|(_, rest)| rest.bytes().all(path_fits))
}

/// Finds the host of an address; `None` if it is neither http nor https, or its authority is more than a host and a port.
fn find_host(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"))?;
    let authority = rest.split('/').next()?;
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let host_fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    let fits = host.bytes().all(host_fits) && !host.starts_with('-') && port.parse::<u16>().is_ok();
    fits.then_some(host)
}

fn is_suite(word: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/+~".contains(&byte);
    word.bytes().all(fits) && !word.starts_with('-') && !word.split('/').any(|part| part == "..")
}

fn is_component(word: &str) -> bool {
    is_suite(word) && !word.starts_with(['/', '.']) && !word.ends_with('/')
}

fn is_architecture(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !word.starts_with('-')
}

/// Builds the error `package-source` (invalid).
fn build_source_error(message: String) -> Error {
    Error::invalid("package-source", message)
        .help("write it as sources.list(5) describes it under DEB822-STYLE FORMAT")
}

/// A source that a build gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildPackageSource {
    /// Name that the operator gave it.
    pub name: PackageSourceName,
    /// Its file.
    pub file: PackageSourceFile,
    /// Key that signs it.
    pub key: PackageSourceKey,
    /// True when its packages may replace Debian's.
    pub overrides_debian: bool,
}

/// File that is shown to the steps of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownFile {
    /// Name, unique among those of all sources.
    pub name: String,
    /// Absolute path in the container of a step.
    pub path: String,
    /// Content.
    pub content: String,
}

impl BuildPackageSource {
    fn key_path(&self) -> String {
        format!("/etc/apt/keyrings/hearth-{}.asc", self.name)
    }

    fn list_files(&self) -> Vec<ShownFile> {
        let name = &self.name;
        let mut files = vec![
            ShownFile {
                name: format!("hearth-{name}.sources"),
                path: format!("/etc/apt/sources.list.d/hearth-{name}.sources"),
                content: format!("{}Signed-By: {}\n", self.file.render_file(), self.key_path()),
            },
            ShownFile {
                name: format!("hearth-{name}.asc"),
                path: self.key_path(),
                content: self.key.render_armor(),
            },
        ];
        if !self.overrides_debian {
            let pins =
                self.file.list_hosts().into_iter().map(|host| {
                    format!("Package: *\nPin: origin \"{host}\"\nPin-Priority: {SOURCE_PRIORITY}\n")
                });
            files.push(ShownFile {
                name: format!("hearth-{name}.pref"),
                path: format!("/etc/apt/preferences.d/hearth-{name}.pref"),
                content: pins.collect::<Vec<_>>().join("\n"),
            });
        }
        files
    }
}

/// The sources of one build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildPackageSources(Vec<BuildPackageSource>);

impl BuildPackageSources {
    /// Creates the list, in the order of the names.
    pub fn new(mut sources: Vec<BuildPackageSource>) -> Self {
        sources.sort_by(|one, other| one.name.cmp(&other.name));
        Self(sources)
    }

    /// True without sources.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names of the sources.
    pub fn list_names(&self) -> Vec<&str> {
        self.0.iter().map(|source| source.name.as_str()).collect()
    }

    /// Lists the files that the steps of a build see: sources, keys and preferences of apt.
    pub fn list_files(&self) -> Vec<ShownFile> {
        self.0.iter().flat_map(BuildPackageSource::list_files).collect()
    }

    /// Digest of all files, in hexadecimal digits; empty without sources. Another one means that packages have to be
    /// installed anew.
    pub fn compute_digest(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let mut hash = Sha256::new();
        for ShownFile { name: _, path, content } in self.list_files() {
            hash.update(format!("{path}\n{}\n{content}", content.len()));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Renders the beginning of a command line that installs packages. It names the digest, and fails where a source has the
    /// host of another one in the image: apt tells them apart by their hosts, and would not prefer Debian's packages.
    pub fn render_install_guard(&self) -> String {
        let digest: String = self.compute_digest().chars().take(16).collect();
        let pinned = self.0.iter().filter(|source| !source.overrides_debian);
        let hosts: BTreeSet<&str> = pinned.flat_map(|source| source.file.list_hosts()).collect();
        let mut guard = format!(": package sources {} {digest}", self.list_names().join(" "));
        for host in hosts {
            guard.push_str(&format!(
                " && {{ ! grep -rsqF --exclude='hearth-*' -e //{host}/ -e //{host}: /etc/apt/sources.list \
                 /etc/apt/sources.list.d || {{ echo 'E: a package source has the host of Debian: {host}' >&2; exit 1; }}; }}"
            ));
        }
        guard
    }
}

#[cfg(test)]
mod tests;
