//! Test that the folder `fuzz/` has a program for each target.

use std::{fs, path::Path};

use hearth_fuzz::FUZZ_TARGETS;

#[test]
fn every_target_has_a_program_for_cargo_fuzz() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap();
    let programs = manifest["bin"].as_array().unwrap();
    let named: Vec<&str> = programs.iter().map(|program| program["name"].as_str().unwrap()).collect();
    assert_eq!(named, FUZZ_TARGETS.iter().map(|target| target.name).collect::<Vec<_>>());
    for program in programs {
        let (name, path) = (program["name"].as_str().unwrap(), program["path"].as_str().unwrap());
        let source = fs::read_to_string(folder.join(path)).unwrap();
        assert!(source.contains(&format!("hearth_fuzz::{name}(")), "{path} calls its target");
    }
}
