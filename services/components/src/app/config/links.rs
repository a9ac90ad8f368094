//! Rules about several components: shared images, and the one published component.

use std::collections::BTreeMap;

use hearth_base::{JobName, join_first_names};

use super::{document::ConfigNode, problems::ConfigProblems};

/// The relations of a component to the other ones.
#[derive(Debug, Clone, Copy)]
pub struct ComponentLink<'a> {
    /// The component whose image is used.
    pub reuse_from: Option<&'a JobName>,
    /// True if it is the tool's web page.
    pub is_published: bool,
}

/// Checks that reused images exist, and that one component at most is published. `lists` lead to the components in the
/// text, the first to the most specific ones; `scope` stands before the component in errors.
pub fn check_links(
    root: &ConfigNode,
    lists: &[&[&str]],
    scope: &str,
    components: &BTreeMap<&JobName, ComponentLink<'_>>,
    problems: &ConfigProblems,
) {
    let find_component = |name: &JobName| {
        lists.iter().find_map(|list| root.find_entry(&[list, &[name.as_str()][..]].concat()))
    };
    let find_place = |name: &JobName| find_component(name).and_then(|entry| entry.place);
    for (name, link) in components {
        let Some(target) = link.reuse_from else { continue };
        let problem = match components.get(target) {
            // The component has a problem of its own.
            None if find_component(target).is_some() => continue,
            None => {
                let others: Vec<&str> =
                    components.keys().filter(|other| *other != name).map(|other| other.as_str()).collect();
                let expected = match others.is_empty() {
                    true => "the configuration has no other component".to_owned(),
                    false => format!("expected one of {}", join_first_names(&others, 10)),
                };
                format!("which does not exist; {expected}")
            }
            Some(_) if target == *name => "which is itself; expected another component".to_owned(),
            Some(ComponentLink { reuse_from: Some(further), .. }) => {
                format!("whose image is that of {further}; expected {further}")
            }
            Some(_) => continue,
        };
        problems.add_problem(
            find_place(name),
            format!("{scope}component {name}: reuse_from is {target}, {problem}"),
        );
    }
    let mut published = components.iter().filter(|(_, link)| link.is_published).map(|(name, _)| *name);
    if let Some(first) = published.next() {
        for other in published {
            let sentence =
                format!("{scope}component {other}: publish is set, and component {first} is published too");
            problems.add_problem(find_place(other), format!("{sentence}; expected one published component"));
        }
    }
}
