//! Rust source as a flat list of tokens, so that checks see code and string literals but neither comments nor
//! documentation, and never take a word inside a text for code.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// One word, mark, bracket or literal.
#[derive(Debug, PartialEq, Eq)]
pub struct Token {
    /// The line it starts on, counted from 1.
    pub line: usize,
    /// The word or mark as written; for a string literal its content, escapes untouched.
    pub text: String,
    /// True for a string literal.
    pub quoted: bool,
}

/// The tokens of a whole file, or `None` if it is not Rust.
pub fn parse_tokens(source: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    flatten_stream(TokenStream::from_str(source).ok()?, &mut tokens);
    // The positions of all files read so far are kept per thread; nothing refers to them any more.
    proc_macro2::extra::invalidate_current_thread_spans();
    Some(tokens)
}

/// Returns true if `tokens` begin with these words, marks and brackets. `::` is two marks.
pub fn begins_with(tokens: &[Token], words: &[&str]) -> bool {
    tokens.len() >= words.len()
        && tokens.iter().zip(words).all(|(token, word)| !token.quoted && token.text == *word)
}

/// The content of each attribute, `#[…]` and `#![…]`, without its brackets.
pub fn find_attributes(tokens: &[Token]) -> impl Iterator<Item = &[Token]> {
    (0..tokens.len()).filter_map(|at| {
        let rest = &tokens[at..];
        let opening = [["#", "["].as_slice(), ["#", "!", "["].as_slice()];
        let start = opening.iter().find(|opening| begins_with(rest, opening))?.len();
        take_until_closing(&rest[start..])
    })
}

/// The tokens before the bracket that closes the one just passed.
pub fn take_until_closing(tokens: &[Token]) -> Option<&[Token]> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| !token.quoted) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return Some(&tokens[..at]),
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
    }
    None
}

fn flatten_stream(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        let mut word = |text: String| tokens.push(Token { line, text, quoted: false });
        match tree {
            TokenTree::Ident(ident) => word(ident.to_string()),
            TokenTree::Punct(punct) => word(punct.as_char().to_string()),
            TokenTree::Literal(literal) => match string_content(&literal.to_string()) {
                Some(text) => tokens.push(Token { line, text: text.to_owned(), quoted: true }),
                None => word(literal.to_string()),
            },
            TokenTree::Group(group) if is_documentation(&group) => {}
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                word(open.to_owned());
                flatten_stream(group.stream(), tokens);
                let line = group.span_close().start().line;
                tokens.push(Token { line, text: close.to_owned(), quoted: false });
            }
        }
    }
}

/// A doc comment reaches us as the attribute `[doc = "…"]`.
fn is_documentation(group: &Group) -> bool {
    let mut trees = group.stream().into_iter();
    group.delimiter() == Delimiter::Bracket
        && matches!(trees.next(), Some(TokenTree::Ident(ident)) if ident == "doc")
        && matches!(trees.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == '=')
}

/// The content of a string literal of any sort: plain, raw, byte or C.
fn string_content(literal: &str) -> Option<&str> {
    let start = literal.find('"')?;
    let end = literal.rfind('"')?;
    let is_string = literal[..start].chars().all(|before| matches!(before, 'b' | 'c' | 'r' | '#'));
    (is_string && start < end).then(|| &literal[start + 1..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_texts(source: &str) -> Vec<String> {
        parse_tokens(source).unwrap().into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_documentation_are_not_code() {
        let source = "//! inner\n/// outer\nfn a() { /* block */ } // end\n";
        assert_eq!(token_texts(source), ["#", "!", "#", "fn", "a", "(", ")", "{", "}"]);
    }

    #[test]
    fn string_literals_of_every_sort_give_their_content() {
        let quoted: Vec<_> =
            parse_tokens(r##"("plain", r#"raw "x""#, b"bytes", c"c", 'q', '"', b'"', 12, 'a: 1)"##)
                .unwrap()
                .into_iter()
                .filter(|token| token.quoted)
                .map(|token| token.text)
                .collect();
        assert_eq!(quoted, ["plain", "raw \"x\"", "bytes", "c"]);
    }

    #[test]
    fn tokens_know_their_line_in_each_file_read() {
        for _ in 0..2 {
            let tokens = parse_tokens("\n\nfn a() {\n    b\n}\n").unwrap();
            let lines: Vec<_> = tokens.iter().map(|token| token.line).collect();
            assert_eq!(lines, [3, 3, 3, 3, 3, 4, 5]);
        }
    }

    #[test]
    fn attributes_are_found_inside_functions_too() {
        let tokens = parse_tokens("#![a]\nfn f() { #[b(c)] let x = [1]; }").unwrap();
        let found: Vec<String> =
            find_attributes(&tokens).map(|it| it.iter().map(|token| token.text.as_str()).collect()).collect();
        assert_eq!(found, ["a", "b(c)"]);
    }

    #[test]
    fn text_that_is_not_rust_has_no_tokens() {
        assert_eq!(parse_tokens("fn ("), None);
    }
}
