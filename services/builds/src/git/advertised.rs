//! What a repository says that its refs are.

use std::collections::BTreeMap;

use hearth_base::{Error, Result};

use super::pkt_line::Packets;

/// The refs of a repository (`gitprotocol-pack`, "Reference Discovery").
#[derive(Debug, Default)]
pub struct Advertised {
    /// Commits by full name; a tag of its own is there as what it points to.
    refs: BTreeMap<String, String>,
    /// What `HEAD` stands for, when the repository says so.
    head: Option<String>,
}

/// A ref, looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The commit.
    pub commit: String,
    /// The full name of the ref, unless a commit was asked for.
    pub full_name: Option<String>,
}

impl Advertised {
    /// Reads the answer to a request for refs.
    pub fn read(content: &[u8]) -> Result<Self> {
        let mut packets = Packets(content);
        let service = packets.next().and_then(Result::ok).flatten();
        if service.is_none_or(|line| line.trim_ascii_end() != b"# service=git-upload-pack") {
            return Err(strange());
        }
        let mut found = Self::default();
        let mut first = true;
        for packet in packets {
            let Some(line) = packet.map_err(|_| strange())? else { continue };
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let (line, capabilities) = match line.iter().position(|byte| *byte == 0).filter(|_| first) {
                Some(end) => (&line[..end], line.get(end + 1..).unwrap_or_default()),
                None => (line, &[][..]),
            };
            first = false;
            found.note_head(capabilities);
            // Names need not be UTF-8; such a one cannot be asked for.
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let Some((commit, name)) = line.split_once(' ') else { continue };
            if !is_commit(commit) {
                return Err(strange());
            }
            match name.strip_suffix("^{}") {
                Some("capabilities") => {}
                Some(tag) => drop(found.refs.insert(tag.to_owned(), commit.to_owned())),
                None => drop(found.refs.entry(name.to_owned()).or_insert_with(|| commit.to_owned())),
            }
        }
        Ok(found)
    }

    fn note_head(&mut self, capabilities: &[u8]) {
        let words = capabilities.split(|byte| *byte == b' ');
        let head =
            words.filter_map(|word| std::str::from_utf8(word).ok()?.strip_prefix("symref=HEAD:")).next();
        self.head = head.map(str::to_owned).or(self.head.take());
    }

    /// What is meant by `wanted`, or by nothing: looked for as git does (`gitrevisions`), a full commit last.
    pub fn resolve(&self, wanted: &str) -> Result<Resolved> {
        if wanted.is_empty() || wanted == "HEAD" {
            let commit = self.refs.get("HEAD").cloned();
            let commit = commit.ok_or_else(|| {
                Error::invalid("no-such-ref", "the repository is empty, or has no default branch")
                    .help("push something, or name a branch with --ref")
            })?;
            // The repository says it, and may say anything.
            let is_ref = |name: &String| name.starts_with("refs/") && check_ref(name).is_ok();
            return Ok(Resolved { commit, full_name: self.head.clone().filter(is_ref) });
        }
        let candidates = [
            wanted.to_owned(),
            format!("refs/{wanted}"),
            format!("refs/tags/{wanted}"),
            format!("refs/heads/{wanted}"),
        ];
        for name in candidates {
            if let Some(commit) = self.refs.get(&name) {
                return Ok(Resolved { commit: commit.clone(), full_name: Some(name) });
            }
        }
        if is_commit(wanted) {
            return Ok(Resolved { commit: wanted.to_owned(), full_name: None });
        }
        Err(self.missing(wanted))
    }

