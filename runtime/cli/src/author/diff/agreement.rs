//! What counterparties must agree to before a version runs.

use std::sync::Arc;

use cryptlet_attest::Measurement;
use cryptlet_fabric::Binding;
use cryptlet_fabric::binding::Granted;
use cryptlet_schema::{Capabilities, Kind, Manifest, Message};
use semver::{Comparator, Op, VersionReq};
use serde::Serialize;
use utoipa::ToSchema;

use super::subject::Subject;

/// What the counterparties of one binding must sign before the later version runs there.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Agreement {
    /// The binding; absent if none was looked at. Then it is one that agrees to what the earlier
    /// version asks for and to nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// What they sign.
    pub proposal: ProposalKind,
    /// What has to change in the binding document.
    pub fields: Vec<AgreementField>,
}

/// What counterparties sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProposalKind {
    /// Nothing: these bytes are what they agreed to.
    None,
    /// One more module under the version of the binding in force.
    Allow,
    /// Another version of the binding.
    Change,
}

/// One part of a binding document that has to change.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AgreementField {
    /// Its key.
    pub key: String,
    /// What is wrong with it as it is.
    pub reason: String,
}

/// What the counterparties of these bindings must sign, if they have to do with the cryptlet; without
/// any to look at, what those of a binding must that was made for the earlier version.
pub fn agreements(
    before: &Subject,
    after: &Subject,
    bindings: Option<&[Arc<Binding>]>,
) -> Vec<Agreement> {
    let Some(bindings) = bindings else {
        return vec![match after.manifest.cryptlet.kind {
            Kind::Contract => bound(&Agreed::to(before), after),
            Kind::Utility => asked(&AgreedSource::to(before), after),
        }];
    };
    let cryptlet = &after.manifest.cryptlet;
    let mut agreements = Vec::new();
    for binding in bindings {
        match cryptlet.kind {
            Kind::Contract if binding.binding.cryptlet == cryptlet.name => {
                agreements.push(bound(&Agreed::of(binding), after));
            }
            Kind::Contract => {}
            Kind::Utility => {
                let sources = AgreedSource::all_of(binding);
                let of_it = sources
                    .iter()
                    .filter(|source| source.cryptlet == cryptlet.name);
                agreements.extend(of_it.map(|source| asked(source, after)));
            }
        }
    }
    agreements
}

/// What a binding lets the cryptlet be and do that it binds.
struct Agreed<'a> {
    binding: Option<String>,
    measurement: Measurement,
    versions: VersionReq,
    actions: &'a [Message],
    events: &'a [Message],
    triggers: Vec<&'a str>,
    granted: Capabilities,
}

impl<'a> Agreed<'a> {
    fn of(binding: &'a Binding) -> Self {
        let mut granted = capabilities(&binding.grants);
        granted.ledger = true;
        granted.sources = binding.sources.keys().cloned().collect();
        granted.keychain.clone_from(&binding.keys.granted);
        Self {
            binding: Some(binding.binding.name.clone()),
            measurement: binding.binding.measurement,
            versions: binding.binding.versions.clone(),
            actions: &binding.contract.actions,
            events: &binding.contract.events,
            triggers: names(binding.triggers.contract_events.iter()),
            granted,
        }
    }

    /// As `cryptlet bind new` writes it.
    fn to(subject: &'a Subject) -> Self {
        let Manifest {
            cryptlet,
            messages,
            capabilities,
            ..
        } = &subject.manifest;
        let range = Comparator {
            op: Op::Caret,
            major: cryptlet.version.major,
            minor: Some(cryptlet.version.minor),
            patch: None,
            pre: cryptlet.version.pre.clone(),
        };
        Self {
            binding: None,
            measurement: subject.measurement(),
            versions: VersionReq {
                comparators: vec![range],
            },
            actions: &messages.actions,
            events: &messages.contract_events,
            triggers: messages.contract_events.iter().map(Message::name).collect(),
            granted: capabilities.clone(),
        }
    }
}

