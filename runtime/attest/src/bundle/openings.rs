//! Whether what is shown is what was recorded.

use super::document::{Bundle, FieldOpening};
use super::doubt::BundleDoubt;
use crate::{Digest, Execution, Output, State, Statement};

pub(super) fn check(
    bundle: &Bundle,
    run: &Execution,
    sources: &[Statement],
) -> Result<(), BundleDoubt> {
    for opening in &bundle.openings {
        let execution = match opening.ordinal {
            0 => Some(run),
            ordinal => sources
                .iter()
                .map(|source| &source.execution)
                .find(|execution| execution.ordinal == ordinal),
        };
        let opened = match execution {
            Some(execution) => opens(opening, execution),
            None => Err("the bundle has no source with this ordinal".to_owned()),
        };
        opened.map_err(|reason| BundleDoubt::OtherValue {
            ordinal: opening.ordinal,
            field: opening.field.clone(),
            reason,
        })?;
    }
    Ok(())
}

fn opens(opening: &FieldOpening, execution: &Execution) -> Result<(), String> {
    let (field, salt) = (opening.field.as_str(), &opening.salt);
    let expected = digest_of(execution, field)
        .ok_or_else(|| "the receipt has no digest of a field of this name".to_owned())?;
    let found = match field {
        "state-before" | "state-after" => {
            let state = State::from_bytes(&opening.value).map_err(|error| error.to_string())?;
            salt.digest("state", state.root().as_bytes())
        }
        _ => salt.digest(field, &opening.value),
    };
    if found == expected {
        Ok(())
    } else {
        Err(format!("its digest is {found}, the receipt has {expected}"))
    }
}

/// The digest that an opening of this name must open.
fn digest_of(execution: &Execution, field: &str) -> Option<Digest> {
    match field {
        "input" => Some(execution.input),
        "trigger" => Some(execution.trigger.digest),
        "transcript" => Some(execution.transcript),
        "reply" => execution.reply,
        "state-before" => Some(execution.state_before),
        "state-after" => Some(execution.state_after),
        _ => events(execution)
            .enumerate()
            .find(|(position, _)| field == format!("event/{position}"))
            .map(|(_, (_, digest))| digest),
    }
}

/// Topics and digests of the events that a run published.
pub(super) fn events(execution: &Execution) -> impl Iterator<Item = (&str, Digest)> {
    execution.outputs.iter().filter_map(|output| match output {
        Output::Event { topic, digest } => Some((topic.as_str(), *digest)),
        Output::Delivery { .. } => None,
    })
}
