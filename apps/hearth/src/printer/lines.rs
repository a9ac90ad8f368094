//! Lines that a program of somebody's wrote. Their colours pass where colours are shown; nothing else that a
//! terminal would obey does.

use super::visible;

/// One line as it is shown: what `\r` overwrote is gone, colours are kept or taken away, tabs stay.
pub fn shown(line: &str, color: bool) -> String {
    let line = line.trim_end_matches(['\n', '\r']);
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut text = String::with_capacity(line.len());
    let mut colored = false;
    let mut rest = line;
    while let Some(at) = rest.find(['\x1b', '\t']) {
        let (plain, from) = rest.split_at(at);
        text.push_str(&visible(plain));
        if let Some(after) = from.strip_prefix('\t') {
            text.push('\t');
            rest = after;
        } else if let Some(length) = color_length(from) {
            let (sequence, after) = from.split_at(length);
            if color {
                text.push_str(sequence);
                colored = true;
            }
            rest = after;
        } else {
            text.push_str(&visible("\x1b"));
            rest = from.get(1..).unwrap_or_default();
        }
    }
    text.push_str(&visible(rest));
    if colored {
        text.push_str("\x1b[0m");
    }
    text
}

/// How long the sequence is that `text` begins with, when it changes colours and nothing else (ECMA-48, SGR).
fn color_length(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("\x1b[")?;
    let parameters = inner.find(|symbol: char| !(symbol.is_ascii_digit() || symbol == ';'))?;
    inner[parameters..].starts_with('m').then_some("\x1b[".len() + parameters + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_pass_where_they_are_shown_and_nothing_else_does() {
        let line = "10 %\r100 %\t\x1b[31mred\x1b[2J\x1b[0m\u{9b}";
        assert_eq!(shown(line, true), "100 %\t\x1b[31mred\\u{1b}[2J\x1b[0m\\u{9b}\x1b[0m");
        assert_eq!(shown(line, false), "100 %\tred\\u{1b}[2J\\u{9b}");
        assert_eq!(shown("plain é\n", true), "plain é");
    }
}
