//! Contents of files: their tags and types.

use std::{
    collections::BTreeMap,
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Mutex,
};

use sha2::{Digest, Sha256};

/// Bytes that are read at a time.
pub const PIECE_BYTES: usize = 64 * 1024;

/// Bytes of the digest that a tag contains.
const TAG_BYTES: usize = 16;

/// A content, as far as replies need to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFacts {
    /// Entity tag, with its quotation marks (RFC 9110, 8.8.3).
    pub tag: String,
    /// True when the content is valid UTF-8.
    is_utf8: bool,
}

/// State of a file that changes with its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl FileState {
    fn from_metadata(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// Facts of the files that were served, which are kept until a file changes.
#[derive(Default)]
pub struct ContentCache(Mutex<BTreeMap<PathBuf, (FileState, ContentFacts)>>);

impl ContentCache {
    /// Reads the facts of an open file, whose path is `path`.
    pub fn read_facts(&self, path: &Path, file: &mut File) -> io::Result<ContentFacts> {
        let state = FileState::from_metadata(&file.metadata()?);
        let poisoned = |_| io::Error::other("another thread failed");
        if let Some((known, facts)) = self.0.lock().map_err(poisoned)?.get(path)
            && *known == state
        {
            return Ok(facts.clone());
        }
        let facts = read_content(file)?;
        self.0.lock().map_err(poisoned)?.insert(path.to_owned(), (state, facts.clone()));
        Ok(facts)
    }
}

fn read_content(file: &mut impl Read) -> io::Result<ContentFacts> {
    let (mut digest, mut text) = (Sha256::new(), Utf8Check::default());
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            break;
        }
        digest.update(&piece[..count]);
        text.update(&piece[..count]);
    }
    let hex: String = digest.finalize()[..TAG_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(ContentFacts { tag: format!("\"{hex}\""), is_utf8: text.is_valid() })
}

/// Checks UTF-8 in pieces, which may end within a character.
#[derive(Default)]
struct Utf8Check {
    /// First bytes of a character whose end is in the next piece.
    rest: Vec<u8>,
    is_invalid: bool,
}

impl Utf8Check {
    fn update(&mut self, piece: &[u8]) {
        if self.is_invalid {
            return;
        }
        self.rest.extend_from_slice(piece);
        match std::str::from_utf8(&self.rest) {
            Ok(_) => self.rest.clear(),
            Err(error) if error.error_len().is_none() => drop(self.rest.drain(..error.valid_up_to())),
            Err(_) => self.is_invalid = true,
        }
    }

    fn is_valid(&self) -> bool {
        !self.is_invalid && self.rest.is_empty()
    }
}

/// Types that browsers read as text although their names do not say so.
const TEXT_TYPES: [&str; 4] =
    ["application/javascript", "application/json", "application/xml", "application/manifest+json"];

/// Type of files with an unknown extension.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// Finds the type of a file by its extension. Texts in UTF-8 say so.
pub fn find_content_type(path: &Path, facts: &ContentFacts) -> String {
    let found = match path.extension().and_then(|extension| extension.to_str()) {
        // Newer than the list of the library (RFC 9239, RFC 9512).
        Some("mjs") => "text/javascript",
        Some("yaml" | "yml") => "text/yaml",
        _ => mime_guess::from_path(path).first_raw().unwrap_or(UNKNOWN_TYPE),
    };
    let is_text = found.starts_with("text/") || found.ends_with("+xml") || TEXT_TYPES.contains(&found);
    if is_text && facts.is_utf8 { format!("{found}; charset=utf-8") } else { found.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_between_two_pieces_are_valid_text() {
        let check = |pieces: &[&[u8]]| {
            let mut check = Utf8Check::default();
            pieces.iter().for_each(|piece| check.update(piece));
            check.is_valid()
        };
        assert!(check(&[b"a\xe2", b"\x82\xac"]) && check(&[]));
        for pieces in [&[&b"\xe2"[..]][..], &[b"\xe2", b"a"], &[b"\xff", b"a"]] {
            assert!(!check(pieces), "{pieces:?}");
        }
    }

    #[test]
    fn type_follows_the_extension_and_names_the_encoding_of_texts() {
        let facts = |is_utf8| ContentFacts { tag: String::new(), is_utf8 };
        for (name, expected) in [
            ("a.html", "text/html; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.json", "application/json; charset=utf-8"),
            ("a.webmanifest", "application/manifest+json; charset=utf-8"),
            ("a.svg", "image/svg+xml; charset=utf-8"),
            ("a.md", "text/markdown; charset=utf-8"),
            ("a.yml", "text/yaml; charset=utf-8"),
            ("a.wasm", "application/wasm"),
            ("a.woff2", "font/woff2"),
            ("a.webp", "image/webp"),
            ("a.avif", "image/avif"),
            ("a.PNG", "image/png"),
            ("a", "application/octet-stream"),
        ] {
            assert_eq!(find_content_type(Path::new(name), &facts(true)), expected, "{name}");
        }
        assert_eq!(find_content_type(Path::new("a.txt"), &facts(false)), "text/plain");
    }
}
