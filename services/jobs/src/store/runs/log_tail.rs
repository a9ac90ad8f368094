//! The last lines of a run, with the line that says why the run failed.

use hearth_base::strip_terminal_codes;

/// The last lines that a run wrote, limited in number and length, shown with its outcome. Programs often print
/// more after the line that names the error, such as a stack or their version: that line is kept as the first
/// one until a later line names an error.
#[derive(Debug, Clone, Default)]
pub struct LogTail {
    lines: Vec<String>,
    /// Number of lines after the first one that are dropped, if the first one is kept because of its error.
    dropped_after_error: usize,
}

impl LogTail {
    /// Maximum number of lines of the tail.
    const MAX_TAIL_LINES: usize = 3;
    /// Maximum characters of one line.
    const MAX_LINE_CHARS: usize = 200;
    /// Maximum number of lines after the line of an error: an older error is not the reason of the end.
    const MAX_LINES_AFTER_ERROR: usize = 100;

    /// Appends lines, without blank ones, and drops older ones beyond the limit.
    pub fn append_lines<'a>(&mut self, lines: impl Iterator<Item = &'a str>) {
        for line in lines {
            let line = strip_terminal_codes(line);
            if line.trim().is_empty() {
                continue;
            }
            self.lines.push(line.trim_end().chars().take(Self::MAX_LINE_CHARS).collect());
            if self.lines.len() > Self::MAX_TAIL_LINES {
                self.drop_one_line();
            }
        }
    }

    /// Drops the first line, or the second one if the first names the error of the run.
    fn drop_one_line(&mut self) {
        let first = self.lines.first().map_or(ErrorRank::None, |line| ErrorRank::of_line(line));
        let later = self.lines.iter().skip(1).map(|line| ErrorRank::of_line(line)).max();
        let is_kept = first > ErrorRank::None
            && later.is_none_or(|later| later < first)
            && self.dropped_after_error < Self::MAX_LINES_AFTER_ERROR;
        self.dropped_after_error = if is_kept { self.dropped_after_error + 1 } else { 0 };
        self.lines.remove(usize::from(is_kept));
    }

    /// The lines, the oldest first.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Returns the line that says why the run failed, if one does.
    pub fn error_line(&self) -> Option<&str> {
        let ranked = self.lines.iter().map(|line| (ErrorRank::of_line(line), line));
        let (_, line) = ranked.filter(|(rank, _)| *rank > ErrorRank::None).max_by_key(|(rank, _)| *rank)?;
        Some(line.trim())
    }

    pub(super) fn from_column(column: &str) -> Self {
        Self { lines: column.lines().map(str::to_owned).collect(), dropped_after_error: 0 }
    }

    /// Joins the lines by line feeds, which no line contains.
    pub(super) fn to_column(&self) -> Option<String> {
        (!self.lines.is_empty()).then(|| self.lines.join("\n"))
    }
}

impl PartialEq for LogTail {
    fn eq(&self, other: &Self) -> bool {
        self.lines == other.lines
    }
}

impl Eq for LogTail {}

/// How surely a line says why its program failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ErrorRank {
    None,
    /// It mentions a failure.
    Mention,
    /// It begins with the name of an error, as an uncaught exception does.
    Named,
}

/// Starts of lines that a runtime prints about an uncaught error.
const NAMED_ERROR_STARTS: [&str; 11] = [
    "Error:",
    "Uncaught ",
    "panic:",
    "thread '",
    "fatal:",
    "fatal error:",
    "Fatal error:",
    "PHP Fatal error",
    "PHP Parse error",
    "Exception in thread ",
    "exec: ",
];
/// Words of lines that mention a failure, in lower case.
const FAILURE_WORDS: [&str; 12] = [
    "error",
    "exception",
    "fatal",
    "failed",
    "not found",
    "no such file",
    "permission denied",
    "address already in use",
    "cannot",
    "can't",
    "unable to",
    "segmentation fault",
];
/// Starts of lines that never say why: frames, headings and summaries of package managers.
const LINE_STARTS_WITHOUT_REASON: [&str; 8] = [
    "Traceback (most recent call last)",
    "During handling of the above exception",
    "The above exception was the direct cause",
    "npm ERR!",
    "npm error",
    "note: run with `RUST_BACKTRACE",
    "at ",
    "exit status",
];

impl ErrorRank {
    fn of_line(line: &str) -> Self {
        // Frames and source lines of a stack are indented.
        let is_indented = line.starts_with([' ', '\t']);
        if is_indented || LINE_STARTS_WITHOUT_REASON.iter().any(|start| line.starts_with(start)) {
            return Self::None;
        }
        if NAMED_ERROR_STARTS.iter().any(|start| line.starts_with(start)) || begins_with_error_name(line) {
            return Self::Named;
        }
        let lower = line.to_ascii_lowercase();
        if FAILURE_WORDS.iter().any(|word| lower.contains(word)) { Self::Mention } else { Self::None }
    }
}

