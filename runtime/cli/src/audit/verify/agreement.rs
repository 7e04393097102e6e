//! Whether the document in a bundle is the one that its counterparties signed, and lets run what ran.

use alloy_primitives::{Address, Bytes};
use cryptlet_attest::bundle::BundleVerdict;
use cryptlet_fabric::{Approval, Binding};

use crate::audit::receipt::ShownDoubt;

/// The binding's document, if it is in the bundle; what was found out is added to the claim `version`.
pub fn check(verdict: &mut BundleVerdict) -> Result<Option<Binding>, ShownDoubt> {
    let Some(agreement) = &verdict.bundle.agreement else {
        return Ok(None);
    };
    let doubt = |says: String| ShownDoubt {
        name: "other-agreement",
        says,
    };
    let binding = Binding::from_json("the binding's document", &agreement.document)
        .map_err(|error| doubt(error.to_string()))?;
    let execution = &verdict.statement.execution;
    if binding.id() != execution.binding {
        return Err(doubt(format!(
            "the document is of the binding {}, the run of {}",
            binding.id(),
            execution.binding
        )));
    }
    if execution.source.is_none() && binding.binding.cryptlet != execution.cryptlet {
        return Err(doubt(format!(
            "the document binds {}, but {} ran",
            binding.binding.cryptlet, execution.cryptlet
        )));
    }
    let approvals: Vec<Approval> = agreement
        .approvals
        .iter()
        .map(|(wallet, signature)| Approval {
            counterparty: Address::from(*wallet),
            signature: Bytes::copy_from_slice(signature),
        })
        .collect();
    binding
        .check_approvals(&approvals)
        .map_err(|error| doubt(error.to_string()))?;
    let parties: Vec<String> = binding
        .counterparties
        .iter()
        .map(|party| format!("{} ({})", party.name, party.address))
        .collect();
    if let Some(version) = verdict.claim_mut("version") {
        version.claim.says.push_str(&format!(
            ". The document is signed by {}, as computed here from their EIP-712 signatures",
            parties.join(" and ")
        ));
    }
    Ok(Some(binding))
}
