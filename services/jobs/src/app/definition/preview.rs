//! Jobs of previews: they are isolated from their tool, and end with the preview.

use hearth_base::{Error, Result};
use hearth_wire::jobs::{JobPreview, JobType, MountMode};
use jiff::Timestamp;

use crate::store::JobSpec;

/// Validates that a job is part of a preview if and only if its name ends in `--pr-NUMBER`, and that a job of a preview
/// has nothing of its tool. `current` is the job that changes, if it exists: one that has had such a name since before
/// there were previews stays a job of the tool. Error `preview` (invalid).
pub fn validate_preview(job: &JobSpec, current: Option<&JobSpec>, now: Timestamp) -> Result<()> {
    let name = &job.name;
    let is_job_of_tool = current.is_some_and(|current| current.preview.is_none());
    match (job.preview, name.find_preview()) {
        (None, None) => Ok(()),
        (None, Some(_)) if is_job_of_tool => Ok(()),
        (None, Some(number)) => Err(preview_error(
            &format!("job {name} is named as a job of preview {number}, but its field preview is missing"),
            "set preview to the end of the preview, or choose a name that does not end in --pr-NUMBER",
        )),
        (Some(_), None) => Err(preview_error(
            &format!("field preview is set for job {name}, whose name does not end in --pr-NUMBER"),
            &format!("call it {name}--pr-NUMBER, or leave preview out"),
        )),
        (Some(_), Some(number)) if is_job_of_tool => Err(preview_error(
            &format!("job {name} is a job of the tool and cannot become one of preview {number}"),
            &format!("delete it first: hearth jobs delete {name}"),
        )),
        (Some(preview), Some(_)) => {
            validate_expiry(preview, now)?;
            validate_isolation(job)
        }
    }
}

fn validate_expiry(preview: JobPreview, now: Timestamp) -> Result<()> {
    let JobPreview { expires } = preview;
    let latest = now.saturating_add(JobPreview::MAX_LIFETIME).map_err(Error::internal)?;
    if now < expires && expires <= latest {
        return Ok(());
    }
    let what = format!(
        "field preview.expires is out of range: {expires}; expected a time after {now}, until {latest}"
    );
    Err(preview_error(&what, "set it to a time within the next 30 days"))
}

/// Refuses what a job of a preview would have of its tool, and schedules, since nobody sees their runs.
fn validate_isolation(job: &JobSpec) -> Result<()> {
    let writes_files =
        job.filelog == Some(true) || job.filelog_stdout.is_some() || job.filelog_stderr.is_some();
    let refused = [
        ("schedule", job.job_type == JobType::Scheduled),
        ("mount", job.mount == Some(MountMode::All)),
        ("filelog", writes_files),
    ];
    match refused.into_iter().find(|(_, is_set)| *is_set) {
        None => Ok(()),
        Some((field, _)) => Err(preview_error(
            &format!(
                "job {} of a preview has the field {field}; previews have no schedules and no home",
                job.name
            ),
            &format!("leave {field} out"),
        )),
    }
}

fn preview_error(what: &str, help: &str) -> Error {
    Error::invalid("preview", what).help(help)
}

#[cfg(test)]
mod tests {
    use hearth_wire::jobs::JobCreate;
    use jiff::SignedDuration;

    use super::*;

    const TEST_TIME: Timestamp = Timestamp::UNIX_EPOCH;

    fn build_spec(name: &str, hours: Option<i64>, change: impl FnOnce(&mut JobCreate)) -> Result<JobSpec> {
        let mut job = JobCreate::new(name.parse()?, "web", "./run");
        job.preview =
            hours.map(|hours| JobPreview { expires: TEST_TIME + SignedDuration::from_hours(hours) });
        change(&mut job);
        JobSpec::from_create(job)
    }

    fn find_refusal(
        name: &str,
        hours: Option<i64>,
        change: impl FnOnce(&mut JobCreate),
    ) -> Result<Option<String>> {
        let spec = build_spec(name, hours, change)?;
        Ok(validate_preview(&spec, None, TEST_TIME).err().map(|error| error.code().to_owned()))
    }

    #[test]
    fn job_has_a_preview_if_and_only_if_its_name_says_so() -> Result<()> {
        let refused = Some("preview".to_owned());
        assert_eq!(find_refusal("web", None, |_| ())?, None);
        assert_eq!(find_refusal("web--staging", None, |_| ())?, None);
        assert_eq!(find_refusal("web--pr-7", Some(1), |_| ())?, None);
        assert_eq!(find_refusal("web--pr-7", None, |_| ())?, refused);
        for name in ["web", "web--staging", "pr-7", "web--pr-07", "web--pr-0"] {
            assert_eq!(find_refusal(name, Some(1), |_| ())?, refused, "{name}");
        }
        Ok(())
    }

    #[test]
    fn job_of_the_tool_never_becomes_one_of_a_preview() -> Result<()> {
        let (of_tool, of_preview) =
            (build_spec("web--pr-7", None, |_| ())?, build_spec("web--pr-7", Some(1), |_| ())?);
        let is_refused = |wanted, current| validate_preview(wanted, Some(current), TEST_TIME).is_err();
        assert!(!is_refused(&of_tool, &of_tool) && !is_refused(&of_preview, &of_preview));
        assert!(is_refused(&of_preview, &of_tool) && is_refused(&of_tool, &of_preview));
        Ok(())
    }

    #[test]
    fn preview_ends_within_30_days() -> Result<()> {
        assert_eq!(find_refusal("web--pr-7", Some(30 * 24), |_| ())?, None);
        for hours in [-1, 0, 30 * 24 + 1] {
            assert_eq!(
                find_refusal("web--pr-7", Some(hours), |_| ())?.as_deref(),
                Some("preview"),
                "{hours}"
            );
        }
        Ok(())
    }

    #[test]
    fn job_of_a_preview_has_neither_home_nor_schedule() -> Result<()> {
        let code = |change: fn(&mut JobCreate)| find_refusal("web--pr-7", Some(1), change);
        let refused: [fn(&mut JobCreate); 4] = [
            |job| job.schedule = Some("@daily".to_owned()),
            |job| job.mount = Some(MountMode::All),
            |job| job.filelog = Some(true),
            |job| (job.filelog, job.filelog_stderr) = (None, Some("a.err".to_owned())),
        ];
        for change in refused {
            assert_eq!(code(change)?.as_deref(), Some("preview"));
        }
        assert_eq!(code(|job| (job.mount, job.filelog) = (Some(MountMode::None), Some(false)))?, None);
        Ok(())
    }
}
