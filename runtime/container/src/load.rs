//! From bytes to a cryptlet: what is refused, and why.

use cryptlet_attest::Measurement;
use cryptlet_schema::{Capabilities, Kind, MANIFEST_SECTION, Manifest, ManifestError};
use sha2::{Digest as _, Sha256};
use wasmparser::{BinaryReaderError, Encoding, Parser, Payload};
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use crate::cache::CodeCache;
use crate::compiler::{CompilationError, Flights, Flown};
use crate::cryptlet::{CodeOrigin, Cryptlet, Loaded};
use crate::host::Guest;
use crate::migration::{MigrationAnswer, MigrationQuestion};
use crate::question::{Answer, Question};
use crate::scan::{Part, Unfit, scan};

const OWN_INTERFACES: &str = "cryptlet:fabric/";
const EXPORT: &str = "cryptlet:fabric/cryptlet@0.1.0";
const MIGRATION: &str = "cryptlet:fabric/migration@0.1.0";

/// Interfaces of WASI 0.2 that have a virtual implementation here.
const VIRTUAL_WASI: &[&str] = &[
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
];

/// Bytes are refused as a cryptlet.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Larger than the host compiles.
    #[error("component has {size} bytes, this host takes at most {allowed}")]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes allowed.
        allowed: usize,
    },
    /// More of something than any host compiles.
    #[error(
        "component has {found} {part}, and no host compiles more than {}; \
         leave out what it does not need, or split it",
        part.allowed()
    )]
    Excessive {
        /// What it has too much of.
        part: Part,
        /// How much, as far as it was counted.
        found: u64,
    },
    /// A core module.
    #[error(
        "this is a core WebAssembly module, not a component; \
         build it with `cryptlet build`, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// Compiled code, which nobody can measure or meter.
    #[error(
        "this is precompiled machine code, not a component; deploy the component it was compiled from"
    )]
    Precompiled,
    /// No WebAssembly at all.
    #[error("this is no WebAssembly component: {0}; build one with `cryptlet build`")]
    NotAComponent(String),
    /// No manifest.
    #[error(
        "component has no custom section `{MANIFEST_SECTION}` at its outermost level; \
         build it with `cryptlet build`, which embeds cryptlet.toml"
    )]
    NoManifest,
    /// More than one manifest.
    #[error("component has {0} custom sections `{MANIFEST_SECTION}`; exactly one can be meant")]
    SeveralManifests(usize),
    /// The manifest is no UTF-8.
    #[error("the manifest is not UTF-8")]
    ManifestNotText,
    /// The manifest does not read.
    #[error("the manifest: {0}")]
    Manifest(#[from] ManifestError),
    /// An import that nobody offers.
    #[error(
        "component imports {import}, which no cryptlet can be given; \
         rebuild it against cryptlet:fabric@0.1.0, and for WASI without sockets and HTTP"
    )]
    ForeignImport {
        /// Name of the import.
        import: String,
    },
    /// An import whose capability the manifest does not ask for.
    #[error(
        "component imports {import}, but its manifest does not ask for it; \
         add `{capability}` to [capabilities] or rebuild without it"
    )]
    UnaskedImport {
        /// Name of the import.
        import: String,
        /// Key of the manifest.
        capability: &'static str,
    },
    /// An import that this kind of cryptlet never gets.
    #[error("component imports {import}, which a {kind} cryptlet never gets")]
    KindForbids {
        /// Name of the import.
        import: String,
        /// `utility` or `contract`.
        kind: &'static str,
    },
    /// The export is missing or has another type.
    #[error("component does not export {EXPORT} as cryptlet:fabric says: {0}")]
    Export(String),
    /// The optional export has another type.
    #[error("component does not export {MIGRATION} as cryptlet:fabric says: {0}")]
    Migration(String),
    /// The export that migrates state, in a cryptlet that keeps none.
    #[error(
        "component exports {MIGRATION}, but its manifest does not ask for state; \
         add `state = true` to [capabilities] or remove the export"
    )]
    MigratesNothing,
    /// A utility cryptlet that migrates state.
    #[error("component exports {MIGRATION}, which a utility cryptlet never has")]
    UtilityMigrates,
    /// A raised state version without the export that migrates.
    #[error(
        "the manifest says state version {version}, and component does not export {MIGRATION}; \
         mark the function that brings lower versions up with #[cryptlet_sdk::migrate], or write \
         `version = 1` in [state]"
    )]
    DoesNotMigrate {
        /// The manifest's state version.
        version: u32,
    },
    /// The component does not compile, or the compiler was stopped.
    #[error(transparent)]
    Compilation(#[from] CompilationError),
    /// An import has another type than the host offers.
    #[error("component does not link: {0}")]
    Link(String),
}

