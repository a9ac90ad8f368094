//! The conformance suite that every runtime must pass, as cases over a [`Harness`]: for the fake, the fake
//! behind its socket, this machine and a cluster. [`crate::conformance_tests!`] generates one test per case.

pub mod exec;
pub mod features;
mod harness;
pub mod images;
pub mod keep;
pub mod logs;
pub mod once;
mod polling;
pub mod probes;
pub mod rollout;
pub mod state;
pub mod storage;

pub use harness::{Bench, Harness};
pub use polling::poll_moments;

/// Generates one `#[tokio::test]` per case. The argument is a path to an `async fn() -> Bench`.
#[macro_export]
macro_rules! conformance_tests {
    ($bench:path) => {
        $crate::conformance_tests! { @cases $bench;
            once: [
                a_run_ends_with_its_status, a_run_ends_by_a_signal, a_run_is_started_at_most_once,
                an_acknowledged_run_never_starts_again, running_workload_cannot_be_acknowledged,
                a_run_is_stopped_by_its_signal, a_stubborn_run_is_killed_after_its_grace,
                a_run_ends_at_its_time_limit, run_beyond_its_memory_limit_ends_as_out_of_memory,
                run_writes_no_more_than_its_disk_limit,
                missing_program_is_reported_as_not_started, the_environment_arrives, outcome_reports_memory_and_processor_time,
                a_sealed_variable_is_opened_for_its_run, value_sealed_for_another_tool_or_job_is_refused,
            ];
            keep: [
                ended_container_is_started_again, first_container_has_the_requested_start_number,
                replicas_follow_the_number_wanted,
                a_restart_replaces_each_container, a_change_of_replicas_restarts_nothing,
                a_stopped_set_stays_stopped_until_a_higher_generation,
                a_shorter_grace_applies_to_a_stopping_container,
            ];
            probes: [
                container_without_probes_is_ready_when_it_runs, container_becomes_ready_when_its_probe_passes,
                container_that_never_answers_is_not_ready_and_goes_on, container_becomes_unready_again,
                exec_probe_runs_in_the_container, failed_liveness_probe_restarts_the_container,
                container_that_misses_its_start_deadline_is_restarted,
                container_that_ends_during_a_probe_ends_as_it_does,
                change_of_probes_restarts_nothing, probes_of_a_run_are_refused,
                hanging_probes_of_one_tool_delay_no_other, readiness_survives_a_restart_of_the_runtime,
            ];
            rollout: [
                old_container_serves_until_the_new_one_is_ready,
                old_container_serves_until_the_new_one_was_ready_for_min_ready,
                replaced_container_drains_before_it_ends,
                draining_container_serves_again_when_its_replacement_does_not,
                surplus_container_drains_before_it_ends,
                replacement_that_never_became_ready_is_replaced,
                rollback_keeps_the_container_that_still_runs,
                failed_replacement_is_restarted_beside_the_one_that_serves,
            ];
            state: [
                a_lower_generation_is_refused, a_stop_before_the_apply_wins,
                an_observer_is_woken_by_a_change, cursor_of_an_earlier_process_lists_everything,
                a_workload_that_breaks_a_rule_is_refused, host_check_describes_each_item,
            ];
            logs: [
                lines_come_in_order_with_their_stream, reader_continues_from_a_sequence,
                a_reader_waits_for_the_next_line,
            ];
            exec: [
                a_second_program_has_streams_and_a_status, input_reaches_a_second_program,
                exec_in_an_ended_container_is_refused, a_sealed_variable_is_opened_for_a_second_program,
            ];
            images: [
                a_layer_is_missing_until_added, bytes_of_another_layer_are_refused, a_truncated_layer_is_refused,
                a_layer_that_unpacks_to_something_else_is_refused, a_layer_of_no_known_image_is_refused,
                an_image_with_other_layers_is_refused, a_workload_of_a_missing_image_is_refused,
                two_images_share_a_layer, a_used_image_stays, an_image_that_was_used_lately_stays,
                images_survive_a_restart,
            ];
            features: [
                unsupported_features_are_refused_by_their_codes, file_sessions_and_refreshes_are_refused_by_their_codes,
                impossible_workloads_break_a_rule,
            ];
            storage: [
                a_home_outlives_its_runs, tools_do_not_share_a_home, an_erased_home_is_empty,
                a_tool_that_runs_is_not_erased, usage_covers_running_containers_only,
            ];
        }
    };
    (@cases $bench:path; $($module:ident: [$($case:ident),* $(,)?];)*) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let bench = $bench().await;
                $crate::conformance::$module::$case(&bench).await;
                bench.close().await;
            })*
        })*
    };
}
