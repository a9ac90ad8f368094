//! Parser of the refs that a repository advertises.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};

use super::pkt_line::Packets;

/// Refs of a repository (`gitprotocol-pack`, "Reference Discovery").
#[derive(Debug, Default)]
pub struct RefAdvertisement {
    /// Commits by full ref name. An annotated tag has the commit that it points to.
    refs: BTreeMap<String, String>,
    /// Full name of the branch that `HEAD` points to, when the repository advertises it.
    head: Option<String>,
}

/// A resolved ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedRef {
    /// The commit.
    pub commit: String,
    /// Full name of the ref; `None` when a commit was requested.
    pub full_name: Option<String>,
}

impl RefAdvertisement {
    /// Parses the response to a request for refs.
    pub fn parse(content: &[u8]) -> Result<Self> {
        let mut packets = Packets(content);
        let service = packets.next().and_then(Result::ok).flatten();
        if service.is_none_or(|line| line.trim_ascii_end() != b"# service=git-upload-pack") {
            return Err(build_protocol_error());
        }
        let mut found = Self::default();
        let mut first = true;
        for packet in packets {
            let Some(line) = packet.map_err(|_| build_protocol_error())? else { continue };
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let (line, capabilities) = match line.iter().position(|byte| *byte == 0).filter(|_| first) {
                Some(end) => (&line[..end], line.get(end + 1..).unwrap_or_default()),
                None => (line, &[][..]),
            };
            first = false;
            found.parse_head(capabilities);
            // Names need not be UTF-8; those that are not cannot be requested.
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let Some((commit, name)) = line.split_once(' ') else { continue };
            if !is_commit_id(commit) {
                return Err(build_protocol_error());
            }
            match name.strip_suffix("^{}") {
                Some("capabilities") => {}
                Some(tag) => drop(found.refs.insert(tag.to_owned(), commit.to_owned())),
                None => drop(found.refs.entry(name.to_owned()).or_insert_with(|| commit.to_owned())),
            }
        }
        Ok(found)
    }

    fn parse_head(&mut self, capabilities: &[u8]) {
        let words = capabilities.split(|byte| *byte == b' ');
        let head =
            words.filter_map(|word| std::str::from_utf8(word).ok()?.strip_prefix("symref=HEAD:")).next();
        self.head = head.map(str::to_owned).or(self.head.take());
    }

    /// Resolves `wanted`, or the default branch when it is empty. Names are tried in git's order
    /// (`gitrevisions`), a full commit id last.
    pub fn resolve_ref(&self, wanted: &str) -> Result<ResolvedRef> {
        if wanted.is_empty() || wanted == "HEAD" {
            let commit = self.refs.get("HEAD").cloned();
            let commit = commit.ok_or_else(|| {
                Error::invalid("no-such-ref", "the repository is empty or has no default branch")
                    .help("push a commit, or give a branch with --ref")
            })?;
            // The name is untrusted: it comes from the repository.
            let is_ref = |name: &String| name.starts_with("refs/") && check_ref(name).is_ok();
            return Ok(ResolvedRef { commit, full_name: self.head.clone().filter(is_ref) });
        }
        let candidates = [
            wanted.to_owned(),
            format!("refs/{wanted}"),
            format!("refs/tags/{wanted}"),
            format!("refs/heads/{wanted}"),
        ];
        for name in candidates {
            if let Some(commit) = self.refs.get(&name) {
                return Ok(ResolvedRef { commit: commit.clone(), full_name: Some(name) });
            }
        }
        if is_commit_id(wanted) {
            return Ok(ResolvedRef { commit: wanted.to_owned(), full_name: None });
        }
        Err(self.build_missing_ref_error(wanted))
    }

    fn build_missing_ref_error(&self, wanted: &str) -> Error {
        let error = Error::invalid("no-such-ref", format!("the repository has no branch or tag {wanted:?}"));
        if wanted.len() >= 7 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return error.help("give all 40 digits of the commit");
        }
        let is_plain = |name: &&str| check_ref(name).is_ok();
        let branches: Vec<&str> = self
            .refs
            .keys()
            .filter_map(|name| name.strip_prefix("refs/heads/"))
            .filter(is_plain)
            .take(8)
            .collect();
        match branches.as_slice() {
            [] => error.help("push a branch first"),
            some => error.help(format!("branches are {}", some.join(", "))),
        }
    }
}

/// Rejects refs that git or a terminal could interpret as more than a name (`git-check-ref-format`).
pub fn check_ref(text: &str) -> Result<()> {
    let refused = |why: &str| {
        Err(Error::invalid("ref-name", format!("the ref is invalid: {why}"))
            .help("give a branch, a tag or a full commit"))
    };
    let is_forbidden =
        |symbol: char| symbol.is_control() || symbol.is_whitespace() || "~^:?*[\\".contains(symbol);
    match text {
        _ if text.len() > 250 => refused("it is longer than 250 bytes"),
        _ if text.starts_with('-') => refused("it begins with a hyphen"),
        _ if text.chars().any(is_forbidden) => {
            refused("it contains white space, control characters or one of ~^:?*[\\")
        }
        _ if text.contains("..") || text.contains("@{") || text.ends_with('/') || text.ends_with(".lock") => {
            refused("git does not allow such names")
        }
        _ => Ok(()),
    }
}

