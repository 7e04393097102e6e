//! Whether the other entries bear on the run.

use super::document::Bundle;
use super::doubt::BundleDoubt;
use crate::fit::other_than_accepted;
use crate::verify::consistent;
use crate::{
    Accepted, BindingChange, BindingEntry, Execution, KeyEntry, LeafHash, LogEntry, State,
    Statement, VersionChange, VersionEntry,
};

/// Where the log says what bears on the run: indexes of entries that the bundle shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) key: Option<u64>,
    pub(super) accepted: Option<u64>,
    /// The deployment of the run's own module.
    pub(super) deployed: Option<u64>,
    /// Deployments of the sources' modules.
    pub(super) sources_deployed: Vec<u64>,
    pub(super) activated: Option<u64>,
    pub(super) moves: Vec<u64>,
    pub(super) previous: Option<u64>,
}

pub(super) fn check(
    bundle: &Bundle,
    entries: Vec<LogEntry>,
    run: &Statement,
    sources: &[Statement],
) -> Result<Context, BundleDoubt> {
    let mut context = Context::default();
    let mut state_left = match run.host.previous {
        None => Some((0, State::default().root())),
        Some(_) => None,
    };
    let mut migrations = Vec::new();
    for (proven, entry) in bundle.context.iter().zip(entries) {
        let index = proven.index;
        let other = |reason: String| BundleDoubt::OtherContext { index, reason };
        if index >= bundle.run.index {
            return Err(other("the log has it after the run".to_owned()));
        }
        let execution = &run.execution;
        let fits = match &entry {
            LogEntry::Key(key) => announces(key, &run.host.key).map(|()| &mut context.key),
            LogEntry::Accepted(accepted) => {
                accepts(accepted, execution).map(|()| &mut context.accepted)
            }
            LogEntry::Binding(binding) => {
                activates(binding, execution).map(|()| &mut context.activated)
            }
            LogEntry::Receipt(previous) => precedes(previous, proven.leaf_hash(), run).map(|()| {
                state_left = Some((index, previous.execution.state_after));
                &mut context.previous
            }),
            LogEntry::Version(version) => {
                match version.change {
                    VersionChange::Deployed if deploys(version, execution) => {
                        context.deployed = Some(index);
                    }
                    VersionChange::Deployed => {
                        if !sources
                            .iter()
                            .any(|source| deploys(version, &source.execution))
                        {
                            return Err(other("nothing that it deploys ran here".to_owned()));
                        }
                        context.sources_deployed.push(index);
                    }
                    _ => {
                        if version.binding != Some(execution.binding) {
                            return Err(other("it is about another binding".to_owned()));
                        }
                        context.moves.push(index);
                        migrations.extend(version.state.map(|change| (index, change)));
                    }
                }
                continue;
            }
        };
        let place = fits.map_err(other)?;
        if let Some(before) = place.replace(index) {
            return Err(other(format!("entry {before} says the same already")));
        }
    }
    // What was made of the state before another document came into force bears on what runs under it.
    let first = context
        .moves
        .iter()
        .find(|index| !migrations.iter().any(|(migrated, _)| migrated == *index));
    if let (Some(activated), Some(first)) = (context.activated, first)
        && *first < activated
    {
        return Err(BundleDoubt::OtherContext {
            index: *first,
            reason: "it comes before the binding was activated".to_owned(),
        });
    }
    let Some((since, mut left)) = state_left else {
        return Ok(context);
    };
    for (index, change) in migrations.into_iter().filter(|(index, _)| *index > since) {
        if change.before != left {
            let reason = "it migrates another state than the run before it left".to_owned();
            return Err(BundleDoubt::OtherContext { index, reason });
        }
        left = change.after;
    }
    if left == run.execution.state_before {
        Ok(context)
    } else {
        Err(BundleDoubt::OtherState {
            expected: left,
            found: run.execution.state_before,
        })
    }
}

fn announces(key: &KeyEntry, signer: &str) -> Result<(), String> {
    match key.attestation_key() {
        Some(announced) if announced.identity() == signer => Ok(()),
        _ => Err(format!("it announces another key than {signer}")),
    }
}

fn accepts(accepted: &Accepted, run: &Execution) -> Result<(), String> {
    if accepted.binding != run.binding || accepted.number != run.invocation {
        return Err("it accepts another invocation".to_owned());
    }
    match other_than_accepted(accepted, run) {
        None => Ok(()),
        Some(field) => Err(format!("it fixed another {field} than the one that ran")),
    }
}

fn precedes(previous: &Statement, hash: LeafHash, run: &Statement) -> Result<(), String> {
    if run.host.previous != Some(hash) {
        return Err("it is not the receipt that the run names as the one before it".to_owned());
    }
    let (previous, run) = (&previous.execution, &run.execution);
    if let Err(reason) = consistent(previous) {
        return Err(format!("it contradicts itself: {reason}"));
    }
    if previous.binding != run.binding || previous.source.is_some() {
        return Err("it is not a run of the same binding".to_owned());
    }
    if previous.invocation >= run.invocation {
        return Err("its invocation is not one before that of the run".to_owned());
    }
    Ok(())
}

fn activates(binding: &BindingEntry, run: &Execution) -> Result<(), String> {
    if binding.binding == run.binding
        && binding.version == run.binding_version
        && binding.change == BindingChange::Activated
    {
        Ok(())
    } else {
        Err("it does not activate the binding in the version of the run".to_owned())
    }
}

fn deploys(version: &VersionEntry, execution: &Execution) -> bool {
    version.binding.is_none()
        && version.cryptlet == execution.cryptlet
        && version.version == execution.version
        && version.measurement == execution.measurement
}
