//! Forbidden code: unwritten parts, ignored tests, tests that sleep, lints turned off without a reason, and shells
//! started on the host.

use super::finding::Finding;
use crate::{
    rust::{Token, begins_with, find_attributes, parse_tokens, take_until_closing},
    tree::Tree,
};

/// Marks of unfinished work, in two parts so that the check does not find itself.
const UNFINISHED_MARKS: [&str; 2] = [concat!("FIX", "ME"), concat!("XX", "X")];

const SHELL_NAMES: [&str; 4] = ["sh", "bash", "dash", "zsh"];

/// A message and the next step.
type MessageAndNext = (String, &'static str);

/// Check all text files for marks and all Rust files for the rest.
pub fn check_words(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<_> = tree.list_texts().flat_map(|(path, text)| find_marks(path, text)).collect();
    findings.extend(tree.ending_in(".rs").flat_map(|(path, source)| check_rust(path, source)));
    findings
}

fn find_marks(path: &str, text: &str) -> Vec<Finding> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let lines = text.lines().enumerate();
    let found = lines.filter_map(|(at, line)| {
        let mark = line.split(|c| !is_word(c)).find(|word| UNFINISHED_MARKS.contains(word))?;
        let next = "finish it, or write down in docs/ what is missing";
        Some(Finding::error(path, format!("{mark} marks unfinished work"), next).at_line(at + 1))
    });
    found.collect()
}

fn check_rust(path: &str, source: &str) -> Vec<Finding> {
    let Some(tokens) = parse_tokens(source) else {
        return vec![Finding::error(
            path,
            "it is not Rust",
            "run `rustfmt` on it: it says where reading stops",
        )];
    };
    let in_tests = path.split('/').any(|part| part == "tests");
    let code =
        (0..tokens.len()).filter_map(|at| Some((tokens[at].line, describe_code(&tokens[at..], in_tests)?)));
    let attributes = find_attributes(&tokens).flat_map(|attribute| {
        let line = attribute.first().map_or(0, |token| token.line);
        split_attribute(attribute).filter_map(move |part| Some((line, describe_attribute(part)?)))
    });
    let mut found: Vec<_> = code.chain(attributes).collect();
    found.sort_by_key(|(line, _)| *line);
    found
        .into_iter()
        .map(|(line, (message, next))| Finding::error(path, message, next).at_line(line))
        .collect()
}

fn describe_code(tokens: &[Token], in_tests: bool) -> Option<MessageAndNext> {
    for name in ["todo", "unimplemented"] {
        if ["(", "[", "{"].iter().any(|open| begins_with(tokens, &[name, "!", open])) {
            return Some((
                format!("{name}! stands for code that is not written"),
                "write it, or leave it out",
            ));
        }
    }
    if in_tests && is_sleep(tokens) {
        let next = "wait for the condition that the test is about, with a limit: dev/testkit has the means";
        return Some(("a test waits for a duration".to_owned(), next));
    }
    find_shell(tokens).map(|shell| {
        let next = "start the program itself with its arguments: no shell ever sees what users wrote";
        (format!("the shell {shell} is started"), next)
    })
}

/// `thread::sleep`, `time::sleep`, and the same in a list of imports.
fn is_sleep(tokens: &[Token]) -> bool {
    ["thread", "time"].iter().any(|module| {
        let path = [*module, ":", ":"];
        begins_with(tokens, &path) && {
            let rest = &tokens[path.len()..];
            begins_with(rest, &["sleep"])
                || (begins_with(rest, &["{"])
                    && take_until_closing(&rest[1..])
                        .is_some_and(|list| list.iter().any(|token| token.text == "sleep")))
        }
    })
}

fn find_shell(tokens: &[Token]) -> Option<&str> {
    let call = ["Command", ":", ":", "new", "("];
    let program = tokens.get(call.len()).filter(|program| program.quoted && begins_with(tokens, &call))?;
    let name = program.text.rsplit('/').next()?;
    SHELL_NAMES.contains(&name).then_some(program.text.as_str())
}

