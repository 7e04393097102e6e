//! Offline verification.

use crate::log::{self, Checkpoint, CheckpointError, TrustedKey};
use crate::verdict::claims;
use crate::{
    Doubt, Execution, Host, LogEntry, Measurement, Receipt, Statement, TriggerKind, Verdict,
};
use std::slice;

/// Verifies the bytes of a receipt against the keys that the auditor trusts, and,
/// if `expect` is given, against the module that should have run.
///
/// Reads nothing but its arguments. A verdict says what was found and on what each
/// finding rests; that the host told the truth is not among the findings.
///
/// # Errors
///
/// The first reason for not believing the receipt.
pub fn verify(
    receipt: &[u8],
    trust: &[TrustedKey],
    expect: Option<&Measurement>,
) -> Result<Verdict, Doubt> {
    let receipt = Receipt::from_bytes(receipt)?;
    let (entry, checkpoint) = verify_entry(&receipt, trust)?;
    let statement = appraise(entry, &receipt.checkpoint, &checkpoint, trust, expect)?;
    let leaf_hash = receipt.leaf_hash();
    Ok(Verdict {
        claims: claims(&statement, &leaf_hash, receipt.index, &checkpoint, expect),
        leaf_hash,
        execution_hash: statement.execution_hash(),
        index: receipt.index,
        checkpoint,
        statement,
    })
}

/// The statement of an entry that stands in the log: it is a run's, of the expected module,
/// without contradiction, under a trusted key that has signed the log.
pub(crate) fn appraise(
    entry: LogEntry,
    note: &str,
    checkpoint: &Checkpoint,
    trust: &[TrustedKey],
    expect: Option<&Measurement>,
) -> Result<Statement, Doubt> {
    let statement = match entry {
        LogEntry::Receipt(statement) => statement,
        other => {
            return Err(Doubt::NotAReceipt {
                found: other.kind(),
            });
        }
    };
    if let Some(expected) = expect
        && *expected != statement.execution.measurement
    {
        return Err(Doubt::OtherMeasurement {
            expected: *expected,
            found: statement.execution.measurement,
        });
    }
    consistent(&statement.execution).map_err(|reason| Doubt::Inconsistent { reason })?;
    if !is_signed_by_its_host(note, &statement.host, checkpoint, trust) {
        return Err(Doubt::Inconsistent {
            reason: "the statement names another key than the one that signed its log",
        });
    }
    Ok(statement)
}

/// Verifies that any entry, of whatever kind, stands in a log that a trusted key has
/// signed, and reads it.
///
/// # Errors
///
/// The first reason for not believing it.
pub fn verify_entry(
    receipt: &Receipt,
    trust: &[TrustedKey],
) -> Result<(LogEntry, Checkpoint), Doubt> {
    let entry = LogEntry::from_bytes(&receipt.statement)?;
    let checkpoint = log::open_checkpoint(&receipt.checkpoint, trust)?;
    log::check_inclusion(
        &receipt.proof(),
        receipt.index,
        &receipt.leaf_hash(),
        checkpoint.size,
        &checkpoint.root,
    )
    .map_err(|_| Doubt::NotInLog {
        index: receipt.index,
        size: checkpoint.size,
    })?;
    Ok((entry, checkpoint))
}

impl From<CheckpointError> for Doubt {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Malformed { reason } => Self::MalformedCheckpoint { reason },
            CheckpointError::UnknownSigner { signers } => Self::UnknownSigner { signers },
            CheckpointError::BadSignature { key } => Self::BadSignature { key },
            CheckpointError::OtherOrigin { origin, key } => Self::OtherOrigin { origin, key },
        }
    }
}

/// Whether the key that the host names has signed the checkpoint. When a log changes
/// keys, two may have signed: whichever comes first, the host may name either.
fn is_signed_by_its_host(
    note: &str,
    host: &Host,
    checkpoint: &Checkpoint,
    trust: &[TrustedKey],
) -> bool {
    checkpoint.signer == host.key
        || trust.iter().any(|key| {
            key.identity() == host.key && log::open_checkpoint(note, slice::from_ref(key)).is_ok()
        })
}

/// What every honest host's statement obeys, whatever ran; else what it does not.
pub(crate) fn consistent(execution: &Execution) -> Result<(), &'static str> {
    if !execution.outcome.is_ok() {
        if !execution.outputs.is_empty() || execution.reply.is_some() {
            return Err("something left a run that did not succeed");
        }
        if execution.state_before != execution.state_after {
            return Err("a run that did not succeed changed the state");
        }
    }
    if execution.source.is_some() != (execution.ordinal > 0) {
        return Err("sources count from 1, the bound cryptlet is 0");
    }
    if execution.source.is_some() != (execution.trigger.kind == TriggerKind::Ask) {
        return Err("a source, and nothing else, is triggered by being asked");
    }
    if execution.trigger.kind == TriggerKind::ContractEvent && execution.trigger.position.is_none()
    {
        return Err("a contract's event stands nowhere on its ledger");
    }
    Ok(())
}