fn is_commit_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn build_protocol_error() -> Error {
    Error::invalid("not-a-repository", "the server at source_url does not respond as a git repository")
        .help("give the address that git clone accepts")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT_A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const COMMIT_B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const COMMIT_C: &str = "cccccccccccccccccccccccccccccccccccccccc";

    fn format_packet(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    fn build_advertisement() -> RefAdvertisement {
        let text = [
            format_packet("# service=git-upload-pack\n"),
            "0000".to_owned(),
            format_packet(&format!("{COMMIT_A} HEAD\0multi_ack symref=HEAD:refs/heads/main agent=git/2\n")),
            format_packet(&format!("{COMMIT_A} refs/heads/main\n")),
            format_packet(&format!("{COMMIT_B} refs/heads/v1\n")),
            format_packet(&format!("{COMMIT_C} refs/tags/v1\n")),
            format_packet(&format!("{COMMIT_A} refs/tags/v1^{{}}\n")),
            "0000".to_owned(),
        ];
        RefAdvertisement::parse(text.concat().as_bytes()).unwrap()
    }

    #[test]
    fn ref_lookup_follows_git_order() {
        let found = |wanted: &str| {
            build_advertisement().resolve_ref(wanted).map(|found| (found.commit, found.full_name)).ok()
        };
        let named = |commit: &str, name: &str| Some((commit.to_owned(), Some(name.to_owned())));
        assert_eq!(found(""), named(COMMIT_A, "refs/heads/main"));
        assert_eq!(found("main"), named(COMMIT_A, "refs/heads/main"));
        // A tag takes precedence over a branch of the same name, and resolves to its commit.
        assert_eq!(found("v1"), named(COMMIT_A, "refs/tags/v1"));
        assert_eq!(found("heads/v1"), named(COMMIT_B, "refs/heads/v1"));
        assert_eq!(found(COMMIT_C), Some((COMMIT_C.to_owned(), None)));
        assert_eq!(found("none"), None);
        assert_eq!(found(&COMMIT_C.to_uppercase()), None);
    }

    #[test]
    fn unsafe_names_from_a_repository_are_omitted() {
        for head in
            ["--upload-pack=x", "main", "refs/heads/a\u{1b}[2J", "refs/heads/a..b", &"refs/x".repeat(90)]
        {
            let text = [
                format_packet("# service=git-upload-pack\n"),
                "0000".to_owned(),
                format_packet(&format!("{COMMIT_A} HEAD\0symref=HEAD:{head}\n")),
                format_packet(&format!("{COMMIT_A} refs/heads/\u{1b}[2J\n")),
                format_packet(&format!("{COMMIT_A} refs/heads/plain\n")),
            ];
            let repository = RefAdvertisement::parse(text.concat().as_bytes()).unwrap();
            let found = repository.resolve_ref("").unwrap();
            assert_eq!((found.commit.as_str(), found.full_name), (COMMIT_A, None), "{head:?}");
            assert_eq!(repository.resolve_ref("none").err().unwrap().help_text(), Some("branches are plain"));
        }
    }

    #[test]
    fn missing_ref_error_lists_branches() {
        let error = build_advertisement().resolve_ref("none").err().unwrap();
        assert_eq!(error.help_text(), Some("branches are main, v1"));
        let short = build_advertisement().resolve_ref(&COMMIT_A[..8]).err().unwrap();
        assert_eq!(short.help_text(), Some("give all 40 digits of the commit"));
    }

    #[test]
    fn empty_repository_has_no_default_branch() {
        let text = [
            format_packet("# service=git-upload-pack\n"),
            "0000".to_owned(),
            format_packet(&format!("{} capabilities^{{}}\0multi_ack\n", "0".repeat(40))),
            "0000".to_owned(),
        ];
        let empty = RefAdvertisement::parse(text.concat().as_bytes()).unwrap();
        assert_eq!(empty.resolve_ref("").err().unwrap().code(), "no-such-ref");
    }

    #[test]
    fn other_documents_are_not_repositories() {
        for text in [
            "",
            "<!doctype html>",
            "001e# service=git-receive-pack\n0000",
            "001e# service=git-upload-pack\nzzzz",
        ] {
            assert_eq!(
                RefAdvertisement::parse(text.as_bytes()).err().unwrap().code(),
                "not-a-repository",
                "{text}"
            );
        }
    }

    #[test]
    fn options_and_expressions_are_not_refs() {
        for text in
            ["-x", "--upload-pack=x", "a b", "a\nb", "a..b", "a^", "a~1", "@{u}", "a:b", "x.lock", "x/"]
        {
            assert!(check_ref(text).is_err(), "{text:?}");
        }
        for text in ["", "main", "feature/x-1", "v1.0", "refs/heads/main", "ünï"] {
            assert!(check_ref(text).is_ok(), "{text:?}");
        }
    }
}
