//! `toolforge jobs run` with each of its flags, and their effects.

use hearth_base::Result;
use hearth_testkit::{Hearth, MailServer, wait_until};
use hearth_wire::jobs::StatusShort::{Failed, Pending, Succeeded};

use super::maintainer::{Maintainer, build_run_words};
use crate::end_to_end::Visitor;

/// Serves a page and `/well.html` at the job's port.
const PAGE_COMMAND: &str = "mkdir /tmp/www; echo the page > /tmp/www/index.html; echo yes > /tmp/www/well.html; \
                    exec httpd -f -p $PORT -h /tmp/www";

/// Checks one-off and scheduled jobs.
pub async fn check_ending_jobs(hearth: &Hearth, maintainer: &Maintainer, mails: &MailServer) -> Result<()> {
    let images = maintainer.run_jobs_command("images");
    assert!(images.contains("bookworm"), "{images}");
    maintainer.person.confirm_mail_address(hearth, mails, "ada@example.org").await?;
    maintainer.run_all(&[
        ("stubborn --retry 2", "echo one try; exit 3"),
        ("hungry --mem 16Mi", "tail /dev/zero"),
        ("mailed --emails onfinish", "echo the last line"),
        ("filed --mount all --filelog", "echo out; echo err >&2"),
        ("named -o named.out --filelog-stderr named.err", "echo out; echo err >&2"),
        ("unfiled --no-filelog", "echo home $HOME"),
        ("late --schedule @daily --timeout 1", "sleep 600"),
    ]);

    maintainer.wait_for_end("unfiled", Succeeded).await?;
    maintainer.wait_for_log_texts("unfiled", &["home /data/project/hello"]).await?;

    // Provided images need the home, and write to files in it by default.
    let homeless = build_run_words("homeless --mount none", "true");
    let refused = maintainer.terminal.run_toolforge(&homeless);
    assert_eq!(refused.status, Some(1));
    let message = "Mount type none is only supported for build service images";
    assert!(refused.err.contains(message), "{}", refused.err);
    maintainer.terminal.run_successfully(&build_run_words("defaulted", "echo by default"));
    maintainer.wait_for_end("defaulted", Succeeded).await?;

    // Files of output are in the tool's home, where other jobs can read them.
    maintainer.wait_for_end("filed", Succeeded).await?;
    maintainer.wait_for_end("named", Succeeded).await?;
    let elsewhere = maintainer.terminal.run_toolforge(&["jobs", "logs", "filed"]);
    assert_eq!(elsewhere.status, Some(1));
    assert!(elsewhere.err.contains("filed.out and filed.err"), "{}", elsewhere.err);
    maintainer.run_all(&[(
        "reader",
        "cat filed.out filed.err named.out named.err; cat defaulted.out; ls defaulted.* filed.* named.*",
    )]);
    maintainer.wait_for_end("reader", Succeeded).await?;
    let files = ["defaulted.err", "defaulted.out", "filed.err", "filed.out", "named.err", "named.out"];
    let written = ["out", "err", "out", "err", "by default"];
    maintainer.wait_for_log_texts("reader", &[&written, &files[..]].concat()).await?;

    // Limits are enforced, and failed runs are retried.
    let hungry = maintainer.wait_for_end("hungry", Failed).await?;
    assert!(hungry.status.messages[0].contains("more than its 16Mi of memory"), "{:?}", hungry.status);
    maintainer.wait_for_end("stubborn", Failed).await?;
    maintainer.wait_for_log_texts("stubborn", &["one try", "one try", "one try"]).await?;

    // A scheduled job can be started by hand, and its timeout applies.
    let late = maintainer.show_job("late").await?;
    assert!(late.status.run.is_none() && late.status.next_schedule.is_some(), "{late:?}");
    maintainer.run_jobs_command("restart late");
    let late = maintainer.wait_for_end("late", Failed).await?;
    assert!(late.status.messages[0].contains("longer than its 1 seconds"), "{:?}", late.status);
    let shown = maintainer.read_fields("late");
    assert!(shown("Hints:").contains("Next: "), "{}", shown("Hints:"));

    let is_outcome = |mail: &String| mail.contains("hello/mailed");
    let mail = wait_until("a mail", async || Ok(mails.read_mails()?.into_iter().find(is_outcome))).await?;
    for text in ["X-To: ada@example.org", "hello/mailed", "| the last line"] {
        assert!(mail.contains(text), "{text}\n{mail}");
    }

    let listed = maintainer.read_columns();
    for (job, heading, text) in [
        ("unfiled", "File log:", "no"),
        ("named", "File log:", "yes"),
        ("named", "Output log:", "/data/project/hello/named.out"),
        ("named", "Error log:", "/data/project/hello/named.err"),
        ("filed", "Mounts:", "all"),
        ("defaulted", "File log:", "yes"),
        ("hungry", "Resources:", "mem: 16Mi, cpu: 500m"),
        ("stubborn", "Retry:", "yes: 2 time(s)"),
        ("late", "Job type:", "scheduled: @daily"),
        ("late", "Timeout:", "yes: 1s"),
        ("mailed", "Emails:", "onfinish"),
    ] {
        assert_eq!(listed(job, heading), text, "{heading} of {job}");
    }
    Ok(())
}

