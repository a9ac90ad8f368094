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

/// Reads the host's apt options for downloads: proxies and certificates.
pub fn read_apt_options() -> Result<Vec<String>> {
    let options = run_program(Command::new("apt-config").args(["dump", "Acquire::http", "Acquire::https"]))?;
    Ok(options
        .lines()
        .filter(|line| line.ends_with("\";") && !line.ends_with(" \"\";"))
        .map(str::to_owned)
        .collect())
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
}
