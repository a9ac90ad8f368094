//! The provided images from Debian packages: their programs run, and those with PHP serve pages.

use hearth_base::{Error, Result};
use hearth_testkit::{CliSession, Hearth, HearthShape, checks_all_images, wait_until};
use http::StatusCode;

use super::{Visitor, images::provide_images, write_files};

/// A provided image: its name, names of Toolforge that are its aliases, a command, and the start of its output.
type ImagePromise = (&'static str, &'static [&'static str], &'static str, &'static str);

#[rustfmt::skip]
const IMAGE_PROMISES: [ImagePromise; 22] = [
    ("php8.2", &["php7.4", "tf-php82", "toolforge-php82-sssd-web"], "php --version", "PHP 8.2."),
    ("bookworm", &["tf-bookworm", "tf-bullseye-std"], "cat /etc/debian_version", "12."),
    ("node18", &["tf-node18", "toolforge-node18-sssd-base"], "node --version", "v18."),
    ("node20", &["tf-node20", "toolforge-node20-sssd-base"], "node --version", "v20."),
    ("node24", &["tf-node22", "tf-node24"], "node --version", "v24."),
    ("php8.4", &["tf-php84", "toolforge-php84-sssd-web"], "php --version", "PHP 8.4."),
    ("python3.11", &["tf-python39", "toolforge-python311-sssd-base"], "python3 --version", "Python 3.11."),
    ("python3.13", &["tf-python313", "toolforge-python313-sssd-base"], "python3 --version", "Python 3.13."),
    ("python3.14", &["tf-python314"], "python3 --version", "Python 3.14."),
    ("golang1.24", &["golang1.11"], "go version", "go version go1.24."),
    ("rust1.85", &[], "rustc --version", "rustc 1.85."),
    ("java21", &["jdk17", "tf-jdk21"], "java --version", "openjdk 21."),
    ("java25", &["jdk25"], "java --version", "openjdk 25."),
    ("ruby3.3", &["ruby3.1", "tf-ruby33"], "ruby --version", "ruby 3.3."),
    ("node18-slim", &[], "node --version", "v18."),
    ("node20-slim", &[], "node --version", "v20."),
    ("node24-slim", &[], "node --version", "v24."),
    ("python3.14-slim", &[], "python3 --version", "Python 3.14."),
    ("java21-slim", &[], "java --version", "openjdk 21."),
    ("ruby3.3-slim", &[], "bundle --version", "Bundler version "),
    ("forky", &["tf-forky"], "cat /etc/debian_version", "forky"),
    ("trixie", &["tf-trixie"], "cat /etc/debian_version", "13."),
];

/// Images with PHP, and the recipes of a folder with pages. The first folder is detected.
const PHP_RECIPES: [(&str, &[(&str, &str)]); 2] = [
    ("php8.2", &[]),
    (
        "php8.4",
        &[("Containerfile", "FROM php8.4\nWORKDIR /app\nCOPY . .\n"), ("Procfile", "web: php-server\n")],
    ),
];

const PHP_PAGE: &str = "<?php error_log('a word for the log'); if (isset($_GET['fail'])) { undefined_function(); } \
                    echo 'hello from ' . PHP_VERSION;";

/// Runs the program of an image by its name and its aliases.
async fn check_program(cli: &CliSession, promise: &ImagePromise) -> Result<()> {
    let (image, aliases, command, expected) = promise;
    for name in std::iter::once(image).chain(*aliases) {
        let words = ["jobs", "run", "--rm", "-i", "--tool", "runs", "--image", name, "--command", command];
        let printed = cli.run_with_input(&words, "").await?;
        assert!(printed.status == Some(0) && printed.out.starts_with(expected), "{name}: {printed:?}");
    }
    Ok(())
}

/// Deploys a page in PHP, and checks its replies and its log.
async fn check_page(cli: &CliSession, visitor: &Visitor, image: &str, recipe: &[(&str, &str)]) -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let tool = image.replace('.', "-");
    write_files(
        folder.path(),
        &[("index.php", PHP_PAGE), ("style.css", "p {}"), ("settings.inc", "secret")],
    )?;
    write_files(folder.path(), recipe)?;
    let deployed = cli.run_in_folder(folder.path(), &["deploy", "--new", &tool]).await?;
    assert_eq!(deployed.status, Some(0), "{deployed:?}");

    let version = image.trim_start_matches("php");
    let (status, _, text) = visitor.fetch_page(&tool, "/", &[]).await?;
    assert!(status.is_success() && text.starts_with(&format!("hello from {version}.")), "{status} {text}");
    let (status, _, text) = visitor.fetch_page(&tool, "/style.css", &[]).await?;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "p {}"));
    for hidden in ["/settings.inc", "/.hearth", "/nothing.php"] {
        assert!(visitor.fetch_page(&tool, hidden, &[]).await?.0.is_client_error(), "{hidden}");
    }
    let (status, _, text) = visitor.fetch_page(&tool, "/?fail", &[]).await?;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{text}");
    assert!(!text.contains("undefined_function"), "{text}");
    wait_until("the log of the tool has the errors of PHP", async || {
        let log = cli.run_successfully(&["logs", "--tool", &tool]).await?;
        let expected = ["a word for the log", "Call to undefined function undefined_function()"];
        Ok(expected.iter().all(|line| log.contains(line)).then_some(()))
    })
    .await
}

#[tokio::test]
async fn provided_images_run_their_programs_and_serve_pages() -> Result<()> {
    let all = checks_all_images();
    let promises = if all { &IMAGE_PROMISES[..] } else { &IMAGE_PROMISES[..1] };
    let recipes = if all { &PHP_RECIPES[..] } else { &PHP_RECIPES[..1] };
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    let names: Vec<&str> = promises.iter().map(|promise| promise.0).chain(["builder"]).collect();
    provide_images(&hearth, &names)?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    cli.run_successfully(&["new", "runs"]).await?;
    for promise in promises {
        check_program(&cli, promise).await?;
    }
    let visitor = Visitor::for_url(hearth.url())?;
    for (image, recipe) in recipes {
        check_page(&cli, &visitor, image, recipe).await?;
    }
    hearth.stop().await
}