/// Returns whether a line begins with the name of an error class, as in `app.errors.SetupError: no key`.
fn begins_with_error_name(line: &str) -> bool {
    let name = line.split([':', ' ']).next().unwrap_or_default();
    let is_path = name.chars().all(|symbol| symbol.is_ascii_alphanumeric() || "._$\\".contains(symbol));
    let is_class = name.rsplit(['.', '$', '\\']).next().is_some_and(|last| {
        last.starts_with(|first: char| first.is_ascii_uppercase())
            && ["Error", "Exception", "Exit", "Interrupt"].iter().any(|end| last.ends_with(end))
    });
    is_path && is_class
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_error_line(output: &str) -> Option<String> {
        let mut tail = LogTail::default();
        output.lines().for_each(|line| tail.append_lines(std::iter::once(line)));
        assert!(tail.lines().len() <= LogTail::MAX_TAIL_LINES);
        LogTail::from_column(&tail.to_column()?).error_line().map(str::to_owned)
    }

    #[test]
    fn tail_keeps_the_last_lines_and_truncates_them() {
        let mut tail = LogTail::default();
        assert_eq!((tail.to_column(), LogTail::default().lines().len()), (None, 0));
        tail.append_lines(["a", " ", "b", ""].into_iter());
        tail.append_lines(std::iter::empty());
        assert_eq!(tail.lines(), ["a", "b"]);
        let long = "é".repeat(1000);
        tail.append_lines(["c", &long].into_iter());
        assert_eq!(tail.lines(), ["b", "c", &"é".repeat(LogTail::MAX_LINE_CHARS)]);
        tail.append_lines(["1", "2", "3", "4"].into_iter());
        assert_eq!(tail.lines(), ["2", "3", "4"]);
        assert_eq!(LogTail::from_column(&tail.to_column().unwrap()), tail);
    }

    #[test]
    fn uncaught_error_is_the_reason_although_its_runtime_prints_more() {
        let node = "node:internal/modules/cjs/loader:1143\n  throw err;\n  ^\n\n\
            Error: Cannot find module './config.json'\nRequire stack:\n- /app/server.js\n    at Module._load (x)\n\
            \x20   at node:internal/main {\n  code: 'MODULE_NOT_FOUND',\n}\n\nNode.js v18.20.4";
        assert_eq!(read_error_line(node).as_deref(), Some("Error: Cannot find module './config.json'"));
        let python = "Traceback (most recent call last):\n  File \"/app/app.py\", line 1, in <module>\n    \
            import missing_thing\nModuleNotFoundError: No module named 'missing_thing'";
        assert_eq!(
            read_error_line(python).as_deref(),
            Some("ModuleNotFoundError: No module named 'missing_thing'")
        );
        let gunicorn = format!(
            "{python}\n[2026-11-29 19:00:00 +0000] [7] [INFO] Worker exiting (pid: 7)\n\
            [2026-11-29 19:00:00 +0000] [1] [ERROR] Reason: Worker failed to boot."
        );
        assert_eq!(
            read_error_line(&gunicorn).as_deref(),
            Some("ModuleNotFoundError: No module named 'missing_thing'")
        );
        let go =
            "panic: no TOKEN\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:4 +0x1c\nexit status 2";
        assert_eq!(read_error_line(go).as_deref(), Some("panic: no TOKEN"));
        assert_eq!(
            read_error_line("starting\n/bin/sh: 1: gunicorn: not found").as_deref(),
            Some("/bin/sh: 1: gunicorn: not found")
        );
    }

    #[test]
    fn decoration_and_colours_are_no_reason() {
        assert_eq!(read_error_line(&"-".repeat(40)), None);
        let flask = " * Running on http://127.0.0.1:5000\n\u{1b}[33mPress CTRL+C to quit\u{1b}[0m";
        assert_eq!(read_error_line(flask), None);
        let mut tail = LogTail::default();
        tail.append_lines(std::iter::once("\u{1b}[31mValueError: bad\u{7}\u{1b}[0m"));
        assert_eq!(tail.error_line(), Some("ValueError: bad"));
    }

    #[test]
    fn later_or_much_later_lines_replace_the_line_of_an_error() {
        let twice = "ValueError: first\nA\nB\nC\nKeyError: 'second'\nD\nE\nF";
        assert_eq!(read_error_line(twice).as_deref(), Some("KeyError: 'second'"));
        let recovered = format!("ValueError: handled\n{}", "GET / 200\n".repeat(200));
        assert_eq!(read_error_line(&recovered), None);
    }
}
