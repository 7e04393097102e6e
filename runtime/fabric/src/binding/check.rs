//! Whether a binding contradicts itself, or its cryptlet.

use alloy_primitives::Address;
use cryptlet_schema::{Kind, Manifest, Message};

use super::{Binding, BindingError, Granted};
use crate::journal::KEPT_SHADOW_RUNS;

/// The gateway's `MAX_VERSION_DELAY`, in seconds.
const MAX_VERSION_DELAY: u64 = 365 * 86_400;

impl Binding {
    /// Checks that the binding does not contradict itself.
    ///
    /// # Errors
    ///
    /// Names the first key with a value that cannot be.
    pub fn check(&self) -> Result<(), BindingError> {
        if self.counterparties.is_empty() {
            return Err(self.invalid(
                "counterparties",
                "nobody would have to agree".into(),
                "name at least one counterparty",
            ));
        }
        if !self.addresses().is_sorted_by(|left, right| left < right) {
            return Err(self.invalid(
                "counterparties",
                "addresses are not in ascending order, or one stands twice".into(),
                "sort them by address",
            ));
        }
        let threshold = usize::from(self.binding.threshold);
        if threshold == 0 || threshold > self.counterparties.len() {
            return Err(self.invalid(
                "binding.threshold",
                format!(
                    "{threshold} of {} cannot be reached",
                    self.counterparties.len()
                ),
                "take a number from 1 to the number of counterparties",
            ));
        }
        if let Some(promotion) = &self.promotion
            && !(1..=KEPT_SHADOW_RUNS).contains(&promotion.clean_shadow_runs)
        {
            return Err(self.invalid(
                "promotion.clean-shadow-runs",
                format!(
                    "{} cannot be counted: the newest {KEPT_SHADOW_RUNS} runs are kept",
                    promotion.clean_shadow_runs
                ),
                "take a number from 1 to 1000, or leave out [promotion]",
            ));
        }
        for (place, granted) in self.granted() {
            for (name, http) in &granted.http {
                if let Some((bound, most)) = http.bounds().unfit() {
                    return Err(self.invalid(
                        &format!("{place}.http.{name}.{bound}"),
                        "a grant that nothing passes, or more than any host gives".into(),
                        &format!("take a number from 1 to {most}, or leave it out"),
                    ));
                }
            }
            if let Err(error) = crate::grants::granted(granted).check_directories() {
                return Err(self.invalid(
                    &format!("{place}.directories"),
                    error.to_string(),
                    "no host takes such grants: correct the name or the bytes",
                ));
            }
        }
        for (key, seconds) in [
            ("contract.from-block", self.contract.from_block),
            (
                "contract.version-delay-seconds",
                self.contract.version_delay_seconds,
            ),
            ("contract.validity-seconds", self.contract.validity_seconds),
        ] {
            if i64::try_from(seconds).is_err() {
                return Err(self.invalid(
                    key,
                    format!("{seconds} is more than a document can hold"),
                    "take less than 2^63",
                ));
            }
        }
        if self.contract.version_delay_seconds > MAX_VERSION_DELAY {
            return Err(self.invalid(
                "contract.version-delay-seconds",
                "the gateway takes no delay beyond 365 days".into(),
                "take 31536000 at most",
            ));
        }
        if [Address::ZERO, self.contract.gateway].contains(&self.contract.consumer) {
            return Err(self.invalid(
                "contract.consumer",
                "the gateway takes neither the zero address nor itself".into(),
                "name the contract that deliveries call",
            ));
        }
        if self.contract.max_fee >> 96 != 0 {
            return Err(self.invalid(
                "contract.max-fee",
                "the gateway keeps it in 96 bits".into(),
                "take less, or 0 for no cap",
            ));
        }
        if self.contract.signer_threshold != 1 {
            return Err(self.invalid(
                "contract.signer-threshold",
                "one host signs with one delivery key".into(),
                "set it to 1",
            ));
        }
        for name in &self.triggers.contract_events {
            if !self
                .contract
                .events
                .iter()
                .any(|event| event.name() == name)
            {
                return Err(self.invalid(
                    "triggers.contract-events",
                    format!("{name} is not among contract.events"),
                    "list the event there in human-readable ABI",
                ));
            }
        }
        Ok(())
    }

    /// Checks that the contract, as this binding describes it, knows every action that `manifest`
    /// takes and every event that it wants.
    ///
    /// # Errors
    ///
    /// Names the first message that differs.
    pub fn check_messages(&self, manifest: &Manifest) -> Result<(), BindingError> {
        if manifest.cryptlet.kind != Kind::Contract {
            return Err(self.invalid(
                "binding.cryptlet",
                format!("{} is a utility cryptlet", manifest.cryptlet.name),
                "bind a contract cryptlet, and name this one under [sources]",
            ));
        }
        let known = |messages: &[Message], wanted: &Message| {
            messages.iter().any(|message| message == wanted)
        };
        for action in &manifest.messages.actions {
            if !known(&self.contract.actions, action) {
                return Err(self.invalid(
                    "contract.actions",
                    format!(
                        "{} calls {action}, which is not listed",
                        manifest.cryptlet.name
                    ),
                    "list it, if the contract has this function",
                ));
            }
        }
        for name in &self.triggers.contract_events {
            let wanted = manifest
                .messages
                .contract_events
                .iter()
                .find(|message| message.name() == name);
            match wanted {
                Some(message) if known(&self.contract.events, message) => {}
                _ => {
                    return Err(self.invalid(
                        "triggers.contract-events",
                        format!(
                            "{} {} does not take the event {name} as the contract emits it",
                            manifest.cryptlet.name, manifest.cryptlet.version
                        ),
                        "compare contract.events with the manifest's contract-events",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Everything that is granted, with the dotted key where it stands.
    fn granted(&self) -> impl Iterator<Item = (String, &Granted)> {
        let sources = self.sources.iter();
        std::iter::once(("grants".to_owned(), &self.grants))
            .chain(sources.map(|(name, source)| (format!("sources.{name}.grants"), &source.grants)))
    }
}
