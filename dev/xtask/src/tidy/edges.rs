//! Folders are layers: which crate may depend on which, and who may know that there is a database.

use super::finding::Finding;
use crate::workspace::{Crate, Dependency, Workspace};

/// The crates of `foundation/`, each of which may use those before it.
const FOUNDATION_CRATES: [&str; 6] = ["base", "plan", "inventory", "wire", "client", "kit"];

/// Crates that clients of the API may use: the API, and how a folder becomes an image.
const CLIENTS_MAY_USE: [&str; 4] = ["base", "plan", "wire", "client"];

/// Packages that speak SQL.
const DATABASE_PACKAGES: [&str; 3] = ["sea-orm", "sea-query", "sqlx"];

/// Check every edge that leaves a crate of this repository.
pub fn check_edges(workspace: &Workspace) -> Vec<Finding> {
    workspace.crates.iter().flat_map(|from| check_crate(from, workspace)).collect()
}

fn check_crate(from: &Crate, workspace: &Workspace) -> Vec<Finding> {
    let Some(place) = CratePlace::from_folder(&from.folder) else {
        return vec![Finding::error(
            from.manifest_path(),
            format!("{} has no place among the layers", from.folder),
            "move it to foundation, runtime, services, apps or dev; in foundation, add it to the order in \
             dev/xtask/src/tidy/edges.rs",
        )];
    };
    from.dependencies.iter().filter_map(|dependency| check_edge(from, place, dependency, workspace)).collect()
}

fn check_edge(from: &Crate, place: CratePlace, to: &Dependency, workspace: &Workspace) -> Option<Finding> {
    if DATABASE_PACKAGES.contains(&to.name.as_str()) && !place.may_use_a_database() {
        return Some(Finding::error(
            from.manifest_path(),
            format!("{} depends on {}, a database library", from.folder, to.name),
            "only foundation/kit, services and apps/hearthd know that there is a database: ask a service \
             through foundation/client",
        ));
    }
    let target = workspace.find_member(&to.name)?;
    // A target without a place is a finding of its own.
    let target_place = CratePlace::from_folder(&target.folder)?;
    if place.may_use(target_place) || (to.for_tests && place.may_be_tested_with(target_place)) {
        return None;
    }
    Some(Finding::error(
        from.manifest_path(),
        format!("{} depends on {}", from.folder, target.folder),
        place.describe_allowed_crates(),
    ))
}

/// A crate's folder: the layer, and the name in it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct CratePlace<'a> {
    layer: Layer,
    name: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// With the crate's position in [`FOUNDATION_CRATES`].
    Foundation(usize),
    Runtime,
    Services,
    Apps,
    Dev,
}

impl<'a> CratePlace<'a> {
    fn from_folder(folder: &'a str) -> Option<Self> {
        let (layer, name) = folder.split_once('/')?;
        let layer = match layer {
            "foundation" => Layer::Foundation(FOUNDATION_CRATES.iter().position(|known| *known == name)?),
            "runtime" => Layer::Runtime,
            "services" => Layer::Services,
            "apps" => Layer::Apps,
            "dev" => Layer::Dev,
            _ => return None,
        };
        (!name.contains('/')).then_some(Self { layer, name })
    }

    fn may_use(self, to: CratePlace) -> bool {
        let runtime_api = to.is("runtime/api");
        match (self.layer, to.layer) {
            (Layer::Foundation(from), Layer::Foundation(to)) => to < from,
            (Layer::Foundation(_), _) => false,
            // It is made into a program of some kilobytes.
            (Layer::Runtime, _) if self.name == "waiter" => false,
            (Layer::Runtime, _) => {
                to.is("foundation/base")
                    || (runtime_api && self.name != "api")
                    || (to.is("runtime/waiter") && self.name == "local")
            }
            (Layer::Services, Layer::Foundation(_)) => true,
            (Layer::Services, _) => runtime_api || to.is("runtime/controller"),
            (Layer::Apps, Layer::Foundation(_)) if self.name != "hearthd" => {
                CLIENTS_MAY_USE.contains(&to.name)
            }
            (Layer::Apps, to) => self.name == "hearthd" && !matches!(to, Layer::Apps | Layer::Dev),
            (Layer::Dev, Layer::Dev) => to.name == "testkit" && self.name != "testkit",
            (Layer::Dev, _) => true,
        }
    }

