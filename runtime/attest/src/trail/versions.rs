//! Which modules there are, and which one a binding runs.

use std::collections::BTreeMap;

use super::{Activation, Finding, Move, Terms};
use crate::{
    BindingChange, BindingEntry, BindingVersion, Measurement, Stage, VersionChange, VersionEntry,
};

/// All of the new invocations, in thousandths.
const WHOLE: u16 = 1_000;

pub(super) struct Versions<'q> {
    terms: &'q [Terms],
    modules: BTreeMap<(String, String), Measurement>,
    pub(super) activations: Vec<Activation>,
    /// Where each module stands; one that is not here is deployed.
    stages: BTreeMap<Measurement, Stage>,
    /// The modules that were active and to which rollbacks may lead, the current one last; the
    /// first is unknown until it shows.
    active: Vec<Option<Measurement>>,
    /// Whether the last of these has drained, and another must follow at once.
    is_handing_over: bool,
    /// How many accepted invocations of each module have not run.
    waiting: BTreeMap<Measurement, u64>,
    pub(super) moves: Vec<Move>,
}

impl<'q> Versions<'q> {
    pub(super) fn new(terms: &'q [Terms]) -> Self {
        Self {
            terms,
            modules: BTreeMap::new(),
            activations: Vec::new(),
            stages: BTreeMap::new(),
            active: Vec::new(),
            is_handing_over: false,
            waiting: BTreeMap::new(),
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
        let signed = self
            .terms
            .iter()
            .find(|terms| terms.version == entry.version);
        if let (None, Some(other)) = (signed, self.terms.first()) {
            return Err(Finding::OtherDocument {
                activated: entry.version,
                document: other.version,
            });
        }
        self.settled()?;
        let active = self.active.last().copied().flatten();
        let begins = signed.map(|terms| terms.measurement).or(active);
        match (active, begins) {
            (Some(before), Some(begins)) if before != begins => {
                return Err(Finding::Second {
                    stage: Stage::Active,
                    before,
                });
            }
            _ => {}
        }
        self.stages
            .extend(begins.map(|module| (module, Stage::Active)));
        // A document says which module it begins with, so that no rollback leads past it.
        self.active = vec![begins];
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
        let module = entry.measurement;
        self.check_cryptlet(&entry.cryptlet, &entry.version, module)?;
        check_share(&entry)?;
        let to = entry.change.leads_to();
        let is_decided = entry.by.is_some() && entry.reason.is_some();
        if to == Stage::Active && entry.by.is_none() {
            // Hosts that kept no stages did not say that the module before drains.
            self.give_way();
        } else if !is_decided {
            return Err(Finding::Undecided {
                version: entry.version,
            });
        }
        if entry.change == VersionChange::Draining {
            self.show(module);
        }
        if to != Stage::Active {
            self.settled()?;
        }
        let from = self.stage(&module);
        if !from.may_become(to) || entry.change == VersionChange::Deployed {
            return Err(Finding::IllegalMove {
                version: entry.version,
                from,
                to,
            });
        }
        match to {
            Stage::Active => self.activate(&entry)?,
            Stage::Draining => self.is_handing_over = true,
            Stage::Canary => self.refuse_second(Stage::Canary, &module)?,
            Stage::Retained | Stage::Retired => self.refuse_waiting(&entry)?,
            Stage::Deployed | Stage::Shadow => {}
        }
        if to == Stage::Retired {
            self.active.retain(|before| *before != Some(module));
            self.active.dedup();
        }
        self.stages.insert(module, to);
        self.moves.push(Move {
            leaf,
            change: entry.change,
            cryptlet: entry.cryptlet,
            version: entry.version,
            measurement: module,
            by: entry.by,
            reason: entry.reason,
            share: entry.share,
        });
        Ok(())
    }

    /// Takes a module into the place of the active one, which has drained.
    fn activate(&mut self, entry: &VersionEntry) -> Result<(), Finding> {
        let module = entry.measurement;
        if !self.is_handing_over {
            let before = self.active.last().copied().flatten();
            return Err(before.map_or(Finding::NoActive, |before| Finding::Second {
                stage: Stage::Active,
                before,
            }));
        }
        if entry.change == VersionChange::RolledBack {
            self.active.pop();
            match self.active.last_mut() {
                Some(before @ None) => *before = Some(module),
                Some(Some(before)) if *before == module => {}
                before => {
                    return Err(Finding::OtherRollback {
                        expected: before.copied().flatten(),
                        found: module,
                    });
                }
            }
        } else {
            self.active.push(Some(module));
        }
        self.active.dedup();
        self.is_handing_over = false;
        Ok(())
    }

    /// Lets the active module go without a word.
    fn give_way(&mut self) {
        if !self.is_handing_over {
            let before = self.active.last().copied().flatten();
            self.stages
                .extend(before.map(|module| (module, Stage::Retained)));
            self.is_handing_over = true;
        }
    }

    /// The active module shows itself, if it was not known.
    fn show(&mut self, module: Measurement) {
        if let Some(active @ None) = self.active.last_mut() {
            *active = Some(module);
            self.stages.insert(module, Stage::Active);
        }
    }

    fn stage(&self, module: &Measurement) -> Stage {
        self.stages.get(module).copied().unwrap_or(Stage::Deployed)
    }

    /// Some module is active: whoever drains is followed at once.
    pub(super) fn settled(&self) -> Result<(), Finding> {
        if self.is_handing_over {
            return Err(Finding::NoActive);
        }
        Ok(())
    }

    fn refuse_second(&self, stage: Stage, module: &Measurement) -> Result<(), Finding> {
        let first = self
            .stages
            .iter()
            .find(|(other, found)| **found == stage && *other != module);
        first.map_or(Ok(()), |(before, _)| {
            Err(Finding::Second {
                stage,
                before: *before,
            })
        })
    }

    fn refuse_waiting(&self, entry: &VersionEntry) -> Result<(), Finding> {
        match self.waiting.get(&entry.measurement) {
            None | Some(0) => Ok(()),
            Some(waiting) => Err(Finding::StillWaiting {
                version: entry.version.clone(),
                waiting: *waiting,
            }),
        }
    }

    /// The version of the binding that is in force.
    pub(super) fn in_force(&self) -> Result<BindingVersion, Finding> {
        let newest = self.activations.last().ok_or(Finding::BeforeActivation)?;
        self.settled()?;
        Ok(newest.version)
    }

    /// An acceptance fixes the module that is active, or the canary; it must be there.
    pub(super) fn fix(&mut self, number: u64, measurement: Measurement) -> Result<(), Finding> {
        if !self.modules.values().any(|module| *module == measurement) {
            return Err(Finding::NotDeployed {
                measurement,
                name: None,
            });
        }
        if self.stage(&measurement) != Stage::Canary {
            self.show(measurement);
            match self.active.last() {
                Some(Some(active)) if *active == measurement => {}
                Some(Some(expected)) => {
                    return Err(Finding::OtherModule {
                        number,
                        expected: *expected,
                        found: measurement,
                    });
                }
                _ => return Err(Finding::BeforeActivation),
            }
        }
        *self.waiting.entry(measurement).or_default() += 1;
        Ok(())
    }

    /// An accepted invocation of the module has run.
    pub(super) fn ran(&mut self, measurement: &Measurement) {
        if let Some(waiting) = self.waiting.get_mut(measurement) {
            *waiting = waiting.saturating_sub(1);
        }
    }

    /// Whether a module of the bound cryptlet was deployed under this name.
    pub(super) fn check_cryptlet(
        &self,
        cryptlet: &str,
        version: &str,
        measurement: Measurement,
    ) -> Result<(), Finding> {
        if let Some(terms) = self.terms.first()
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

/// A canary has a share of the new invocations, and nothing else has.
fn check_share(entry: &VersionEntry) -> Result<(), Finding> {
    let is_right = match entry.share {
        Some(share) => entry.change == VersionChange::Canaried && (1..=WHOLE).contains(&share),
        None => entry.change != VersionChange::Canaried,
    };
    if is_right {
        Ok(())
    } else {
        Err(Finding::OtherShare)
    }
}
