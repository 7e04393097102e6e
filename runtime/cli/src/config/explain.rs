//! `cryptlet config explain`: every key of a configuration, from the types that read it.
//!
//! What a key means is its field's doc comment; what it is by default, a configuration says that
//! leaves it out. Nothing is written twice, so nothing can differ.

use std::io::Write;

use clap::Args;
use cryptlet_fabric::Configuration;
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{FAINT, HEADING};

const EXAMPLES: &str = "\
Examples:
  cryptlet config explain
  cryptlet config explain service.listen
  cryptlet config explain ledgers --json";

/// What the running service takes over when it is sent SIGHUP.
const RELOADED: [&str; 10] = [
    "bindings.<name>.weight",
    "runs.queue",
    "service.body-bytes",
    "service.burst",
    "service.drain-seconds",
    "service.log",
    "service.poll-milliseconds",
    "service.queue",
    "service.requests-per-second",
    "service.wait-seconds",
];

/// Nothing but what must be there.
const LEAST: &str = r#"
[fabric]
origin = "localhost/log"
attestation-key = "attestation"

[ledgers.example]
chain = "eip155:1"
rpc = "http://127.0.0.1:8545"
gateway = "0x0000000000000000000000000000000000000000"
registry = "0x0000000000000000000000000000000000000000"
account = "account"
finality = "finalized"
max-fee-per-gas = "500000000000"

[bindings.example]

[directories]
example = "/srv/example"
"#;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A key such as `service.listen`, or a section; by default all of them.
    key: Option<String>,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// A key of a configuration as `cryptlet config explain --json` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ExplainedKey {
    /// Dotted; `<name>` stands for what the operator chooses.
    pub key: String,
    /// What it decides.
    pub meaning: String,
    /// What may stand there.
    pub value: String,
    /// What holds when it is left out; null if it must be there.
    pub default: Option<Value>,
    /// Whether a running service takes it over when it is sent SIGHUP.
    pub reloads: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let mut keys = explained();
    if let Some(wanted) = &arguments.key {
        keys.retain(|explained| is_meant(&explained.key, wanted));
        if keys.is_empty() {
            return Err(Failure::Usage(format!(
                "a configuration has no key {wanted}; `cryptlet config explain` shows those there are"
            )));
        }
    }
    if arguments.json {
        return json(&keys, output);
    }
    for explained in &keys {
        writeln!(output, "{HEADING}{}{HEADING:#}", explained.key)?;
        writeln!(output, "    {}", explained.meaning)?;
        let default = match &explained.default {
            Some(default) => format!("default {}", toml_value(default)),
            None => "must be there".to_owned(),
        };
        let reloads = match explained.reloads {
            true => "; reloaded on SIGHUP",
            false => "",
        };
        let value = &explained.value;
        writeln!(output, "    {FAINT}{value}; {default}{reloads}{FAINT:#}")?;
    }
    Ok(())
}

/// Every key, section by section.
pub fn explained() -> Vec<ExplainedKey> {
    #[derive(OpenApi)]
    #[openapi(components(schemas(Configuration)))]
    struct Document;

    let document = serde_json::to_value(Document::openapi())
        .expect("a document of the OpenAPI has a JSON form");
    let least = Configuration::parse("the least configuration", LEAST)
        .expect("the constant above is a configuration, as a test holds");
    let defaults = serde_json::to_value(least).expect("a configuration has a JSON form");
    let mut keys = Vec::new();
    let root = &document["components"]["schemas"]["Configuration"];
    walk(&document, root, &defaults, "", &mut keys);
    keys
}

/// Collects the keys below `prefix`, of which `defaults` has the values.
fn walk(
    document: &Value,
    schema: &Value,
    defaults: &Value,
    prefix: &str,
    keys: &mut Vec<ExplainedKey>,
) {
    let none = serde_json::Map::new();
    let required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|required| required == name))
    };
    for (name, property) in schema["properties"].as_object().unwrap_or(&none) {
        let key = format!("{prefix}{name}");
        let resolved = resolve(document, property);
        if resolved["properties"].is_object() {
            let prefix = format!("{key}.");
            walk(document, resolved, &defaults[name], &prefix, keys);
        } else if resolved["additionalProperties"].is_object() {
            let prefix = format!("{key}.<name>.");
            let inner = resolve(document, &resolved["additionalProperties"]);
            if inner["properties"].is_object() {
                walk(document, inner, &defaults[name]["example"], &prefix, keys);
            } else {
                keys.push(ExplainedKey {
                    meaning: meaning(property, resolved),
                    value: value(inner),
                    default: None,
                    reloads: false,
                    key: format!("{key}.<name>"),
                });
            }
        } else {
            keys.push(ExplainedKey {
                meaning: meaning(property, resolved),
                value: value(resolved),
                default: (!required(name)).then(|| defaults[name].clone()),
                reloads: RELOADED.contains(&key.as_str()),
                key,
            });
        }
    }
}

