//! The functions, types and constants that a file declares, read from its tokens.

use crate::rust::{Token, begins_with, take_until_closing};

/// Keywords that declare an item, and the kind.
const DECLARING_KEYWORDS: [(&str, ItemKind); 8] = [
    ("fn", ItemKind::Function),
    ("struct", ItemKind::Type),
    ("enum", ItemKind::Type),
    ("trait", ItemKind::Type),
    ("union", ItemKind::Type),
    ("type", ItemKind::Type),
    ("const", ItemKind::Constant),
    ("static", ItemKind::Constant),
];

/// The kinds of items that have a name to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind {
    Function,
    Type,
    Constant,
}

/// One declaration.
#[derive(Debug)]
pub struct Item<'a> {
    pub kind: ItemKind,
    pub name: &'a str,
    /// Counted from 1.
    pub line: usize,
    /// True if other modules can use it: `pub`, `pub(crate)`, `pub(super)`.
    pub is_visible: bool,
    /// True if it implements a trait's item, so that its name is not chosen here.
    pub is_demanded: bool,
    /// True for a method that returns the field of its name and for a builder's setter.
    pub is_accessor: bool,
}

/// All declarations, in order.
pub fn find_items(tokens: &[Token]) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    // Ends of the trait implementations around the current token, as indexes.
    let mut implementations: Vec<usize> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        implementations.retain(|end| at < *end);
        if token.quoted {
            continue;
        }
        if token.text == "impl" {
            implementations.extend(find_trait_implementation(tokens, at));
            continue;
        }
        let Some((_, kind)) = DECLARING_KEYWORDS.iter().find(|(keyword, _)| token.text == *keyword) else {
            continue;
        };
        // `const fn`, `const { … }`, `*const T`, `fn(u8)`, `static mut X` and `<const N: usize>`.
        let is_parameter = at > 0 && ["<", ","].contains(&tokens[at - 1].text.as_str());
        if is_parameter {
            continue;
        }
        let rest = &tokens[at + 1..];
        let rest = if begins_with(rest, &["mut"]) { &rest[1..] } else { rest };
        let Some(name) = rest.first().filter(|name| is_declared_name(name, *kind)) else { continue };
        items.push(Item {
            kind: *kind,
            name: &name.text,
            line: name.line,
            is_visible: is_visible(&tokens[..at]),
            is_demanded: !implementations.is_empty(),
            is_accessor: *kind == ItemKind::Function && is_accessor(&name.text, &rest[1..]),
        });
    }
    items
}

/// The index of the bracket that ends `impl … for … { … }`; `None` for an inherent implementation and for `impl Trait`
/// as a type.
fn find_trait_implementation(tokens: &[Token], at: usize) -> Option<usize> {
    // An implementation stands where an item can: at the start, after an item, an attribute or `unsafe`.
    let starts_item = at == 0 || ["}", ";", "]", "unsafe", "{"].contains(&tokens[at - 1].text.as_str());
    if !starts_item {
        return None;
    }
    let mut has_for = false;
    for (index, token) in tokens.iter().enumerate().skip(at + 1) {
        match token.text.as_str() {
            // `for<'a>` is a bound and names no implementing type.
            "for" => has_for |= !begins_with(&tokens[index + 1..], &["<"]),
            "{" => {
                let body = take_until_closing(&tokens[index + 1..])?;
                return has_for.then_some(index + 1 + body.len());
            }
            ";" => return None,
            _ => {}
        }
    }
    None
}

fn is_declared_name(name: &Token, kind: ItemKind) -> bool {
    let mut letters = name.text.chars();
    let is_word = letters.next().is_some_and(|first| first.is_alphabetic() || first == '_');
    let is_upper = !name.text.chars().any(char::is_lowercase);
    is_word && !name.quoted && name.text != "_" && (kind != ItemKind::Constant || is_upper)
}

/// Returns true if the declaration that ends in these tokens begins with `pub` or `pub(…)`.
fn is_visible(before: &[Token]) -> bool {
    let qualifiers = ["const", "async", "unsafe", "extern"];
    let before: Vec<&str> = before
        .iter()
        .rev()
        .take(12)
        .skip_while(|token| token.quoted || qualifiers.contains(&token.text.as_str()))
        .map(|token| token.text.as_str())
        .collect();
    match before.as_slice() {
        ["pub", ..] => true,
        [")", rest @ ..] => {
            let opening = rest.iter().position(|text| *text == "(");
            opening.is_some_and(|opening| rest.get(opening + 1) == Some(&"pub"))
        }
        _ => false,
    }
}

/// Returns true if a method only takes `self` and names `self.NAME`, or takes `self` by value and returns `Self`.
fn is_accessor(name: &str, after: &[Token]) -> bool {
    let Some(opening) = after.iter().position(|token| token.text == "(") else { return false };
    let Some(parameters) = take_until_closing(&after[opening + 1..]) else { return false };
    let rest = &after[opening + 1 + parameters.len() + 1..];
    let Some(body_start) = rest.iter().position(|token| ["{", ";"].contains(&token.text.as_str())) else {
        return false;
    };
    let takes_self = parameters.iter().position(|token| token.text == "self");
    let returns_self = rest[..body_start].iter().any(|token| token.text == "Self");
    if begins_with(parameters, &["self"]) || begins_with(parameters, &["mut", "self"]) {
        return returns_self;
    }
    let only_self = takes_self.is_some() && !parameters.iter().any(|token| token.text == ",");
    let body = take_until_closing(&rest[body_start + 1..]).unwrap_or_default();
    only_self && (0..body.len()).any(|at| begins_with(&body[at..], &["self", ".", name]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust::parse_tokens;

    fn find_names(source: &str, wanted: impl Fn(&Item<'_>) -> bool) -> Vec<String> {
        let tokens = parse_tokens(source).unwrap();
        find_items(&tokens).iter().filter(|item| wanted(item)).map(|item| item.name.to_owned()).collect()
    }

    #[test]
    fn declarations_of_every_kind_are_found() {
        let source = "const A_B: u8 = 1; static C_D: u8 = 2; const fn e() { fn(u8); } struct F; enum G {} trait H {} \
                      type I = *const u8; const { 1 }";
        assert_eq!(find_names(source, |_| true), ["A_B", "C_D", "e", "F", "G", "H", "I"]);
    }

    #[test]
    fn visibility_is_read_through_qualifiers() {
        let source = "pub fn a() {} pub(crate) const fn b() {} pub(in crate::x) async fn c() {} fn d() {}";
        assert_eq!(find_names(source, |item| item.is_visible), ["a", "b", "c"]);
    }

    #[test]
    fn items_of_trait_implementations_are_demanded() {
        let source =
            "impl A for B { fn c() {} type D = u8; } impl B { fn e(x: impl for<'a> F<'a>) {} } fn g() {}";
        assert_eq!(find_names(source, |item| item.is_demanded), ["c", "D"]);
    }

    #[test]
    fn getters_and_setters_are_accessors() {
        let source = "fn a(&self) -> &A { &self.a } fn b(mut self, x: u8) -> Self { self } \
                      fn c(&self) -> u8 { self.a } fn d(&self, x: u8) -> u8 { self.d }";
        assert_eq!(find_names(source, |item| item.is_accessor), ["a", "b"]);
    }
}
