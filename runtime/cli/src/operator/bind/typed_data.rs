//! What wallets sign, as `eth_signTypedData_v4` takes it.

use cryptlet_contracts::{ChangeMessage, Signable, Terms, domain};
use cryptlet_fabric::Binding;
use serde_json::{Value, json};

/// The binding's terms. Integers are decimal strings, which every wallet reads without loss.
pub fn terms(binding: &Binding) -> Value {
    let terms = binding.terms();
    let message = json!({
        "counterparties": terms.counterparties,
        "threshold": terms.threshold.to_string(),
        "salt": terms.salt,
        "consumer": terms.consumer,
        "signerThreshold": terms.signerThreshold.to_string(),
        "ordered": terms.ordered,
        "versionDelay": terms.versionDelay.to_string(),
        "bindingVersion": terms.bindingVersion,
        "measurement": terms.measurement,
    });
    typed(binding, &encoded_type::<Terms>(), message)
}

/// One message of a change of the binding.
pub fn change(binding: &Binding, message: &ChangeMessage) -> Value {
    let values = match message {
        ChangeMessage::Allow(allow) => json!({
            "binding": allow.binding,
            "bindingVersion": allow.bindingVersion,
            "measurement": allow.measurement,
            "nonce": allow.nonce.to_string(),
        }),
        ChangeMessage::Revoke(revoke) => json!({
            "binding": revoke.binding,
            "bindingVersion": revoke.bindingVersion,
            "measurement": revoke.measurement,
            "nonce": revoke.nonce.to_string(),
        }),
        ChangeMessage::Terms(terms) => json!({
            "binding": terms.binding,
            "consumer": terms.consumer,
            "signerThreshold": terms.signerThreshold.to_string(),
            "ordered": terms.ordered,
            "versionDelay": terms.versionDelay.to_string(),
            "nonce": terms.nonce.to_string(),
        }),
    };
    typed(binding, &message.encoded_type(), values)
}

fn typed(binding: &Binding, encoded: &str, message: Value) -> Value {
    let name = encoded.split('(').next().unwrap_or_default();
    let domain = domain(binding.contract.chain.0, binding.contract.gateway);
    json!({
        "types": {
            "EIP712Domain": members("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
            name: members(encoded),
        },
        "primaryType": name,
        "domain": {
            "name": domain.name,
            "version": domain.version,
            "chainId": binding.contract.chain.0,
            "verifyingContract": binding.contract.gateway,
        },
        "message": message,
    })
}

/// `Terms(address[] counterparties,…)`, as EIP-712 hashes it.
fn encoded_type<M: Signable>() -> String {
    M::eip712_encode_type().into_owned()
}

/// The members of an encoded type that names no other.
fn members(encoded: &str) -> Vec<Value> {
    let inner = encoded
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or_default();
    inner
        .split(',')
        .filter_map(|member| member.split_once(' '))
        .map(|(kind, name)| json!({ "name": name, "type": kind }))
        .collect()
}

#[cfg(test)]
mod tests {
    use alloy::dyn_abi::TypedData;
    use cryptlet_attest::Measurement;
    use cryptlet_fabric::change::Change;

    use super::*;

    const DOCUMENT: &str = include_str!("../../../tests/command/operator/binding.toml");

    fn binding() -> Binding {
        Binding::parse("binding.toml", DOCUMENT).expect("a binding")
    }

    #[test]
    fn wallets_sign_of_every_change_what_the_gateway_checks() {
        let mut other = binding();
        other.contract.version_delay_seconds += 1;
        let measurement = Measurement::of(b"next");
        let changes = [
            Change::to(binding(), other, 3).expect("a change"),
            Change::allow(binding(), measurement, 1),
            Change::revoke(binding(), binding().version(), measurement, 1),
        ];
        let mut checked = 0;
        for change in changes {
            for (message, digest) in change.messages().iter().zip(change.digests()) {
                let typed: TypedData =
                    serde_json::from_value(self::change(&change.in_force, message))
                        .expect("what wallets take");
                assert_eq!(typed.eip712_signing_hash().expect("complete"), digest);
                checked += 1;
            }
        }
        assert_eq!(checked, 4);
    }

    #[test]
    fn the_types_are_those_of_the_contract_to_the_letter() {
        let types = terms(&binding())["types"]["Terms"].clone();
        let written: Vec<String> = types
            .as_array()
            .expect("a list")
            .iter()
            .map(|member| {
                let text = |key: &str| member[key].as_str().expect("a text").to_owned();
                format!("{} {}", text("type"), text("name"))
            })
            .collect();
        // From Bindings.sol.
        assert_eq!(
            written.join(","),
            "address[] counterparties,uint8 threshold,bytes32 salt,address consumer,uint8 signerThreshold,bool ordered,uint64 versionDelay,bytes32 bindingVersion,bytes32 measurement"
        );
    }
}
