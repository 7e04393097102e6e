//! From what counterparties signed to what the container lets a cryptlet do: the same for a run and
//! for its replay.

use std::collections::BTreeMap;

use cryptlet_container::{Cryptlet, DirectoryGrant, Grants, HttpGrant, Source};

use crate::binding::{Binding, Granted};
use crate::error::FabricError;

/// What the bound cryptlet may do, if these modules answer as its sources. A source that is not among
/// them cannot be asked.
///
/// # Errors
///
/// If a module is not of the version that the binding names.
pub(crate) fn grants(
    binding: &Binding,
    mut sources: BTreeMap<String, Cryptlet>,
) -> Result<Grants, FabricError> {
    let mut grants = granted(&binding.grants);
    grants.ledger = true;
    grants.keys.clone_from(&binding.keys.granted);
    for (name, source) in &binding.sources {
        let Some(cryptlet) = sources.remove(name) else {
            continue;
        };
        let identity = &cryptlet.manifest().cryptlet;
        if identity.name != source.cryptlet || identity.version != source.version {
            return Err(FabricError::OutsideBinding {
                binding: binding.binding.name.clone(),
                expected: format!("{} {} as source {name}", source.cryptlet, source.version),
                found: format!("{} {}", identity.name, identity.version),
            });
        }
        let source = Source {
            cryptlet,
            grants: granted(&source.grants),
        };
        grants.sources.insert(name.clone(), source);
    }
    Ok(grants)
}

/// These grants as the container has them, without keys and sources.
pub(crate) fn granted(granted: &Granted) -> Grants {
    Grants {
        events: granted.events,
        state: granted.state,
        log: granted.log,
        wasi: granted.wasi,
        http: granted
            .http
            .iter()
            .map(|(name, http)| (name.clone(), HttpGrant::from(http)))
            .collect(),
        directories: granted
            .directories
            .iter()
            .map(|(name, directory)| {
                let grant = DirectoryGrant {
                    bytes: directory.bytes,
                };
                (name.clone(), grant)
            })
            .collect(),
        limits: granted.limits,
        ..Grants::default()
    }
}
