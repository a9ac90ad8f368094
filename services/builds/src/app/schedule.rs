//! Choice of the next build for a builder: a pure function of the queue.
//!
//! | rule | effect |
//! |---|---|
//! | abandoned builds first | a build whose builder died or lost its lease continues before another one begins |
//! | one build of a tool at a time | its builds share one cache; so the tools of the candidates all run no build |
//! | longest waiting tool | tools take turns: after a build its tool waits behind all others |
//! | labels | a tool that an operator bound to a label waits for a builder with it |
//! | previews | a build of a preview waits for a builder that keeps it apart from its tool |
//! | slots | a builder runs no more builds than it has slots, and all builders together no more than the limit |
//! | short builds keep slots | builds that are expected to be long leave a quarter of all slots free |

use hearth_base::ToolId;
use jiff::{SignedDuration, Timestamp};

/// A tool whose next build can begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateBuild {
    pub tool: ToolId,
    /// Time since which the tool waits for a builder.
    pub waiting_since: Timestamp,
    pub expected: Option<SignedDuration>,
    /// Label that the builder must have.
    pub label: Option<String>,
    /// True if a builder began the build and died.
    pub is_abandoned: bool,
    /// True for a build of a preview.
    pub is_preview: bool,
}

/// A build that a builder runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningBuild {
    pub builder: Option<String>,
    pub expected: Option<SignedDuration>,
}

/// The builder that claims. One without an identity has no slots that can be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimingBuilder<'a> {
    pub id: Option<&'a str>,
    pub labels: &'a [String],
    pub slots: u32,
    /// True if it keeps builds of previews apart from their tool, which one of an earlier release does not.
    pub isolates_previews: bool,
}

/// Limits that the build service holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleLimits {
    /// Builds that run at one time.
    pub max_running: u32,
    /// Slots of all builders that get builds; 0 if they are unknown.
    pub total_slots: u32,
    /// Expected duration from which a build counts as long.
    pub long_build: SignedDuration,
}

impl ScheduleLimits {
    /// Most long builds at one time: a quarter of the slots, at least one, is left to short builds. A single slot is for
    /// all builds.
    fn max_long_builds(self) -> u32 {
        match self.total_slots {
            0 => u32::MAX,
            1 => 1,
            slots => slots - slots.div_ceil(4),
        }
    }

    fn is_long(self, expected: Option<SignedDuration>) -> bool {
        expected.is_some_and(|expected| expected >= self.long_build)
    }
}

