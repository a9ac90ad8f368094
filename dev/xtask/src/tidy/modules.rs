//! The modules of a crate, and which of them name which: read from the tokens of its files, without tests.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    rust::{Token, begins_with, parse_tokens, take_until_closing},
    tree::Tree,
};

/// A path of modules or of something in one, from the crate's root: `["app", "create"]`.
type ModulePath = Vec<String>;

/// The modules of one crate, tests left out.
#[derive(Default)]
pub struct ModuleTree {
    modules: BTreeMap<ModulePath, Module>,
}

/// A module: what it declares and which paths it names.
#[derive(Default)]
struct Module {
    file: String,
    /// Names of items that it defines.
    items: BTreeSet<String>,
    /// Names that it imports, and what they stand for.
    aliases: BTreeMap<String, RawPath>,
    /// The modules of which it imports all names.
    globs: Vec<RawPath>,
    /// Every path that it names, imports included, with the line.
    paths: Vec<(RawPath, usize)>,
}

/// A path as it is written: `crate::a::b`, `super::c`, `d::e`.
type RawPath = Vec<String>;

/// A module names something that is in another one.
pub struct ModuleReference {
    pub from: ModulePath,
    pub to: ModulePath,
    pub path: String,
    pub line: usize,
}

/// The longest chain of re-exports that is followed.
const MAX_REEXPORTS: usize = 16;

impl ModuleTree {
    /// Reads the crate in `folder`.
    pub fn read(tree: &Tree, folder: &str) -> Self {
        let source = format!("{folder}/src/");
        let files =
            tree.ending_in(".rs").filter_map(|(path, text)| Some((path, path.strip_prefix(&source)?, text)));
        let mut modules = Self::default();
        let mut for_tests = BTreeSet::new();
        for (path, inner, text) in files {
            let Some(module) = module_path(inner) else { continue };
            let tokens = parse_tokens(text).unwrap_or_default();
            modules.scan(&tokens, &module, path, &mut for_tests);
        }
        modules.modules.retain(|path, _| !for_tests.iter().any(|test: &ModulePath| path.starts_with(test)));
        modules
    }

    /// References of modules to other modules.
    pub fn find_references(&self) -> Vec<ModuleReference> {
        let mut references = Vec::new();
        for (from, module) in &self.modules {
            for (raw, line) in &module.paths {
                if let Some(to) = self.resolve(from, raw, MAX_REEXPORTS) {
                    let (from, path) = (from.clone(), module.file.clone());
                    references.push(ModuleReference { from, to, path, line: *line });
                }
            }
        }
        references
    }

