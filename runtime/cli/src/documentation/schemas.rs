//! What commands print with `--json`, as JSON Schema 2020-12. Every command
//! that has the flag is listed here; a test holds it to that.

use cryptlet_service::api::{
    ActiveVersion, BindingChanges, BindingStatus, BindingVersions, CanaryFigures, DeployedVersion,
    InvocationView, ShadowRuns, StandingVersion, Status,
};
use cryptlet_service::tokens::TokenInfo;
use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::audit::compare::AuditedChain;
use crate::audit::module::AuditedModule;
use crate::audit::receipt::AuditedReceipt;
use crate::audit::replay::AuditedReplay;
use crate::audit::trail::AuditedTrail;
use crate::audit::verify::AuditedBundle;
use crate::author;
use crate::check::{CheckedBinding, CheckedManifest};
use crate::config::ExplainedKey;
use crate::key::KeyView;
use crate::listing::{ListedDelivery, Listing};
use crate::measure::MeasuredFile;
use crate::operator::backup::BackupView;
use crate::operator::bind::Proposal;
use crate::operator::doctor::Check;
use crate::operator::logs::LoggedEvent;
use crate::operator::shadow::ShadowReplay;
use crate::operator::token::NewToken;
use crate::receipt::ListedReceipt;

/// Every `--json` output: the command and the type that it prints.
pub const OUTPUTS: &[Output] = &[
    Output::of::<author::new::NewProject>("new"),
    Output::of::<author::build::BuiltComponent>("build"),
    Output::of::<author::test::TestReport>("test"),
    Output::of::<author::RunReport>("run"),
    Output::of::<author::inspect::Inspection>("inspect"),
    Output::of::<author::diff::VersionDifference>("diff"),
    Output::of::<Vec<ExplainedKey>>("config explain"),
    Output::of::<Vec<DeployedVersion>>("deploy"),
    Output::of::<Proposal>("bind show"),
    Output::of::<BindingStatus>("bind activate"),
    Output::of::<BindingChanges>("bind changes"),
    Output::of::<InvocationView>("invoke"),
    Output::of::<ActiveVersion>("promote"),
    Output::of::<ActiveVersion>("rollback"),
    Output::of::<StandingVersion>("canary"),
    Output::of::<CanaryFigures>("canary show"),
    Output::of::<StandingVersion>("withdraw"),
    Output::of::<StandingVersion>("retire"),
    Output::of::<BindingVersions>("versions"),
    Output::of::<ShadowReplay>("shadow"),
    Output::of::<ShadowReplay>("shadow replay"),
    Output::of::<ShadowRuns>("shadow show"),
    Output::of::<InvocationView>("run-again"),
    Output::of::<Status>("status"),
    Output::of::<LoggedEvent>("logs"),
    Output::of::<NewToken>("token new"),
    Output::of::<Vec<TokenInfo>>("token ls"),
    Output::of::<KeyView>("key new"),
    Output::of::<Vec<KeyView>>("key ls"),
    Output::of::<Listing>("ls"),
    Output::of::<Vec<ListedDelivery>>("tx"),
    Output::of::<BackupView>("backup"),
    Output::of::<BackupView>("restore"),
    Output::of::<Vec<Check>>("doctor"),
    Output::of::<AuditedBundle>("audit verify"),
    Output::of::<AuditedReceipt>("audit receipt"),
    Output::of::<AuditedTrail>("audit trail"),
    Output::of::<AuditedModule>("audit module"),
    Output::of::<AuditedReplay>("audit replay"),
    Output::of::<AuditedChain>("audit compare"),
    Output::of::<Vec<ListedReceipt>>("receipt ls"),
    Output::of::<Vec<MeasuredFile>>("measure"),
    Output::of::<CheckedManifest>("check manifest"),
    Output::of::<CheckedBinding>("check binding"),
];

/// What the command of that name, `cryptlet key ls`, prints.
pub fn output_of(name: &str) -> Option<&'static Output> {
    OUTPUTS
        .iter()
        .find(|output| name.strip_prefix("cryptlet ") == Some(output.command))
}

/// What one command prints.
pub struct Output {
    /// The words after `cryptlet`.
    pub command: &'static str,
    describe: fn() -> Described,
}

/// A type's schema, and those it refers to by name.
type Described = (RefOr<Schema>, Vec<(String, RefOr<Schema>)>);

impl Output {
    const fn of<T: ToSchema>(command: &'static str) -> Self {
        Self {
            command,
            describe: described::<T>,
        }
    }

    /// The name of its file: `key-ls.json`.
    pub fn file(&self) -> String {
        format!("{}.json", self.command.replace(' ', "-"))
    }

    /// The schema, which refers to nothing outside itself.
    pub fn schema(&self) -> Value {
        let (schema, named) = (self.describe)();
        let mut document = Map::new();
        document.insert(
            "$schema".into(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        document.insert(
            "title".into(),
            format!("cryptlet {} --json", self.command).into(),
        );
        if let Value::Object(own) = as_json(&schema) {
            document.extend(own);
        }
        let named: Map<String, Value> = named
            .iter()
            .map(|(name, schema)| (name.clone(), as_json(schema)))
            .collect();
        if !named.is_empty() {
            document.insert("$defs".into(), Value::Object(named));
        }
        Value::Object(document)
    }
}

fn described<T: ToSchema>() -> Described {
    let mut named = Vec::new();
    T::schemas(&mut named);
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    (<T as PartialSchema>::schema(), named)
}

/// References lead to the same document rather than to a description of an API.
fn as_json(schema: &RefOr<Schema>) -> Value {
    let mut value = json!(schema);
    redirect(&mut value);
    value
}

fn redirect(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(place) if name == "$ref" => {
                        *place = place.replace("#/components/schemas/", "#/$defs/");
                    }
                    other => redirect(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redirect),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_json(command: &clap::Command, above: &str, found: &mut Vec<String>) {
        for below in command
            .get_subcommands()
            .filter(|below| !below.is_hide_set())
        {
            let words = format!("{above} {}", below.get_name());
            if below
                .get_arguments()
                .any(|argument| argument.get_long() == Some("json"))
            {
                found.push(words.trim().to_owned());
            }
            with_json(below, &words, found);
        }
    }

    #[test]
    fn every_command_with_the_flag_publishes_a_schema() {
        let mut commands = Vec::new();
        with_json(&crate::grammar::command(), "", &mut commands);
        let mut published: Vec<_> = OUTPUTS.iter().map(|output| output.command).collect();
        commands.sort_unstable();
        published.sort_unstable();
        assert_eq!(published, commands);
    }

    #[test]
    fn every_schema_is_one_and_stands_alone() {
        for output in OUTPUTS {
            let schema = output.schema();
            assert!(
                jsonschema::meta::is_valid(&schema),
                "{} is no schema",
                output.command
            );
            jsonschema::validator_for(&schema)
                .unwrap_or_else(|error| panic!("{}: {error}", output.command));
        }
    }
}
