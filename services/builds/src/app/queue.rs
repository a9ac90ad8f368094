//! Expected durations of builds, and places of waiting builds in the queue.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hearth_base::{BuildId, Result, ToolId};
use hearth_wire::builds::{BuildQueuePlace, BuildStatus};
use jiff::{SignedDuration, Timestamp};

use super::{build_task::BUILD_TASK, builders};
use crate::{context::BuildsContext, store::QueuedBuild};

/// Past builds of a tool whose median is its expected duration.
const MAX_TOOL_BUILDS: u64 = 10;
/// Past builds of all tools whose median is the expected duration of a tool without builds.
const MAX_OTHER_BUILDS: u64 = 50;
/// Expected duration before any build has ended.
const FIRST_BUILD_DURATION: SignedDuration = SignedDuration::from_secs(60);

/// Most slots in a simulation: more change no place noticeably.
const MAX_SLOTS: usize = 10_000;

/// Estimates the duration of a tool's next build: the median of its past builds, or else of all tools'.
pub async fn estimate_duration(cx: &BuildsContext, tool: ToolId) -> Result<Option<SignedDuration>> {
    let own = cx.store.list_past_durations(Some(tool), MAX_TOOL_BUILDS).await?;
    match find_median(own) {
        None => Ok(find_median(cx.store.list_past_durations(None, MAX_OTHER_BUILDS).await?)),
        median => Ok(median),
    }
}

fn find_median(mut durations: Vec<SignedDuration>) -> Option<SignedDuration> {
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied()
}

/// Computes the places of all waiting builds.
pub async fn compute_places(cx: &BuildsContext) -> Result<BTreeMap<BuildId, BuildQueuePlace>> {
    let builds = cx.store.list_queued_builds(cx.store.db_reader()).await?;
    let items = cx.store.queue.list_queued_items(cx.store.db_reader(), None, BUILD_TASK).await?;
    let builders = cx.store.list_builders().await?;
    let turns = items.iter().filter_map(|item| Some((item.key.parse().ok()?, item.due_at)));
    let slots = builders::count_slots(&builders, &builds, cx.now()).min(cx.settings.running_builds);
    Ok(simulate_queue(&builds, &turns.collect(), slots, cx.now()))
}

/// A tool in the simulation; times are in seconds from now.
struct SimulatedTool<'a> {
    /// Time since which it waits for a builder.
    waiting_since: i64,
    /// Time at which its running build ends.
    ready_at: i64,
    builds: VecDeque<&'a QueuedBuild>,
}

/// Simulates the queue by expected durations: each free slot takes the next build of the tool that waits longest and
/// runs none. Labels and the slots for short builds are left out. `turns` are the times since which tools wait.
fn simulate_queue(
    builds: &[QueuedBuild],
    turns: &BTreeMap<ToolId, Timestamp>,
    slots: u32,
    now: Timestamp,
) -> BTreeMap<BuildId, BuildQueuePlace> {
    let seconds_of = |build: &QueuedBuild| build.expected.unwrap_or(FIRST_BUILD_DURATION).as_secs().max(1);
    let mut tools: BTreeMap<ToolId, SimulatedTool<'_>> = BTreeMap::new();
    let mut slot_ends = Vec::new();
    for build in builds {
        let tool = tools.entry(build.tool).or_insert_with(|| SimulatedTool {
            waiting_since: turns.get(&build.tool).map_or(0, |turn| turn.duration_since(now).as_secs().min(0)),
            ready_at: 0,
            builds: VecDeque::new(),
        });
        if build.status == BuildStatus::BuildPending {
            tool.builds.push_back(build);
        } else {
            let elapsed = build.started.map_or(0, |started| now.duration_since(started).as_secs());
            tool.ready_at = (seconds_of(build) - elapsed).max(1);
            tool.waiting_since = tool.ready_at;
            slot_ends.push(tool.ready_at);
        }
    }
    // Without a builder the order is known, but not the time.
    let is_served = slots > 0 || !slot_ends.is_empty();
    slot_ends
        .resize(slot_ends.len().max(usize::try_from(slots).unwrap_or(usize::MAX)).clamp(1, MAX_SLOTS), 0);
    let mut free_slots: BTreeSet<(i64, usize)> = slot_ends.into_iter().zip(0..).collect();
    let mut places = BTreeMap::new();
    while let Some((slot_end, slot)) = free_slots.pop_first() {
        tools.retain(|_, tool| !tool.builds.is_empty());
        let Some(first_ready) = tools.values().map(|tool| tool.ready_at).min() else { break };
        let start = slot_end.max(first_ready);
        let ready = tools.iter_mut().filter(|(_, tool)| tool.ready_at <= start);
        let Some((_, tool)) = ready.min_by_key(|(id, tool)| (tool.waiting_since, **id)) else { break };
        let Some(build) = tool.builds.pop_front() else { break };
        let end = start + seconds_of(build);
        (tool.ready_at, tool.waiting_since) = (end, end);
        free_slots.insert((end, slot));
        let position = u32::try_from(places.len() + 1).unwrap_or(u32::MAX);
        let expected_wait = is_served.then(|| start.unsigned_abs());
        places.insert(build.id, BuildQueuePlace { position, expected_wait });
    }
    places
}