    fn scan(
        &mut self,
        tokens: &[Token],
        path: &ModulePath,
        file: &str,
        for_tests: &mut BTreeSet<ModulePath>,
    ) {
        self.modules.entry(path.clone()).or_default().file = file.to_owned();
        let mut at = 0;
        let mut depth = 0_usize;
        while at < tokens.len() {
            let rest = &tokens[at..];
            let token = &rest[0];
            if let Some(length) = length_of_test_item(rest) {
                for_tests.extend(declared_module(&rest[..length]).map(|name| child_path(path, &name)));
                at += length;
                continue;
            }
            if token.quoted {
                at += 1;
                continue;
            }
            let module = self.modules.entry(path.clone()).or_default();
            match token.text.as_str() {
                "mod" if is_word(rest.get(1)) && begins_with(&rest[2..], &["{"]) => {
                    let body = take_until_closing(&rest[3..]).unwrap_or_default();
                    let inner = child_path(path, &rest[1].text);
                    self.scan(body, &inner, file, for_tests);
                    at += 4 + body.len();
                    continue;
                }
                "use" if !begins_with(&rest[1..], &["<"]) => {
                    let length = rest.iter().position(|token| token.text == ";").unwrap_or(rest.len());
                    read_use(&rest[1..length], &mut Vec::new(), module);
                    at += length;
                    continue;
                }
                "fn" | "struct" | "enum" | "const" | "static" | "type" | "trait" | "union" if depth == 0 => {
                    module.items.extend(rest.get(1).map(|name| name.text.clone()));
                }
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            let path = if continues_path(&tokens[..at]) { Vec::new() } else { written_path(rest) };
            if path.len() > 1 {
                at += path.len() * 3 - 2;
                module.paths.push((path, token.line));
            } else {
                at += 1;
            }
        }
    }

    /// The module that a path leads to; nothing when that is in another crate.
    fn resolve(&self, from: &ModulePath, raw: &RawPath, reexports: usize) -> Option<ModulePath> {
        let mut at = from.clone();
        let mut segments = raw.iter().map(String::as_str).peekable();
        match segments.peek().copied()? {
            "crate" => {
                at.clear();
                segments.next();
            }
            "self" => {
                segments.next();
            }
            "super" => {
                while segments.next_if_eq(&"super").is_some() {
                    at.pop()?;
                }
            }
            first => {
                let module = self.modules.get(from)?;
                if !module.aliases.contains_key(first) && !self.modules.contains_key(&child_path(from, first))
                {
                    return None;
                }
            }
        }
        while let Some(segment) = segments.next() {
            let inner = child_path(&at, segment);
            if self.modules.contains_key(&inner) {
                at = inner;
                continue;
            }
            let Some(module) = self.modules.get(&at) else { return Some(at) };
            if module.items.contains(segment) || reexports == 0 {
                return Some(at);
            }
            let rest: Vec<String> = segments.map(str::to_owned).collect();
            if let Some(target) = module.aliases.get(segment) {
                // An import of the same name, as in `use a::a`, or of another crate.
                if target == raw && at == *from {
                    return None;
                }
                let target: RawPath = target.iter().cloned().chain(rest).collect();
                return self.resolve(&at, &target, reexports - 1);
            }
            for glob in &module.globs {
                let target = self.resolve(&at, glob, reexports - 1).filter(|target| *target != at);
                if let Some(target) = target.filter(|target| self.is_defined(target, segment)) {
                    let path = std::iter::once(segment.to_owned()).chain(rest).collect();
                    let path = std::iter::once("self".to_owned()).chain::<RawPath>(path).collect();
                    return self.resolve(&target, &path, reexports - 1);
                }
            }
            return Some(at);
        }
        Some(at)
    }

    fn is_defined(&self, module: &ModulePath, name: &str) -> bool {
        self.modules.contains_key(&child_path(module, name))
            || self
                .modules
                .get(module)
                .is_some_and(|found| found.items.contains(name) || found.aliases.contains_key(name))
    }
}

/// The module that a file under `src/` is; nothing for a program of its own.
fn module_path(inner: &str) -> Option<ModulePath> {
    let inner = inner.strip_suffix(".rs")?;
    let mut path: ModulePath = inner.split('/').map(str::to_owned).collect();
    match path.first().map(String::as_str) {
        Some("bin") => return None,
        Some("lib" | "main") if path.len() == 1 => path.clear(),
        _ => {}
    }
    if path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    Some(path)
}

fn child_path(path: &ModulePath, name: &str) -> ModulePath {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

fn is_word(token: Option<&Token>) -> bool {
    token.is_some_and(|token| {
        !token.quoted && token.text.starts_with(|first: char| first.is_alphabetic() || first == '_')
    })
}

/// The number of tokens of an item that only tests see, its attributes included.
fn length_of_test_item(tokens: &[Token]) -> Option<usize> {
    if !begins_with(tokens, &["#", "[", "cfg", "("]) {
        return None;
    }
    let condition = take_until_closing(&tokens[4..])?;
    let is_test = condition.iter().any(|token| token.text == "test")
        && !condition.iter().any(|token| token.text == "not" || token.text == "any");
    if !is_test {
        return None;
    }
    let mut depth = 0_usize;
    let mut at = condition.len() + 6;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            _ if token.quoted => {}
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" if depth == 1 => {
                depth = 0;
                // An attribute's bracket and a function's arguments do not end the item.
                if token.text == "}" {
                    return Some(at + 1);
                }
            }
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    Some(tokens.len())
}

/// The module whose file an item declares.
fn declared_module(item: &[Token]) -> Option<String> {
    let at = item.windows(3).position(|window| begins_with(window, &["mod"]) && window[2].text == ";")?;
    Some(item[at + 1].text.clone())
}

/// Returns true if the next tokens belong to a path or value that these begin.
fn continues_path(before: &[Token]) -> bool {
    match before {
        [.., last] if last.text == "." => true,
        [.., first, last] => first.text == ":" && last.text == ":",
        _ => false,
    }
}

/// The path that tokens begin with.
fn written_path(tokens: &[Token]) -> RawPath {
    let mut path = Vec::new();
    let mut at = 0;
    while is_word(tokens.get(at)) {
        path.push(tokens[at].text.clone());
        if !begins_with(&tokens[at + 1..], &[":", ":"]) {
            break;
        }
        at += 3;
    }
    path
}

/// Reads what follows `use`: `a::{b, c as d, e::*}`.
fn read_use(tokens: &[Token], before: &mut RawPath, module: &mut Module) {
    let Some(first) = tokens.first() else { return };
    let line = first.line;
    let mut path = before.clone();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                let body = take_until_closing(&tokens[at + 1..]).unwrap_or_default();
                for part in split_at_commas(body) {
                    read_use(part, &mut path, module);
                }
                return;
            }
            "*" => {
                module.globs.push(path.clone());
                module.paths.push((path, line));
                return;
            }
            "as" => break,
            ":" => {}
            // In braces it stands for what is before them.
            "self" if !path.is_empty() => {}
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    let name = if begins_with(&tokens[at.min(tokens.len())..], &["as"]) {
        tokens.get(at + 1).map(|token| token.text.clone())
    } else {
        path.last().cloned()
    };
    if let Some(name) = name.filter(|name| name != "_") {
        module.aliases.insert(name, path.clone());
    }
    module.paths.push((path, line));
}

/// The parts between commas outside of braces.
fn split_at_commas(tokens: &[Token]) -> Vec<&[Token]> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                parts.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}
