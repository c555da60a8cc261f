//! `crosscheck self-test`, with filters that leave a few trials.

use crate::crosscheck;

#[test]
fn it_counts_what_it_proved_and_exits_0() {
    let trials = ["flow/complete prints-tokens", "flow/complete accept-anything"];
    let call = crosscheck(&["self-test", "--exact", trials[0], trials[1]]).exits(0).without("FAIL");
    let call = call.says("self-test 0.1.0 · profile mcp\n").says("\nall as it must be ");
    let call = call.says("  faults        1 of 1 caught, in 1 run, nothing else found\n");
    call.says("  controls      1 of 1 clean, in 1 run\n").without("scenarios").without("requirements");
    let call = crosscheck(&["self-test", "--exact", "flow/complete", "--test-threads", "1"]).exits(0);
    call.says("  scenarios     1 of 1 green with the honest client").without("faults");
}

#[test]
fn a_filter_that_selects_nothing_names_the_nearest() {
    crosscheck(&["self-test", "--exact", "flow/complete prints-token"])
        .exits(2)
        .says("no trial matches `flow/complete prints-token`; did you mean `flow/complete prints-tokens`?");
    crosscheck(&["self-test", "prints-tokns"]).exits(2).says("did you mean `prints-tokens`?");
}