/// The schema that `schema` stands for: itself, or the one that it names.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema["$ref"]
        .as_str()
        .or_else(|| schema["allOf"][0]["$ref"].as_str())
        .or_else(|| schema["oneOf"][0]["$ref"].as_str());
    match reference.and_then(|reference| document.pointer(reference.trim_start_matches('#'))) {
        Some(named) => named,
        None => schema,
    }
}

/// The field's own words, or those of its type.
fn meaning(property: &Value, resolved: &Value) -> String {
    let described = |schema: &Value| schema["description"].as_str().map(str::to_owned);
    let text = described(property).or_else(|| described(resolved));
    text.unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn value(schema: &Value) -> String {
    if let Some(names) = schema["enum"].as_array() {
        let names: Vec<String> = names.iter().map(toml_value).collect();
        return format!("one of {}", names.join(", "));
    }
    match schema["type"].as_str() {
        Some("boolean") => "true or false",
        Some("integer") => "a whole number",
        Some("array") => "a list",
        _ => "text",
    }
    .to_owned()
}

/// A default as it stands in TOML, which writes texts, numbers and truths like JSON.
pub fn toml_value(value: &Value) -> String {
    value.to_string()
}

/// Whether somebody who writes `wanted` means `key`: it, its section, or it for one ledger.
fn is_meant(key: &str, wanted: &str) -> bool {
    let wanted: Vec<&str> = wanted.split('.').collect();
    let parts: Vec<&str> = key.split('.').collect();
    wanted.len() <= parts.len()
        && wanted
            .iter()
            .zip(&parts)
            .all(|(wanted, part)| wanted == part || *part == "<name>")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The keys that a configuration has when it is written out.
    fn written() -> BTreeSet<String> {
        fn collect(value: &Value, prefix: &str, keys: &mut BTreeSet<String>) {
            match value.as_object() {
                Some(object) => {
                    for (name, value) in object {
                        let name = match name.as_str() {
                            "example" => "<name>",
                            name => name,
                        };
                        let prefix = format!("{prefix}.{name}");
                        collect(value, prefix.trim_start_matches('.'), keys);
                    }
                }
                None => {
                    keys.insert(prefix.to_owned());
                }
            }
        }
        let least = Configuration::parse("least", LEAST).expect("a configuration");
        let value = serde_json::to_value(least).expect("JSON");
        let mut keys = BTreeSet::new();
        collect(&value, "", &mut keys);
        keys
    }

    #[test]
    fn explains_every_key_that_there_is_and_no_other() {
        let explained: BTreeSet<String> = explained()
            .into_iter()
            .map(|explained| explained.key)
            .collect();
        assert_eq!(explained, written());
        assert!(explained.contains("ledgers.<name>.rpc"));
    }

    #[test]
    fn every_key_has_a_meaning_and_must_be_there_or_has_a_default() {
        let least: toml::Table = LEAST.parse().expect("TOML");
        for explained in explained() {
            assert!(explained.meaning.ends_with('.'), "{explained:?}");
            assert_ne!(explained.default, Some(Value::Null), "{explained:?}");
            let mut parts = explained.key.split('.');
            let section = parts.next().unwrap_or_default();
            let is_given = ["fabric", "ledgers", "directories"].contains(&section);
            assert_eq!(explained.default.is_none(), is_given, "{explained:?}");
            // A table by names has no keys before somebody names one.
            let is_named = section == "bindings";
            assert_eq!(
                least.contains_key(section),
                is_given || is_named,
                "{explained:?}"
            );
        }
    }

    #[test]
    fn what_reloads_is_a_key() {
        let keys = written();
        for key in RELOADED {
            assert!(keys.contains(key), "{key}");
        }
    }

    #[test]
    fn a_section_a_key_and_one_ledgers_key_can_be_asked_for() {
        for wanted in [
            "ledgers",
            "ledgers.sepolia",
            "ledgers.<name>.rpc",
            "ledgers.main.rpc",
        ] {
            assert!(is_meant("ledgers.<name>.rpc", wanted), "{wanted}");
        }
        for wanted in [
            "ledger",
            "rpc",
            "ledgers.main.rpc.url",
            "ledgers.main.chain",
        ] {
            assert!(!is_meant("ledgers.<name>.rpc", wanted), "{wanted}");
        }
    }
}
