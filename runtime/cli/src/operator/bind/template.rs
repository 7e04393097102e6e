//! What a new binding document has beside what its components say: from a template, from the
//! configuration of this host, and from the command line.

use std::fs;
use std::path::Path;

use alloy_primitives::Address;
use cryptlet_fabric::{Configuration, WhileChanging};
use serde::Deserialize;

use crate::failure::Failure;

/// The templates that ship, by name.
const SHIPPED: [(&str, &str); 3] = [
    ("swap", include_str!("../../../templates/binding/swap.toml")),
    (
        "oracle",
        include_str!("../../../templates/binding/oracle.toml"),
    ),
    (
        "message",
        include_str!("../../../templates/binding/message.toml"),
    ),
];

/// Stands where only a person knows what belongs there; no document with it is accepted.
pub const TO_FILL_IN: &str = "0x…";

/// What a template may say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Template {
    pub binding: Agreed,
    pub contract: Place,
    pub counterparties: Vec<Party>,
}

/// Section `[binding]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Agreed {
    pub threshold: u8,
    pub while_changing: WhileChanging,
}

impl Default for Agreed {
    fn default() -> Self {
        Self {
            threshold: 2,
            while_changing: WhileChanging::Run,
        }
    }
}

/// Section `[contract]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Place {
    pub ledger: Option<String>,
    pub chain: Option<String>,
    pub gateway: Option<Address>,
    pub consumer: Option<Address>,
    pub from_block: u64,
    pub ordered: bool,
    pub version_delay_seconds: u64,
    pub validity_seconds: u64,
    pub gas_limit: u32,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            ledger: None,
            chain: None,
            gateway: None,
            consumer: None,
            from_block: 0,
            ordered: true,
            version_delay_seconds: 3_600,
            validity_seconds: 600,
            gas_limit: 300_000,
        }
    }
}

/// One of `[[counterparties]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Party {
    pub name: String,
    pub address: Address,
}

impl Template {
    /// The shipped template of this name, or the file.
    pub fn named(name: &str) -> Result<Self, Failure> {
        if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            return Self::parse(name, text);
        }
        let text = fs::read_to_string(name).map_err(|error| {
            let shipped: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
            Failure::Refused(format!(
                "there is no template {name} ({error}); name a file, or one of {}",
                shipped.join(", ")
            ))
        })?;
        Self::parse(name, &text)
    }

    fn parse(name: &str, text: &str) -> Result<Self, Failure> {
        toml::from_str(text).map_err(|error| {
            Failure::Refused(format!(
                "{name} is no template of a binding: {}",
                error.message().replace('\n', " ")
            ))
        })
    }

    /// Fills in the ledger of a host's configuration: the one of this name, or the only one.
    pub fn at(&mut self, state: &Path, ledger: Option<&str>) -> Result<(), Failure> {
        let configuration = match Configuration::read(state) {
            Ok(configuration) => configuration,
            Err(_) if ledger.is_none() => return Ok(()),
            Err(error) => return Err(Failure::Refused(error.to_string())),
        };
        let mut ledgers = configuration.ledgers.iter();
        let found = match (ledger, ledgers.len()) {
            (Some(name), _) => {
                Some(ledgers.find(|(known, _)| *known == name).ok_or_else(|| {
                    Failure::Usage(format!(
                        "no ledger {name} is configured; {} has {}",
                        state.display(),
                        listed(configuration.ledgers.keys())
                    ))
                })?)
            }
            (None, 1) => ledgers.next(),
            (None, _) => None,
        };
        if let Some((name, ledger)) = found {
            let place = &mut self.contract;
            place.ledger.get_or_insert_with(|| name.clone());
            place.chain.get_or_insert_with(|| ledger.chain.to_string());
            place.gateway.get_or_insert(ledger.gateway);
        }
        Ok(())
    }

    /// The counterparties as a document lists them, in ascending order of address; two to be filled
    /// in if there are none.
    pub fn counterparties(&self) -> String {
        if self.counterparties.is_empty() {
            let blank = format!(
                "[[counterparties]]\nname = \"{TO_FILL_IN}\"\naddress = \"{TO_FILL_IN}\"\n"
            );
            return format!("{blank}\n{blank}");
        }
        let mut parties: Vec<_> = self.counterparties.iter().collect();
        parties.sort_by_key(|party| party.address);
        let parties: Vec<String> = parties
            .into_iter()
            .map(|party| {
                format!(
                    "[[counterparties]]\nname = {}\naddress = \"{}\"\n",
                    toml::Value::from(party.name.as_str()),
                    party.address
                )
            })
            .collect();
        parties.join("\n")
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_template_is_one_and_they_differ() {
        let templates: Vec<_> = SHIPPED
            .iter()
            .map(|(name, _)| Template::named(name).expect("it ships"))
            .collect();
        assert!(templates.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_template_with_a_key_that_nobody_knows_is_refused_by_name() {
        let refusal = Template::parse("mine.toml", "[binding]\ntreshold = 2\n").expect_err("typo");
        assert!(refusal.to_string().contains("treshold"), "{refusal}");
    }
}
