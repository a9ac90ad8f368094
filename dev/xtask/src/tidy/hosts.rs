//! No file names a package registry's host or a path of somebody's machine: package clients use the machine's
//! own configuration, and the repository works wherever it is checked out.

use super::finding::Finding;
use crate::tree::Tree;

/// Hosts of package registries and of image registries; those below them count too. These and the paths are
/// written in two parts, so that the check does not find itself.
const REGISTRY_HOSTS: [&str; 25] = [
    concat!("crates", ".io"),
    // As in the address of the index, which is a repository.
    concat!("crates", ".io-index"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("yarnpkg", ".com"),
    concat!("proxy.golang", ".org"),
    concat!("sum.golang", ".org"),
    concat!("rubygems", ".org"),
    concat!("packagist", ".org"),
    concat!("repo1.maven", ".org"),
    concat!("repo.maven.apache", ".org"),
    concat!("deb.debian", ".org"),
    concat!("security.debian", ".org"),
    concat!("snapshot.debian", ".org"),
    concat!("archive.debian", ".org"),
    concat!("ftp.debian", ".org"),
    concat!("archive.ubuntu", ".com"),
    concat!("docker", ".io"),
    concat!("hub.docker", ".com"),
    concat!("quay", ".io"),
    concat!("ghcr", ".io"),
    concat!("gcr", ".io"),
    concat!("registry.k8s", ".io"),
];

/// Debian's mirrors by country: `ftp.`, a country, and this.
const DEBIAN_MIRROR: (&str, &str) = ("ftp.", concat!(".debian", ".org"));

/// Folders of one developer's machine. Below the last one, a person's name follows.
const MACHINE_FOLDERS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
const HOME_FOLDERS: &str = concat!("/ho", "me/");

/// Check every line of every text file.
pub fn check_hosts(tree: &Tree) -> Vec<Finding> {
    let lines = tree.list_texts().flat_map(|(path, text)| {
        let lines = text.lines().enumerate().filter(move |(_, line)| !is_locked_source(path, line));
        lines.map(move |(at, line)| (path, at + 1, line))
    });
    lines
        .flat_map(|(path, at, line)| check_line(path, line).map(move |finding| finding.at_line(at)))
        .collect()
}

/// Cargo writes the registry's name into its lock file itself.
fn is_locked_source(path: &str, line: &str) -> bool {
    path.rsplit('/').next() == Some("Cargo.lock") && line.starts_with("source = \"registry+")
}

fn check_line<'a>(path: &'a str, line: &'a str) -> impl Iterator<Item = Finding> + 'a {
    let registries = split_host_names(line).filter(|word| is_registry(word)).map(move |word| {
        Finding::error(
            path,
            format!("{word} is the host of a package registry"),
            "leave it out: package clients use the machine's own configuration",
        )
    });
    let paths = line.match_indices('/').filter_map(move |(at, _)| machine_path(line, at)).map(move |found| {
        Finding::error(
            path,
            format!("{found} is a path of one machine"),
            "use a path relative to the repository, a temporary folder, or an argument",
        )
    });
    registries.chain(paths)
}

/// The candidates for host names: letters, digits, dots and hyphens.
fn split_host_names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !is_name(c))
        .map(|word| word.trim_matches(['.', '-']))
        .filter(|word| word.contains('.'))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-')
}

fn is_registry(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let below =
        |host: &str| word.strip_suffix(host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    REGISTRY_HOSTS.iter().any(|host| below(host))
        || (word.starts_with(DEBIAN_MIRROR.0) && word.ends_with(DEBIAN_MIRROR.1))
}

/// The machine's folder that a path starting at this slash begins with. A slash within a longer path or URL
/// starts nothing.
fn machine_path(line: &str, at: usize) -> Option<String> {
    let before = line[..at].chars().next_back();
    if before.is_some_and(|c| is_name(c) || matches!(c, '/' | '_' | '~' | '}' | '>' | '*')) {
        return None;
    }
    let rest = &line[at..];
    if let Some(folder) = MACHINE_FOLDERS.iter().find(|folder| rest.starts_with(**folder)) {
        return Some((*folder).to_owned());
    }
    let below = rest.strip_prefix(HOME_FOLDERS)?;
    let (person, _) = below.split_once('/')?;
    let is_person = !person.is_empty() && person.chars().all(|c| is_name(c) || c == '_');
    is_person.then(|| format!("{HOME_FOLDERS}{person}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_in_text(path: &str, text: &str) -> Vec<String> {
        check_hosts(&Tree::from([(path, text)])).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn hosts_of_registries_are_found_in_any_text_file() {
        for text in [
            concat!("https://index.crates", ".io/config.json"),
            concat!("FROM docker", ".io/library/debian:13"),
            concat!("image: QUAY", ".IO/thing"),
            concat!("deb http://ftp.fr.debian", ".org/debian trixie main"),
            concat!("see crates", ".io."),
            concat!("registry+https://github.com/rust-lang/crates", ".io-index"),
        ] {
            assert_eq!(find_in_text("deploy/notes.txt", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_finding_names_its_line() {
        let tree = Tree::from([("a.toml", concat!("\n\nurl = \"https://pypi", ".org/simple\""))]);
        assert_eq!(check_hosts(&tree)[0].line, Some(3));
    }

    #[test]
    fn other_hosts_are_not_registries() {
        let text = concat!("https://www.debian", ".org https://github.com docs.rs xquay", ".io quay", ".ion");
        assert!(find_in_text("README.md", text).is_empty());
    }

    #[test]
    fn the_lock_file_may_name_registries() {
        let line = concat!("source = \"registry+https://github.com/rust-lang/crates", ".io-index\"");
        assert!(find_in_text("Cargo.lock", line).is_empty());
        assert!(find_in_text("examples/clock/Cargo.lock", line).is_empty());
        assert_eq!(find_in_text("Cargo.toml", line).len(), 1);
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        for text in [
            concat!("cd /wo", "rk/main"),
            concat!("\"/ro", "ot/.cargo\""),
            concat!("HOME=/ho", "me/jane/"),
            concat!("(/ho", "me/jane.doe/hearth)"),
        ] {
            assert_eq!(find_in_text("notes.md", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn paths_within_others_and_placeholders_are_fine() {
        for text in [
            concat!("target/wo", "rk/x"),
            concat!("https://example.org/ro", "ot/x"),
            concat!("${BASE}/wo", "rk/x"),
            concat!("/ho", "me/<name>/x"),
            concat!("/ho", "me/"),
            concat!("/ro", "otfs/x"),
        ] {
            assert!(find_in_text("notes.md", text).is_empty(), "{text}");
        }
    }
}
