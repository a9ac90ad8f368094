//! Inside a crate, modules that lie side by side do not import each other in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    finding::Finding,
    modules::{ModuleTree, Reference},
};
use crate::{tree::Tree, workspace::Workspace};

/// Checks every crate of the workspace.
pub fn check_cycles(tree: &Tree, workspace: &Workspace) -> Vec<Finding> {
    workspace.crates.iter().flat_map(|member| check_crate(tree, &member.folder)).collect()
}

fn check_crate(tree: &Tree, folder: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for edges in find_sibling_edges(&ModuleTree::read(tree, folder)).into_values() {
        for circle in find_circles(&edges) {
            let way = circle.first().and_then(|first| shortest_way_back(&edges, first));
            findings.extend(way.map(|way| describe_circle(&way, &circle)));
        }
    }
    findings
}

/// An import of one module by a sibling of it: `from` imports something in `to`.
#[derive(Debug, Clone)]
struct Edge {
    from: String,
    to: String,
    /// The file and line of one such import.
    path: String,
    line: usize,
}

/// Imports between siblings, by the importing and then the imported one.
type Siblings = BTreeMap<String, BTreeMap<String, Edge>>;

/// Each group of siblings that import each other, by the parent.
fn find_sibling_edges(modules: &ModuleTree) -> BTreeMap<String, Siblings> {
    let mut parents: BTreeMap<String, Siblings> = BTreeMap::new();
    for Reference { from, to, path, line } in modules.find_references() {
        let common = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
        // Between a module and what lies inside of it there is always an edge: it declares it.
        if common == from.len() || common == to.len() {
            continue;
        }
        let name = |path: &[String]| path[..=common].join("::");
        let (from, to) = (name(&from), name(&to));
        let parent =
            parents.entry(from.rsplit_once("::").map_or_else(String::new, |(parent, _)| parent.to_owned()));
        let edge = Edge { from: from.clone(), to: to.clone(), path, line };
        parent.or_default().entry(from).or_default().entry(to).or_insert(edge);
    }
    parents
}

/// Each set of siblings that all reach each other.
fn find_circles(edges: &Siblings) -> Vec<BTreeSet<String>> {
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for start in edges.keys() {
        let circle = strongly_connected(edges, start);
        if !circle.is_empty() && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

/// All that `start` reaches and that reach it; nothing when it does not reach itself.
fn strongly_connected(edges: &Siblings, start: &str) -> BTreeSet<String> {
    let from_start = find_reachable(edges, start);
    let mutual = from_start.iter().filter(|module| find_reachable(edges, module).contains(start));
    mutual.cloned().collect()
}

fn find_reachable(edges: &Siblings, start: &str) -> BTreeSet<String> {
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

/// The imports on the shortest way from `start` back to itself.
fn shortest_way_back<'a>(edges: &'a Siblings, start: &str) -> Option<Vec<&'a Edge>> {
    let mut came_by: BTreeMap<&str, &Edge> = BTreeMap::new();
    let mut waiting = VecDeque::from([start.to_owned()]);
    while let Some(module) = waiting.pop_front() {
        for edge in edges.get(&module).into_iter().flat_map(BTreeMap::values) {
            if came_by.contains_key(edge.to.as_str()) {
                continue;
            }
            came_by.insert(&edge.to, edge);
            waiting.push_back(edge.to.clone());
        }
    }
    let mut way = VecDeque::from([*came_by.get(start)?]);
    while let Some(first) = way.front().filter(|first| first.from != start) {
        way.push_front(came_by.get(first.from.as_str())?);
    }
    Some(way.into())
}

fn describe_circle(way: &[&Edge], circle: &BTreeSet<String>) -> Finding {
    let step = |edge: &&Edge| {
        let Edge { from, to, path, line } = edge;
        format!("{from} imports {to} ({path}:{line})")
    };
    let mut message = way.iter().map(step).collect::<Vec<_>>().join("; ");
    if circle.len() > way.len() {
        let all = circle.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        message = format!("{message}; reaching each other: {all}");
    }
    let path = way.first().map_or("", |edge| &edge.path);
    Finding::error(
        path,
        format!("modules import each other in a circle: {message}"),
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
    fn circle_of_siblings_is_found_and_printed() {
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
            ["modules import each other in a circle: app::create imports app::delete \
              (services/jobs/src/app/create.rs:1); app::delete imports app::create \
              (services/jobs/src/app/delete.rs:2)"]
        );
    }

    #[test]
    fn circle_of_folders_is_found_through_paths_and_reexports() {
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
    fn tests_and_parents_make_no_circle() {
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
