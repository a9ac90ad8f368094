//! `toolforge jobs run` with each of its flags, and what each of them does.

use hearth_base::Result;
use hearth_testkit::{Hearth, MailServer, until};
use hearth_wire::jobs::StatusShort::{Failed, Running, Succeeded};

use super::maintainer::{Maintainer, run};
use crate::whole::Visitor;

/// Answers at the job's port with a page, and at `/well.html`.
const PAGE: &str = "mkdir /tmp/www; echo the page > /tmp/www/index.html; echo yes > /tmp/www/well.html; \
                    exec httpd -f -p $PORT -h /tmp/www";

/// Jobs that run once, or by schedule.
pub async fn jobs_that_end(hearth: &Hearth, maintainer: &Maintainer, mails: &MailServer) -> Result<()> {
    let images = maintainer.jobs("images");
    assert!(images.contains("bookworm"), "{images}");
    let keyboard = maintainer.person.keyboard(hearth).await?;
    keyboard.done(&["notify", "email", "ada@example.org", "--tool", "hello"]).await?;
    maintainer.run_all(&[
        ("stubborn --retry 2", "echo one try; exit 3"),
        ("hungry --mem 16Mi", "tail /dev/zero"),
        ("mailed --emails onfinish", "echo the last line"),
        ("homeless --mount none", "echo home $HOME"),
        ("filed --mount all --filelog", "echo out; echo err >&2"),
        ("named -o named.out --filelog-stderr named.err", "echo out; echo err >&2"),
        ("unfiled --no-filelog", "echo home $HOME"),
        ("late --schedule @daily --timeout 1", "sleep 600"),
    ]);

    maintainer.ended("unfiled", Succeeded).await?;
    maintainer.reads("unfiled", &["home /data/project/hello"]).await?;
    maintainer.ended("homeless", Succeeded).await?;
    maintainer.reads("homeless", &["home /"]).await?;

    // What goes to files is in the home of the tool, for its other jobs too.
    maintainer.ended("filed", Succeeded).await?;
    maintainer.ended("named", Succeeded).await?;
    let elsewhere = maintainer.terminal.toolforge(&["jobs", "logs", "filed"]);
    assert_eq!(elsewhere.status, Some(1));
    assert!(elsewhere.err.contains("filed.out and filed.err"), "{}", elsewhere.err);
    maintainer.run_all(&[("reader", "cat filed.out filed.err named.out named.err; ls")]);
    maintainer.ended("reader", Succeeded).await?;
    let files = ["filed.err", "filed.out", "named.err", "named.out"];
    maintainer.reads("reader", &[&["out", "err", "out", "err"], &files[..]].concat()).await?;

    // Limits are kept, and failures tried again.
    let hungry = maintainer.ended("hungry", Failed).await?;
    assert!(hungry.status.messages[0].contains("more than its 16Mi of memory"), "{:?}", hungry.status);
    maintainer.ended("stubborn", Failed).await?;
    maintainer.reads("stubborn", &["one try", "one try", "one try"]).await?;

    // A scheduled job runs when it is due, or now when somebody wishes; not for longer than it may.
    let late = maintainer.job("late").await?;
    assert!(late.status.run.is_none() && late.status.next_schedule.is_some(), "{late:?}");
    maintainer.jobs("restart late");
    let late = maintainer.ended("late", Failed).await?;
    assert!(late.status.messages[0].contains("longer than its 1 seconds"), "{:?}", late.status);
    let shown = maintainer.shown("late");
    assert!(shown("Hints:").contains("Next: "), "{}", shown("Hints:"));

    let mail = until("a mail", async || Ok(mails.mails()?.pop())).await?;
    for told in ["X-To: ada@example.org", "hello/mailed", "| the last line"] {
        assert!(mail.contains(told), "{told}\n{mail}");
    }

    let listed = maintainer.listed();
    for (job, heading, told) in [
        ("unfiled", "File log:", "no"),
        ("named", "File log:", "yes"),
        ("named", "Output log:", "/data/project/hello/named.out"),
        ("named", "Error log:", "/data/project/hello/named.err"),
        ("filed", "Mounts:", "all"),
        ("homeless", "Mounts:", "none"),
        ("hungry", "Resources:", "mem: 16Mi, cpu: 500m"),
        ("stubborn", "Retry:", "yes: 2 time(s)"),
        ("late", "Job type:", "scheduled: @daily"),
        ("late", "Timeout:", "yes: 1s"),
        ("mailed", "Emails:", "onfinish"),
    ] {
        assert_eq!(listed(job, heading), told, "{heading} of {job}");
    }
    Ok(())
}

