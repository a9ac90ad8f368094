//! Search for one ref in the list of refs that a repository advertises.

use hearth_base::{Error, Result};

use super::pkt_line::{InvalidPacket, PacketParser};

/// The number of branches that the error about a missing ref names.
const MAX_NAMED_BRANCHES: usize = 8;

/// Incremental search for a ref (`gitprotocol-pack`, "Reference Discovery"). It keeps the few refs that `wanted` can
/// mean, so that its memory does not depend on the number of refs.
#[derive(Debug)]
pub struct RefSearch {
    wanted: String,
    packets: PacketParser,
    /// Number of packets so far.
    packet_count: usize,
    /// The names that `wanted` can mean, in git's order (`gitrevisions`), with the commits that were found.
    candidates: Vec<RefCandidate>,
    /// Full name of the branch that `HEAD` points to, when the repository advertises it.
    head: Option<String>,
    /// The first branches, for the error about a missing ref.
    branches: Vec<String>,
}

/// A full name that the wanted ref can have.
#[derive(Debug)]
struct RefCandidate {
    name: String,
    /// The commit; of an annotated tag the commit that it points to.
    commit: Option<String>,
}

/// A resolved ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedRef {
    /// The commit.
    pub commit: String,
    /// Full name of the ref; `None` when a commit was requested.
    pub full_name: Option<String>,
}

impl From<InvalidPacket> for Error {
    fn from(_: InvalidPacket) -> Self {
        build_protocol_error()
    }
}

impl RefSearch {
    /// Searches for `wanted`, or for the default branch when it is empty.
    pub fn new(wanted: &str) -> Self {
        let names = match wanted {
            "" | "HEAD" => vec!["HEAD".to_owned()],
            _ => vec![
                wanted.to_owned(),
                format!("refs/{wanted}"),
                format!("refs/tags/{wanted}"),
                format!("refs/heads/{wanted}"),
            ],
        };
        Self {
            wanted: wanted.to_owned(),
            packets: PacketParser::default(),
            packet_count: 0,
            candidates: names.into_iter().map(|name| RefCandidate { name, commit: None }).collect(),
            head: None,
            branches: Vec::new(),
        }
    }

    /// Parses the next piece of the response to a request for refs.
    pub fn parse_chunk(&mut self, chunk: &[u8]) -> Result<()> {
        let mut packets = std::mem::take(&mut self.packets);
        let parsed = packets.parse_chunk(chunk, |packet| self.parse_packet(packet));
        self.packets = packets;
        parsed
    }

    fn parse_packet(&mut self, packet: Option<&[u8]>) -> Result<()> {
        self.packet_count += 1;
        if self.packet_count == 1 {
            let is_service = |line: &[u8]| line.trim_ascii_end() == b"# service=git-upload-pack";
            return packet.filter(|line| is_service(line)).map(drop).ok_or_else(build_protocol_error);
        }
        let Some(line) = packet else { return Ok(()) };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        // Only the first ref has capabilities.
        let line = match line.iter().position(|byte| *byte == 0) {
            Some(end) => {
                self.parse_head(line.get(end + 1..).unwrap_or_default());
                &line[..end]
            }
            None => line,
        };
        // Names need not be UTF-8; those that are not cannot be requested.
        let Ok(line) = std::str::from_utf8(line) else { return Ok(()) };
        let Some((commit, name)) = line.split_once(' ') else { return Ok(()) };
        if !is_commit_id(commit) {
            return Err(build_protocol_error());
        }
        self.record_ref(name, commit);
        Ok(())
    }

    fn record_ref(&mut self, name: &str, commit: &str) {
        let (name, peeled) = match name.strip_suffix("^{}") {
            Some("capabilities") => return,
            Some(tag) => (tag, true),
            None => (name, false),
        };
        let candidate = self.candidates.iter_mut().find(|candidate| candidate.name == name);
        if let Some(candidate) = candidate.filter(|candidate| peeled || candidate.commit.is_none()) {
            candidate.commit = Some(commit.to_owned());
        }
        if let Some(branch) = name.strip_prefix("refs/heads/")
            && self.branches.len() < MAX_NAMED_BRANCHES
            && check_ref(branch).is_ok()
        {
            self.branches.push(branch.to_owned());
        }
    }

