use std::collections::BTreeSet;

use crate::shape::{Member, Shape};
use crate::{Kind, Manifest, Message};

/// The Solidity interface of the contract that this cryptlet is made for: an event for each
/// contract event, an external function for each action, a struct for each tuple.
///
/// The text depends on the manifest alone, so that a copy under version control can be compared
/// with it. The contract inherits the interface and thereby cannot drift from the schema. A
/// utility cryptlet's interface is empty: it is asked by cryptlets, never by a contract.
#[must_use]
pub fn solidity_interface(cryptlet: &Manifest) -> String {
    Writer::new(cryptlet).write()
}

struct Writer<'a> {
    cryptlet: &'a Manifest,
    taken: BTreeSet<String>,
    structs: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(cryptlet: &'a Manifest) -> Self {
        let messages = cryptlet
            .messages
            .actions
            .iter()
            .chain(&cryptlet.messages.contract_events);
        let mut taken: BTreeSet<String> =
            messages.map(|message| message.name().to_owned()).collect();
        taken.insert(interface_name(&cryptlet.cryptlet.name));
        Writer {
            cryptlet,
            taken,
            structs: Vec::new(),
        }
    }

    fn write(mut self) -> String {
        let identity = &self.cryptlet.cryptlet;
        let events: Vec<String> = self
            .cryptlet
            .messages
            .contract_events
            .iter()
            .map(|event| self.event(event))
            .collect();
        let functions: Vec<String> = self
            .cryptlet
            .messages
            .actions
            .iter()
            .map(|action| self.function(action))
            .collect();

        let purpose = match identity.kind {
            Kind::Contract => "What a contract emits and accepts to be served by the cryptlet.",
            Kind::Utility => "A utility cryptlet: cryptlets ask it, contracts never do.",
        };
        let mut body: Vec<String> = self.structs;
        body.extend(events);
        body.extend(functions);
        format!(
            "// SPDX-License-Identifier: Apache-2.0\n\
             // Generated from cryptlet.toml; do not edit.\n\
             pragma solidity ^0.8.37;\n\
             \n\
             /// @title {name} {version}\n\
             /// @notice {description}\n\
             /// @dev {purpose}\n\
             interface {interface} {{\n{body}}}\n",
            name = identity.name,
            version = identity.version,
            description = comment(&identity.description),
            interface = interface_name(&identity.name),
            body = body.join("\n"),
        )
    }

    fn event(&mut self, event: &Message) -> String {
        let fields = event.fields().iter().map(|field| {
            let indexed = if field.indexed { " indexed" } else { "" };
            let declared = self.declare(event.name(), &field.name, &field.shape);
            format!("{declared}{indexed} {}", field.name)
        });
        let fields: Vec<String> = fields.collect();
        format!(
            "    /// @notice Runs the cryptlet. Topic 0 is keccak-256 of `{}`.\n    event {}({});\n",
            event.signature(),
            event.name(),
            fields.join(", ")
        )
    }

    fn function(&mut self, action: &Message) -> String {
        let fields = action.fields().iter().map(|field| {
            let location = if is_reference(&field.shape) {
                " calldata"
            } else {
                ""
            };
            let declared = self.declare(action.name(), &field.name, &field.shape);
            format!("{declared}{location} {}", field.name)
        });
        let fields: Vec<String> = fields.collect();
        format!(
            "    /// @notice Called by the gateway with what the cryptlet decided. Selector 0x{}.\n    \
             function {}({}) external;\n",
            alloy_primitives::hex::encode(action.selector()),
            action.name(),
            fields.join(", ")
        )
    }

    /// The type's name in Solidity; tuples become structs, declared ahead of all else.
    fn declare(&mut self, parent: &str, field: &str, shape: &Shape) -> String {
        match shape {
            Shape::List(element) => format!("{}[]", self.declare(parent, field, element)),
            Shape::Array(element, length) => {
                format!("{}[{length}]", self.declare(parent, field, element))
            }
            Shape::Tuple(members) => self.declare_struct(parent, field, members),
            elementary => elementary.to_string(),
        }
    }

    fn declare_struct(&mut self, parent: &str, field: &str, members: &[Member]) -> String {
        let wanted = format!("{}{}", capitalised(parent), capitalised(field));
        let name = std::iter::once(wanted.clone())
            .chain((2u32..).map(|number| format!("{wanted}{number}")))
            .find(|name| !self.taken.contains(name))
            .expect("the numbers do not end before the names do");
        self.taken.insert(name.clone());
        let lines: Vec<String> = members
            .iter()
            .map(|member| {
                let declared = self.declare(&name, &member.name, &member.shape);
                format!("        {declared} {};\n", member.name)
            })
            .collect();
        self.structs.push(format!(
            "    /// @dev The tuple `{field}` of `{parent}`.\n    struct {name} {{\n{}    }}\n",
            lines.concat()
        ));
        name
    }
}

/// `interest-rate-swap` gives `IInterestRateSwapCryptlet`.
pub(crate) fn interface_name(name: &str) -> String {
    let words: String = name.split('-').map(capitalised).collect();
    format!("I{words}Cryptlet")
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    match characters.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + characters.as_str(),
        None => String::new(),
    }
}

/// Whether a parameter of this type needs a data location.
fn is_reference(shape: &Shape) -> bool {
    shape.is_hashed_in_topics()
}

/// NatSpec reads `@word` as a tag wherever it stands.
fn comment(text: &str) -> String {
    text.replace('@', "(at)")
}
