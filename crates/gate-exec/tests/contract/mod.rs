//! What a wrapped tool and its caller may rely on, as cases that take any wrapper.
//!
//! Another test crate uses them by `#[path = "…/contract/mod.rs"] mod contract;` and
//! `mod mine { crate::contract_cases!(Wrapper::new("mine", vec![…prefix…])); }`. The prefix stands before
//! the tool's own argv; everything of gate's that could be asked must be settled by it.

pub(crate) mod ending;
pub(crate) mod inherited;
pub(crate) mod pipes;
pub(crate) mod pty;
pub(crate) mod signals;
pub(crate) mod supervision;
pub(crate) mod terminal;
pub(crate) mod wrapper;

/// Makes one test of each case, for the wrapper that the expression gives.
#[macro_export]
macro_rules! contract_cases {
    ($wrapper:expr) => {
        $crate::contract_cases!(@in ending, $wrapper;
            the_exit_code_is_the_tools
            death_by_a_signal_is_the_tools
            no_second_core_file_is_written
            a_missing_tool_is_127
            a_tool_that_cannot_run_is_126
            a_script_without_interpreter_line_runs_in_the_shell
            a_script_runs_under_its_own_path
        );
        $crate::contract_cases!(@in inherited, $wrapper;
            the_tool_sees_what_the_caller_set_up
            arguments_arrive_byte_for_byte
            the_environment_arrives_byte_for_byte
            a_deleted_working_directory_stays_deleted
        );
        $crate::contract_cases!(@in pipes, $wrapper;
            sixty_four_megabytes_pass_unchanged
            a_closed_reader_ends_the_tool_by_sigpipe
            a_tool_that_closes_its_output_ends_the_readers_wait
            a_tool_that_closes_its_input_ends_the_writers_wait
        );
        $crate::contract_cases!(@in signals, $wrapper;
            a_signal_to_the_process_reaches_the_tool_once
            a_signal_to_the_group_reaches_the_tool_once
            a_signal_from_within_the_group_reaches_the_tool_once
            a_signal_that_the_tool_sends_to_its_group_reaches_it_once
            a_queued_value_arrives_with_its_signal
            an_alarm_set_before_goes_off_in_the_tool
            an_ignored_hangup_stays_ignored
        );
        $crate::contract_cases!(@in terminal, $wrapper;
            the_tool_owns_the_terminal
            an_interrupt_key_reaches_the_tool_once
            a_resized_window_is_told_once
            a_tool_that_dies_of_the_interrupt_key_is_130_to_the_shell
            a_suspended_job_goes_on_with_fg
            a_suspended_pipeline_goes_on_with_fg
            a_background_reader_stops_until_it_is_in_the_foreground
            a_background_writer_stops_under_tostop
            each_ending_is_the_tools_at_a_terminal
            a_gigabyte_passes_at_a_terminal
            terminal_modes_stay_as_the_tool_left_them
        );
    };
    (@in $module:ident, $wrapper:expr; $($case:ident)+) => {
        $(
            #[test]
            fn $case() {
                $crate::contract::$module::$case(&$wrapper);
            }
        )+
    };
}

/// The cases that only make sense while gate stays alive beside the tool.
#[macro_export]
macro_rules! supervised_cases {
    ($wrapper:expr) => {
        $crate::contract_cases!(@in supervision, $wrapper;
            a_process_and_its_group_signalled_together_count_once
            a_signal_that_the_tool_sends_to_its_parent_is_not_sent_back
            a_killed_gate_leaves_the_tool_alone_and_no_witness_behind
            a_tool_stopped_by_its_id_stops_gate_and_both_go_on
            a_group_stopped_and_gate_alone_continued_go_on_together
            many_signals_to_process_and_group_are_counted_exactly
        );
    };
}