/// Chooses the tool whose next build the builder gets; `None` if it has to wait.
pub fn choose_next_tool(
    candidates: &[CandidateBuild],
    running: &[RunningBuild],
    builder: &ClaimingBuilder<'_>,
    limits: ScheduleLimits,
) -> Option<ToolId> {
    let count = |which: &dyn Fn(&RunningBuild) -> bool| {
        u32::try_from(running.iter().filter(|build| which(build)).count()).unwrap_or(u32::MAX)
    };
    let own = count(&|build| builder.id.is_some() && build.builder.as_deref() == builder.id);
    if count(&|_| true) >= limits.max_running || builder.id.is_some() && own >= builder.slots {
        return None;
    }
    let long_builds_fit = count(&|build| limits.is_long(build.expected)) < limits.max_long_builds();
    let fits = |candidate: &&CandidateBuild| {
        let has_label = candidate.label.as_ref().is_none_or(|label| builder.labels.contains(label));
        let may_run = has_label && (builder.isolates_previews || !candidate.is_preview);
        may_run && (long_builds_fit || candidate.is_abandoned || !limits.is_long(candidate.expected))
    };
    let first = candidates
        .iter()
        .filter(fits)
        .min_by_key(|candidate| (!candidate.is_abandoned, candidate.waiting_since, candidate.tool));
    first.map(|candidate| candidate.tool)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_base::Entropy;

    fn tool() -> ToolId {
        ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System)
    }

    fn build_candidate(since: i64, minutes: i64) -> CandidateBuild {
        CandidateBuild {
            tool: tool(),
            waiting_since: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(since),
            expected: Some(SignedDuration::from_mins(minutes)),
            label: None,
            is_abandoned: false,
            is_preview: false,
        }
    }

    fn running(builder: &str, minutes: i64) -> RunningBuild {
        RunningBuild { builder: Some(builder.to_owned()), expected: Some(SignedDuration::from_mins(minutes)) }
    }

    const TEST_LIMITS: ScheduleLimits =
        ScheduleLimits { max_running: 10, total_slots: 4, long_build: SignedDuration::from_mins(5) };
    const TEST_BUILDER: ClaimingBuilder<'_> =
        ClaimingBuilder { id: Some("a"), labels: &[], slots: 4, isolates_previews: true };

    #[test]
    fn longest_waiting_tool_is_next() {
        let candidates = [build_candidate(9, 1), build_candidate(3, 1), build_candidate(5, 1)];
        assert_eq!(choose_next_tool(&candidates, &[], &TEST_BUILDER, TEST_LIMITS), Some(candidates[1].tool));
        assert_eq!(choose_next_tool(&[], &[], &TEST_BUILDER, TEST_LIMITS), None);
    }

    #[test]
    fn abandoned_build_continues_before_others_begin() {
        let mut candidates = [build_candidate(3, 1), build_candidate(9, 60)];
        candidates[1].is_abandoned = true;
        let long = [running("b", 9), running("b", 9), running("b", 9)];
        assert_eq!(
            choose_next_tool(&candidates, &long, &TEST_BUILDER, TEST_LIMITS),
            Some(candidates[1].tool)
        );
    }

    #[test]
    fn long_builds_leave_a_quarter_of_the_slots_to_short_ones() {
        let candidates = [build_candidate(1, 30), build_candidate(2, 1)];
        let long = |count| vec![running("b", 30); count];
        assert_eq!(
            choose_next_tool(&candidates, &long(2), &TEST_BUILDER, TEST_LIMITS),
            Some(candidates[0].tool)
        );
        assert_eq!(
            choose_next_tool(&candidates, &long(3), &TEST_BUILDER, TEST_LIMITS),
            Some(candidates[1].tool)
        );
        assert_eq!(choose_next_tool(&candidates[..1], &long(3), &TEST_BUILDER, TEST_LIMITS), None);
        for (slots, most) in [(0, u32::MAX), (1, 1), (2, 1), (3, 2), (4, 3), (5, 3), (8, 6), (9, 6)] {
            assert_eq!(
                ScheduleLimits { total_slots: slots, ..TEST_LIMITS }.max_long_builds(),
                most,
                "{slots}"
            );
        }
    }

    #[test]
    fn slots_of_a_builder_and_of_all_builders_are_limits() {
        let candidates = [build_candidate(1, 1)];
        let small = ClaimingBuilder { slots: 2, ..TEST_BUILDER };
        let own = [running("a", 1), running("a", 1)];
        assert_eq!(choose_next_tool(&candidates, &own, &small, TEST_LIMITS), None);
        assert!(choose_next_tool(&candidates, &own[..1], &small, TEST_LIMITS).is_some());
        assert!(
            choose_next_tool(&candidates, &own, &ClaimingBuilder { id: None, ..small }, TEST_LIMITS)
                .is_some()
        );
        let few = ScheduleLimits { max_running: 2, ..TEST_LIMITS };
        assert_eq!(
            choose_next_tool(&candidates, &[running("b", 1), running("c", 1)], &TEST_BUILDER, few),
            None
        );
    }

    #[test]
    fn tool_with_a_label_waits_for_a_builder_that_has_it() {
        let mut candidates = [build_candidate(1, 1), build_candidate(2, 1)];
        candidates[0].label = Some("large".to_owned());
        assert_eq!(choose_next_tool(&candidates, &[], &TEST_BUILDER, TEST_LIMITS), Some(candidates[1].tool));
        let labels = ["large".to_owned()];
        let large = ClaimingBuilder { labels: &labels, ..TEST_BUILDER };
        assert_eq!(choose_next_tool(&candidates, &[], &large, TEST_LIMITS), Some(candidates[0].tool));
    }

    #[test]
    fn build_of_a_preview_waits_for_a_builder_that_isolates_it() {
        let preview = CandidateBuild { is_preview: true, is_abandoned: true, ..build_candidate(0, 1) };
        let other = build_candidate(1, 1);
        let candidates = [preview.clone(), other.clone()];
        let former = ClaimingBuilder { isolates_previews: false, ..TEST_BUILDER };
        let choose = |builder| choose_next_tool(&candidates, &[], builder, TEST_LIMITS);
        assert_eq!((choose(&TEST_BUILDER), choose(&former)), (Some(preview.tool), Some(other.tool)));
        assert_eq!(choose_next_tool(&candidates[..1], &[], &former, TEST_LIMITS), None);
    }
}
