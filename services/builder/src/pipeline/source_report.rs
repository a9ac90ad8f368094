//! Parser of the report that the fetch step prints: the names at the top level of the source, and the contents
//! of the files that build planning reads.

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_plan::{InMemorySource, MAX_FILE_BYTES, PROBED_FILES, READ_FILES};
use hearth_runtime_api::{LogLine, LogStream};

/// Most names at the top level that are kept.
const MAX_TOP_LEVEL_NAMES: usize = 200;
/// Most files in folders that are kept.
const MAX_FOUND_FILES: usize = 500;

/// Incremental parser of a report. Lines that are not part of it belong to the log.
#[derive(Debug, Default)]
pub struct SourceReport {
    source: InMemorySource,
    file: Option<ReportedFile>,
    name_count: usize,
    found_count: usize,
    time: Option<i64>,
    ended: bool,
}

/// File whose content the following lines of the report contain.
#[derive(Debug)]
struct ReportedFile {
    path: String,
    content: Vec<u8>,
    /// True when the plan reads the content.
    is_read: bool,
}

impl SourceReport {
    /// Parses a line. Returns true if it belongs to the report.
    pub fn parse_line(&mut self, line: &LogLine) -> bool {
        if line.stream != LogStream::Out || self.ended {
            return false;
        }
        match line.text.split_once(' ').unwrap_or((&line.text, "")) {
            ("hearth-name", name) => self.add_top_level_name(name, false),
            ("hearth-folder", name) => self.add_top_level_name(name, true),
            ("hearth-found", path) => self.add_found_file(path),
            ("hearth-file", name) => self.begin_file(name),
            ("hearth-text", text) => self.append_text(text),
            ("hearth-time", seconds) => self.time = seconds.parse().ok(),
            ("hearth-end", "") => self.finish_report(),
            _ => return false,
        }
        true
    }

    /// Returns the time of the source in seconds since 1970, as it was reported.
    pub fn source_time(&self) -> Option<i64> {
        self.time
    }

    /// Returns the reported source; `None` if the report has not ended.
    pub fn into_source(self) -> Option<InMemorySource> {
        self.ended.then_some(self.source)
    }

    fn add_top_level_name(&mut self, name: &str, is_folder: bool) {
        self.name_count += 1;
        if let Some(name) = decode_name(name).filter(|_| self.name_count <= MAX_TOP_LEVEL_NAMES) {
            let source = std::mem::take(&mut self.source);
            self.source = if is_folder { source.with_folder(name) } else { source.with_name(name) };
        }
    }

    /// Adds a file in a folder of the source, whose name is one that the plan looks for.
    fn add_found_file(&mut self, path: &str) {
        self.found_count += 1;
        self.store_file();
        let path = decode_name(path).filter(|_| self.found_count <= MAX_FOUND_FILES);
        self.file = path.and_then(|path| {
            let (first, rest) = path.split_once('/')?;
            let below = rest.split_once('/').map(|(_, name)| format!("{first}/*/{name}"));
            let patterns = [Some(format!("*/{rest}")), below];
            patterns.iter().flatten().find_map(|pattern| ReportedFile::new(path.clone(), pattern))
        });
    }

    fn begin_file(&mut self, name: &str) {
        self.store_file();
        self.file = ReportedFile::new(name.to_owned(), name);
    }

    fn append_text(&mut self, text: &str) {
        if let (Some(ReportedFile { content, is_read: true, .. }), Ok(bytes)) =
            (&mut self.file, BASE64_STANDARD.decode(text))
            && content.len() as u64 <= MAX_FILE_BYTES
        {
            content.extend(bytes);
        }
    }

    fn finish_report(&mut self) {
        self.store_file();
        self.ended = true;
    }

    fn store_file(&mut self) {
        if let Some(ReportedFile { path, content, .. }) = self.file.take() {
            self.source = std::mem::take(&mut self.source).with_file(path, content);
        }
    }
}

impl ReportedFile {
    /// A file that the plan looks for by a name or pattern; `None` when it does not.
    fn new(path: String, pattern: &str) -> Option<Self> {
        let is_read = READ_FILES.contains(&pattern);
        (is_read || PROBED_FILES.contains(&pattern)).then(|| Self { path, content: Vec::new(), is_read })
    }
}

/// Decodes a name that is text.
fn decode_name(encoded: &str) -> Option<String> {
    String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_plan::SourceTree;
    use jiff::Timestamp;

    fn build_line(text: &str) -> LogLine {
        let time = Timestamp::UNIX_EPOCH;
        LogLine { sequence: 1, time, stream: LogStream::Out, partial: false, text: text.to_owned() }
    }

    #[test]
    fn files_are_assembled_from_lines() {
        let mut report = SourceReport::default();
        let text = BASE64_STANDARD.encode("web: ");
        let more = BASE64_STANDARD.encode("x\n");
        for text in [
            "hearth-name YQ==",
            "hearth-file Procfile",
            &format!("hearth-text {text}"),
            &format!("hearth-text {more}"),
            "hearth-file index.html",
            "hearth-end",
        ] {
            assert!(report.parse_line(&build_line(text)), "{text}");
        }
        assert!(!report.parse_line(&build_line("hearth-file package.json")));
        let source = report.into_source().unwrap();
        assert_eq!(source.read("Procfile").unwrap().as_deref(), Some("web: x\n"));
        assert_eq!(source.list().unwrap(), ["Procfile", "a", "index.html"]);
    }

    #[test]
    fn unrequested_files_are_ignored() {
        let mut report = SourceReport::default();
        let text = format!("hearth-text {}", BASE64_STANDARD.encode("secret"));
        for text in ["hearth-file ../../etc/passwd", &text, "hearth-file index.html", &text, "hearth-end"] {
            report.parse_line(&build_line(text));
        }
        let source = report.into_source().unwrap();
        assert_eq!(source.list().unwrap(), ["index.html"]);
        assert_eq!(source.read("index.html").unwrap().as_deref(), Some(""));
        assert!(!SourceReport::default().parse_line(&build_line("Receiving objects: 100%")));
        assert!(SourceReport::default().into_source().is_none());
    }

    #[test]
    fn files_in_folders_are_found_by_name() {
        let mut report = SourceReport::default();
        for (kind, name) in [
            ("folder", "backend"),
            ("found", "backend/requirements.txt"),
            ("text", "secret"),
            ("found", "frontend/package.json"),
            ("text", "{}"),
            ("found", "backend/secret.txt"),
            ("found", "a/b/requirements.txt"),
            ("found", "cmd/web/main.go"),
            ("found", "other/web/main.go"),
        ] {
            report.parse_line(&build_line(&format!("hearth-{kind} {}", BASE64_STANDARD.encode(name))));
        }
        report.parse_line(&build_line("hearth-end"));
        let source = report.into_source().unwrap();
        assert_eq!(source.list_folders().unwrap(), ["backend", "cmd", "frontend"]);
        assert_eq!(source.find_in_folders_of("cmd", "main.go").unwrap(), ["cmd/web/main.go"]);
        assert_eq!(source.read("backend/requirements.txt").unwrap().as_deref(), Some(""));
        assert_eq!(source.read("frontend/package.json").unwrap().as_deref(), Some("{}"));
        assert_eq!(source.find_in_folders("requirements.txt").unwrap(), ["backend/requirements.txt"]);
        assert!(!source.has_file("backend/secret.txt").unwrap());
    }
}
