//! Which modules there are, and which one a binding runs.

use std::collections::BTreeMap;

use super::{Activation, Finding, Move, Terms};
use crate::{
    BindingChange, BindingEntry, BindingVersion, Measurement, VersionChange, VersionEntry,
};

pub(super) struct Versions<'q> {
    terms: Option<&'q Terms>,
    modules: BTreeMap<(String, String), Measurement>,
    pub(super) activations: Vec<Activation>,
    /// The modules that were active, the current one last; the first is unknown until it shows.
    active: Vec<Option<Measurement>>,
    pub(super) moves: Vec<Move>,
}

impl<'q> Versions<'q> {
    pub(super) fn new(terms: Option<&'q Terms>) -> Self {
        Self {
            terms,
            modules: BTreeMap::new(),
            activations: Vec::new(),
            active: Vec::new(),
            moves: Vec::new(),
        }
    }

    pub(super) fn deploy(&mut self, version: VersionEntry) -> Result<(), Finding> {
        let name = (version.cryptlet, version.version);
        match self.modules.get(&name) {
            Some(before) if *before != version.measurement => Err(Finding::Redeployed {
                cryptlet: name.0,
                version: name.1,
                before: *before,
                now: version.measurement,
            }),
            _ => {
                self.modules.insert(name, version.measurement);
                Ok(())
            }
        }
    }

    pub(super) fn bind(&mut self, leaf: u64, entry: &BindingEntry) -> Result<(), Finding> {
        if entry.change != BindingChange::Activated {
            return Ok(());
        }
        if let Some(terms) = self.terms
            && terms.version != entry.version
        {
            return Err(Finding::OtherDocument {
                activated: entry.version,
                document: terms.version,
            });
        }
        self.active = vec![self.terms.map(|terms| terms.measurement)];
        self.activations.push(Activation {
            leaf,
            version: entry.version,
        });
        Ok(())
    }

    pub(super) fn change(&mut self, leaf: u64, entry: VersionEntry) -> Result<(), Finding> {
        if self.active.is_empty() {
            return Err(Finding::BeforeActivation);
        }
        self.check_cryptlet(&entry.cryptlet, &entry.version, entry.measurement)?;
        if entry.change == VersionChange::RolledBack {
            self.active.pop();
            match self.active.last_mut() {
                Some(before @ None) => *before = Some(entry.measurement),
                Some(Some(before)) if *before == entry.measurement => {}
                before => {
                    return Err(Finding::OtherRollback {
                        expected: before.copied().flatten(),
                        found: entry.measurement,
                    });
                }
            }
        } else if entry.change == VersionChange::Promoted {
            self.active.push(Some(entry.measurement));
        }
        self.moves.push(Move {
            leaf,
            change: entry.change,
            cryptlet: entry.cryptlet,
            version: entry.version,
            measurement: entry.measurement,
        });
        Ok(())
    }

    /// The version of the binding that is in force.
    pub(super) fn in_force(&self) -> Result<BindingVersion, Finding> {
        let newest = self.activations.last().ok_or(Finding::BeforeActivation)?;
        Ok(newest.version)
    }

    /// An acceptance fixes the module that is active, which must be there.
    pub(super) fn fix(&mut self, number: u64, measurement: Measurement) -> Result<(), Finding> {
        if !self.modules.values().any(|module| *module == measurement) {
            return Err(Finding::NotDeployed {
                measurement,
                name: None,
            });
        }
        let active = self.active.last_mut().ok_or(Finding::BeforeActivation)?;
        match *active.get_or_insert(measurement) {
            active if active == measurement => Ok(()),
            expected => Err(Finding::OtherModule {
                number,
                expected,
                found: measurement,
            }),
        }
    }

    /// Whether a module of the bound cryptlet was deployed under this name.
    pub(super) fn check_cryptlet(
        &self,
        cryptlet: &str,
        version: &str,
        measurement: Measurement,
    ) -> Result<(), Finding> {
        if let Some(terms) = self.terms
            && terms.cryptlet != cryptlet
        {
            return Err(Finding::OtherCryptlet {
                expected: terms.cryptlet.clone(),
                found: cryptlet.to_owned(),
            });
        }
        self.check_deployed(cryptlet, version, measurement)
    }

    pub(super) fn check_deployed(
        &self,
        cryptlet: &str,
        version: &str,
        measurement: Measurement,
    ) -> Result<(), Finding> {
        let name = (cryptlet.to_owned(), version.to_owned());
        if self.modules.get(&name) == Some(&measurement) {
            return Ok(());
        }
        Err(Finding::NotDeployed {
            measurement,
            name: Some(name),
        })
    }
}
