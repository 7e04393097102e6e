//! Which statements belong together.

use crate::{Accepted, Execution, State, digest};

/// The first thing in which a run differs from what its acceptance fixed.
pub(crate) fn other_than_accepted(
    accepted: &Accepted,
    execution: &Execution,
) -> Option<&'static str> {
    first_other([
        ("module", accepted.measurement == execution.measurement),
        ("trigger", accepted.trigger == execution.trigger),
        ("input", accepted.input == execution.input),
        ("instant", accepted.instant == execution.instant),
        ("seed", accepted.seed == execution.seed),
    ])
}

/// The first thing in which a source's run does not follow from the run at the top of the chain
/// of calls: it has the same invocation and instant, a seed that follows from its asker's, and
/// keeps no state.
pub(crate) fn other_than_asked(
    run: &Execution,
    asker_seed: &[u8; 32],
    source: &Execution,
) -> Option<&'static str> {
    let name = source.source.as_deref().unwrap_or_default();
    let seed = digest(
        "cryptlet source seed v1",
        &[asker_seed, &source.ordinal.to_be_bytes(), name.as_bytes()],
    );
    let empty = State::default().root();
    first_other([
        ("binding", source.binding == run.binding),
        (
            "binding version",
            source.binding_version == run.binding_version,
        ),
        ("invocation", source.invocation == run.invocation),
        ("instant", source.instant == run.instant),
        ("seed", source.seed == *seed.as_bytes()),
        ("state before", source.state_before == empty),
        ("state after", source.state_after == empty),
    ])
}

fn first_other<const N: usize>(compared: [(&'static str, bool); N]) -> Option<&'static str> {
    compared
        .into_iter()
        .find(|(_, same)| !same)
        .map(|(field, _)| field)
}
