//! What one document says otherwise than another.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::binding::Binding;

/// One part that differs between two documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// Dotted key; entries of lists by their place from 0.
    pub key: String,
    /// What stands there, as JSON; none if nothing does.
    pub before: Option<String>,
    /// What shall stand there, as JSON; none if nothing shall.
    pub after: Option<String>,
}

impl Difference {
    /// Everything that differs, by key. Two documents of one version differ in nothing.
    #[must_use]
    pub fn between(before: &Binding, after: &Binding) -> Vec<Self> {
        let (mut before, after) = (leaves(before), leaves(after));
        let mut differences: Vec<Self> = after
            .into_iter()
            .filter_map(|(key, value)| {
                let stood = before.remove(&key);
                (stood.as_ref() != Some(&value)).then_some(Self {
                    key,
                    before: stood,
                    after: Some(value),
                })
            })
            .collect();
        differences.extend(before.into_iter().map(|(key, value)| Self {
            key,
            before: Some(value),
            after: None,
        }));
        differences.sort_by(|one, other| one.key.cmp(&other.key));
        differences
    }
}

fn leaves(binding: &Binding) -> BTreeMap<String, String> {
    let value = serde_json::to_value(binding).expect("every part of a binding has a JSON form");
    let mut leaves = BTreeMap::new();
    spread(String::new(), &value, &mut leaves);
    leaves
}

fn spread(key: String, value: &Value, leaves: &mut BTreeMap<String, String>) {
    let below = |name: &str| match key.as_str() {
        "" => name.to_owned(),
        key => format!("{key}.{name}"),
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                spread(below(name), value, leaves);
            }
        }
        // Lists of texts are read as one: an action that is added moves no other.
        Value::Array(members) if members.iter().any(Value::is_object) => {
            for (place, value) in members.iter().enumerate() {
                spread(below(&place.to_string()), value, leaves);
            }
        }
        Value::Null => {}
        value => drop(leaves.insert(key, value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn binding() -> Binding {
        Binding::parse(
            "binding.toml",
            include_str!("../../tests/documents/binding.toml"),
        )
        .expect("a binding")
    }

    proptest! {
        #[test]
        fn two_documents_differ_in_nothing_only_if_they_have_one_version(
            gas in 0..3_u32, ordered: bool, from in 0..3_u64, name in "[ab]{1,2}"
        ) {
            let mut other = binding();
            other.contract.gas_limit = binding().contract.gas_limit + gas;
            other.contract.ordered = ordered;
            other.contract.from_block = from;
            other.counterparties[0].name = name;
            let same = Difference::between(&binding(), &other).is_empty();
            prop_assert_eq!(same, binding().version() == other.version());
        }
    }

    #[test]
    fn what_is_added_and_what_is_gone_are_told_apart() {
        let mut other = binding();
        other.grants.log = !other.grants.log;
        let source = other.sources.pop_first().expect("a source");
        let differences = Difference::between(&binding(), &other);
        assert!(
            differences
                .iter()
                .any(|difference| difference.key == "grants.log")
        );
        let gone = format!("sources.{}.version", source.0);
        let gone = differences.iter().find(|difference| difference.key == gone);
        assert!(gone.is_some_and(|gone| gone.after.is_none() && gone.before.is_some()));
    }
}
