//! `transaction-builder` and `router`: the only way out to a ledger.

use wasmtime::component::Resource;

use super::{Capability, Guest};
use crate::bindings::cryptlet::fabric::{router, transaction_builder, types};
use crate::receipt_size;
use crate::run::Submission;
use crate::services::{BuildError, EncodedCall};
use crate::tally::Stop;
use crate::transcript::Record;

/// An encoded call that the guest holds a handle of.
#[derive(Clone, Debug)]
pub struct Draft {
    action: String,
    call: EncodedCall,
}

impl transaction_builder::Host for Guest {
    fn build(
        &mut self,
        action: String,
        fields: Vec<u8>,
    ) -> wasmtime::Result<Result<Resource<Draft>, transaction_builder::BuildError>> {
        self.tally.host_call()?;
        let answer = if self.is_granted(Capability::Ledger) {
            self.services().build(&action, &fields)
        } else {
            Err(BuildError::NotGranted("ledger".to_owned()))
        };
        self.record(Record::Build {
            action: action.clone(),
            fields,
            answer: answer.clone(),
        })?;
        match answer {
            Ok(call) => {
                self.tally.output(call.bytes.len())?;
                Ok(Ok(self.table.push(Draft { action, call })?))
            }
            Err(error) => Ok(Err(error.into())),
        }
    }
}

impl transaction_builder::HostDraft for Guest {
    fn digest(&mut self, draft: Resource<Draft>) -> wasmtime::Result<Vec<u8>> {
        self.enter(Capability::Ledger)?;
        let answer = self.table.get(&draft)?.call.digest;
        self.record(Record::DraftDigest { answer })?;
        Ok(answer.to_vec())
    }

    fn drop(&mut self, draft: Resource<Draft>) -> wasmtime::Result<()> {
        self.table.delete(draft)?;
        Ok(())
    }
}

impl router::Host for Guest {
    fn submit(&mut self, draft: Resource<Draft>) -> wasmtime::Result<u64> {
        self.enter(Capability::Ledger)?;
        let Draft { action, call } = self.table.delete(draft)?;
        self.tally.receipt(receipt_size::SUBMISSION)?;
        let number = match self.staged.submissions.last() {
            Some(last) => last.number.checked_add(1),
            None => Some(self.services().next_submission()),
        };
        let Some(number) = number else {
            return Err(self
                .tally
                .stop(Stop::Interrupted("submission numbers are used up".into())));
        };
        self.record(Record::Submit {
            draft: call.digest,
            answer: number,
        })?;
        self.staged.submissions.push(Submission {
            number,
            action,
            call,
        });
        Ok(number)
    }

    fn status(&mut self, submission: u64) -> wasmtime::Result<Option<types::SubmissionStatus>> {
        self.enter(Capability::Ledger)?;
        let answer = self.services().submission_status(submission);
        self.has_answer()?;
        self.record(Record::Status {
            submission,
            answer: answer.clone(),
        })?;
        Ok(answer.map(Into::into))
    }
}

impl From<BuildError> for transaction_builder::BuildError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::UnknownAction(action) => Self::UnknownAction(action),
            BuildError::Field {
                path,
                expected,
                found,
            } => Self::Field(transaction_builder::FieldError {
                path,
                expected,
                found,
            }),
            BuildError::NotGranted(what) => Self::NotGranted(what),
        }
    }
}
