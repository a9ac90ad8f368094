//! The credential of a run, in a real container.

use hearth_base::{ErrorKind, Result, Secret};
use hearth_testkit::wait_until;
use hearth_wire::jobs::JobsQuery;

use crate::site::start_site;

/// Prints its token, what the API answers to it, and whether the file can be changed.
const CALLER_COMMAND: &str = r#"token=$(sed 's/.*"token":"\([^"]*\)".*/\1/' "$KUBECONFIG"); echo "$token"
    call() { wget -qO- --header "Authorization: Bearer $token" "$TOOL_TOOLFORGE_API_URL$1" 2>&1; }
    call /jobs/v1/tool/site/jobs | head -c 8; echo
    call /jobs/v1/tool/other/jobs | grep -o '403'
    call /tools/v1/tool/site/tokens | grep -o '40[0-9]'
    (echo x > "$KUBECONFIG") 2>/dev/null || echo read-only"#;

#[tokio::test]
async fn run_calls_the_api_with_its_own_token_which_ends_with_it() -> Result<()> {
    let (hearth, _, cli) = start_site().await?;
    let run = ["jobs", "run", "calls", "--tool", "site", "--image", "bookworm", "--wait", "--command"];
    cli.run_successfully(&[&run[..], &[CALLER_COMMAND]].concat()).await?;
    let printed = cli.run_successfully(&["jobs", "logs", "--tool", "site", "calls"]).await?;
    let lines: Vec<&str> = printed.lines().filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    let (token, answers) = lines.split_first().unwrap();
    assert_eq!(answers, ["{\"jobs\":", "403", "403", "read-only"], "{printed}");
    // The run is over, and its token with it.
    let holder = hearth.client_with_token(&Secret::new(*token))?;
    let tool = "site".parse()?;
    wait_until("the token is refused", async || {
        let answer = holder.jobs().list(&tool, &JobsQuery::default()).await;
        Ok(answer.err().filter(|error| error.kind() == ErrorKind::Unauthenticated))
    })
    .await?;
    hearth.stop().await
}
