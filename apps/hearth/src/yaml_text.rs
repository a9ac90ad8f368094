//! Changes of single values in a YAML text. The caller checks the result: what this module does not understand, such as an
//! alias or a merged key, it leaves out or changes wrongly.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::yaml_render::{render_flow_entry, render_value};

/// The number of spaces of a further level of keys.
const INDENT_STEP: usize = 2;

/// Sets the value below these keys. Missing keys are added. `None` if the layout is not supported.
pub fn change_yaml_text(text: &str, path: &[String], value: &Value) -> Option<String> {
    let root: Spanned<TextNode> = serde_saphyr::from_str(text).ok()?;
    let editor = TextEditor { text };
    let mut node = &root;
    let mut key: Option<&Spanned<String>> = None;
    let mut is_flow = false;
    for (depth, name) in path.iter().enumerate() {
        let rest = &path[depth..];
        match &node.value {
            TextNode::Map(entries) => {
                is_flow |= editor.is_flow_map(node)?;
                match entries.iter().find(|(key, _)| key.value == *name) {
                    Some((found, below)) => (key, node) = (Some(found), below),
                    None if is_flow => return editor.insert_into_flow_map(node, rest, value),
                    None => return editor.insert_into_block_map(entries, rest, value),
                }
            }
            TextNode::Null => return editor.insert_below_key(key, is_flow, rest, value),
            TextNode::Scalar | TextNode::List => return None,
        }
    }
    editor.replace_value(key?, node, is_flow, value)
}

/// A value of a text; keys have their places.
enum TextNode {
    Null,
    Scalar,
    List,
    Map(Vec<(Spanned<String>, Spanned<TextNode>)>),
}

impl<'de> Deserialize<'de> for TextNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextNodeVisitor)
    }
}

struct TextNodeVisitor;

