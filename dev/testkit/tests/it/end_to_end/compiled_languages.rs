//! Tools in compiled languages: the example of each is deployed and answers, and its usual mistake is named.

use hearth_base::{Error, Result};
use hearth_testkit::{CliSession, Hearth, HearthShape, PackageIndex, checks_all_images};

use super::{
    Visitor,
    examples::{copy_folder, example_folder},
    images::provide_images,
};

/// A language with an example.
struct LanguageSample {
    /// Name of the example.
    name: &'static str,
    /// Images that its build reads.
    images: &'static [&'static str],
    /// A text of its page.
    answer: &'static str,
    /// A usual mistake: a file, a text in it that is replaced, its replacement, and what the message says.
    mistake: (&'static str, &'static str, &'static str, &'static str),
}

/// The first is built in each run of the tests.
const LANGUAGE_SAMPLES: [LanguageSample; 3] = [
    LanguageSample {
        name: "go",
        images: &["golang1.24", "trixie-slim"],
        answer: "Hello, world",
        mistake: ("go.mod", "require ", "// ", "go get github.com/go-chi/chi/v5"),
    },
    LanguageSample {
        name: "rust",
        images: &["rust-current", "forky-slim"],
        answer: "hello from Rust",
        mistake: ("Cargo.toml", "[dependencies]", "[dependencies]\nhttparse = \"1\"", "--locked"),
    },
    LanguageSample {
        name: "java",
        images: &["java21", "java21-slim"],
        answer: "hello from Java 21",
        mistake: ("pom.xml", ">17<", ">26<", "26"),
    },
];

/// A tool in Ruby, whose gem is in a repository of the operator's own.
const RUBY_FILES: [(&str, &str); 3] = [
    ("Gemfile", "source \"http://ADDRESS\"\nruby \"~> 3.1\"\ngem \"hearth-pond\"\n"),
    (
        "Gemfile.lock",
        "GEM\n  remote: http://ADDRESS/\n  specs:\n    hearth-pond (1.0)\n\nPLATFORMS\n  arm64-darwin-23\n\n\
         DEPENDENCIES\n  hearth-pond\n",
    ),
    (
        "app.rb",
        "require \"hearth_pond\"\nHearthPond.serve(Integer(ENV.fetch(\"PORT\")), \"hello from Ruby\")\n",
    ),
];

async fn check_ruby(cli: &CliSession, visitor: &Visitor, gems: &PackageIndex) -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let write = |name: &str, text: &str| {
        let text = text.replace("ADDRESS", gems.address());
        std::fs::write(folder.path().join(name), text).map_err(Error::internal)
    };
    RUBY_FILES.iter().try_for_each(|(name, text)| write(name, text))?;
    let refused = cli.run_in_folder(folder.path(), &["deploy", "--new", "ruby-ada"]).await?;
    assert!(
        refused.status == Some(1) && refused.err.contains("web: bundle exec ruby FILE.rb"),
        "{refused:?}"
    );

    write("Procfile", "web: bundle exec ruby app.rb\n")?;
    let deployed = cli.run_in_folder(folder.path(), &["deploy", "--new", "ruby-ada"]).await?;
    assert_eq!(deployed.status, Some(0), "{deployed:?}");
    assert_eq!(visitor.visit_page("ruby-ada").await?.1, "hello from Ruby");
    assert!(gems.read_requests()?.contains("/gems/hearth-pond-1.0.gem"));

    write("Gemfile", "source \"http://ADDRESS\"\nruby \"3.2.2\"\ngem \"hearth-pond\"\n")?;
    let refused = cli.run_in_folder(folder.path(), &["deploy"]).await?;
    assert!(refused.status == Some(1) && refused.err.contains("write ruby \"~> 3.3\""), "{refused:?}");
    Ok(())
}

async fn check_sample(cli: &CliSession, visitor: &Visitor, sample: &LanguageSample) -> Result<()> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    copy_folder(&example_folder(sample.name), folder.path())?;
    let tool = format!("{}-ada", sample.name);
    let deployed = cli.run_in_folder(folder.path(), &["deploy", "--new", &tool]).await?;
    assert_eq!(deployed.status, Some(0), "{deployed:?}");
    let (status, page) = visitor.visit_page(&tool).await?;
    assert!(status.is_success() && page.contains(sample.answer), "{status} {page}");

    let (file, text, replacement, expected) = sample.mistake;
    let path = folder.path().join(file);
    let content = std::fs::read_to_string(&path).map_err(Error::internal)?;
    std::fs::write(&path, content.replace(text, replacement)).map_err(Error::internal)?;
    let refused = cli.run_in_folder(folder.path(), &["deploy"]).await?;
    let said = format!("{}\n{}", refused.out, refused.err);
    assert!(refused.status == Some(1) && said.contains(expected), "{said}");
    assert!(visitor.visit_page(&tool).await?.1.contains(sample.answer), "the earlier version keeps running");
    Ok(())
}

#[tokio::test]
async fn compiled_tools_answer_and_their_usual_mistakes_are_named() -> Result<()> {
    let all = checks_all_images();
    let samples = if all { &LANGUAGE_SAMPLES[..] } else { &LANGUAGE_SAMPLES[..1] };
    let gems = PackageIndex::start_gem_repository().await?;
    let config = format!("[outbound]\nallow = [\"{}\"]", gems.address());
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, &config).await?;
    let mut images: Vec<&str> = samples.iter().flat_map(|sample| sample.images).copied().collect();
    images.push("builder");
    images.extend(["ruby3.3", "ruby3.3-slim"].into_iter().filter(|_| all));
    provide_images(&hearth, &images)?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    for sample in samples {
        check_sample(&cli, &visitor, sample).await?;
    }
    if all {
        check_ruby(&cli, &visitor, &gems).await?;
    }
    hearth.stop().await
}
