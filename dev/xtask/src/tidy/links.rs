//! Check of links in Markdown files: a relative link names a file or folder of this repository.

use pulldown_cmark::{Event, Options, Parser, Tag};

use super::finding::Finding;
use crate::tree::Tree;

/// Checks every relative link and image of every Markdown file.
pub fn check_links(tree: &Tree) -> Vec<Finding> {
    tree.ending_in(".md").flat_map(|(path, text)| find_dead_links_in_file(path, text, tree)).collect()
}

fn find_dead_links_in_file(path: &str, text: &str, tree: &Tree) -> Vec<Finding> {
    let links = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES).into_offset_iter();
    let dead = links.filter_map(|(event, range)| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            let file = extract_local_path(&dest_url)?;
            let leads = resolve_path(path, file).is_some_and(|target| tree.has_path(&target));
            (!leads).then(|| (find_line(text, range.start), dest_url))
        }
        _ => None,
    });
    dead.map(|(line, link)| {
        let message = format!("link target does not exist: {link}");
        let next =
            "write the path as seen from this file; the target must be a file that git does not ignore";
        Finding::error(path, message, next).at_line(line)
    })
    .collect()
}

/// Extracts the path of a link to this repository; `None` for links within the page and to other hosts.
fn extract_local_path(link: &str) -> Option<&str> {
    let file = link.split(['#', '?']).next()?;
    let has_scheme = file.split('/').next().is_some_and(|first| first.contains(':'));
    (!file.is_empty() && !has_scheme && !file.starts_with("//")).then_some(file)
}

/// Resolves `link` in the file `from` to a path from the root; `None` when it leaves the repository.
fn resolve_path(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = match link.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => from.rsplit_once('/').map_or_else(Vec::new, |(folder, _)| folder.split('/').collect()),
    };
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Finds the line number of a byte offset, from 1.
fn find_line(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_dead_links(text: &str) -> Vec<(Option<usize>, String)> {
        let tree = Tree::from([
            ("docs/guides/first.md", text),
            ("docs/guides/second.md", ""),
            ("docs/decisions/0001-one.md", ""),
            ("README.md", ""),
        ]);
        check_links(&tree).into_iter().map(|finding| (finding.line, finding.message)).collect()
    }

    #[test]
    fn links_to_existing_files_and_folders_pass() {
        let text = "[a](second.md) [b](./second.md#part) [c](../../README.md) [d](../decisions/) [e](/README.md)\n\
                    ![f](../guides/second.md \"title\") [g][h]\n\n[h]: ../decisions/0001-one.md\n";
        assert!(find_dead_links(text).is_empty());
    }

    #[test]
    fn dead_links_are_found_with_their_line() {
        let dead = |line, link: &str| (Some(line), format!("link target does not exist: {link}"));
        assert_eq!(find_dead_links("one\n\n[a](third.md#x)\n"), [dead(3, "third.md#x")]);
        assert_eq!(find_dead_links("![a](../image.png)\n"), [dead(1, "../image.png")]);
        assert_eq!(find_dead_links("[a](../../../README.md)\n"), [dead(1, "../../../README.md")]);
        assert_eq!(find_dead_links("| a |\n|---|\n| [b](gone.md) |\n"), [dead(3, "gone.md")]);
    }

    #[test]
    fn links_to_other_hosts_and_links_in_code_are_ignored() {
        let text = "[a](https://example.org/x) <mailto:a@example.org> [b](#part) `[c](gone.md)`\n\n\
                    ```\n[d](gone.md)\n```\n";
        assert!(find_dead_links(text).is_empty());
    }
}
