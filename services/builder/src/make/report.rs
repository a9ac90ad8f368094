//! What a fetch run tells of a source: the names at its top and the few files that matter, as data.

use base64::{Engine, prelude::BASE64_STANDARD};
use hearth_plan::{InMemory, LOOKED_AT, MOST_BYTES, READ};
use hearth_runtime_api::{LogLine, Stream};

/// Reads a report line by line. Whatever is not in its form is a line of the log.
#[derive(Debug, Default)]
pub struct Report {
    source: InMemory,
    file: Option<(&'static str, Vec<u8>)>,
    names: usize,
    ended: bool,
}

impl Report {
    /// Takes a line; whether it was one of the report.
    pub fn take(&mut self, line: &LogLine) -> bool {
        if line.stream != Stream::Out || self.ended {
            return false;
        }
        match line.text.split_once(' ').unwrap_or((&line.text, "")) {
            ("hearth-name", name) => self.name(name),
            ("hearth-file", name) => self.begin(name),
            ("hearth-text", text) => self.text(text),
            ("hearth-end", "") => self.end(),
            _ => return false,
        }
        true
    }

    /// The source, once the report has ended.
    pub fn source(self) -> Option<InMemory> {
        self.ended.then_some(self.source)
    }

    fn name(&mut self, name: &str) {
        self.names += 1;
        let name = BASE64_STANDARD.decode(name).ok().and_then(|name| String::from_utf8(name).ok());
        if let Some(name) = name.filter(|_| self.names <= 200) {
            self.source = std::mem::take(&mut self.source).named(name);
        }
    }

    fn begin(&mut self, name: &str) {
        self.put();
        let known = READ.into_iter().chain(LOOKED_AT).find(|known| *known == name);
        self.file = known.map(|name| (name, Vec::new()));
    }

    fn text(&mut self, text: &str) {
        if let (Some((name, content)), Ok(bytes)) = (&mut self.file, BASE64_STANDARD.decode(text))
            && READ.contains(name)
            && content.len() as u64 <= MOST_BYTES
        {
            content.extend(bytes);
        }
    }

    fn end(&mut self) {
        self.put();
        self.ended = true;
    }

    fn put(&mut self) {
        if let Some((name, content)) = self.file.take() {
            self.source = std::mem::take(&mut self.source).with(name, content);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_plan::Source;
    use jiff::Timestamp;

    fn line(text: &str) -> LogLine {
        let time = Timestamp::UNIX_EPOCH;
        LogLine { sequence: 1, time, stream: Stream::Out, partial: false, text: text.to_owned() }
    }

    #[test]
    fn files_come_out_piece_by_piece() {
        let mut report = Report::default();
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
            assert!(report.take(&line(text)), "{text}");
        }
        assert!(!report.take(&line("hearth-file package.json")));
        let source = report.source().unwrap();
        assert_eq!(source.read("Procfile").unwrap().as_deref(), Some("web: x\n"));
        assert_eq!(source.list().unwrap(), ["Procfile", "a", "index.html"]);
    }

    #[test]
    fn what_is_not_asked_for_is_not_taken() {
        let mut report = Report::default();
        let text = format!("hearth-text {}", BASE64_STANDARD.encode("secret"));
        for text in ["hearth-file ../../etc/passwd", &text, "hearth-file index.html", &text, "hearth-end"] {
            report.take(&line(text));
        }
        let source = report.source().unwrap();
        assert_eq!(source.list().unwrap(), ["index.html"]);
        assert_eq!(source.read("index.html").unwrap().as_deref(), Some(""));
        assert!(!Report::default().take(&line("Receiving objects: 100%")));
        assert!(Report::default().source().is_none());
    }
}