/// An attribute, and those that a `cfg_attr` wraps: each starts with its name.
fn split_attribute(attribute: &[Token]) -> impl Iterator<Item = &[Token]> {
    let wraps = begins_with(attribute, &["cfg_attr"]);
    let wrapped = attribute.iter().enumerate().filter(move |(_, token)| wraps && token.text == ",");
    std::iter::once(attribute).chain(wrapped.map(|(at, _)| &attribute[at + 1..]))
}

fn describe_attribute(part: &[Token]) -> Option<MessageAndNext> {
    if begins_with(part, &["ignore"]) {
        let next = "make the test run everywhere, or remove it";
        return Some(("a test is ignored".to_owned(), next));
    }
    begins_with(part, &["allow", "("]).then(|| {
        let next =
            "use #[expect(…, reason = \"…\")], which says why and speaks up when it is no longer needed";
        ("a lint is turned off with allow".to_owned(), next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_in_file(path: &str, text: &str) -> Vec<(Option<usize>, String)> {
        let findings = check_words(&Tree::from([(path, text)]));
        findings.into_iter().map(|finding| (finding.line, finding.message)).collect()
    }

    fn count(path: &str, text: &str) -> usize {
        find_in_file(path, text).len()
    }

    #[test]
    fn unfinished_work_is_found_in_code_and_in_texts() {
        assert_eq!(
            find_in_file("a.rs", "fn a() {\n    todo!()\n}"),
            [(Some(2), "todo! stands for code that is not written".to_owned())]
        );
        assert_eq!(count("a.rs", "fn a() { unimplemented!(\"later\") }"), 1);
        assert_eq!(count("a.rs", concat!("// FIX", "ME: later\n")), 1);
        assert_eq!(count("docs/a.md", concat!("The limit is XX", "X bytes.\n")), 1);
    }

    #[test]
    fn similar_words_are_fine() {
        let source = "// todo!() is refused\nfn a(todo: u8) -> bool { todo != 1 && b(\"todo!()\") }";
        assert_eq!(count("a.rs", source), 0);
        assert_eq!(count("test", "mktemp -d /tmp/a.XXXXXX\n"), 0);
    }

    #[test]
    fn ignored_tests_are_found() {
        assert_eq!(count("a.rs", "#[test]\n#[ignore]\nfn a() {}"), 1);
        assert_eq!(count("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}"), 1);
        assert_eq!(count("a.rs", "#[test]\n#[cfg_attr(windows, ignore)]\nfn a() {}"), 1);
        assert_eq!(count("a.rs", "fn a() { let ignore = [ignore]; }"), 0);
    }

    #[test]
    fn lints_turned_off_are_found_and_expectations_are_not() {
        assert_eq!(count("a.rs", "#![allow(dead_code)]\n"), 1);
        assert_eq!(count("a.rs", "#[allow(dead_code)]\nfn a() {}"), 1);
        assert_eq!(count("a.rs", "#[cfg_attr(test, allow(dead_code))]\nfn a() {}"), 1);
        assert_eq!(count("a.rs", "#[expect(dead_code, reason = \"soon\")]\nfn a() { allow(1); }"), 0);
    }

    #[test]
    fn tests_that_wait_for_a_duration_are_found() {
        for source in [
            "fn a() { std::thread::sleep(b); }",
            "async fn a() { tokio::time::sleep(b).await; }",
            "use tokio::time::sleep;",
            "use tokio::time::{Duration, sleep};",
        ] {
            assert_eq!(count("services/jobs/tests/it/restart.rs", source), 1, "{source}");
            assert_eq!(count("services/jobs/src/workers/due.rs", source), 0, "{source}");
        }
    }

    #[test]
    fn a_shell_on_the_host_is_found_wherever_it_lies() {
        for shell in ["sh", "bash", "/bin/sh", "/usr/bin/bash"] {
            let source = format!("fn a() {{ std::process::Command::new(\"{shell}\"); }}");
            assert_eq!(count("a.rs", &source), 1, "{shell}");
        }
        assert_eq!(count("a.rs", "fn a() { Command::new(\"git\").arg(\"sh\"); Command::new(sh); }"), 0);
    }

    #[test]
    fn a_file_that_is_not_rust_is_found() {
        assert_eq!(find_in_file("a.rs", "fn a( {"), [(None, "it is not Rust".to_owned())]);
    }
}