/// Describes a place for the log of a waiting build.
pub fn describe_place(place: BuildQueuePlace) -> String {
    let position = place.position;
    match place.expected_wait {
        None => format!("waiting for a builder: place {position} in the queue; no builder is running"),
        Some(seconds @ 0..90) => {
            format!("waiting for a builder: place {position} in the queue, about {seconds} s")
        }
        Some(seconds) => {
            let minutes = seconds.div_ceil(60);
            format!("waiting for a builder: place {position} in the queue, about {minutes} min")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_base::Entropy;

    fn build(tool: ToolId, status: BuildStatus, seconds: i64) -> QueuedBuild {
        QueuedBuild {
            id: BuildId::new(Timestamp::UNIX_EPOCH, &Entropy::System),
            tool,
            tool_name: "some-tool".parse().unwrap(),
            status,
            settled: status == BuildStatus::BuildPending,
            started: Some(Timestamp::UNIX_EPOCH),
            expected: Some(SignedDuration::from_secs(seconds)),
            builder: None,
            is_preview: false,
        }
    }

    fn list_places(builds: &[QueuedBuild], slots: u32) -> Vec<Option<(u32, Option<u64>)>> {
        let turns = builds.iter().map(|build| (build.tool, Timestamp::UNIX_EPOCH)).collect();
        let places = simulate_queue(builds, &turns, slots, Timestamp::UNIX_EPOCH);
        builds.iter().map(|build| places.get(&build.id).map(|at| (at.position, at.expected_wait))).collect()
    }

    #[test]
    fn tools_take_turns_in_the_estimate() {
        let mut tools: Vec<ToolId> =
            (0..2).map(|_| ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System)).collect();
        tools.sort();
        let pending = |tool| build(tool, BuildStatus::BuildPending, 10);
        let builds = [pending(tools[0]), pending(tools[0]), pending(tools[1])];
        assert_eq!(
            list_places(&builds, 1),
            [Some((1, Some(0))), Some((3, Some(20))), Some((2, Some(10)))],
            "the second build of a tool waits for the first of another"
        );
        assert_eq!(list_places(&builds, 2), [Some((1, Some(0))), Some((3, Some(10))), Some((2, Some(0)))]);
    }

    #[test]
    fn waiting_build_starts_when_the_running_one_is_expected_to_end() {
        let tool = |_| ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
        let builds =
            [build(tool(0), BuildStatus::BuildRunning, 40), build(tool(1), BuildStatus::BuildPending, 10)];
        assert_eq!(list_places(&builds, 1), [None, Some((1, Some(40)))]);
        assert_eq!(list_places(&builds[1..], 0), [Some((1, None))]);
    }

    #[test]
    fn median_of_past_builds_is_expected() {
        let seconds =
            |all: &[i64]| find_median(all.iter().map(|one| SignedDuration::from_secs(*one)).collect());
        assert_eq!(seconds(&[]), None);
        assert_eq!(seconds(&[100, 1, 3]), Some(SignedDuration::from_secs(3)));
    }
}