    fn missing(&self, wanted: &str) -> Error {
        let error = Error::invalid("no-such-ref", format!("the repository has no branch or tag {wanted:?}"));
        if wanted.len() >= 7 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return error.help("a commit is named by all of its 40 digits");
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

/// Refuses a ref that git or a terminal could read as more than a name (`git-check-ref-format`).
pub fn check_ref(text: &str) -> Result<()> {
    let refused = |why: &str| {
        Err(Error::invalid("ref-name", format!("this ref cannot be built: {why}"))
            .help("name a branch, a tag or a whole commit"))
    };
    let odd = |symbol: char| symbol.is_control() || symbol.is_whitespace() || "~^:?*[\\".contains(symbol);
    match text {
        _ if text.len() > 250 => refused("it is longer than 250 bytes"),
        _ if text.starts_with('-') => refused("it begins with a hyphen"),
        _ if text.chars().any(odd) => refused("it holds blanks, control characters or one of ~^:?*[\\"),
        _ if text.contains("..") || text.contains("@{") || text.ends_with('/') || text.ends_with(".lock") => {
            refused("git has no such names")
        }
        _ => Ok(()),
    }
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn strange() -> Error {
    Error::invalid("not-a-repository", "what is at this source_url does not answer as a git repository")
        .help("give the address that git clone takes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const C: &str = "cccccccccccccccccccccccccccccccccccccccc";

    fn packet(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    fn repository() -> Advertised {
        let text = [
            packet("# service=git-upload-pack\n"),
            "0000".to_owned(),
            packet(&format!("{A} HEAD\0multi_ack symref=HEAD:refs/heads/main agent=git/2\n")),
            packet(&format!("{A} refs/heads/main\n")),
            packet(&format!("{B} refs/heads/v1\n")),
            packet(&format!("{C} refs/tags/v1\n")),
            packet(&format!("{A} refs/tags/v1^{{}}\n")),
            "0000".to_owned(),
        ];
        Advertised::read(text.concat().as_bytes()).unwrap()
    }

    #[test]
    fn a_ref_is_looked_for_as_git_does() {
        let found =
            |wanted: &str| repository().resolve(wanted).map(|found| (found.commit, found.full_name)).ok();
        let named = |commit: &str, name: &str| Some((commit.to_owned(), Some(name.to_owned())));
        assert_eq!(found(""), named(A, "refs/heads/main"));
        assert_eq!(found("main"), named(A, "refs/heads/main"));
        // A tag goes before a branch of the same name, and stands for its commit.
        assert_eq!(found("v1"), named(A, "refs/tags/v1"));
        assert_eq!(found("heads/v1"), named(B, "refs/heads/v1"));
        assert_eq!(found(C), Some((C.to_owned(), None)));
        assert_eq!(found("none"), None);
        assert_eq!(found(&C.to_uppercase()), None);
    }

    #[test]
    fn names_that_a_repository_says_are_refs_or_left_out() {
        for head in
            ["--upload-pack=x", "main", "refs/heads/a\u{1b}[2J", "refs/heads/a..b", &"refs/x".repeat(90)]
        {
            let text = [
                packet("# service=git-upload-pack\n"),
                "0000".to_owned(),
                packet(&format!("{A} HEAD\0symref=HEAD:{head}\n")),
                packet(&format!("{A} refs/heads/\u{1b}[2J\n")),
                packet(&format!("{A} refs/heads/plain\n")),
            ];
            let repository = Advertised::read(text.concat().as_bytes()).unwrap();
            let found = repository.resolve("").unwrap();
            assert_eq!((found.commit.as_str(), found.full_name), (A, None), "{head:?}");
            assert_eq!(repository.resolve("none").err().unwrap().next(), Some("branches are plain"));
        }
    }

    #[test]
    fn a_missing_ref_names_those_there_are() {
        let error = repository().resolve("none").err().unwrap();
        assert_eq!(error.next(), Some("branches are main, v1"));
        let short = repository().resolve(&A[..8]).err().unwrap();
        assert_eq!(short.next(), Some("a commit is named by all of its 40 digits"));
    }

    #[test]
    fn an_empty_repository_says_so() {
        let text = [
            packet("# service=git-upload-pack\n"),
            "0000".to_owned(),
            packet(&format!("{} capabilities^{{}}\0multi_ack\n", "0".repeat(40))),
            "0000".to_owned(),
        ];
        let empty = Advertised::read(text.concat().as_bytes()).unwrap();
        assert_eq!(empty.resolve("").err().unwrap().code(), "no-such-ref");
    }

    #[test]
    fn another_document_is_no_repository() {
        for text in [
            "",
            "<!doctype html>",
            "001e# service=git-receive-pack\n0000",
            "001e# service=git-upload-pack\nzzzz",
        ] {
            assert_eq!(Advertised::read(text.as_bytes()).err().unwrap().code(), "not-a-repository", "{text}");
        }
    }

    #[test]
    fn a_ref_is_never_an_option_nor_an_expression() {
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
