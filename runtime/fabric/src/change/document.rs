//! What counterparties are asked to sign.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::B256;
use cryptlet_attest::{BindingVersion, Measurement};
use cryptlet_contracts::{AllowVersion, ChangeMessage, ChangeTerms, RevokeVersion};

use super::difference::Difference;
use crate::binding::{Binding, BindingError};

/// What kind of change is proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// Another document for the same binding.
    Change,
    /// One more module may run under the version that is in force.
    Allow,
    /// A module may not run under a version any more, at once.
    Revoke,
}

impl ChangeKind {
    const ALL: [Self; 3] = [Self::Change, Self::Allow, Self::Revoke];

    /// The word for it in files and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Allow => "allow",
            Self::Revoke => "revoke",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ChangeKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| {
                format!("{text} is no kind of change; there are change, allow and revoke")
            })
    }
}

/// A change of a binding, as its counterparties are asked for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What kind it is.
    pub kind: ChangeKind,
    /// The document that is in force when the change is proposed.
    pub in_force: Binding,
    /// The document that shall be in force; as it is unless the kind is [`ChangeKind::Change`].
    pub document: Binding,
    /// The binding version that is allowed or revoked; that of `document`, unless an earlier one's
    /// module is revoked.
    pub version: BindingVersion,
    /// The module that is allowed or revoked.
    pub measurement: Measurement,
    /// The first number of a change that the messages use up at the gateway. For a revocation, the
    /// number of the change that allowed what it revokes.
    pub nonce: u64,
}

/// A change that no counterparty should sign.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The new document contradicts itself.
    #[error(transparent)]
    Document(#[from] BindingError),
    /// The new document alters what can never change.
    #[error(
        "{key} of binding \"{binding}\" cannot change, it {before} and would {after}; {remedy}"
    )]
    Fixed {
        /// The binding.
        binding: String,
        /// Dotted key.
        key: String,
        /// How it is, in words.
        before: String,
        /// What was asked for.
        after: String,
        /// The way out.
        remedy: &'static str,
    },
    /// The new document is the one in force.
    #[error("binding \"{0}\" would stay as it is; change the document before you propose it")]
    Nothing(String),
}

/// Parts that belong to what a binding is, not to what was agreed.
const FIXED: [(&str, &str); 8] = [
    ("binding.name", "keep the name"),
    (
        "binding.cryptlet",
        "bind another cryptlet by another binding",
    ),
    ("binding.salt", "make a new binding"),
    ("binding.threshold", "make a new binding"),
    ("contract.ledger", "make a new binding"),
    ("contract.chain", "make a new binding"),
    ("contract.gateway", "make a new binding"),
    (
        "keys.delivery",
        "keep the key: the chain admitted it for this binding",
    ),
];

impl Change {
    /// Asks for another document.
    ///
    /// # Errors
    ///
    /// If the document alters what cannot change, or nothing.
    pub fn to(in_force: Binding, document: Binding, nonce: u64) -> Result<Self, ChangeError> {
        let change = Self {
            kind: ChangeKind::Change,
            version: document.version(),
            measurement: document.binding.measurement,
            in_force,
            document,
            nonce,
        };
        change.check()?;
        Ok(change)
    }

    /// Asks that one more module may run under the document in force.
    #[must_use]
    pub fn allow(in_force: Binding, measurement: Measurement, nonce: u64) -> Self {
        Self {
            kind: ChangeKind::Allow,
            version: in_force.version(),
            measurement,
            document: in_force.clone(),
            in_force,
            nonce,
        }
    }

    /// Asks that a module may not run under a version any more; `nonce` is that of the change which
    /// allowed it, 0 for the pair that the binding began with.
    #[must_use]
    pub fn revoke(
        in_force: Binding,
        version: BindingVersion,
        measurement: Measurement,
        nonce: u64,
    ) -> Self {
        Self {
            kind: ChangeKind::Revoke,
            version,
            measurement,
            document: in_force.clone(),
            in_force,
            nonce,
        }
    }

    /// Checks that the change is one that can be made.
    ///
    /// # Errors
    ///
    /// Names the first part that cannot change, or that the new document contradicts itself.
    pub fn check(&self) -> Result<(), ChangeError> {
        if self.kind != ChangeKind::Change {
            return Ok(());
        }
        self.document.check()?;
        let name = &self.in_force.binding.name;
        let differences = self.differences();
        if differences.is_empty() {
            return Err(ChangeError::Nothing(name.clone()));
        }
        let fixed = |key: &str| {
            let found = FIXED.iter().find(|(fixed, _)| *fixed == key);
            // Names of parties may change: their wallets are what counts.
            let party = key.starts_with("counterparties") && !key.ends_with(".name");
            found
                .map(|(_, remedy)| *remedy)
                .or_else(|| party.then_some("make a new binding with the other counterparties"))
        };
        for difference in differences {
            if let Some(remedy) = fixed(&difference.key) {
                return Err(ChangeError::Fixed {
                    binding: name.clone(),
                    before: said("is", difference.before),
                    after: said("be", difference.after),
                    key: difference.key,
                    remedy,
                });
            }
        }
        Ok(())
    }