    fn parse_head(&mut self, capabilities: &[u8]) {
        let words = capabilities.split(|byte| *byte == b' ');
        let head =
            words.filter_map(|word| std::str::from_utf8(word).ok()?.strip_prefix("symref=HEAD:")).next();
        self.head = self.head.take().or(head.map(str::to_owned));
    }

    /// Ends the search after the last piece. A full commit id is tried last, without the repository.
    pub fn finish_search(self) -> Result<ResolvedRef> {
        self.packets.check_end()?;
        if self.packet_count == 0 {
            return Err(build_protocol_error());
        }
        let is_default = matches!(self.wanted.as_str(), "" | "HEAD");
        let found = self
            .candidates
            .iter()
            .find_map(|candidate| candidate.commit.clone().map(|commit| (candidate.name.clone(), commit)));
        match found {
            Some((_, commit)) if is_default => {
                // The name is untrusted: it comes from the repository.
                let is_ref = |name: &String| name.starts_with("refs/") && check_ref(name).is_ok();
                Ok(ResolvedRef { commit, full_name: self.head.filter(is_ref) })
            }
            Some((name, commit)) => Ok(ResolvedRef { commit, full_name: Some(name) }),
            None if is_default => {
                Err(Error::invalid("no-such-ref", "the repository is empty or has no default branch")
                    .help("push a commit, or give a branch with --ref"))
            }
            None if is_commit_id(&self.wanted) => Ok(ResolvedRef { commit: self.wanted, full_name: None }),
            None => Err(self.build_missing_ref_error()),
        }
    }

    fn build_missing_ref_error(&self) -> Error {
        let wanted = &self.wanted;
        let error = Error::invalid("no-such-ref", format!("the repository has no branch or tag {wanted:?}"));
        if wanted.len() >= 7 && wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return error.help("give all 40 digits of the commit");
        }
        match self.branches.as_slice() {
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

    /// Searches for `wanted` in an advertisement that arrives in small pieces.
    fn resolve_ref(advertisement: &str, wanted: &str) -> Result<ResolvedRef> {
        let mut search = RefSearch::new(wanted);
        for piece in advertisement.as_bytes().chunks(7) {
            search.parse_chunk(piece)?;
        }
        search.finish_search()
    }

    fn build_advertisement() -> String {
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
        text.concat()
    }

    #[test]
    fn ref_lookup_follows_git_order() {
        let found = |wanted: &str| {
            resolve_ref(&build_advertisement(), wanted).map(|found| (found.commit, found.full_name)).ok()
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
            let found = resolve_ref(&text.concat(), "").unwrap();
            assert_eq!((found.commit.as_str(), found.full_name), (COMMIT_A, None), "{head:?}");
            let error = resolve_ref(&text.concat(), "none").err().unwrap();
            assert_eq!(error.help_text(), Some("branches are plain"));
        }
    }

    #[test]
    fn missing_ref_error_lists_branches() {
        let error = resolve_ref(&build_advertisement(), "none").err().unwrap();
        assert_eq!(error.help_text(), Some("branches are main, v1"));
        let short = resolve_ref(&build_advertisement(), &COMMIT_A[..8]).err().unwrap();
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
        assert_eq!(resolve_ref(&text.concat(), "").err().unwrap().code(), "no-such-ref");
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_refs() {
        let mut search = RefSearch::new("wanted");
        search.parse_chunk(format_packet("# service=git-upload-pack\n").as_bytes()).unwrap();
        for number in 0..200_000 {
            let line = format!("{COMMIT_B} refs/heads/branch-{number}\n");
            search.parse_chunk(format_packet(&line).as_bytes()).unwrap();
        }
        search.parse_chunk(format_packet(&format!("{COMMIT_C} refs/tags/wanted\n")).as_bytes()).unwrap();
        assert_eq!((search.branches.len(), search.candidates.len()), (MAX_NAMED_BRANCHES, 4));
        assert_eq!(search.finish_search().unwrap().commit, COMMIT_C);
    }

    #[test]
    fn other_documents_are_not_repositories() {
        for text in [
            "",
            "<!doctype html>",
            "001e# service=git-receive-pack\n0000",
            "001e# service=git-upload-pack\nzzzz",
        ] {
            assert_eq!(resolve_ref(text, "main").err().unwrap().code(), "not-a-repository", "{text}");
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
