//! Tools in each language: a sample of each is built, deployed and answers, and its usual mistakes are named.
//!
//! Samples that take minutes are only run by `cargo xtask soak images`: the default filter of `.config/nextest.toml`
//! leaves them out.

mod gradle;
mod samples;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use hearth_base::{Error, Result};
use hearth_testkit::{
    CliSession, CommandOutput, Hearth, HearthShape, PackageIndex, checks_all_images, wait_until,
};

use super::{
    Visitor,
    examples::{copy_folder, example_folder},
    images::provide_images,
    write_files,
};
use samples::{
    COMPILED_SAMPLES, LanguageSample, PHP_SAMPLES, PYTHON_SAMPLES, RUBY_SAMPLES, SampleFiles, UsualMistake,
};

/// Debian packages whose gems the samples in Ruby use.
const GEM_PACKAGES: [&str; 3] = ["puma", "ruby-railties", "ruby-sinatra"];
/// Packages of composer that the samples in PHP use, and the source packages of Debian that contain them.
const COMPOSER_PACKAGES: [&str; 10] = [
    "php-monolog",
    "php-psr-log",
    "php-twig",
    "symfony",
    "monolog/monolog",
    "psr/log",
    "symfony/deprecation-contracts",
    "symfony/http-foundation",
    "symfony/routing",
    "twig/twig",
];

/// Folder of the downloads of a repository.
fn downloads_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-packages").join(name)
}

/// Starts a Hearth whose operator has settings of package clients: names of settings of the builder, and the files.
async fn start_hearth(address: &str, folder: &Path, clients: &[(&str, String)]) -> Result<Hearth> {
    let mut config = format!("[outbound]\nallow = [\"{address}\"]\n[builder]\n");
    for (setting, text) in clients {
        let path = folder.join(setting);
        std::fs::write(&path, text).map_err(Error::internal)?;
        let _ = writeln!(config, "{setting} = {path:?}");
    }
    Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, &config).await
}

/// Deploys samples on a Hearth that has their images, and checks their answers and the messages about their mistakes.
async fn check_samples(hearth: &Hearth, samples: &[LanguageSample]) -> Result<()> {
    let mut images: Vec<&str> = samples.iter().flat_map(|sample| sample.images).copied().collect();
    images.push("builder");
    images.sort_unstable();
    images.dedup();
    provide_images(hearth, &images)?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(hearth).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    for sample in samples {
        check_sample(&cli, &visitor, sample).await?;
    }
    Ok(())
}

async fn check_sample(cli: &CliSession, visitor: &Visitor, sample: &LanguageSample) -> Result<()> {
    let [folder, other] =
        [tempfile::tempdir(), tempfile::tempdir()].map(|folder| folder.map_err(Error::internal));
    let (folder, other) = (folder?, other?);
    match sample.files {
        SampleFiles::Example(name) => copy_folder(&example_folder(name), folder.path())?,
        SampleFiles::Listed(files) => write_files(folder.path(), files)?,
    }
    let tool = format!("{}-ada", sample.name);
    // Creating a tool links the folder to it.
    let created = cli.run_in_folder(other.path(), &["new", &tool]).await?;
    assert_eq!(created.status, Some(0), "{created:?}");
    for (name, value) in sample.variables {
        cli.run_successfully(&["envvars", "create", name, value, "--tool", &tool]).await?;
    }
    let deploy = async || cli.run_in_folder(folder.path(), &["deploy", "--tool", &tool]).await;
    for mistake in sample.mistakes_before {
        check_mistake(folder.path(), mistake, &deploy).await?;
    }
    let deployed = deploy().await?;
    assert_eq!(deployed.status, Some(0), "{}: {deployed:?}", sample.name);
    for (path, answer) in sample.answers {
        wait_until("the page answers", async || {
            let (status, _, page) = visitor.fetch_page(&tool, path, &[]).await?;
            Ok((status.is_success() && page.contains(answer)).then_some(()))
        })
        .await?;
    }
    for mistake in sample.mistakes {
        check_mistake(folder.path(), mistake, &deploy).await?;
        let (path, answer) = sample.answers[0];
        let (_, _, page) = visitor.fetch_page(&tool, path, &[]).await?;
        assert!(page.contains(answer), "{}: the earlier version keeps running: {page}", sample.name);
    }
    Ok(())
}

/// Makes a mistake in a file, deploys, checks the message, and corrects the file.
async fn check_mistake(
    folder: &Path,
    mistake: &UsualMistake,
    deploy: &impl AsyncFn() -> Result<CommandOutput>,
) -> Result<()> {
    let path = folder.join(mistake.file);
    let content = std::fs::read_to_string(&path).map_err(Error::internal)?;
    assert!(content.contains(mistake.text), "{}: {}", mistake.file, mistake.text);
    let mistaken = content.replace(mistake.text, mistake.replacement);
    match mistaken.is_empty() {
        true => std::fs::remove_file(&path).map_err(Error::internal)?,
        false => std::fs::write(&path, mistaken).map_err(Error::internal)?,
    }
    let refused = deploy().await?;
    let printed = format!("{}\n{}", refused.out, refused.err);
    assert_eq!(refused.status, Some(1), "{}: {printed}", mistake.file);
    for expected in mistake.messages {
        assert!(printed.contains(expected), "{} without {expected:?}: {printed}", mistake.file);
    }
    std::fs::write(&path, content).map_err(Error::internal)
}

#[tokio::test]
async fn compiled_tools_answer_and_their_usual_mistakes_are_named() -> Result<()> {
    let samples = if checks_all_images() { COMPILED_SAMPLES } else { &COMPILED_SAMPLES[..1] };
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    check_samples(&hearth, samples).await?;
    hearth.stop().await
}

#[tokio::test]
async fn python_tools_with_front_ends_answer_and_their_usual_mistakes_are_named() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    check_samples(&hearth, PYTHON_SAMPLES).await?;
    hearth.stop().await
}

#[tokio::test]
async fn ruby_tools_get_gems_from_the_repository_of_the_operator() -> Result<()> {
    let gems = PackageIndex::start_gem_repository(&downloads_folder("gems"), "trixie", &GEM_PACKAGES).await?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let settings = format!(":sources:\n- http://{}/\n", gems.address());
    let hearth = start_hearth(gems.address(), folder.path(), &[("gem_config", settings)]).await?;
    check_samples(&hearth, RUBY_SAMPLES).await?;
    let requests = gems.read_requests()?;
    for gem in ["/gems/hearth-pond-1.0.gem", "/gems/railties-", "/gems/puma-", "/gems/sinatra-"] {
        assert!(requests.contains(gem), "{gem}: {requests}");
    }
    hearth.stop().await
}

#[tokio::test]
async fn php_tools_get_packages_from_the_repository_of_the_operator() -> Result<()> {
    let packages = PackageIndex::start_composer_repository(
        &downloads_folder("composer"),
        "bookworm",
        &COMPOSER_PACKAGES,
    )
    .await?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let settings = serde_json::json!({
        "repositories": [{"type": "composer", "url": format!("http://{}", packages.address())}, {"packagist": false}],
        "config": {"secure-http": false},
    });
    let clients = [("composer_config", settings.to_string())];
    let hearth = start_hearth(packages.address(), folder.path(), &clients).await?;
    check_samples(&hearth, PHP_SAMPLES).await?;
    let requests = packages.read_requests()?;
    assert!(requests.contains("/dist/symfony/http-foundation/"), "{requests}");
    hearth.stop().await
}