/// Jobs that are kept running.
pub async fn jobs_that_go_on(hearth: &Hearth, maintainer: &Maintainer) -> Result<()> {
    let visitor = Visitor::at(hearth.url())?;
    maintainer.run_all(&[
        ("web --continuous --port 8000/tcp --publish --replicas 2 --health-check-http /well.html --mem 64Mi --cpu 0.2", PAGE),
        ("unwell --continuous -p 8000 --health-check-http /nowhere", PAGE),
        ("names --continuous --port 5353/udp", "echo at $PORT; exec sleep 600"),
    ]);
    let script = ["--continuous", "--health-check-script", "test -e /tmp/well"];
    let begins = run("scripted", "touch /tmp/well; exec sleep 600");
    let sick = run("sick", "exec sleep 600");
    maintainer.terminal.all_done(&[&[&begins[..], &script].concat(), &[&sick[..], &script].concat()]);

    // The page: for visitors, and for the tool's other jobs.
    maintainer.ready("web", 2).await?;
    until("the page", async || Ok(visitor.visits("hello").await?.1.contains("the page").then_some(())))
        .await?;
    maintainer.run_all(&[("caller", "wget -qO- http://web:8000/")]);
    maintainer.ended("caller", Succeeded).await?;
    maintainer.reads("caller", &["the page"]).await?;

    // Whoever is asked how it is and says nothing good is not ready.
    maintainer.ready("scripted", 1).await?;
    for job in ["unwell", "sick"] {
        let unwell = maintainer.until(job, |job| job.status.short == Running).await?;
        assert_eq!(unwell.status.ready, 0, "{unwell:?}");
        let hints = maintainer.shown(job)("Hints:");
        assert!(hints.contains("0 of 1 are ready"), "{hints}");
    }
    maintainer.reads("names", &["at 5353"]).await?;

    let quota = maintainer.jobs("quota");
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
    let listed = maintainer.listed();
    for (job, heading, told) in [
        ("web", "Job type:", "continuous"),
        ("web", "Port:", "8000/tcp"),
        ("web", "Public:", "https://hello.toolforge.org/"),
        ("web", "Replicas:", "2"),
        ("web", "Resources:", "mem: 64Mi, cpu: 200m"),
        ("web", "Health check:", "http: /well.html"),
        ("names", "Port:", "5353/udp"),
        ("scripted", "Health check:", "script: test -e /tmp/well"),
    ] {
        assert_eq!(listed(job, heading), told, "{heading} of {job}");
    }
    what_is_listed_and_deleted(maintainer)?;

    // The page is free again, for a webservice without a name.
    let serve = ["jobs", "run", "--webservice", "--image", "bookworm", "--command", PAGE];
    maintainer.terminal.done(&serve);
    maintainer.ready("webservice", 1).await?;
    until("its page", async || Ok(visitor.visits("hello").await?.1.contains("the page").then_some(())))
        .await?;
    let shown = maintainer.shown("webservice");
    assert_eq!(["Job type:", "Public:"].map(shown), ["webservice", "https://hello.toolforge.org/"]);
    Ok(())
}

fn what_is_listed_and_deleted(maintainer: &Maintainer) -> Result<()> {
    let [plain, long, older, names] = maintainer
        .terminal
        .all_done(&[
            &["jobs", "list"],
            &["jobs", "list", "--output", "long"],
            &["jobs", "list", "-l"],
            &["jobs", "list", "-o", "name"],
        ])
        .try_into()
        .unwrap();
    for told in ["one-off", "scheduled: @daily", "continuous", "Failed", "Running"] {
        assert!(
            plain.contains(told) && long.contains(told) && older.contains(told),
            "{told}\n{plain}\n{long}"
        );
    }
    assert!(!plain.contains("tail /dev/zero") && long.contains("tail /dev/zero"), "{plain}\n{long}");
    assert!(
        names.lines().eq([
            "caller", "filed", "homeless", "hungry", "late", "mailed", "named", "names", "reader",
            "scripted", "sick", "slow", "stubborn", "unfiled", "unwell", "waited", "web",
        ]),
        "{names}"
    );
    let gone = ["web", "sick", "unwell", "names"];
    let deleting = gone.map(|job| ["jobs", "delete", job]);
    maintainer.terminal.all_done(&deleting.each_ref().map(|words| &words[..]));
    let left = maintainer.jobs("list -o name");
    assert!(!left.lines().any(|name| gone.contains(&name)), "{left}");
    Ok(())
}
