//! Package sources in builds: apt of this machine reads the files and runs the instruction of the recipe.

use std::{fs, path::Path};

use hearth_base::{Error, Result};
use hearth_plan::{
    BuildPackageSource, BuildPackageSources, InMemorySource, PackageSourceFile, PackageSourceKey, plan_build,
};
use hearth_runtime_api::fake::ScriptStep;
use hearth_testkit::AptRepository;
use hearth_wire::builds::{BuildFailureClass, internal::LeasePackageSource};
use tokio::process::Command;

use crate::source_fixture::start_fixture_with;

const APT_SCRIPT: &str = include_str!("run_apt.sh");

/// Host of the repository that plays Debian; it differs from that of the package source.
const DEBIAN_HOST: &str = "localhost";
const SOURCE_HOST: &str = "127.0.0.1";

/// Writes `files` below `root`.
fn write_below(root: &Path, path: &str, content: &str) -> Result<()> {
    let path = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().unwrap()).map_err(Error::internal)?;
    fs::write(path, content).map_err(Error::internal)
}

fn build_sources(file: &str, key: &str, overrides_debian: bool) -> Result<BuildPackageSources> {
    Ok(BuildPackageSources::new(vec![BuildPackageSource {
        name: "pond".parse()?,
        file: PackageSourceFile::parse(file)?,
        key: PackageSourceKey::parse(key)?,
        overrides_debian,
    }]))
}

/// Runs the instruction that installs packages, without installing them. Returns its output.
async fn simulate_install(
    debian: &AptRepository,
    sources: &BuildPackageSources,
    packages: &str,
) -> Result<String> {
    let source = InMemorySource::new().with_file("index.html", "x").with_file("Aptfile", packages);
    let plan = plan_build(&source)?.with_package_sources(sources);
    let recipe = plan.render_containerfile(&|base| base.to_owned(), &[])?.unwrap_or_default();
    let install =
        recipe.lines().find_map(|line| line.strip_prefix("RUN ").filter(|run| run.contains("apt-get")));
    let install =
        install.unwrap().replace("install -qq", "install -q --simulate").replace("&& rm -rf ", "&& : ");
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    for file in sources.list_files() {
        write_below(&folder.path().join("files"), &file.path, &file.content)?;
    }
    write_below(&folder.path().join("files"), "/etc/apt/keyrings/debian.asc", &debian.read_key()?)?;
    let signed = format!("{}Signed-By: /etc/apt/keyrings/debian.asc\n", debian.render_source(DEBIAN_HOST));
    write_below(folder.path(), "debian.sources", &signed)?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "/bin/sh", "-c", APT_SCRIPT, "hearth"]);
    command.arg(folder.path().join("debian.sources")).arg(folder.path().join("files")).arg(install);
    command.env_remove("http_proxy").env_remove("https_proxy");
    let output = command.output().await.map_err(Error::internal)?;
    Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[tokio::test]
async fn source_adds_packages_and_replaces_none_of_debian() -> Result<()> {
    let debian = AptRepository::start(&[("hearth-lake", "1.0")]).await?;
    let pond = AptRepository::start(&[("hearth-pond", "1.0"), ("hearth-lake", "9.0")]).await?;
    let (file, key) = (pond.render_source(SOURCE_HOST), pond.read_key()?);
    let packages = "hearth-pond\nhearth-lake\n";

    let output = simulate_install(&debian, &build_sources(&file, &key, false)?, packages).await?;
    assert!(
        output.contains("Inst hearth-pond (1.0 ") && output.contains("Inst hearth-lake (1.0 "),
        "{output}"
    );
    let output = simulate_install(&debian, &build_sources(&file, &key, true)?, packages).await?;
    assert!(output.contains("Inst hearth-lake (9.0 "), "the operator lets it: {output}");
    // Without the source, the package does not exist.
    let output = simulate_install(&debian, &BuildPackageSources::default(), packages).await?;
    assert!(output.contains("E: Unable to locate package hearth-pond"), "{output}");

    let other = build_sources(&file, &pond.create_other_key()?, false)?;
    let output = simulate_install(&debian, &other, packages).await?;
    let is_refused =
        output.contains("E: The repository 'http://127.0.0.1") && output.contains("is not signed");
    assert!(is_refused && !output.contains("Inst "), "{output}");
    let same_host = build_sources(&pond.render_source(DEBIAN_HOST), &key, false)?;
    let output = simulate_install(&debian, &same_host, packages).await?;
    assert!(output.contains("E: a package source has the host of Debian: localhost"), "{output}");
    assert!(!output.contains("Inst "), "{output}");
    Ok(())
}

fn build_lease_source() -> LeasePackageSource {
    LeasePackageSource {
        name: "pond".parse().unwrap(),
        file: "Types: deb\nURIs: http://pond.example\nSuites: stable\nComponents: main\n".to_owned(),
        key: PackageSourceKey::parse_file(&[0x99, 0, 1, 4]).unwrap().render_armor(),
        overrides_debian: false,
    }
}

#[tokio::test]
async fn build_without_a_package_names_the_sources_that_were_searched() -> Result<()> {
    for (sources, searched) in [
        (vec![build_lease_source()], "Debian and the package source pond were searched."),
        (Vec::new(), "Debian was searched."),
    ] {
        let mut fixture = start_fixture_with(&[("index.html", "x"), ("Aptfile", "nosuchpackage\n")]).await?;
        fixture.lease.package_sources = sources;
        let lines = ["STEP 3/5: RUN apt-get", "E: Unable to locate package nosuchpackage"];
        let mut steps: Vec<ScriptStep> =
            lines.iter().map(|line| ScriptStep::Out((*line).to_owned())).collect();
        steps.push(ScriptStep::Exit(1));
        fixture.runtime.set_script("image", steps);
        fixture.run_to_end().await?;
        let failure = fixture.state.lock().unwrap().failures[0].clone();
        assert_eq!(failure["class"], serde_json::to_value(BuildFailureClass::DependencyNotFound).unwrap());
        let next_step = failure["next_step"].as_str().unwrap();
        assert!(
            next_step.starts_with(searched) && next_step.contains("hearth request create package-source"),
            "{next_step}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn steps_of_a_build_see_the_sources_of_its_lease_only() -> Result<()> {
    for (files, sees) in [
        (&[("index.html", "x"), ("Aptfile", "hearth-pond\n")][..], true),
        (&[("Containerfile", "FROM python3.11\n")], true),
        // A recipe that installs no packages.
        (&[("index.html", "x")], false),
    ] {
        let mut fixture = start_fixture_with(files).await?;
        fixture.lease.package_sources = vec![build_lease_source()];
        fixture.run_to_end().await?;
        let arguments = fixture.runtime.find_workload("image").process.argv;
        for option in [
            "--volume=/tmp/in/hearth-pond.sources:/etc/apt/sources.list.d/hearth-pond.sources:ro",
            "--volume=/tmp/in/hearth-pond.asc:/etc/apt/keyrings/hearth-pond.asc:ro",
            "--volume=/tmp/in/hearth-pond.pref:/etc/apt/preferences.d/hearth-pond.pref:ro",
        ] {
            assert_eq!(arguments.iter().any(|argument| argument == option), sees, "{files:?}: {arguments:?}");
        }
    }
    let mut fixture = start_fixture_with(&[("index.html", "x"), ("Aptfile", "hearth-pond\n")]).await?;
    fixture.run_to_end().await?;
    let arguments = fixture.runtime.find_workload("image").process.argv.join(" ");
    assert!(!arguments.contains("sources.list.d"), "{arguments}");
    Ok(())
}
