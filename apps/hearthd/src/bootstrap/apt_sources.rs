//! The host's apt sources of Debian packages, and its apt options.

use std::process::Command;

use hearth_base::{Error, Result};

use super::{program::run_program, recipe::MAINTAINED_RELEASES};

/// Lists the host's Debian sources as lines of sources.list(5), rewritten for the release of an image.
pub fn list_apt_sources(image_release: &str) -> Result<Vec<String>> {
    let fields = "$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)";
    let index = run_program(Command::new("apt-get").args([
        "indextargets",
        "--format",
        fields,
        "Created-By: Packages",
    ]))?;
    let mut lines: Vec<String> =
        index.lines().filter_map(|line| build_source_line(line, image_release)).collect();
    lines.sort();
    lines.dedup();
    if lines.is_empty() {
        return Err(Error::unavailable(
            "no-package-source",
            "this host has no apt source of Debian packages",
        )
        .help("apt-get update; or pass a mirror: hearthd image bootstrap --mirror URL"));
    }
    Ok(lines)
}

/// Builds a source line (sources.list(5)) from an index target of apt. `None` for other archives and
/// components.
fn build_source_line(index: &str, image_release: &str) -> Option<String> {
    let fields: Vec<&str> = index.split('|').collect();
    let ["Debian", release, "main", url] = fields[..] else { return None };
    // The host may run another release. The archive has the same suites for each release.
    let suite = release.find('-').map_or("", |at| &release[at..]);
    let has_suite = match suite {
        "" => true,
        "-updates" | "-security" => MAINTAINED_RELEASES.contains(&image_release),
        _ => false,
    };
    has_suite.then(|| format!("deb {url} {image_release}{suite} main"))
}

/// Options of apt that also apply to images (apt.conf(5)): proxies, certificates, and the check of the age of package
/// lists, which mirrors of past states of the archive fail.
const APT_OPTIONS: [&str; 3] = ["Acquire::http", "Acquire::https", "Acquire::Check-Valid-Until"];

/// Reads the host's apt options for downloads.
pub fn read_apt_options() -> Result<Vec<String>> {
    run_program(&mut build_options_command()).map(|printed| parse_apt_options(&printed))
}

fn build_options_command() -> Command {
    let mut command = Command::new("apt-config");
    command.arg("dump").args(APT_OPTIONS);
    command
}

/// Parses the output of `apt-config dump`. Options without a value are left out.
fn parse_apt_options(printed: &str) -> Vec<String> {
    let has_value = |line: &&str| line.ends_with("\";") && !line.ends_with(" \"\";");
    printed.lines().filter(has_value).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_sources_are_rewritten_for_the_release_of_the_images() {
        let parse = |index: &str| build_source_line(index, "bookworm");
        let url = "http://packages.example/debian/";
        let at = |suite: &str| Some(format!("deb {url} bookworm{suite} main"));
        assert_eq!(parse(&format!("Debian|bookworm|main|{url}")), at(""));
        assert_eq!(parse(&format!("Debian|trixie-security|main|{url}")), at("-security"));
        assert_eq!(parse(&format!("Debian|bookworm-backports|main|{url}")), None);
        assert_eq!(parse(&format!("Debian|bookworm|non-free|{url}")), None);
        assert_eq!(parse(&format!("Elsewhere|bookworm|main|{url}")), None);
        assert_eq!(parse("strange"), None);
        let newer = build_source_line(&format!("Debian|bookworm|main|{url}"), "forky");
        assert_eq!(newer, Some(format!("deb {url} forky main")));
        assert_eq!(build_source_line(&format!("Debian|bookworm-security|main|{url}"), "forky"), None);
    }

    #[test]
    fn options_of_the_host_apply_to_images() -> Result<()> {
        let file = tempfile::NamedTempFile::new().map_err(Error::internal)?;
        let lines = "Acquire::http::Proxy::one.example \"DIRECT\";\nAcquire::Check-Valid-Until \"false\";\n\
                     Acquire::https::Proxy::two.example \"\";\nAPT::Install-Recommends \"false\";\n";
        std::fs::write(file.path(), lines).map_err(Error::internal)?;
        let options =
            parse_apt_options(&run_program(build_options_command().env("APT_CONFIG", file.path()))?);
        for name in ["Acquire::http::Proxy::one.example", "Acquire::Check-Valid-Until"] {
            assert!(options.iter().any(|option| option.starts_with(name)), "{name}: {options:?}");
        }
        for name in ["two.example", "APT::"] {
            assert!(!options.iter().any(|option| option.contains(name)), "{name}: {options:?}");
        }
        Ok(())
    }
}
