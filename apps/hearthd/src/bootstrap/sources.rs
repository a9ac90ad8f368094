//! Where this machine gets Debian packages from, and how.

use std::process::Command;

use hearth_base::{Error, Result};

use super::{recipe::RELEASE, run::output};

/// The machine's sources of Debian, for the release that images are made of, one line each.
pub fn sources() -> Result<Vec<String>> {
    let fields = "$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)";
    let told =
        output(Command::new("apt-get").args(["indextargets", "--format", fields, "Created-By: Packages"]))?;
    let mut lines: Vec<String> = told.lines().filter_map(line).collect();
    lines.sort();
    lines.dedup();
    if lines.is_empty() {
        return Err(Error::unavailable(
            "no-package-source",
            "this machine knows no source of Debian packages",
        )
        .help("apt-get update; or name one: hearthd image bootstrap --mirror URL"));
    }
    Ok(lines)
}

/// One source in one line (sources.list(5)), from one index that apt knows.
fn line(index: &str) -> Option<String> {
    let fields: Vec<&str> = index.split('|').collect();
    let ["Debian", release, "main", place] = fields[..] else { return None };
    // The machine may be of another release: the archive has the same parts of each.
    let part = release.find('-').map_or("", |at| &release[at..]);
    matches!(part, "" | "-updates" | "-security").then(|| format!("deb {place} {RELEASE}{part} main"))
}

/// The machine's way to its sources: proxies, certificates.
pub fn way() -> Result<Vec<String>> {
    let told = output(Command::new("apt-config").args(["dump", "Acquire::http", "Acquire::https"]))?;
    Ok(told
        .lines()
        .filter(|line| line.ends_with("\";") && !line.ends_with(" \"\";"))
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_of_debian_are_taken_for_the_release_of_the_images() {
        let of = |index: &str| line(index);
        let here = "http://packages.example/debian/";
        let at = |part: &str| Some(format!("deb {here} bookworm{part} main"));
        assert_eq!(of(&format!("Debian|bookworm|main|{here}")), at(""));
        assert_eq!(of(&format!("Debian|trixie-security|main|{here}")), at("-security"));
        assert_eq!(of(&format!("Debian|bookworm-backports|main|{here}")), None);
        assert_eq!(of(&format!("Debian|bookworm|non-free|{here}")), None);
        assert_eq!(of(&format!("Elsewhere|bookworm|main|{here}")), None);
        assert_eq!(of("strange"), None);
    }
}
