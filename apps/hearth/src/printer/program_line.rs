//! Rendering of lines that programs wrote. Colour sequences pass where colours are used; all other control
//! sequences are escaped.

use super::escape_hidden;

/// Renders one line: text before `\r` is dropped, colours are kept or removed, tabs stay.
pub fn render_program_line(line: &str, color: bool) -> String {
    let line = line.trim_end_matches(['\n', '\r']);
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut text = String::with_capacity(line.len());
    let mut colored = false;
    let mut rest = line;
    while let Some(at) = rest.find(['\x1b', '\t']) {
        let (plain, from) = rest.split_at(at);
        text.push_str(&escape_hidden(plain));
        if let Some(after) = from.strip_prefix('\t') {
            text.push('\t');
            rest = after;
        } else if let Some(length) = color_sequence_length(from) {
            let (sequence, after) = from.split_at(length);
            if color {
                text.push_str(sequence);
                colored = true;
            }
            rest = after;
        } else {
            text.push_str(&escape_hidden("\x1b"));
            rest = from.get(1..).unwrap_or_default();
        }
    }
    text.push_str(&escape_hidden(rest));
    if colored {
        text.push_str("\x1b[0m");
    }
    text
}

/// Returns the length of the colour sequence (ECMA-48, SGR) that `text` begins with.
fn color_sequence_length(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("\x1b[")?;
    let parameters = inner.find(|symbol: char| !(symbol.is_ascii_digit() || symbol == ';'))?;
    inner[parameters..].starts_with('m').then_some("\x1b[".len() + parameters + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colour_sequences_pass() {
        let line = "10 %\r100 %\t\x1b[31mred\x1b[2J\x1b[0m\u{9b}";
        assert_eq!(render_program_line(line, true), "100 %\t\x1b[31mred\\u{1b}[2J\x1b[0m\\u{9b}\x1b[0m");
        assert_eq!(render_program_line(line, false), "100 %\tred\\u{1b}[2J\\u{9b}");
        assert_eq!(render_program_line("plain é\n", true), "plain é");
    }
}