/// Checks continuous jobs.
pub async fn check_continuous_jobs(hearth: &Hearth, maintainer: &Maintainer) -> Result<()> {
    let visitor = Visitor::for_url(hearth.url())?;
    maintainer.run_all(&[
        ("web --continuous --port 8000/tcp --publish --replicas 2 --health-check-http /well.html --mem 64Mi --cpu 0.2", PAGE_COMMAND),
        ("unwell --continuous -p 8000 --health-check-http /nowhere", PAGE_COMMAND),
        ("names --continuous --port 5353/udp", "echo at $PORT; exec sleep 600"),
    ]);
    let script = ["--continuous", "--health-check-script", "test -e /tmp/well"];
    let scripted = build_run_words("scripted", "touch /tmp/well; exec sleep 600");
    let sick = build_run_words("sick", "exec sleep 600");
    maintainer
        .terminal
        .run_all_successfully(&[&[&scripted[..], &script].concat(), &[&sick[..], &script].concat()]);

    // Visitors and other jobs of the tool can read the page.
    maintainer.wait_for_ready("web", 2).await?;
    wait_until("the page", async || {
        Ok(visitor.visit_page("hello").await?.1.contains("the page").then_some(()))
    })
    .await?;
    maintainer.run_all(&[("caller", "wget -qO- http://web:8000/")]);
    maintainer.wait_for_end("caller", Succeeded).await?;
    maintainer.wait_for_log_texts("caller", &["the page"]).await?;

    // A job whose health check fails is neither ready nor running.
    maintainer.wait_for_ready("scripted", 1).await?;
    for job in ["unwell", "sick"] {
        let unwell = maintainer.wait_for_job(job, |job| job.status_long.contains("0 of 1 are ready")).await?;
        assert_eq!((unwell.status.short, unwell.status.ready), (Pending, 0), "{unwell:?}");
        let hints = maintainer.read_fields(job)("Hints:");
        assert!(hints.contains("0 of 1 are ready"), "{hints}");
    }
    maintainer.wait_for_log_texts("names", &["at 5353"]).await?;

    let quota = maintainer.run_jobs_command("quota");
    for (row, used) in [
        ("Total running jobs at once", "7"),
        ("Running CPU", "2900m"),
        ("Running memory", "2688Mi"),
        ("Cron jobs", "1"),
        ("Continuous jobs", "5"),
    ] {
        let row = quota.lines().find(|line| line.starts_with(row)).unwrap_or_default();
        assert_eq!(row.split_whitespace().rev().nth(1), Some(used), "{quota}");
    }
    let listed = maintainer.read_columns();
    for (job, heading, text) in [
        ("web", "Job type:", "continuous"),
        ("web", "Port:", "8000/tcp"),
        ("web", "Public:", "https://hello.toolforge.org/"),
        ("web", "Replicas:", "2"),
        ("web", "Resources:", "mem: 64Mi, cpu: 200m"),
        ("web", "Health check:", "http: /well.html"),
        ("names", "Port:", "5353/udp"),
        ("scripted", "Health check:", "script: test -e /tmp/well"),
    ] {
        assert_eq!(listed(job, heading), text, "{heading} of {job}");
    }
    check_list_and_delete(maintainer)?;

    // The route is free again, for a webservice without a name.
    let serve = ["jobs", "run", "--webservice", "--image", "bookworm", "--command", PAGE_COMMAND];
    maintainer.terminal.run_successfully(&serve);
    maintainer.wait_for_ready("webservice", 1).await?;
    wait_until("its page", async || {
        Ok(visitor.visit_page("hello").await?.1.contains("the page").then_some(()))
    })
    .await?;
    let shown = maintainer.read_fields("webservice");
    assert_eq!(["Job type:", "Public:"].map(shown), ["webservice", "https://hello.toolforge.org/"]);
    Ok(())
}

fn check_list_and_delete(maintainer: &Maintainer) -> Result<()> {
    let [plain, long, older, names] = maintainer
        .terminal
        .run_all_successfully(&[
            &["jobs", "list"],
            &["jobs", "list", "--output", "long"],
            &["jobs", "list", "-l"],
            &["jobs", "list", "-o", "name"],
        ])
        .try_into()
        .unwrap();
    for text in ["one-off", "scheduled: @daily", "continuous", "Failed", "Running"] {
        assert!(
            plain.contains(text) && long.contains(text) && older.contains(text),
            "{text}\n{plain}\n{long}"
        );
    }
    assert!(!plain.contains("tail /dev/zero") && long.contains("tail /dev/zero"), "{plain}\n{long}");
    assert!(
        names.lines().eq([
            "caller",
            "defaulted",
            "filed",
            "hungry",
            "late",
            "mailed",
            "named",
            "names",
            "reader",
            "scripted",
            "sick",
            "slow",
            "stubborn",
            "unfiled",
            "unwell",
            "waited",
            "web",
        ]),
        "{names}"
    );
    let deleted = ["web", "sick", "unwell", "names"];
    let deleting = deleted.map(|job| ["jobs", "delete", job]);
    maintainer.terminal.run_all_successfully(&deleting.each_ref().map(|words| &words[..]));
    let remaining = maintainer.run_jobs_command("list -o name");
    assert!(!remaining.lines().any(|name| deleted.contains(&name)), "{remaining}");
    Ok(())
}
