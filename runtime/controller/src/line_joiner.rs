//! Joins the pieces of log lines: a long line is split, and the beginning of a line that its program has not ended
//! is reported alone.

use std::borrow::Cow;

use hearth_runtime_api::{LogLine, LogStream};

/// The begun lines of one container, of each output stream.
#[derive(Debug, Clone, Default)]
pub struct LineJoiner {
    out: String,
    err: String,
}

impl LineJoiner {
    /// Maximum bytes of a joined line: what follows begins another line.
    const MAX_LINE_BYTES: usize = 1 << 20;

    /// Adds a piece. Returns the text of the line once it is complete.
    pub fn join_line<'a>(&mut self, line: &'a LogLine) -> Option<Cow<'a, str>> {
        let begun = match line.stream {
            LogStream::Out => &mut self.out,
            LogStream::Err => &mut self.err,
            LogStream::Note => return Some(Cow::Borrowed(&line.text)),
        };
        let is_complete = !line.partial || begun.len() + line.text.len() >= Self::MAX_LINE_BYTES;
        if is_complete && begun.is_empty() {
            return Some(Cow::Borrowed(&line.text));
        }
        begun.push_str(&line.text);
        is_complete.then(|| Cow::Owned(std::mem::take(begun)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_each_stream_are_joined() {
        let mut joiner = LineJoiner::default();
        let mut join = |stream, partial, text: &str| {
            let time = "2026-05-04T12:00:00Z".parse().unwrap();
            let line = LogLine { sequence: 1, time, stream, partial, text: text.to_owned() };
            joiner.join_line(&line).map(Cow::into_owned)
        };
        assert_eq!(join(LogStream::Out, true, "listen"), None);
        assert_eq!(join(LogStream::Err, false, "warning").as_deref(), Some("warning"));
        assert_eq!(join(LogStream::Note, false, "1 line lost").as_deref(), Some("1 line lost"));
        assert_eq!(join(LogStream::Out, true, "ing"), None);
        assert_eq!(join(LogStream::Out, false, "").as_deref(), Some("listening"));
        assert_eq!(join(LogStream::Out, false, "next").as_deref(), Some("next"));
        let long = "x".repeat(LineJoiner::MAX_LINE_BYTES);
        assert_eq!(join(LogStream::Out, true, &long).map(|line| line.len()), Some(long.len()));
    }
}
