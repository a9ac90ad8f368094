//! A preview reaches nothing of its tool and of Hearth from inside, in a real container: its code may be a stranger's.

use std::time::Duration;

use hearth_base::{Clock, PreviewNumber, Result, SystemClock};
use hearth_testkit::{GitServer, Hearth, HearthShape, PAGE_COMMAND, wait_until_within};
use hearth_wire::{
    builds::{BuildCreate, BuildCreateQuery, BuildStatus},
    jobs::{JobCreate, JobPreview, JobType, JobsQuery},
    reply::Paging,
};
use http::StatusCode;
use jiff::SignedDuration;

use super::{Visitor, images::provide_images};
use crate::site::start_site;

/// Time for a page to start and to try everything.
const PAGE_TIMEOUT: Duration = Duration::from_secs(90);

/// Time for a build of a small source with an empty cache.
const BUILD_TIMEOUT: Duration = Duration::from_secs(300);

/// Names and commands of attempts, and whether a preview succeeds. The tool succeeds in all of them.
const PREVIEW_ATTEMPTS: [(&str, &str, bool); 11] = [
    ("door", "nc -w 2 hearth.internal 80", false),
    ("door-by-address", "nc -w 2 $service 80", false),
    ("proxy", "nc -w 2 $service 3128", false),
    ("job", "nc -w 2 web 8000", false),
    ("job-by-full-name", "nc -w 2 web.tool-site.svc.cluster.local 8000", false),
    ("job-by-address", "nc -w 2 $job 8000", false),
    ("home", "test -e /data/project/site/secret", false),
    ("kubeconfig", "test -e /run/hearth/kubeconfig -o -n \"$KUBECONFIG\"", false),
    ("api-url", "test -n \"$TOOL_TOOLFORGE_API_URL\"", false),
    ("unlisted-variable", "test -n \"$HIDDEN_VALUE\"", false),
    ("listed-variable", "test -n \"$SHOWN_VALUE\"", true),
];

/// Builds a shell command that prints a line for each attempt. `job` is the address of the tool's own page.
fn build_attempts(job: &str) -> String {
    let mut script = format!("job={job}; service=$(hostname -i | cut -d. -f1-2).0.1; ");
    for (name, attempt, ..) in PREVIEW_ATTEMPTS {
        script += &format!(
            "if {attempt} </dev/null >/dev/null 2>&1; then echo {name}=open; else echo {name}=closed; fi; "
        );
    }
    script
}

/// The lines that a preview (`true`) or the tool prints.
fn list_expected_lines(is_preview: bool) -> Vec<String> {
    let state = |is_open_to_preview| if is_open_to_preview || !is_preview { "open" } else { "closed" };
    PREVIEW_ATTEMPTS.iter().map(|(name, _, is_open)| format!("{name}={}", state(*is_open))).collect()
}