impl LoadError {
    /// Whether the host is at fault and not the component, which may well load elsewhere or later.
    #[must_use]
    pub fn is_hosts_fault(&self) -> bool {
        matches!(
            self,
            LoadError::Compilation(
                CompilationError::Killed
                    | CompilationError::Unavailable { .. }
                    | CompilationError::OtherEngine { .. }
            )
        )
    }
}

impl From<Unfit> for LoadError {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Excessive { part, found } => LoadError::Excessive { part, found },
            Unfit::Unreadable(error) => LoadError::NotAComponent(error.to_string()),
        }
    }
}

/// Where components are compiled and linked.
pub(crate) struct Workshop<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) plain: &'a Linker<Guest>,
    pub(crate) with_wasi: &'a Linker<Guest>,
    pub(crate) component_bytes: usize,
    pub(crate) cache: Option<&'a CodeCache>,
    pub(crate) compilations: &'a Flights,
}

impl Workshop<'_> {
    pub(crate) fn load(&self, bytes: &[u8]) -> Result<Cryptlet, LoadError> {
        if bytes.len() > self.component_bytes {
            return Err(LoadError::TooLarge {
                size: bytes.len(),
                allowed: self.component_bytes,
            });
        }
        if Engine::detect_precompiled(bytes).is_some() {
            return Err(LoadError::Precompiled);
        }
        check_beginning(bytes)?;
        scan(bytes)?;
        let Described { manifest, imports } = described(bytes)?;
        // Before it is compiled, which takes long. What it is linked with is checked by its types.
        for import in imports {
            check_import(import, &manifest)?;
        }
        let measurement = Measurement::of(bytes);
        let found = self.component(bytes, measurement)?;
        let component = &found.component;
        let imports: Vec<String> = component
            .component_type()
            .imports(self.engine)
            .map(|(name, _)| name.to_owned())
            .collect();
        for import in &imports {
            check_import(import, &manifest)?;
        }
        let linker = if manifest.capabilities.wasi {
            self.with_wasi
        } else {
            self.plain
        };
        let instance = linker
            .instantiate_pre(component)
            .map_err(|error| LoadError::Link(format!("{error:#}")))?;
        let handle = handle_of(&instance)?;
        let migrate = migration_of(&instance, &manifest)?;
        if let (true, Some(cache)) = (found.is_to_be_kept, self.cache) {
            cache.keep(measurement, component);
        }
        Ok(Cryptlet::new(Loaded {
            measurement,
            sha256: Sha256::digest(bytes).into(),
            size: bytes.len(),
            version: manifest.cryptlet.version.to_string(),
            manifest,
            imports,
            entry: instance,
            handle,
            migrate,
            origin: found.origin,
        }))
    }

    /// What the bytes compile to. The checks that follow are the same wherever it comes from.
    fn component(&self, bytes: &[u8], measurement: Measurement) -> Result<Found, LoadError> {
        let kept = self
            .cache
            .and_then(|cache| cache.find(self.engine, measurement));
        if let Some(component) = kept {
            return Ok(Found {
                component,
                origin: CodeOrigin::Cache,
                is_to_be_kept: false,
            });
        }
        let flown = self.compilations.compile(self.engine, bytes, measurement)?;
        let (component, is_to_be_kept) = match flown {
            Flown::Here(component) => (component, true),
            Flown::Elsewhere(component) => (component, false),
        };
        Ok(Found {
            component,
            origin: CodeOrigin::Compiled,
            is_to_be_kept,
        })
    }
}

/// Compiled code, and where it comes from.
struct Found {
    component: Component,
    origin: CodeOrigin,
    /// The cache does not have it, and nobody else puts it there.
    is_to_be_kept: bool,
}

/// The manifest that a component carries, without compiling it: the one at the outermost level.
/// Nested components may carry sections of that name; they say nothing about the whole.
///
/// # Errors
///
/// If the bytes are no component, or carry no manifest or one that does not read.
pub fn manifest_of(bytes: &[u8]) -> Result<Manifest, LoadError> {
    described(bytes).map(|described| described.manifest)
}

/// What a component says of itself at its outermost level.
struct Described<'a> {
    manifest: Manifest,
    /// Names of what it is to be given.
    imports: Vec<&'a str>,
}

fn described(bytes: &[u8]) -> Result<Described<'_>, LoadError> {
    check_beginning(bytes)?;
    let unreadable = |error: BinaryReaderError| LoadError::NotAComponent(error.to_string());
    let mut depth = 0_usize;
    let mut found: Vec<&[u8]> = Vec::new();
    let mut imports = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(unreadable)? {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => return Err(LoadError::CoreModule),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.map_err(unreadable)?.name.name);
                }
            }
            Payload::CustomSection(section) if depth == 0 && section.name() == MANIFEST_SECTION => {
                found.push(section.data());
            }
            _ => {}
        }
    }
    match found.as_slice() {
        [] => Err(LoadError::NoManifest),
        [manifest] => {
            let text = std::str::from_utf8(manifest).map_err(|_| LoadError::ManifestNotText)?;
            let manifest = Manifest::parse(text)?;
            Ok(Described { manifest, imports })
        }
        several => Err(LoadError::SeveralManifests(several.len())),
    }
}

