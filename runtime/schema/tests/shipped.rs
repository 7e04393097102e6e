//! The manifests of the cryptlets that ship, against the contract that they are made for.

use alloy_json_abi::JsonAbi;
use cryptlet_schema::{Kind, Manifest, solidity_interface};
use serde::Deserialize;

const SWAPS: [&str; 2] = [
    include_str!("../../../cryptlets/interest-rate-swap/cryptlet.toml"),
    include_str!("../../../cryptlets/interest-rate-swap/cryptlet-1.1.toml"),
];
const RATE: &str = include_str!("../../../cryptlets/reference-rate/cryptlet.toml");
const ARTEFACT: &str = include_str!("../../../contracts/artifacts/InterestRateSwap.json");

#[derive(Deserialize)]
struct Artefact {
    abi: JsonAbi,
}

fn contract() -> JsonAbi {
    let artefact: Artefact = serde_json::from_str(ARTEFACT).expect("the artefact holds an ABI");
    artefact.abi
}

#[test]
fn the_swap_contract_emits_and_accepts_what_the_swap_cryptlet_declares() {
    let contract = contract();
    for text in SWAPS {
        let manifest = Manifest::parse(text).unwrap();
        let messages = &manifest.messages;
        assert!(!messages.contract_events.is_empty() && !messages.actions.is_empty());
        for declared in &messages.contract_events {
            let Some([event]) = contract.event(declared.name()).map(Vec::as_slice) else {
                panic!("{} is not there exactly once", declared.name());
            };
            assert_eq!(event.selector().0, declared.topic());
            let fields: Vec<_> = event
                .inputs
                .iter()
                .map(|input| (input.name.as_str(), input.indexed))
                .collect();
            let expected: Vec<_> = declared
                .fields()
                .iter()
                .map(|field| (field.name.as_str(), field.indexed))
                .collect();
            assert_eq!(fields, expected, "{declared}");
        }
        for declared in &messages.actions {
            let Some([function]) = contract.function(declared.name()).map(Vec::as_slice) else {
                panic!("{} is not there exactly once", declared.name());
            };
            assert_eq!(function.selector().0, declared.selector());
            let fields: Vec<_> = function
                .inputs
                .iter()
                .map(|input| input.name.as_str())
                .collect();
            let expected: Vec<_> = declared
                .fields()
                .iter()
                .map(|field| field.name.as_str())
                .collect();
            assert_eq!(fields, expected, "{declared}");
        }
    }
}

#[test]
fn both_versions_of_the_swap_ask_for_the_same_contract() {
    let interfaces = SWAPS.map(|text| {
        let interface = solidity_interface(&Manifest::parse(text).unwrap());
        let body = interface.find("interface ").expect("there is an interface");
        interface[body..].to_owned()
    });
    assert_eq!(interfaces[0], interfaces[1]);
}

#[test]
fn the_swap_can_ask_the_reference_rate() {
    let rate = Manifest::parse(RATE).unwrap();
    assert_eq!(rate.cryptlet.kind, Kind::Utility);
    let swap = Manifest::parse(SWAPS[0]).unwrap();
    assert!(swap.capabilities.sources.contains(&rate.cryptlet.name));
    let request = rate.messages.request.unwrap();
    request.check(br#"{"quarter":"2006-Q1"}"#).unwrap();
    let reply = rate.messages.reply.unwrap();
    reply
        .check(br#"{"quarter":"2006-Q1","ratePpm":43800,"source":"table"}"#)
        .unwrap();
}
