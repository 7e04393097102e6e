//! The manifests of the cryptlets that ship, against the contract that they are made for.

use std::collections::BTreeMap;

use alloy_primitives::{B256, keccak256};
use cryptlet_schema::{Kind, Manifest, check_bump, solidity_interface};
use serde::Deserialize;

const SWAP: &str = include_str!("../../../cryptlets/interest-rate-swap/cryptlet.toml");
const LATER_SWAPS: [&str; 1] = [include_str!(
    "../../../cryptlets/interest-rate-swap/cryptlet-1.1.toml"
)];
const RATE: &str = include_str!("../../../cryptlets/reference-rate/cryptlet.toml");
const INTERFACE: &str =
    include_str!("../../../contracts/src/generated/IInterestRateSwapCryptlet.sol");
const ARTEFACT: &str = include_str!("../../../contracts/artifacts/InterestRateSwap.json");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artefact {
    source_hashes: BTreeMap<String, B256>,
}

/// The interface belongs to the oldest manifest of the major version: a contract outlives the
/// versions of its cryptlet, so a later one, with another version and description, leaves the
/// text alone and is held to the same events and functions by the test below.
#[test]
fn the_swap_contract_is_compiled_with_what_the_oldest_manifest_gives() {
    let generated = solidity_interface(&Manifest::parse(SWAP).unwrap());
    assert!(
        generated == INTERFACE,
        "contracts/src/generated/IInterestRateSwapCryptlet.sol is not what \
         cryptlets/interest-rate-swap/cryptlet.toml gives:\n\n{generated}\n\
         Write it anew, from the repository's root:\n  \
         cargo run -p cryptlet-schema --example solidity-interface -- \
         cryptlets/interest-rate-swap/cryptlet.toml \
         > contracts/src/generated/IInterestRateSwapCryptlet.sol\n\
         then run `node build.mjs` in contracts/ and commit both."
    );
    let artefact: Artefact = serde_json::from_str(ARTEFACT).expect("an artefact names its sources");
    assert_eq!(
        artefact
            .source_hashes
            .get("src/generated/IInterestRateSwapCryptlet.sol"),
        Some(&keccak256(INTERFACE)),
        "InterestRateSwap.json was compiled without this interface; run `node build.mjs` in \
         contracts/ and commit artifacts/"
    );
}

#[test]
fn later_versions_of_the_swap_serve_the_same_contract() {
    let oldest = Manifest::parse(SWAP).unwrap();
    for text in LATER_SWAPS {
        let later = Manifest::parse(text).unwrap();
        let version = &later.cryptlet.version;
        assert_eq!(version.major, oldest.cryptlet.version.major);
        assert!(*version > oldest.cryptlet.version);
        assert_eq!(body(&later), body(&oldest), "{version}");
        assert_eq!(check_bump(&oldest, &later), Ok(()));
    }
}

/// The interface without the comment that names version and description.
fn body(manifest: &Manifest) -> String {
    let interface = solidity_interface(manifest);
    let start = interface
        .find("\ninterface ")
        .expect("there is an interface");
    interface[start..].to_owned()
}

#[test]
fn the_swap_can_ask_the_reference_rate() {
    let rate = Manifest::parse(RATE).unwrap();
    assert_eq!(rate.cryptlet.kind, Kind::Utility);
    let swap = Manifest::parse(SWAP).unwrap();
    assert!(swap.capabilities.sources.contains(&rate.cryptlet.name));
    let request = rate.messages.request.unwrap();
    request.check(br#"{"quarter":"2006-Q1"}"#).unwrap();
    let reply = rate.messages.reply.unwrap();
    reply
        .check(br#"{"quarter":"2006-Q1","ratePpm":43800,"source":"table"}"#)
        .unwrap();
}
