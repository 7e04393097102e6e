//! What a new proposal of a change must know of the binding: from the running service, or offline.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use cryptlet_fabric::Binding;
use cryptlet_service::api::BindingChanges;

use super::file::Proposed;
use crate::failure::Failure;
use crate::operator::client::Connection;
use crate::terminal::printable;

/// Where a command has the document in force and the next nonce from.
#[derive(Args)]
pub struct InForce {
    #[command(flatten)]
    service: Connection,
    /// The document in force, for a proposal that is made without a service.
    #[arg(long, value_name = "BINDING.toml", requires = "nonce")]
    in_force: Option<PathBuf>,
    /// The number that the gateway expects of the next change, `changeNonce` there; for a revocation
    /// that of the change which allowed the module, 0 for the one that the binding began with.
    #[arg(long, value_name = "NUMBER")]
    nonce: Option<u64>,
}

/// A signer's own copy of the document in force. What a change is, depends on what it changes, and a
/// proposal says that itself.
#[derive(Args)]
pub struct OwnCopy {
    /// The document in force as you have it; a proposal to change another one is refused.
    #[arg(long, value_name = "BINDING.toml")]
    in_force: Option<PathBuf>,
}

impl OwnCopy {
    /// Refuses a proposal that begins with another document than the signer has.
    pub fn check(&self, proposed: &Proposed) -> Result<(), Failure> {
        let Some(file) = &self.in_force else {
            return Ok(());
        };
        let Proposed::Change(understood) = proposed else {
            return Err(Failure::Usage(
                "the proposal makes a new binding, of which nothing is in force yet; leave out --in-force".into(),
            ));
        };
        let (own, said) = (document(file)?, understood.binding());
        if own.version() == said.version() {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "the proposal changes version {} of {}, and {} is version {}; sign nothing before you know which is in force: ask a running service with `cryptlet bind changes`",
            said.version(),
            printable(&said.binding.name),
            file.display(),
            own.version()
        )))
    }
}

fn document(file: &Path) -> Result<Binding, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))?;
    Binding::parse(&file.display().to_string(), &text)
        .map_err(|error| Failure::Refused(error.to_string()))
}

/// What the service, or the command line, knows of a binding.
pub struct Known {
    /// The document in force.
    pub document: Binding,
    /// What the service says; none offline.
    pub changes: Option<BindingChanges>,
    given: Option<u64>,
}

impl InForce {
    /// What is known of the binding that an operator calls `binding`.
    pub fn of(&self, binding: &str) -> Result<Known, Failure> {
        if let Some(file) = &self.in_force {
            let document = document(file)?;
            if document.binding.name != binding {
                return Err(Failure::Usage(format!(
                    "{} is the document of {}, not of {binding}",
                    file.display(),
                    document.binding.name
                )));
            }
            return Ok(Known {
                document,
                changes: None,
                given: self.nonce,
            });
        }
        let changes: BindingChanges = self
            .service
            .open()?
            .get(&["bindings", binding, "changes"])?;
        let document = Binding::parse("the service's document", &changes.document)
            .map_err(|error| Failure::Refused(error.to_string()))?;
        Ok(Known {
            document,
            changes: Some(changes),
            given: self.nonce,
        })
    }
}

impl Known {
    /// The number that the next change takes.
    pub fn next_nonce(&self) -> Result<u64, Failure> {
        self.given
            .or_else(|| self.changes.as_ref()?.next_nonce)
            .ok_or_else(|| {
                Failure::Refused(format!(
                    "the gateway could not be asked for the next change of {}; try again, or give its changeNonce with --nonce",
                    self.document.binding.name
                ))
            })
    }

    /// The number of the change that allowed a pair; the binding began with its first.
    pub fn allowed_by(&self, version: &str, measurement: &str) -> Result<u64, Failure> {
        let by_change = || {
            let changes = &self.changes.as_ref()?.changes;
            let allowed = changes.iter().rev().find(|change| {
                change.kind != "revoke"
                    && change.version == version
                    && change.measurement == measurement
                    && matches!(change.status.as_str(), "carried" | "active")
            })?;
            Some(allowed.nonce)
        };
        let began_with = || {
            let changes = self.changes.as_ref()?;
            let changed = changes
                .changes
                .iter()
                .any(|change| change.kind == "change" && change.status == "active");
            let agreement = &self.document.binding;
            (!changed
                && self.document.version().to_string() == version
                && agreement.measurement.to_string() == measurement)
                .then_some(0)
        };
        self.given.or_else(by_change).or_else(began_with).ok_or_else(|| {
            Failure::Refused(format!(
                "the service does not know which change allowed {measurement} under version {version} of {}; give the nonce of the gateway's `allowance` with --nonce",
                self.document.binding.name
            ))
        })
    }
}
