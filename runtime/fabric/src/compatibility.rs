//! Whether a version that is to be deployed changes no more than its number says.

use cryptlet_container::manifest_of;
use cryptlet_schema::{Breach, Manifest, check_bump, neighbours};
use semver::Version;

use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::VersionRow;

impl Fabric {
    /// Compares a manifest with those of the deployed releases next to it.
    pub(crate) fn check_neighbours(&self, manifest: &Manifest) -> Result<(), FabricError> {
        let identity = &manifest.cryptlet;
        let rows = self.journal.versions_of(&identity.name)?;
        let versions = rows.iter().map(|row| &row.version);
        let (lower, higher) = neighbours(versions, &identity.version);
        if let Some(before) = self.manifest_of_version(&rows, lower)? {
            check_bump(&before, manifest).map_err(of_the_new_version)?;
        }
        if let Some(after) = self.manifest_of_version(&rows, higher)? {
            check_bump(manifest, &after).map_err(of_a_deployed_version)?;
        }
        Ok(())
    }

    fn manifest_of_version(
        &self,
        rows: &[VersionRow],
        version: Option<&Version>,
    ) -> Result<Option<Manifest>, FabricError> {
        let Some(row) = rows.iter().find(|row| Some(&row.version) == version) else {
            return Ok(None);
        };
        let component = self
            .journal
            .component(&row.measurement)?
            .ok_or(FabricError::NotDeployed(row.measurement))?;
        match manifest_of(&component) {
            Ok(manifest) => Ok(Some(manifest)),
            // An earlier release of the fabric took it. Nobody can be held to what cannot be read.
            Err(error) => {
                tracing::warn!(cryptlet = row.cryptlet, version = %row.version, %error, "the manifest of a deployed version cannot be read; others are not compared with it");
                Ok(None)
            }
        }
    }
}

fn of_the_new_version(breach: Box<Breach>) -> FabricError {
    let remedy = format!(
        "call it {} or later, or take the changes back",
        breach.needed().after(&breach.before)
    );
    FabricError::Breach { breach, remedy }
}

fn of_a_deployed_version(breach: Box<Breach>) -> FabricError {
    let remedy = format!(
        "{} is deployed and stays as it is: build {} so that it fits, or give it a number after that",
        breach.after, breach.before
    );
    FabricError::Breach { breach, remedy }
}