    /// What the new document says otherwise, part by part.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        Difference::between(&self.in_force, &self.document)
    }

    /// The messages that the gateway wants signed, in the order in which it takes them.
    #[must_use]
    pub fn messages(&self) -> Vec<ChangeMessage> {
        let binding = B256::from(*self.in_force.id().as_bytes());
        let version = B256::from(*self.version.as_bytes());
        let measurement = B256::from(*self.measurement.as_bytes());
        if self.kind == ChangeKind::Revoke {
            return vec![ChangeMessage::Revoke(RevokeVersion {
                binding,
                bindingVersion: version,
                measurement,
                nonce: self.nonce,
            })];
        }
        let mut messages = vec![ChangeMessage::Allow(AllowVersion {
            binding,
            bindingVersion: version,
            measurement,
            nonce: self.nonce,
        })];
        if self.changes_terms() {
            let contract = &self.document.contract;
            messages.push(ChangeMessage::Terms(ChangeTerms {
                binding,
                consumer: contract.consumer,
                signerThreshold: contract.signer_threshold,
                ordered: contract.ordered,
                versionDelay: contract.version_delay_seconds,
                nonce: self.nonce.saturating_add(1),
            }));
        }
        messages
    }

    /// The EIP-712 digests of [`Change::messages`], for the binding's chain and gateway.
    #[must_use]
    pub fn digests(&self) -> Vec<B256> {
        let contract = &self.in_force.contract;
        let domain = cryptlet_contracts::domain(contract.chain.0, contract.gateway);
        self.messages()
            .iter()
            .map(|message| message.digest(&domain))
            .collect()
    }

    /// How many counterparties must sign.
    #[must_use]
    pub fn required(&self) -> usize {
        match self.kind {
            ChangeKind::Revoke => 1,
            _ => usize::from(self.in_force.binding.threshold),
        }
    }

    /// Whether the gateway keeps some of what the new document says otherwise.
    fn changes_terms(&self) -> bool {
        let (before, after) = (&self.in_force.contract, &self.document.contract);
        before.consumer != after.consumer
            || before.signer_threshold != after.signer_threshold
            || before.ordered != after.ordered
            || before.version_delay_seconds != after.version_delay_seconds
    }
}

fn said(verb: &str, value: Option<String>) -> String {
    value.map_or_else(
        || format!("{verb} absent"),
        |value| format!("{verb} {value}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::WhileChanging;

    pub(super) fn binding() -> Binding {
        Binding::parse(
            "binding.toml",
            include_str!("../../tests/documents/binding.toml"),
        )
        .expect("a binding")
    }

    fn changed(edit: impl FnOnce(&mut Binding)) -> Result<Change, ChangeError> {
        let mut document = binding();
        edit(&mut document);
        Change::to(binding(), document, 1)
    }

    #[test]
    fn a_document_that_says_the_same_is_no_change() {
        assert!(matches!(changed(|_| {}), Err(ChangeError::Nothing(_))));
    }

    #[test]
    fn what_the_gateway_does_not_keep_takes_one_signature() {
        let change = changed(|document| document.contract.gas_limit += 1).expect("a change");
        assert_eq!(change.messages().len(), 1);
        assert_eq!(change.version, change.document.version());
        assert_ne!(change.version, change.in_force.version());
    }

    #[test]
    fn what_the_gateway_keeps_takes_two_with_nonces_one_after_the_other() {
        let change =
            changed(|document| document.contract.version_delay_seconds += 1).expect("a change");
        let nonces: Vec<_> = change.messages().iter().map(ChangeMessage::nonce).collect();
        assert_eq!(nonces, [Some(1), Some(2)]);
        assert_eq!(change.digests().len(), 2);
    }

    #[test]
    fn what_a_binding_is_cannot_change_and_says_what_to_do() {
        let edits: [fn(&mut Binding); 8] = [
            |document| document.binding.name.push('2'),
            |document| document.binding.cryptlet.push('2'),
            |document| document.binding.salt = B256::repeat_byte(9),
            |document| document.binding.threshold -= 1,
            |document| document.contract.ledger.push('2'),
            |document| document.contract.chain.0 += 1,
            |document| document.contract.gateway = alloy_primitives::Address::repeat_byte(9),
            |document| document.counterparties.truncate(1),
        ];
        for edit in edits {
            let mut document = binding();
            edit(&mut document);
            document.binding.threshold = document
                .binding
                .threshold
                .min(u8::try_from(document.counterparties.len()).expect("few"));
            let refusal = Change::to(binding(), document, 1).expect_err("it cannot change");
            assert!(matches!(refusal, ChangeError::Fixed { .. }), "{refusal}");
        }
    }

    #[test]
    fn a_revocation_names_the_change_that_allowed_and_needs_one_signature() {
        let revoked = Change::revoke(binding(), binding().version(), Measurement::of(b"bad"), 4);
        assert_eq!(revoked.required(), 1);
        let ChangeMessage::Revoke(message) = &revoked.messages()[0] else {
            panic!("a revocation");
        };
        assert_eq!(message.nonce, 4);
    }

    #[test]
    fn a_pause_while_changing_is_part_of_what_is_signed_and_its_absence_costs_nothing() {
        let change = changed(|document| document.binding.while_changing = WhileChanging::Pause)
            .expect("a change");
        assert_ne!(change.version, binding().version());
        assert!(!binding().to_toml().contains("while-changing"));
        assert_eq!(change.differences()[0].key, "binding.while-changing");
    }
}
