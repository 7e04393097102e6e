//! What a component consists of, counted before any of it reaches the compiler.
//!
//! A compiler's work grows with more than the bytes that it is given: types refer to types, a function
//! declares locals by the thousand in three bytes, an empty section is a section. What no honest
//! component comes near is refused here, by counting alone: nothing is validated, and what is read
//! takes memory in proportion to the bytes at hand.

use std::fmt;

use wasmparser::{
    BinaryReaderError, ComponentType, ComponentTypeDeclaration, CoreType, InstanceTypeDeclaration,
    Parser, Payload,
};

/// Something that a component has many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Core modules and components within components.
    Modules,
    /// Levels of components and modules within components.
    Levels,
    /// Types, those within types counted.
    Types,
    /// Bytes of the sections that declare types.
    TypeBytes,
    /// Core functions with a body.
    Functions,
    /// Bytes of the largest function.
    FunctionBytes,
    /// Local variables of all functions.
    Locals,
    /// Imports, exports, instances, aliases, tables, memories, globals and segments.
    Items,
    /// Custom sections.
    CustomSections,
    /// Bytes of all custom sections.
    CustomBytes,
}

impl Part {
    /// Every part that is counted.
    pub const ALL: [Part; 10] = [
        Part::Modules,
        Part::Levels,
        Part::Types,
        Part::TypeBytes,
        Part::Functions,
        Part::FunctionBytes,
        Part::Locals,
        Part::Items,
        Part::CustomSections,
        Part::CustomBytes,
    ];

    /// The most of it that is compiled. Fixed, so that no host refuses what another one takes.
    #[must_use]
    pub fn allowed(self) -> u64 {
        match self {
            Part::Modules => 256,
            Part::Levels => 16,
            Part::Types => 50_000,
            Part::TypeBytes => 1 << 20,
            Part::Functions => 100_000,
            Part::FunctionBytes => 1 << 20,
            Part::Locals => 4_000_000,
            Part::Items => 250_000,
            Part::CustomSections => 4_096,
            Part::CustomBytes => 16 << 20,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Modules => "modules and components within it",
            Part::Levels => "levels of components within components",
            Part::Types => "types",
            Part::TypeBytes => "bytes of types",
            Part::Functions => "functions",
            Part::FunctionBytes => "bytes in one function",
            Part::Locals => "local variables",
            Part::Items => "imports, exports, instances and segments",
            Part::CustomSections => "custom sections",
            Part::CustomBytes => "bytes of custom sections",
        })
    }
}

/// Why a component does not reach the compiler.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// It has more of something than is compiled.
    Excessive { part: Part, found: u64 },
    /// It does not read.
    Unreadable(BinaryReaderError),
}

impl From<BinaryReaderError> for Unfit {
    fn from(error: BinaryReaderError) -> Self {
        Unfit::Unreadable(error)
    }
}

/// Counts what `component` consists of, and stops at the first excess.
pub(crate) fn scan(component: &[u8]) -> Result<(), Unfit> {
    let mut counted = Counted::default();
    let mut level = 0_u64;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                level += 1;
                counted.add(Part::Modules, 1)?;
                counted.reach(Part::Levels, level)?;
            }
            Payload::End(_) => level = level.saturating_sub(1),
            payload => counted.section(payload)?,
        }
    }
    Ok(())
}

/// How much of each part there is so far.
#[derive(Default)]
struct Counted([u64; Part::ALL.len()]);

impl Counted {
    fn section(&mut self, payload: Payload<'_>) -> Result<(), Unfit> {
        match payload {
            Payload::TypeSection(types) => {
                self.type_bytes(&types.range())?;
                self.add(Part::Types, u64::from(types.count()))
            }
            Payload::CoreTypeSection(types) => {
                self.type_bytes(&types.range())?;
                for declared in types {
                    self.core_type(&declared?)?;
                }
                Ok(())
            }
            Payload::ComponentTypeSection(types) => {
                self.type_bytes(&types.range())?;
                for declared in types {
                    self.component_type(&declared?)?;
                }
                Ok(())
            }
            Payload::CodeSectionStart { count, .. } => self.add(Part::Functions, u64::from(count)),
            Payload::CodeSectionEntry(function) => {
                let range = function.range();
                self.reach(Part::FunctionBytes, range.end.saturating_sub(range.start))?;
                for group in function.get_locals_reader()? {
                    let (count, _) = group?;
                    self.add(Part::Locals, u64::from(count))?;
                }
                Ok(())
            }
            Payload::CustomSection(section) => {
                self.add(Part::CustomSections, 1)?;
                self.add(Part::CustomBytes, section.data().len() as u64)
            }
            payload => self.add(Part::Items, items(&payload)),
        }
    }

    /// Before the section is read: what it declares takes many times its bytes in memory.
    fn type_bytes(&mut self, range: &std::ops::Range<u64>) -> Result<(), Unfit> {
        self.add(Part::TypeBytes, range.end.saturating_sub(range.start))
    }

    fn core_type(&mut self, declared: &CoreType<'_>) -> Result<(), Unfit> {
        match declared {
            CoreType::Rec(_) => self.add(Part::Types, 1),
            CoreType::Module(declarations) => self.add(Part::Types, 1 + declarations.len() as u64),
        }
    }

    /// How deep types lie in types is bounded by the library that reads them.
    fn component_type(&mut self, declared: &ComponentType<'_>) -> Result<(), Unfit> {
        self.add(Part::Types, 1)?;
        match declared {
            ComponentType::Component(declarations) => {
                for declaration in declarations {
                    match declaration {
                        ComponentTypeDeclaration::CoreType(inner) => self.core_type(inner)?,
                        ComponentTypeDeclaration::Type(inner) => self.component_type(inner)?,
                        _ => self.add(Part::Items, 1)?,
                    }
                }
            }
            ComponentType::Instance(declarations) => {
                for declaration in declarations {
                    match declaration {
                        InstanceTypeDeclaration::CoreType(inner) => self.core_type(inner)?,
                        InstanceTypeDeclaration::Type(inner) => self.component_type(inner)?,
                        _ => self.add(Part::Items, 1)?,
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, part: Part, more: u64) -> Result<(), Unfit> {
        let so_far = self.0[part as usize];
        self.reach(part, so_far.saturating_add(more))
    }

    /// Notes the highest figure of a part.
    fn reach(&mut self, part: Part, found: u64) -> Result<(), Unfit> {
        let highest = &mut self.0[part as usize];
        *highest = found.max(*highest);
        if found > part.allowed() {
            return Err(Unfit::Excessive { part, found });
        }
        Ok(())
    }
}

/// Things that a section of any other kind declares.
fn items(payload: &Payload<'_>) -> u64 {
    u64::from(match payload {
        Payload::ImportSection(section) => section.count(),
        Payload::TableSection(section) => section.count(),
        Payload::MemorySection(section) => section.count(),
        Payload::TagSection(section) => section.count(),
        Payload::GlobalSection(section) => section.count(),
        Payload::ExportSection(section) => section.count(),
        Payload::ElementSection(section) => section.count(),
        Payload::DataSection(section) => section.count(),
        Payload::InstanceSection(section) => section.count(),
        Payload::ComponentInstanceSection(section) => section.count(),
        Payload::ComponentAliasSection(section) => section.count(),
        Payload::ComponentCanonicalSection(section) => section.count(),
        Payload::ComponentImportSection(section) => section.count(),
        Payload::ComponentExportSection(section) => section.count(),
        _ => 0,
    })
}
