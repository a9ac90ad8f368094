//! Check for import cycles: sibling modules of a crate must not import each other in a cycle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    finding::Finding,
    modules::{ModuleReference, ModuleTree},
};
use crate::{tree::Tree, workspace::Workspace};

/// Checks every crate of the workspace.
pub fn check_cycles(tree: &Tree, workspace: &Workspace) -> Vec<Finding> {
    workspace.crates.iter().flat_map(|member| check_crate(tree, &member.folder)).collect()
}

fn check_crate(tree: &Tree, folder: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for edges in find_sibling_imports(&ModuleTree::read(tree, folder)).into_values() {
        for cycle in find_cycles(&edges) {
            let imports = cycle.first().and_then(|first| find_shortest_cycle(&edges, first));
            findings.extend(imports.map(|imports| describe_cycle(&imports, &cycle)));
        }
    }
    findings
}

/// An import between sibling modules: `from` imports something in `to`.
#[derive(Debug, Clone)]
struct ImportEdge {
    from: String,
    to: String,
    /// The file and line of one such import.
    path: String,
    line: usize,
}

/// Imports between the children of one module, by importing and then by imported module.
type SiblingImports = BTreeMap<String, BTreeMap<String, ImportEdge>>;

/// Finds the imports between siblings, by parent module.
fn find_sibling_imports(modules: &ModuleTree) -> BTreeMap<String, SiblingImports> {
    let mut parents: BTreeMap<String, SiblingImports> = BTreeMap::new();
    for ModuleReference { from, to, path, line } in modules.find_references() {
        let common = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
        // A module always has an edge to its descendants, because it declares them.
        if common == from.len() || common == to.len() {
            continue;
        }
        let name = |path: &[String]| path[..=common].join("::");
        let (from, to) = (name(&from), name(&to));
        let parent =
            parents.entry(from.rsplit_once("::").map_or_else(String::new, |(parent, _)| parent.to_owned()));
        let edge = ImportEdge { from: from.clone(), to: to.clone(), path, line };
        parent.or_default().entry(from).or_default().entry(to).or_insert(edge);
    }
    parents
}

/// Finds the strongly connected components of siblings.
fn find_cycles(edges: &SiblingImports) -> Vec<BTreeSet<String>> {
    let mut cycles: Vec<BTreeSet<String>> = Vec::new();
    for start in edges.keys() {
        let cycle = find_mutually_reachable(edges, start);
        if !cycle.is_empty() && !cycles.contains(&cycle) {
            cycles.push(cycle);
        }
    }
    cycles
}

/// Finds the modules that `start` reaches and that reach `start`; empty if `start` is in no cycle.
fn find_mutually_reachable(edges: &SiblingImports, start: &str) -> BTreeSet<String> {
    let from_start = find_reachable(edges, start);
    let mutual = from_start.iter().filter(|module| find_reachable(edges, module).contains(start));
    mutual.cloned().collect()
}

fn find_reachable(edges: &SiblingImports, start: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start.to_owned()];
    while let Some(module) = waiting.pop() {
        for next in edges.get(&module).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(next.clone()) {
                waiting.push(next.clone());
            }
        }
    }
    reached
}

/// Finds the imports of the shortest cycle through `start`.
fn find_shortest_cycle<'a>(edges: &'a SiblingImports, start: &str) -> Option<Vec<&'a ImportEdge>> {
    let mut import_to: BTreeMap<&str, &ImportEdge> = BTreeMap::new();
    let mut waiting = VecDeque::from([start.to_owned()]);
    while let Some(module) = waiting.pop_front() {
        for edge in edges.get(&module).into_iter().flat_map(BTreeMap::values) {
            if import_to.contains_key(edge.to.as_str()) {
                continue;
            }
            import_to.insert(&edge.to, edge);
            waiting.push_back(edge.to.clone());
        }
    }
    let mut imports = VecDeque::from([*import_to.get(start)?]);
    while let Some(first) = imports.front().filter(|first| first.from != start) {
        imports.push_front(import_to.get(first.from.as_str())?);
    }
    Some(imports.into())
}

fn describe_cycle(imports: &[&ImportEdge], cycle: &BTreeSet<String>) -> Finding {
    let step = |edge: &&ImportEdge| {
        let ImportEdge { from, to, path, line } = edge;
        format!("{from} imports {to} ({path}:{line})")
    };
    let mut message = imports.iter().map(step).collect::<Vec<_>>().join("; ");
    if cycle.len() > imports.len() {
        let all = cycle.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        message = format!("{message}; reaching each other: {all}");
    }
    let path = imports.first().map_or("", |edge| &edge.path);
    Finding::error(
        path,
        format!("modules import each other in a cycle: {message}"),
        "move what two of them share to a module below both",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_cycles_in<const N: usize>(files: [(&str, &str); N]) -> Vec<String> {
        let tree = Tree::from(files);
        let findings = check_crate(&tree, "services/jobs");
        findings.into_iter().map(|finding| finding.message).collect()
    }

    const LIB_FILE: (&str, &str) = ("services/jobs/src/lib.rs", "mod app; mod store;");

    #[test]
    fn cycle_of_siblings_is_found_and_printed() {
        let files = [
            LIB_FILE,
            ("services/jobs/src/app/mod.rs", "pub mod create; pub mod delete; pub mod list;"),
            ("services/jobs/src/app/create.rs", "use super::{delete, list};\nfn a() { delete::b(); }"),
            ("services/jobs/src/app/delete.rs", "\nuse crate::app::create::{Owner, holder};"),
            ("services/jobs/src/app/list.rs", "pub fn all() {}"),
            ("services/jobs/src/store.rs", ""),
        ];
        let messages = find_cycles_in(files);
        assert_eq!(
            messages,
            ["modules import each other in a cycle: app::create imports app::delete \
              (services/jobs/src/app/create.rs:1); app::delete imports app::create \
              (services/jobs/src/app/delete.rs:2)"]
        );
    }

    #[test]
    fn cycle_of_folders_is_found_through_paths_and_reexports() {
        let files = [
            LIB_FILE,
            ("services/jobs/src/app.rs", "fn run() { crate::store::read(); }"),
            ("services/jobs/src/store/mod.rs", "mod rows; pub use rows::read;"),
            ("services/jobs/src/store/rows.rs", "pub fn read() -> crate::app::Job { todo() }"),
        ];
        assert_eq!(find_cycles_in(files).len(), 1);
        let hidden = [
            LIB_FILE,
            ("services/jobs/src/app.rs", ""),
            ("services/jobs/src/store/mod.rs", "mod rows; mod jobs; pub use {jobs::Job, rows::Row as R};"),
            ("services/jobs/src/store/rows.rs", "use super::Job;"),
            ("services/jobs/src/store/jobs.rs", "fn a() -> super::R {}"),
        ];
        assert_eq!(find_cycles_in(hidden).len(), 1, "through what their parent exports");
    }

    #[test]
    fn tests_and_parents_make_no_cycle() {
        let files = [
            LIB_FILE,
            ("services/jobs/src/app/mod.rs", "mod create; mod plan; use create::make; pub struct Of;"),
            ("services/jobs/src/app/create.rs", "use super::{Of, plan};"),
            ("services/jobs/src/app/plan.rs", "#[cfg(test)]\nmod tests { use crate::app::create::make; }"),
            ("services/jobs/src/store.rs", "#[cfg(test)]\nmod golden;"),
            ("services/jobs/src/store/golden.rs", "use crate::app;"),
        ];
        assert_eq!(find_cycles_in(files), [""; 0]);
    }
}
