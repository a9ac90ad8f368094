//! Every crate says on one screen what it is for.

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag};

use super::finding::Finding;
use crate::{tree::Tree, workspace::Workspace};

/// Check that each crate has a `README.md` with a title and a paragraph.
pub fn check_readmes(tree: &Tree, workspace: &Workspace) -> Vec<Finding> {
    let folders = workspace.crates.iter().map(|member| member.folder.as_str());
    folders.filter_map(|folder| check_crate(folder, tree)).collect()
}

fn check_crate(folder: &str, tree: &Tree) -> Option<Finding> {
    let path = format!("{folder}/README.md");
    let missing = match tree.find_text(&path) {
        None => format!("{folder} has no README.md"),
        Some(text) if !has(text, is_title) => "it has no title".to_owned(),
        Some(text) if !has(text, |tag| matches!(tag, Tag::Paragraph)) => "it has no paragraph".to_owned(),
        Some(_) => return None,
    };
    Some(Finding::error(
        path,
        missing,
        "write a title and what the crate is for, what it owns and what it must not know, one screen at most",
    ))
}

fn is_title(tag: &Tag) -> bool {
    matches!(tag, Tag::Heading { level: HeadingLevel::H1, .. })
}

fn has(text: &str, wanted: impl Fn(&Tag) -> bool) -> bool {
    Parser::new(text).any(|event| matches!(event, Event::Start(tag) if wanted(&tag)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Crate;

    fn find_in_readme(readme: Option<&str>) -> Vec<String> {
        let tree = readme.map(|text| Tree::from([("services/jobs/README.md", text)])).unwrap_or_default();
        let crates = vec![Crate::for_test("services/jobs", &[])];
        let findings = check_readmes(&tree, &Workspace { crates, ..Workspace::default() });
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_title_and_a_paragraph_are_enough() {
        assert!(find_in_readme(Some("# Jobs\n\nRuns jobs.\n")).is_empty());
    }

    #[test]
    fn a_crate_without_a_readme_is_found() {
        assert_eq!(find_in_readme(None), ["services/jobs has no README.md"]);
    }

    #[test]
    fn an_empty_shell_of_a_readme_is_found() {
        assert_eq!(find_in_readme(Some("Runs jobs.\n")), ["it has no title"]);
        assert_eq!(find_in_readme(Some("# Jobs\n\n## Tables\n")), ["it has no paragraph"]);
    }
}
