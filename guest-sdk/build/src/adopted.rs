//! Components that another toolchain made.

use std::fs;
use std::path::Path;

use cryptlet_attest::Measurement;

use crate::project::{absolute, read};
use crate::store::{file_name, put};
use crate::{BuildError, Built, Freshness, Stored, WrapError, embed_manifest, interface, wrap};

/// Makes a cryptlet of a component in whatever language: embeds the manifest and stores it as
/// `<folder>/<name>-<version>.wasm`, like [`build_into`](crate::build_into) does with a guest crate.
///
/// Nothing says what the component was built from: with the manifest it is what it is, and its
/// measurement covers both. Toolchains that snapshot an interpreter give other bytes each time.
///
/// # Errors
///
/// [`BuildError::File`] and [`BuildError::Manifest`] if a file cannot be read or written or the
/// manifest is wrong; [`BuildError::Component`] if the file is no component, does not export what
/// every cryptlet exports, or carries a manifest already.
pub fn adopt(manifest: &Path, component: &Path, folder: &Path) -> Result<Stored, BuildError> {
    let folder = &absolute(folder)?;
    let (manifest, text) = read(manifest)?;
    let bytes = fs::read(component).map_err(BuildError::file("read", component))?;
    let refused = |source| BuildError::Component {
        path: component.to_owned(),
        source,
    };
    let embedded = wrap(&bytes)
        .and_then(|component| Ok(embed_manifest(&component, &text)?))
        .map_err(refused)?;
    let imports = interface(&embedded)
        .map_err(WrapError::from)
        .map_err(refused)?
        .imports;
    let built = Built {
        measurement: Measurement::of(&embedded),
        component: embedded,
        manifest,
        imports,
    };
    let path = folder.join(file_name(&built.manifest));
    let same = fs::read(&path).is_ok_and(|present| present == built.component);
    if !same {
        put(&built, folder)?;
    }
    Ok(Stored {
        path,
        built,
        freshness: if same {
            Freshness::Unchanged
        } else {
            Freshness::Compiled
        },
    })
}
