//! How a run ended and what came out of it.

use crate::Digest;
use crate::encoding::{EncodingError, Reader, Wire, Writer};
use crate::view;
use serde::Serialize;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Outcome {
    /// The guest answered, and what it produced was taken.
    Ok,
    /// The guest said that it cannot answer, or its answer did not fit its schemas.
    Failure {
        /// The failure's code, chosen by the guest or by the container.
        code: String,
    },
    /// The guest broke a rule of WebAssembly or of its host.
    Trap {
        /// The kind of trap, for example `unreachable`.
        kind: String,
    },
    /// A deterministic limit stopped the run.
    Limit {
        /// The limit's name.
        which: String,
        /// What it allowed.
        #[serde(serialize_with = "view::decimal")]
        allowed: u64,
    },
    /// Wall clock, native stack or the host itself stopped the run. The exact
    /// instruction depends on the machine: such a run is recorded, and never
    /// counts as replayable.
    Interrupted {
        /// What stopped it, for example `wall-clock`.
        which: String,
    },
}

impl Outcome {
    /// Whether the guest answered.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok)
    }

    /// Whether every honest host that replays the transcript ends the same way.
    pub fn is_replayable(&self) -> bool {
        !matches!(self, Self::Interrupted { .. })
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok => formatter.write_str("ok"),
            Self::Failure { code } => write!(formatter, "failure {code}"),
            Self::Trap { kind } => write!(formatter, "trap {kind}"),
            Self::Limit { which, allowed } => write!(formatter, "limit {which} of {allowed}"),
            Self::Interrupted { which } => write!(formatter, "interrupted by {which}"),
        }
    }
}

impl Wire for Outcome {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Ok => writer.variant(0, 0),
            Self::Failure { code } => {
                writer.variant(1, 1);
                code.write(writer);
            }
            Self::Trap { kind } => {
                writer.variant(2, 1);
                kind.write(writer);
            }
            Self::Limit { which, allowed } => {
                writer.variant(3, 2);
                which.write(writer);
                allowed.write(writer);
            }
            Self::Interrupted { which } => {
                writer.variant(4, 1);
                which.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let variant = reader.variant()?;
        match variant.number() {
            0 => {
                variant.fields(0)?;
                Ok(Self::Ok)
            }
            1 => {
                variant.fields(1)?;
                Ok(Self::Failure {
                    code: Wire::read(reader)?,
                })
            }
            2 => {
                variant.fields(1)?;
                Ok(Self::Trap {
                    kind: Wire::read(reader)?,
                })
            }
            3 => {
                variant.fields(2)?;
                Ok(Self::Limit {
                    which: Wire::read(reader)?,
                    allowed: Wire::read(reader)?,
                })
            }
            4 => {
                variant.fields(1)?;
                Ok(Self::Interrupted {
                    which: Wire::read(reader)?,
                })
            }
            _ => Err(variant.unknown("an outcome")),
        }
    }
}

/// One thing that left the run, in the order in which the guest produced it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Output {
    /// A call on its way to a ledger.
    Delivery {
        /// CAIP-2 chain id of the ledger.
        ledger: String,
        /// The delivery's number, counted per binding and ledger from 1.
        #[serde(serialize_with = "view::decimal")]
        delivery: u64,
        /// keccak-256 of the encoded call on an EVM ledger, the chain kind's own
        /// hash elsewhere. The call is public on the ledger, so this is not salted.
        #[serde(serialize_with = "view::hexadecimal")]
        output_hash: [u8; 32],
    },
    /// An event that the guest published.
    Event {
        /// The topic, open.
        topic: String,
        /// Salted digest of the body, field `event/<n>`, counted from 0.
        digest: Digest,
    },
}

impl Wire for Output {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Delivery {
                ledger,
                delivery,
                output_hash,
            } => {
                writer.variant(0, 3);
                ledger.write(writer);
                delivery.write(writer);
                output_hash.write(writer);
            }
            Self::Event { topic, digest } => {
                writer.variant(1, 2);
                topic.write(writer);
                digest.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let variant = reader.variant()?;
        match variant.number() {
            0 => {
                variant.fields(3)?;
                Ok(Self::Delivery {
                    ledger: Wire::read(reader)?,
                    delivery: Wire::read(reader)?,
                    output_hash: Wire::read(reader)?,
                })
            }
            1 => {
                variant.fields(2)?;
                Ok(Self::Event {
                    topic: Wire::read(reader)?,
                    digest: Wire::read(reader)?,
                })
            }
            _ => Err(variant.unknown("an output")),
        }
    }
}