impl<'de> Visitor<'de> for TextNodeVisitor {
    type Value = TextNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<TextNode, E> {
        Ok(TextNode::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<TextNode, E> {
        Ok(TextNode::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<TextNode, E> {
        Ok(TextNode::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<TextNode, E> {
        Ok(TextNode::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<TextNode, E> {
        Ok(TextNode::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<TextNode, E> {
        Ok(TextNode::Scalar)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<TextNode, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(TextNode::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<TextNode, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(TextNode::Map(map))
    }
}

struct TextEditor<'a> {
    text: &'a str,
}

impl<'a> TextEditor<'a> {
    fn find_offset<T>(&self, node: &Spanned<T>) -> Option<usize> {
        let line = usize::try_from(node.referenced.line()).ok()?.checked_sub(1)?;
        let column = usize::try_from(node.referenced.column()).ok()?.checked_sub(1)?;
        let start: usize = self.text.split_inclusive('\n').take(line).map(str::len).sum();
        let rest = self.text.get(start..)?;
        let within: usize = rest.chars().take(column).map(char::len_utf8).sum();
        Some(start + within)
    }

    fn is_flow_map(&self, node: &Spanned<TextNode>) -> Option<bool> {
        // A text without any key has no place.
        let Some(at) = self.find_offset(node) else { return Some(false) };
        Some(self.text.get(at..)?.starts_with('{'))
    }

    /// Finds the place after the colon of a key.
    fn find_colon_end(&self, key: &Spanned<String>) -> Option<usize> {
        let start = self.find_offset(key)?;
        let rest = self.text.get(start..)?;
        let end = match rest.chars().next()? {
            '"' | '\'' => find_quote_end(rest)?,
            _ => rest.find(':')?,
        };
        let colon = rest.get(end..)?.find(':')?;
        Some(start + end + colon + 1)
    }

    fn replace_value(
        &self,
        key: &Spanned<String>,
        node: &Spanned<TextNode>,
        is_flow: bool,
        value: &Value,
    ) -> Option<String> {
        let after_colon = self.find_colon_end(key)?;
        if matches!(node.value, TextNode::Null) && self.is_without_value(after_colon, is_flow)? {
            return Some(self.replace_span(after_colon, after_colon, &format!(" {}", render_value(value)?)));
        }
        let start = self.find_offset(node)?;
        // A text of several lines, an anchor or a tag begins before its value.
        let before = self.text.get(after_colon..start)?;
        if !before.trim().is_empty() || before.contains('\n') {
            return None;
        }
        let rest = self.text.get(start..)?;
        let end = match rest.chars().next()? {
            '"' | '\'' => find_quote_end(rest)?,
            '[' | '{' => find_bracket_end(rest)?,
            '|' | '>' | '&' | '*' | '!' | '-' if matches!(node.value, TextNode::List) => return None,
            '|' | '>' | '&' | '*' | '!' => return None,
            _ if matches!(node.value, TextNode::Map(_) | TextNode::List) => return None,
            _ => find_plain_end(rest, is_flow),
        };
        Some(self.replace_span(start, start + end, &render_value(value)?))
    }

    /// True if nothing but a comment follows.
    fn is_without_value(&self, after_colon: usize, is_flow: bool) -> Option<bool> {
        let rest = self.text.get(after_colon..)?;
        let line = rest.lines().next().unwrap_or_default().trim_start();
        Some(line.is_empty() || line.starts_with('#') || (is_flow && line.starts_with([',', '}'])))
    }

    fn insert_into_flow_map(
        &self,
        map: &Spanned<TextNode>,
        path: &[String],
        value: &Value,
    ) -> Option<String> {
        let start = self.find_offset(map)?;
        let rest = self.text.get(start..)?;
        if !rest.starts_with('{') {
            return None;
        }
        let close = find_bracket_end(rest)? - 1;
        let content = rest.get(1..close)?.trim_end();
        let entry = render_flow_entry(path, value)?;
        let entry = match content.chars().next_back() {
            None => entry,
            Some(',') => format!(" {entry}"),
            Some(_) => format!(", {entry}"),
        };
        let at = start + 1 + content.len();
        Some(self.replace_span(at, at, &entry))
    }

    fn insert_into_block_map(
        &self,
        entries: &[(Spanned<String>, Spanned<TextNode>)],
        path: &[String],
        value: &Value,
    ) -> Option<String> {
        let Some((first, _)) = entries.first() else { return self.append_block(path, value) };
        let indent = usize::try_from(first.referenced.column()).ok()?.checked_sub(1)?;
        let last = entries.iter().map(|(key, _)| key.referenced.line()).max()?;
        let at = self.find_block_end(usize::try_from(last).ok()?, indent);
        self.insert_lines(at, indent, path, value)
    }

    fn insert_below_key(
        &self,
        key: Option<&Spanned<String>>,
        is_flow: bool,
        path: &[String],
        value: &Value,
    ) -> Option<String> {
        let Some(key) = key else { return self.append_block(path, value) };
        let after_colon = self.find_colon_end(key)?;
        if !self.is_without_value(after_colon, is_flow)? {
            return None;
        }
        if is_flow {
            let entry = format!(" {{{}}}", render_flow_entry(path, value)?);
            return Some(self.replace_span(after_colon, after_colon, &entry));
        }
        let indent = usize::try_from(key.referenced.column()).ok()?.checked_sub(1)?;
        let line_end = self.text[after_colon..].find('\n').map_or(self.text.len(), |at| after_colon + at + 1);
        self.insert_lines(line_end, indent + INDENT_STEP, path, value)
    }

    /// Finds the end of the last line of a map with this indent, whose last key is at `line`, from 1. Comments and empty lines
    /// at its end stay below what is inserted.
    fn find_block_end(&self, line: usize, indent: usize) -> usize {
        let mut end = 0;
        let mut offset = 0;
        for (number, content) in (1..).zip(self.text.split_inclusive('\n')) {
            offset += content.len();
            let trimmed = content.trim();
            let own = content.len() - content.trim_start_matches(' ').len();
            if number == line {
                end = offset;
            } else if number > line && !trimmed.is_empty() && !trimmed.starts_with('#') {
                if own < indent || (own == indent && !trimmed.starts_with("- ")) {
                    break;
                }
                end = offset;
            }
        }
        end
    }

    fn append_block(&self, path: &[String], value: &Value) -> Option<String> {
        self.insert_lines(self.text.len(), 0, path, value)
    }

    /// Inserts a line for each key, the last one with the value.
    fn insert_lines(&self, at: usize, indent: usize, path: &[String], value: &Value) -> Option<String> {
        let newline = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let (last, keys) = path.split_last()?;
        let mut lines = String::new();
        if at > 0 && !self.text[..at].ends_with('\n') {
            lines.push_str(newline);
        }
        let mut spaces = indent;
        for key in keys {
            lines.push_str(&format!("{}{key}:{newline}", " ".repeat(spaces)));
            spaces += INDENT_STEP;
        }
        lines.push_str(&format!("{}{last}: {}{newline}", " ".repeat(spaces), render_value(value)?));
        Some(self.replace_span(at, at, &lines))
    }

    fn replace_span(&self, start: usize, end: usize, new: &str) -> String {
        format!("{}{new}{}", &self.text[..start], &self.text[end..])
    }
}

/// Finds the end of a quoted text that begins here.
fn find_quote_end(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut at = quote.len_utf8();
    while let Some(symbol) = text.get(at..)?.chars().next() {
        let next = at + symbol.len_utf8();
        let is_doubled = quote == '\'' && symbol == quote && text.get(next..)?.starts_with(quote);
        let is_escape = quote == '"' && symbol == '\\';
        if symbol == quote && !is_doubled {
            return Some(next);
        }
        at = match is_doubled || is_escape {
            true => next + text.get(next..)?.chars().next()?.len_utf8(),
            false => next,
        };
    }
    None
}

/// Finds the end of a map or list in brackets that begins here.
fn find_bracket_end(text: &str) -> Option<usize> {
    let (mut depth, mut at, mut before) = (0usize, 0, ' ');
    while let Some(symbol) = text.get(at..)?.chars().next() {
        match symbol {
            '[' | '{' => depth += 1,
            ']' | '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            '#' if before.is_whitespace() => at += text[at..].find('\n')?,
            '"' | '\'' if before.is_whitespace() || matches!(before, '[' | '{' | ',' | ':') => {
                at += find_quote_end(&text[at..])? - 1;
            }
            _ => {}
        }
        before = text.get(at..)?.chars().next()?;
        at += before.len_utf8();
    }
    None
}

/// Finds the end of a text without quotes that begins here.
fn find_plain_end(text: &str, is_flow: bool) -> usize {
    let line = text.lines().next().unwrap_or_default();
    let line = line.find(" #").map_or(line, |at| &line[..at]);
    let end = if is_flow { line.find([',', ']', '}']).unwrap_or(line.len()) } else { line.len() };
    line[..end].trim_end().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change_text(text: &str, key: &str, value: impl Into<Value>) -> Option<String> {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        change_yaml_text(text, &path, &value.into())
    }

    #[test]
    fn values_are_replaced_in_their_layout() {
        for (text, key, value, changed) in [
            ("a: 1 # x\n", "a", Value::from(2), "a: 2 # x\n"),
            ("a: 'it''s' # x", "a", "b".into(), "a: b # x"),
            ("a: \"q\\\"\" # x", "a", "b # c".into(), "a: 'b # c' # x"),
            ("a:\nb: 1\n", "a", true.into(), "a: true\nb: 1\n"),
            ("a: # none\n", "a", 1.into(), "a: 1 # none\n"),
            ("a: {b: x, c: [1, '}']}\n", "a.b", "d".into(), "a: {b: d, c: [1, '}']}\n"),
            ("a: {c: [1, '}']} # x\n", "a.b", "d".into(), "a: {c: [1, '}'], b: d} # x\n"),
            ("a: {}\n", "a.b.c", 1.into(), "a: {b: {c: 1}}\n"),
            ("a: {b: }\n", "a.b.c", 1.into(), "a: {b: {c: 1} }\n"),
            ("a: [x, y]\n", "a", serde_json::json!(["z", "1"]), "a: [z, '1']\n"),
            ("ä: {ö: 1, ü: 2}\n", "ä.ü", 3.into(), "ä: {ö: 1, ü: 3}\n"),
            ("a:\r\n  b: 1\r\n", "a.c", 2.into(), "a:\r\n  b: 1\r\n  c: 2\r\n"),
        ] {
            assert_eq!(change_text(text, key, value).as_deref(), Some(changed), "{text}");
        }
    }

    #[test]
    fn keys_are_added_at_the_end_of_their_map() {
        for (text, key, changed) in [
            ("", "a.b", "a:\n  b: 1\n"),
            ("# only a comment\n", "a", "# only a comment\na: 1\n"),
            ("a: 0", "b", "a: 0\nb: 1\n"),
            ("a:\n    b: 0\n\n# end\nc: 0\n", "a.d", "a:\n    b: 0\n    d: 1\n\n# end\nc: 0\n"),
            ("a:\n- x\n- y\n", "b", "a:\n- x\n- y\nb: 1\n"),
            (
                "a:\n  b: |\n    text\n    more\nc: 0\n",
                "a.d",
                "a:\n  b: |\n    text\n    more\n  d: 1\nc: 0\n",
            ),
            ("a:\nc: 0\n", "a.b.d", "a:\n  b:\n    d: 1\nc: 0\n"),
        ] {
            assert_eq!(change_text(text, key, 1).as_deref(), Some(changed), "{text}");
        }
    }

    #[test]
    fn unsupported_layouts_are_left_alone() {
        for (text, key) in [
            ("a: |\n  x\n", "a"),
            ("a:\n  - x\n", "a"),
            ("a: [1]\n", "a.b"),
            ("a: x\n", "a.b"),
            ("a: [", "a"),
        ] {
            assert_eq!(change_text(text, key, 1), None, "{text}");
        }
    }
}