    fn may_be_tested_with(self, to: CratePlace) -> bool {
        // It has no code.
        to.is("dev/features")
            || (matches!(self.layer, Layer::Services | Layer::Apps) || self.is("foundation/kit"))
                && to.is("dev/testkit")
    }

    fn may_use_a_database(self) -> bool {
        let homes = ["foundation/kit", "apps/hearthd", "dev/features"];
        self.layer == Layer::Services || homes.iter().any(|home| self.is(home))
    }

    fn is(self, folder: &str) -> bool {
        CratePlace::from_folder(folder).is_some_and(|place| place == self)
    }

    fn describe_allowed_crates(self) -> &'static str {
        match self.layer {
            Layer::Foundation(_) => {
                "foundation is ordered base, plan, inventory, wire, client, kit: a crate may use those before it; move what \
                 is needed down, or the need up"
            }
            Layer::Runtime if self.name == "api" => {
                "runtime/api may use foundation/base and nothing else of ours"
            }
            Layer::Runtime if self.name == "waiter" => {
                "runtime/waiter may use no crate of this project: its parameters contain everything it needs"
            }
            Layer::Runtime => "a runtime may use runtime/api and foundation/base and nothing else of ours",
            Layer::Services => {
                "a service may use foundation and runtime/api: ask another service through foundation/client, \
                 and in tests use dev/testkit"
            }
            Layer::Apps if self.name == "hearthd" => "hearthd may use foundation, runtime and services",
            Layer::Apps => {
                "an app is a client of the API and may use foundation/base, plan, wire and client: add what is \
                 missing to the API, and in tests use dev/testkit"
            }
            Layer::Dev => "the crates of dev may use dev/testkit, which uses none of them",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A house with every sort of crate, in which `from` uses `to`.
    fn check_edge(from: &str, to: &str) -> Vec<Finding> {
        check_house(Crate::for_test(from, &[&to.replace('/', "-")]))
    }

    fn check_house(with: Crate) -> Vec<Finding> {
        let folders = [
            "foundation/base",
            "foundation/wire",
            "foundation/client",
            "foundation/kit",
            "runtime/api",
            "runtime/local",
            "runtime/waiter",
            "runtime/kubernetes",
            "services/jobs",
            "services/builds",
            "apps/hearthd",
            "apps/hearth",
            "dev/testkit",
            "dev/xtask",
            "dev/bench",
        ];
        let rest = folders.iter().filter(|folder| **folder != with.folder);
        let mut crates: Vec<_> = rest.map(|folder| Crate::for_test(folder, &[])).collect();
        crates.push(with);
        check_edges(&Workspace { crates, ..Workspace::default() })
    }

    fn is_allowed(from: &str, to: &str) -> bool {
        check_edge(from, to).is_empty()
    }

    #[test]
    fn foundation_is_used_from_left_to_right() {
        assert!(is_allowed("foundation/wire", "foundation/base"));
        assert!(is_allowed("foundation/kit", "foundation/client"));
        assert!(!is_allowed("foundation/base", "foundation/wire"));
        assert!(!is_allowed("foundation/client", "foundation/kit"));
        assert!(!is_allowed("foundation/kit", "services/jobs"));
        assert!(!is_allowed("foundation/kit", "runtime/api"));
    }

    #[test]
    fn the_runtime_does_not_know_the_public_api() {
        assert!(is_allowed("runtime/api", "foundation/base"));
        assert!(is_allowed("runtime/local", "runtime/api"));
        assert!(!is_allowed("runtime/local", "foundation/wire"));
        assert!(!is_allowed("runtime/local", "foundation/kit"));
        assert!(!is_allowed("runtime/local", "runtime/kubernetes"));
        assert!(!is_allowed("runtime/api", "runtime/local"));
        assert!(is_allowed("runtime/local", "runtime/waiter"));
        assert!(!is_allowed("runtime/kubernetes", "runtime/waiter"));
        assert!(!is_allowed("runtime/waiter", "foundation/base"));
    }

    #[test]
    fn a_service_never_knows_another_service() {
        assert!(is_allowed("services/jobs", "foundation/kit"));
        assert!(is_allowed("services/jobs", "runtime/api"));
        assert!(!is_allowed("services/jobs", "runtime/local"));
        let findings = check_edge("services/jobs", "services/builds");
        assert_eq!(findings[0].path, "services/jobs/Cargo.toml");
        assert_eq!(findings[0].message, "services/jobs depends on services/builds");
        assert!(findings[0].next.contains("foundation/client"));
    }

    #[test]
    fn hearthd_puts_everything_together_and_other_apps_are_clients() {
        assert!(is_allowed("apps/hearthd", "services/jobs"));
        assert!(is_allowed("apps/hearthd", "runtime/local"));
        assert!(!is_allowed("apps/hearthd", "apps/hearth"));
        assert!(!is_allowed("apps/hearthd", "dev/testkit"));
        assert!(is_allowed("apps/hearth", "foundation/client"));
        assert!(!is_allowed("apps/hearth", "foundation/kit"));
        assert!(!is_allowed("apps/hearth", "runtime/api"));
        assert!(!is_allowed("apps/hearth", "services/jobs"));
    }

    #[test]
    fn development_crates_use_anything_above_and_the_testkit() {
        assert!(is_allowed("dev/testkit", "apps/hearthd"));
        assert!(is_allowed("dev/xtask", "dev/testkit"));
        assert!(is_allowed("dev/bench", "dev/testkit"));
        assert!(!is_allowed("dev/testkit", "dev/bench"));
        assert!(!is_allowed("dev/xtask", "dev/bench"));
    }

    #[test]
    fn only_tests_of_kit_services_and_apps_use_the_testkit() {
        let tested = |folder| check_house(Crate::for_test(folder, &[]).tested_with("dev-testkit"));
        assert!(tested("services/jobs").is_empty());
        assert!(tested("apps/hearth").is_empty());
        assert!(tested("foundation/kit").is_empty());
        assert!(!tested("foundation/client").is_empty());
        assert!(!tested("runtime/local").is_empty());
        assert!(
            !check_house(Crate::for_test("services/jobs", &[]).tested_with("services-builds")).is_empty()
        );
    }

    #[test]
    fn a_database_is_known_to_kit_services_and_hearthd_only() {
        let uses = |folder| check_house(Crate::for_test(folder, &["sea-orm"]));
        assert!(uses("foundation/kit").is_empty());
        assert!(uses("services/jobs").is_empty());
        assert!(uses("apps/hearthd").is_empty());
        assert!(!uses("apps/hearth").is_empty());
        assert!(!uses("foundation/base").is_empty());
        assert!(!uses("dev/testkit").is_empty());
        assert!(!check_house(Crate::for_test("runtime/local", &[]).tested_with("sqlx")).is_empty());
    }

    #[test]
    fn a_crate_outside_the_layers_is_refused() {
        assert!(!check_house(Crate::for_test("extras/thing", &[])).is_empty());
        assert!(!check_house(Crate::for_test("foundation/other", &[])).is_empty());
        assert!(!check_house(Crate::for_test("services/jobs/inner", &[])).is_empty());
        assert!(!check_house(Crate::for_test("alone", &[])).is_empty());
    }
}
