//! The component around the core module, and the manifest in it.

use std::str;

use cryptlet_schema::MANIFEST_SECTION;
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{BinaryReaderError, Parser, Payload, Validator, WasmFeatures};
use wit_component::ComponentEncoder;

/// The interface that every cryptlet exports, in whatever version.
const HANDLER: &str = "cryptlet:fabric/cryptlet@";

/// Why a module does not become a cryptlet.
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    /// The module's imports and exports do not follow the canonical ABI of any world.
    #[error("the module cannot be wrapped as a component: {reason}")]
    NotEncodable {
        /// What the component encoder says, outermost cause first.
        reason: String,
    },
    /// The bytes are not a valid component.
    #[error("the component is invalid: {0}")]
    Invalid(#[from] BinaryReaderError),
    /// Nothing would answer an invocation.
    #[error(
        "the component does not export {HANDLER}…; in Rust, mark a function with \
         #[cryptlet_sdk::contract] or #[cryptlet_sdk::utility], in other languages build for the \
         world that `cryptlet wit` writes"
    )]
    NoHandler,
    /// The manifest cannot be put in.
    #[error(transparent)]
    Section(#[from] SectionError),
}

/// Why a component has no manifest that could be relied on.
#[derive(Debug, thiserror::Error)]
pub enum SectionError {
    /// A core module, a text file or anything else.
    #[error("this is not a WebAssembly component; `cryptlet build` makes one")]
    NotAComponent,
    /// The bytes end early or do not parse.
    #[error("the component cannot be read: {0}")]
    Malformed(#[from] BinaryReaderError),
    /// There is no manifest at the outermost level; what nested components carry does not count.
    #[error("the component carries no section {MANIFEST_SECTION:?}; `cryptlet build` embeds one")]
    Absent,
    /// Readers could disagree on which one counts, so none does.
    #[error("the component carries {count} sections {MANIFEST_SECTION:?}; exactly one is allowed")]
    Repeated {
        /// How many there are.
        count: usize,
    },
    /// A manifest is text.
    #[error("the section {MANIFEST_SECTION:?} is not UTF-8 after byte {valid_up_to}")]
    NotUtf8 {
        /// Length of the part that is.
        valid_up_to: usize,
    },
}

/// What a component wants from its host and what it offers, at its outermost level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Names as WIT writes them, `cryptlet:fabric/log@0.1.0`, in the component's order.
    pub imports: Vec<String>,
    /// The same for exports.
    pub exports: Vec<String>,
}

/// Turns a core module that `wit-bindgen` prepared into a component. A component passes unchanged:
/// the linker of `wasm32-wasip2` makes one by itself.
///
/// # Errors
///
/// [`WrapError::NotEncodable`], [`WrapError::Invalid`], or [`WrapError::NoHandler`] if the result
/// does not export what every cryptlet exports.
pub fn wrap(module: &[u8]) -> Result<Vec<u8>, WrapError> {
    let component = if Parser::is_component(module) {
        module.to_vec()
    } else {
        encode(module)?
    };
    validate(&component)?;
    let answers = interface(&component)?
        .exports
        .iter()
        .any(|name| name.starts_with(HANDLER));
    if answers {
        Ok(component)
    } else {
        Err(WrapError::NoHandler)
    }
}

/// Appends `manifest`, byte for byte, to the outermost level of `component`.
///
/// # Errors
///
/// [`SectionError::Repeated`] if one is there already, and whatever makes the bytes unreadable as
/// a component.
pub fn embed_manifest(component: &[u8], manifest: &str) -> Result<Vec<u8>, SectionError> {
    let present = sections(component)?.len();
    if present > 0 {
        return Err(SectionError::Repeated { count: present + 1 });
    }
    let section = CustomSection {
        name: MANIFEST_SECTION.into(),
        data: manifest.as_bytes().into(),
    };
    let mut embedded = component.to_vec();
    section.append_to_component(&mut embedded);
    Ok(embedded)
}

/// The manifest's text as it was embedded.
///
/// # Errors
///
/// See [`SectionError`]; every one of them means that the bytes promise nothing.
pub fn read_manifest(component: &[u8]) -> Result<&str, SectionError> {
    match sections(component)?.as_slice() {
        [] => Err(SectionError::Absent),
        [text] => str::from_utf8(text).map_err(|error| SectionError::NotUtf8 {
            valid_up_to: error.valid_up_to(),
        }),
        several => Err(SectionError::Repeated {
            count: several.len(),
        }),
    }
}

/// Imports and exports of the outermost level.
///
/// # Errors
///
/// [`SectionError::NotAComponent`] and [`SectionError::Malformed`].
pub fn interface(component: &[u8]) -> Result<Interface, SectionError> {
    let mut found = Interface {
        imports: Vec::new(),
        exports: Vec::new(),
    };
    outermost(component, |payload| {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section {
                    found.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    found.exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

pub(crate) fn validate(component: &[u8]) -> Result<(), BinaryReaderError> {
    Validator::new_with_features(WasmFeatures::default())
        .validate_all(component)
        .map(|_| ())
}

fn encode(module: &[u8]) -> Result<Vec<u8>, WrapError> {
    // The encoder panics on a section of code that is cut off.
    validate(module).map_err(|error| WrapError::NotEncodable {
        reason: format!("it is not valid: {error}"),
    })?;
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| WrapError::NotEncodable {
            reason: format!("{error:#}"),
        })
}

fn sections(component: &[u8]) -> Result<Vec<&[u8]>, SectionError> {
    let mut found = Vec::new();
    outermost(component, |payload| {
        if let Payload::CustomSection(section) = payload
            && section.name() == MANIFEST_SECTION
        {
            found.push(section.data());
        }
        Ok(())
    })?;
    Ok(found)
}

/// Visits every payload that belongs to the component itself, not to a module or component in it.
fn outermost<'a>(
    component: &'a [u8],
    mut visit: impl FnMut(Payload<'a>) -> Result<(), BinaryReaderError>,
) -> Result<(), SectionError> {
    if !Parser::is_component(component) {
        return Err(SectionError::NotAComponent);
    }
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            payload if depth == 0 => visit(payload)?,
            _ => {}
        }
    }
    Ok(())
}