fn bound(agreed: &Agreed<'_>, after: &Subject) -> Agreement {
    let manifest = &after.manifest;
    let identity = &manifest.cryptlet;
    let mut missing = Missing::default();
    if !agreed.versions.matches(&identity.version) {
        let reason = format!("{} does not take {}", agreed.versions, identity.version);
        missing.add("binding.versions", reason);
    }
    for action in &manifest.messages.actions {
        if !agreed.actions.contains(action) {
            missing.add("contract.actions", format!("does not list {action}"));
        }
    }
    for name in &agreed.triggers {
        match manifest.messages.contract_event(name) {
            None => {
                let reason = format!("names {name}, which {} does not take", identity.version);
                missing.add("triggers.contract-events", reason);
            }
            Some(event) if !agreed.events.contains(event) => {
                missing.add("contract.events", format!("does not list {event}"));
            }
            Some(_) => {}
        }
    }
    missing.grants("", &agreed.granted, &manifest.capabilities);
    let asked = &manifest.capabilities;
    for source in &asked.sources {
        if !agreed.granted.sources.contains(source) {
            missing.add(&format!("sources.{source}"), "is not there".to_owned());
        }
    }
    for key in &asked.keychain {
        if !agreed.granted.keychain.contains(key) {
            missing.add("keys.granted", format!("does not name {key}"));
        }
    }
    let measurement = after.measurement();
    let proposal = if !missing.fields.is_empty() {
        missing.measurement("binding.measurement", agreed.measurement, measurement);
        ProposalKind::Change
    } else if agreed.measurement == measurement {
        ProposalKind::None
    } else {
        ProposalKind::Allow
    };
    Agreement {
        binding: agreed.binding.clone(),
        proposal,
        fields: missing.fields,
    }
}

/// What a binding says of one of its sources: exactly one version, by its bytes.
struct AgreedSource {
    binding: Option<String>,
    name: String,
    cryptlet: String,
    version: semver::Version,
    measurement: Measurement,
    granted: Capabilities,
}

impl AgreedSource {
    fn all_of(binding: &Binding) -> Vec<Self> {
        let sources = binding.sources.iter();
        sources
            .map(|(name, source)| Self {
                binding: Some(binding.binding.name.clone()),
                name: name.clone(),
                cryptlet: source.cryptlet.clone(),
                version: source.version.clone(),
                measurement: source.measurement,
                granted: capabilities(&source.grants),
            })
            .collect()
    }

    fn to(subject: &Subject) -> Self {
        let identity = &subject.manifest.cryptlet;
        Self {
            binding: None,
            name: identity.name.clone(),
            cryptlet: identity.name.clone(),
            version: identity.version.clone(),
            measurement: subject.measurement(),
            granted: subject.manifest.capabilities.clone(),
        }
    }
}

fn asked(agreed: &AgreedSource, after: &Subject) -> Agreement {
    let section = format!("sources.{}.", agreed.name);
    let identity = &after.manifest.cryptlet;
    let mut missing = Missing::default();
    if agreed.version != identity.version {
        let reason = format!("is {}, not {}", agreed.version, identity.version);
        missing.add(&format!("{section}version"), reason);
    }
    missing.measurement(
        &format!("{section}measurement"),
        agreed.measurement,
        after.measurement(),
    );
    missing.grants(&section, &agreed.granted, &after.manifest.capabilities);
    Agreement {
        binding: agreed.binding.clone(),
        proposal: if missing.fields.is_empty() {
            ProposalKind::None
        } else {
            ProposalKind::Change
        },
        fields: missing.fields,
    }
}

#[derive(Default)]
struct Missing {
    fields: Vec<AgreementField>,
}

impl Missing {
    fn add(&mut self, key: &str, reason: String) {
        self.fields.push(AgreementField {
            key: key.to_owned(),
            reason,
        });
    }

    fn measurement(&mut self, key: &str, agreed: Measurement, wanted: Measurement) {
        if agreed != wanted {
            self.add(key, format!("names {agreed}"));
        }
    }

    /// The switches of a `[grants]`; of web addresses only whether there is any.
    fn grants(&mut self, section: &str, granted: &Capabilities, asked: &Capabilities) {
        for (name, granted, asked) in [
            ("events", granted.events, asked.events),
            ("state", granted.state, asked.state),
            ("log", granted.log, asked.log),
            ("wasi", granted.wasi, asked.wasi),
            ("http", granted.http, asked.http),
        ] {
            if asked && !granted {
                self.add(
                    &format!("{section}grants.{name}"),
                    "is not granted".to_owned(),
                );
            }
        }
        for name in &asked.directories {
            if !granted.directories.contains(name) {
                let key = format!("{section}grants.directories.{name}");
                self.add(&key, "is not granted".to_owned());
            }
        }
    }
}

fn capabilities(granted: &Granted) -> Capabilities {
    Capabilities {
        events: granted.events,
        state: granted.state,
        http: !granted.http.is_empty(),
        log: granted.log,
        wasi: granted.wasi,
        directories: granted.directories.keys().cloned().collect(),
        ..Capabilities::default()
    }
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    names.map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_not_granted_is_named_with_its_key() {
        let asking = |names: &[&str]| Capabilities {
            wasi: true,
            directories: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Capabilities::default()
        };
        let mut missing = Missing::default();
        missing.grants(
            "sources.notary.",
            &asking(&["documents"]),
            &asking(&["documents", "tables"]),
        );
        let keys: Vec<&str> = missing.fields.iter().map(|f| f.key.as_str()).collect();
        assert_eq!(keys, ["sources.notary.grants.directories.tables"]);
    }
}