fn check_beginning(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.starts_with(b"\0asm") {
        return Ok(());
    }
    let reason = "it does not begin as WebAssembly does";
    Err(LoadError::NotAComponent(reason.into()))
}

/// The engine checks types only when the function is taken from an instance, which would be the first
/// run.
fn handle_of(instance: &InstancePre<Guest>) -> Result<ComponentExportIndex, LoadError> {
    let component = instance.component();
    let function = component
        .get_export(None, EXPORT)
        .ok_or_else(|| LoadError::Export("it is missing".to_owned()))
        .map(|(_, interface)| component.get_export(Some(&interface), "handle"))?;
    match function {
        Some((ComponentItem::ComponentFunc(function), index)) => function
            .typecheck::<(Question<'_>,), Answer>(&instance.instance_type())
            .map(|()| index)
            .map_err(|error| LoadError::Export(format!("{error:#}"))),
        _ => Err(LoadError::Export("it has no function `handle`".to_owned())),
    }
}

/// The function that migrates state: there if the manifest promises it, and of the right type.
fn migration_of(
    instance: &InstancePre<Guest>,
    manifest: &Manifest,
) -> Result<Option<ComponentExportIndex>, LoadError> {
    let component = instance.component();
    let Some((_, interface)) = component.get_export(None, MIGRATION) else {
        return match manifest.state_version() {
            Some(version @ 2..) => Err(LoadError::DoesNotMigrate { version }),
            _ => Ok(None),
        };
    };
    if manifest.cryptlet.kind == Kind::Utility {
        return Err(LoadError::UtilityMigrates);
    }
    if !manifest.capabilities.state {
        return Err(LoadError::MigratesNothing);
    }
    match component.get_export(Some(&interface), "migrate") {
        Some((ComponentItem::ComponentFunc(function), index)) => function
            .typecheck::<MigrationQuestion, MigrationAnswer>(&instance.instance_type())
            .map(|()| Some(index))
            .map_err(|error| LoadError::Migration(format!("{error:#}"))),
        _ => Err(LoadError::Migration(
            "it has no function `migrate`".to_owned(),
        )),
    }
}

fn check_import(import: &str, manifest: &Manifest) -> Result<(), LoadError> {
    if VIRTUAL_WASI
        .iter()
        .any(|package| import.starts_with(package))
    {
        return if manifest.capabilities.wasi {
            Ok(())
        } else {
            Err(LoadError::UnaskedImport {
                import: import.to_owned(),
                capability: "wasi = true",
            })
        };
    }
    let foreign = || LoadError::ForeignImport {
        import: import.to_owned(),
    };
    let rest = import.strip_prefix(OWN_INTERFACES).ok_or_else(foreign)?;
    let interface = rest.split('@').next().unwrap_or(rest);
    if interface == "types" {
        return Ok(());
    }
    let need = Need::of(interface, &manifest.capabilities).ok_or_else(foreign)?;
    match (need.only, manifest.cryptlet.kind) {
        (Some(Kind::Contract), Kind::Utility) => Err(LoadError::KindForbids {
            import: import.to_owned(),
            kind: "utility",
        }),
        (Some(Kind::Utility), Kind::Contract) => Err(LoadError::KindForbids {
            import: import.to_owned(),
            kind: "contract",
        }),
        _ if need.asked => Ok(()),
        _ => Err(LoadError::UnaskedImport {
            import: import.to_owned(),
            capability: need.key,
        }),
    }
}

/// What an interface needs from the manifest.
struct Need {
    key: &'static str,
    asked: bool,
    only: Option<Kind>,
}

impl Need {
    fn of(interface: &str, asked: &Capabilities) -> Option<Need> {
        let (key, asked, only) = match interface {
            "transaction-builder" | "router" => {
                ("ledger = true", asked.ledger, Some(Kind::Contract))
            }
            "source" => (
                "sources = [\"…\"]",
                !asked.sources.is_empty(),
                Some(Kind::Contract),
            ),
            "http" => ("http = true", asked.http, Some(Kind::Utility)),
            "state" => ("state = true", asked.state, None),
            "keychain" => ("keychain = [\"…\"]", !asked.keychain.is_empty(), None),
            "events" => ("events = true", asked.events, None),
            "log" => ("log = true", asked.log, None),
            _ => return None,
        };
        Some(Need { key, asked, only })
    }
}
