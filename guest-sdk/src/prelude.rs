//! Everything that a cryptlet usually needs: `use cryptlet_sdk::prelude::*;`.

pub use crate::http::{HttpError, Request, Response};
pub use crate::{
    Address, AskError, BuildError, Bytes, Bytes32, Context, Draft, Emitted, Error, I256, Instant,
    LedgerPosition, Message, Migration, OutOfRange, Result, Sent, Submission, SubmissionOutcome,
    SubmissionStatus, Trigger, U256, debug, ensure, error, fail, info, message, warn,
};