#[tokio::test]
async fn page_of_a_preview_reaches_nothing_of_its_tool_and_of_hearth() -> Result<()> {
    let (hearth, person, cli) = start_site().await?;
    let (tool, jobs) = ("site".parse()?, person.client.jobs());
    let visitor = Visitor::for_url(hearth.url())?;
    for (name, value) in [("SHOWN_VALUE", "shown"), ("HIDDEN_VALUE", "hidden")] {
        cli.run_successfully(&["envvars", "create", name, value, "--tool", "site"]).await?;
    }
    let page = |name: &str, command: String| -> Result<JobCreate> {
        Ok(JobCreate {
            job_type: Some(JobType::Webservice),
            ..JobCreate::new(name.parse()?, "bookworm", command)
        })
    };
    let own =
        format!("echo secret > $HOME/secret; mkdir /tmp/www; hostname -i > /tmp/www/address; {PAGE_COMMAND}");
    jobs.create(&tool, &page("web", own)?).await?;
    let address = wait_until_within(PAGE_TIMEOUT, "the tool's page answers", async || {
        let (status, _, address) = visitor.fetch_page("site", "/address", &[]).await?;
        Ok((status == StatusCode::OK).then_some(address))
    })
    .await?;
    let attempts = build_attempts(address.trim());

    // The tool itself reaches all of it, so that a closed door below is closed to the preview only.
    let run = ["jobs", "run", "control", "--tool", "site", "--image", "bookworm", "--wait", "--command"];
    cli.run_successfully(&[&run[..], &[&attempts]].concat()).await?;
    let printed = cli.run_successfully(&["jobs", "logs", "--tool", "site", "control"]).await?;
    let lines: Vec<&str> = printed.lines().filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    assert_eq!(lines, list_expected_lines(false), "{printed}");

    let command =
        format!("mkdir /tmp/www; ({attempts}) | tee /tmp/www/index.html; exec httpd -f -p 8000 -h /tmp/www");
    let preview = JobCreate {
        preview: Some(JobPreview { expires: SystemClock.now() + SignedDuration::from_hours(1) }),
        envvars: Some(vec!["SHOWN_VALUE".parse()?]),
        ..page("web--pr-7", command)?
    };
    jobs.create(&tool, &preview).await?;
    let tried = wait_until_within(PAGE_TIMEOUT, "the page of the preview answers", async || {
        let (status, tried) = visitor.visit_page("site--pr-7").await?;
        Ok((status == StatusCode::OK).then_some(tried))
    })
    .await?;
    assert_eq!(tried.lines().collect::<Vec<_>>(), list_expected_lines(true));
    assert_eq!(jobs.show(&tool, &preview.name, &JobsQuery::default()).await?.preview, preview.preview);

    // Maintainers see its log and look inside, and the tool's page does not become that of the preview.
    let log = cli.run_successfully(&["jobs", "logs", "--tool", "site", "web--pr-7"]).await?;
    assert!(log.contains("listed-variable=open"), "{log}");
    let inside = ["exec", "web--pr-7", "--tool", "site", "--", "sh", "-c"];
    let seen = cli.run_successfully(&[&inside[..], &["echo [$HIDDEN_VALUE][$SHOWN_VALUE]"]].concat()).await?;
    assert!(seen.contains("[][shown]"), "{seen}");
    assert_eq!(visitor.fetch_page("site", "/address", &[]).await?.2, address);
    cli.run_successfully(&["jobs", "delete", "web--pr-7", "--tool", "site"]).await?;
    wait_until_within(PAGE_TIMEOUT, "the page of the preview is gone", async || {
        Ok((visitor.visit_page("site--pr-7").await?.0 == StatusCode::NOT_FOUND).then_some(()))
    })
    .await?;
    hearth.stop().await
}

/// Its three steps share a build cache of the preview's own, and the credential of the push reaches one image.
#[tokio::test]
async fn build_of_a_preview_makes_an_image_that_its_job_runs() -> Result<()> {
    let git = GitServer::start().await?;
    git.commit_files("pond.git", &[("index.html", "<title>Preview</title>")])?;
    let (address, root) = (git.address(), git.repository_url(""));
    let config = format!(
        "[outbound]\nallow = [\"{address}\"]\n[outbound.mirrors]\n\"https://code.example/\" = \"{root}\""
    );
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, &config).await?;
    provide_images(&hearth, &["builder", "bookworm", "static"])?;
    let operator = hearth.operator().await?;
    let tool = operator.create_tool("pond").await?;
    let (builds, number) = (operator.client.builds(), PreviewNumber::new(7)?);
    let create = BuildCreate {
        source_url: Some("https://code.example/pond.git".to_owned()),
        preview: Some(number),
        ..BuildCreate::default()
    };
    let build = builds.start(&tool, &create, &BuildCreateQuery::default()).await?.name;
    let built = wait_until_within(BUILD_TIMEOUT, "the build has ended", async || {
        let shown = builds.show(&tool, build).await?;
        Ok((!shown.end_time.is_empty()).then_some(shown))
    })
    .await?;
    assert_eq!(
        (built.status, built.parameters.preview),
        (BuildStatus::BuildSuccess, Some(number)),
        "{built:?}"
    );
    assert!(built.destination_image.contains("/tool-pond/tool-pond.pr-7:latest@"), "{built:?}");
    let images = operator.client.images().list(&tool, &Paging::default()).await?.items;
    assert_eq!(images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>(), ["tool-pond.pr-7"]);

    let job = JobCreate {
        job_type: Some(JobType::Webservice),
        preview: Some(JobPreview { expires: SystemClock.now() + SignedDuration::from_hours(1) }),
        ..JobCreate::new("web--pr-7".parse()?, built.destination_image, "web")
    };
    operator.client.jobs().create(&tool, &job).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    wait_until_within(PAGE_TIMEOUT, "the page of the preview answers", async || {
        Ok((visitor.visit_page("pond--pr-7").await?.1 == "<title>Preview</title>").then_some(()))
    })
    .await?;
    assert_eq!(visitor.visit_page("pond").await?.0, StatusCode::NOT_FOUND);
    hearth.stop().await
}
