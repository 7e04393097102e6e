//! The tools that a component says it was made with.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{KnownCustom, Parser, Payload};

use crate::component::SectionError;

/// Tools and their versions, from the [producers sections] of a component and of everything in it.
///
/// Whoever makes a component writes what they like there; most tools write their own name.
///
/// # Errors
///
/// [`SectionError::NotAComponent`] and [`SectionError::Malformed`].
///
/// [producers sections]: https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md
pub fn producers(component: &[u8]) -> Result<BTreeMap<String, BTreeSet<String>>, SectionError> {
    if !Parser::is_component(component) {
        return Err(SectionError::NotAComponent);
    }
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for payload in Parser::new(0).parse_all(component) {
        let Payload::CustomSection(section) = payload? else {
            continue;
        };
        let KnownCustom::Producers(fields) = section.as_known() else {
            continue;
        };
        for field in fields {
            for value in field?.values {
                let value = value?;
                found
                    .entry(value.name.to_owned())
                    .or_default()
                    .insert(value.version.to_owned());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{Component, ModuleSection, ProducersField, ProducersSection};

    fn section(tool: &str, version: &str) -> ProducersSection {
        let mut field = ProducersField::new();
        field.value(tool, version);
        let mut section = ProducersSection::new();
        section.field("processed-by", &field);
        section
    }

    #[test]
    fn tools_of_a_component_and_of_the_modules_in_it_are_found() {
        let mut module = wasm_encoder::Module::new();
        module.section(&section("rustc", "1.95.0"));
        module.section(&section("wrapper", "0.1.0"));
        let mut component = Component::new();
        component.section(&ModuleSection(&module));
        component.section(&section("wrapper", "0.2.0"));

        let found = producers(&component.finish()).unwrap();

        assert_eq!(found["rustc"].iter().collect::<Vec<_>>(), ["1.95.0"]);
        assert_eq!(
            found["wrapper"].iter().collect::<Vec<_>>(),
            ["0.1.0", "0.2.0"]
        );
        assert!(matches!(
            producers(b"\0asm\x01\0\0\0"),
            Err(SectionError::NotAComponent)
        ));
    }
}
