//! The bytes of a bundle.

use super::document::{Agreement, Bundle, FieldOpening, MAXIMUM_BUNDLE, Proven};
use crate::FieldSalt;
use crate::encoding::{Bounds, ByteString, EncodingError, Reader, VERSION, Wire, Writer};
use crate::entry::MAXIMUM_ENTRY;
use crate::receipt::Proof;

pub(super) const BOUNDS: Bounds = Bounds {
    document: "a bundle",
    bytes: MAXIMUM_BUNDLE,
    depth: 5,
};

/// The tag in front of every bundle; its bytes spell `crpb` after the first.
const TAG: u64 = 0x6372_7062;
pub(super) const BEGINNING: &str = "the tag of a bundle, bytes da 63 72 70 62";
const MAXIMUM_MODULE: usize = 1 << 25;
const MAXIMUM_VALUE: usize = 1 << 26;
const MAXIMUM_DOCUMENT: usize = 1 << 20;

impl Wire for Bundle {
    fn write(&self, writer: &mut Writer) {
        writer.tag(TAG);
        writer.map(
            8 + usize::from(self.agreement.is_some()) + usize::from(self.consistency.is_some()),
        );
        writer.unsigned(0);
        writer.unsigned(VERSION);
        writer.unsigned(1);
        writer.text(&self.checkpoint);
        writer.unsigned(2);
        self.run.write(writer);
        writer.unsigned(3);
        self.sources.write(writer);
        writer.unsigned(4);
        self.context.write(writer);
        writer.unsigned(5);
        self.evidence.write(writer);
        writer.unsigned(6);
        self.openings.write(writer);
        writer.unsigned(7);
        self.modules.write(writer);
        if let Some(agreement) = &self.agreement {
            writer.unsigned(8);
            agreement.write(writer);
        }
        if let Some((checkpoint, proof)) = &self.consistency {
            writer.unsigned(9);
            writer.array(2);
            writer.text(checkpoint);
            proof.write(writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        reader.tag(TAG, BEGINNING)?;
        let mut fields = reader.record(BOUNDS.document)?;
        let found: u64 = fields.field(0, "version")?;
        if found != VERSION {
            return Err(EncodingError::UnsupportedVersion {
                document: BOUNDS.document,
                found,
                supported: VERSION,
            });
        }
        let checkpoint = fields.field(1, "checkpoint")?;
        let run = fields.field(2, "run")?;
        let sources = fields.field(3, "sources")?;
        let context: Vec<Proven> = fields.field(4, "context")?;
        let evidence: Vec<Vec<u8>> = fields.field(5, "evidence")?;
        let openings: Vec<FieldOpening> = fields.field(6, "openings")?;
        let modules: Vec<ByteString<MAXIMUM_MODULE>> = fields.field(7, "modules")?;
        let agreement: Option<Agreement> = fields.field(8, "agreement")?;
        let consistency: Option<Consistency> = fields.field(9, "consistency")?;
        fields.end()?;

        ascending("the bundle's context", &context, |entry| entry.index)?;
        ascending("the bundle's evidence", &evidence, |bytes| bytes)?;
        ascending("the bundle's openings", &openings, |opening| {
            (opening.ordinal, opening.field.as_str())
        })?;
        ascending("the bundle's modules", &modules, |module| &module.0)?;
        if let Some(agreement) = &agreement {
            ascending("the approvals", &agreement.approvals, |approval| approval)?;
        }
        Ok(Self {
            checkpoint,
            run,
            sources,
            context,
            evidence,
            openings,
            modules: modules.into_iter().map(|module| module.0).collect(),
            agreement,
            consistency: consistency.map(|Consistency(checkpoint, proof)| (checkpoint, proof.0)),
        })
    }
}

/// Refuses a list that is not in the one order, or has an item twice.
pub(super) fn ascending<'a, T, K: Ord>(
    list: &'static str,
    items: &'a [T],
    key: impl Fn(&'a T) -> K,
) -> Result<(), EncodingError> {
    if items.is_sorted_by(|left, right| key(left) < key(right)) {
        Ok(())
    } else {
        Err(EncodingError::NotInOrder { list })
    }
}

impl Wire for Proven {
    fn write(&self, writer: &mut Writer) {
        writer.array(3);
        writer.unsigned(self.index);
        writer.bytes(&self.entry);
        self.proof.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        reader.tuple(3, "an array of index, entry and inclusion proof")?;
        let index = reader.unsigned()?;
        let entry = reader.bytes(MAXIMUM_ENTRY as u64)?.to_vec();
        let Proof(proof) = Wire::read(reader)?;
        Ok(Self {
            index,
            entry,
            proof,
        })
    }
}

impl Wire for FieldOpening {
    fn write(&self, writer: &mut Writer) {
        writer.map(4);
        writer.unsigned(0);
        self.ordinal.write(writer);
        writer.unsigned(1);
        writer.text(&self.field);
        writer.unsigned(2);
        writer.bytes(self.salt.expose());
        writer.unsigned(3);
        writer.bytes(&self.value);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let mut fields = reader.record("an opening")?;
        let ordinal = fields.field(0, "ordinal")?;
        let field = fields.field(1, "field")?;
        let salt = FieldSalt::from_bytes(fields.field(2, "salt")?);
        let value: ByteString<MAXIMUM_VALUE> = fields.field(3, "value")?;
        fields.end()?;
        Ok(Self {
            ordinal,
            field,
            salt,
            value: value.0,
        })
    }
}

impl Wire for Agreement {
    fn write(&self, writer: &mut Writer) {
        writer.map(2);
        writer.unsigned(0);
        writer.bytes(&self.document);
        writer.unsigned(1);
        writer.array(self.approvals.len());
        for (wallet, signature) in &self.approvals {
            writer.array(2);
            writer.bytes(wallet);
            writer.bytes(signature);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let mut fields = reader.record("an agreement")?;
        let document: ByteString<MAXIMUM_DOCUMENT> = fields.field(0, "document")?;
        let approvals: Vec<Approval> = fields.field(1, "approvals")?;
        fields.end()?;
        Ok(Self {
            document: document.0,
            approvals: approvals
                .into_iter()
                .map(|Approval(wallet, signature)| (wallet, signature))
                .collect(),
        })
    }
}

struct Approval([u8; 20], Vec<u8>);

impl Wire for Approval {
    fn write(&self, writer: &mut Writer) {
        writer.array(2);
        self.0.write(writer);
        self.1.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        reader.tuple(2, "an array of wallet and signature")?;
        Ok(Self(Wire::read(reader)?, Wire::read(reader)?))
    }
}

struct Consistency(String, Proof);

impl Wire for Consistency {
    fn write(&self, writer: &mut Writer) {
        writer.array(2);
        self.0.write(writer);
        self.1.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        reader.tuple(2, "an array of an earlier checkpoint and a proof")?;
        Ok(Self(Wire::read(reader)?, Wire::read(reader)?))
    }
}
