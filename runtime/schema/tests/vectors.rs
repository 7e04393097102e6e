//! The encodings of ethers.js, read and written by this crate. `tests/vectors/generate.mjs` made
//! them; among them are the examples of the Solidity ABI specification.

use alloy_primitives::hex;
use cryptlet_schema::Message;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    calls: Vec<Call>,
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Call {
    message: Message,
    signature: String,
    json: String,
    call: String,
}

#[derive(Deserialize)]
struct Event {
    message: Message,
    signature: String,
    json: String,
    topics: Vec<String>,
    data: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("vectors/ethers.json")).expect("the vectors are JSON")
}

#[test]
fn calls_are_what_ethers_js_encodes() {
    for Call {
        message,
        signature,
        json,
        call,
    } in vectors().calls
    {
        assert_eq!(message.signature(), signature);
        let encoded = message.encode_call(json.as_bytes()).expect(&json);
        assert_eq!(hex::encode_prefixed(&encoded), call, "{message}");
        let decoded = message.decode_call(&encoded).expect(&json);
        assert_eq!(String::from_utf8(decoded).unwrap(), json, "{message}");
    }
}

#[test]
fn log_entries_of_ethers_js_are_read() {
    for Event {
        message,
        signature,
        json,
        topics,
        data,
    } in vectors().events
    {
        assert_eq!(message.signature(), signature);
        let topics: Vec<[u8; 32]> = topics
            .iter()
            .map(|topic| hex::decode_to_array(topic).unwrap())
            .collect();
        let decoded = message
            .decode_event(&topics, &hex::decode(data).unwrap())
            .expect(&json);
        assert_eq!(
            String::from_utf8(decoded.clone()).unwrap(),
            json,
            "{message}"
        );
        message
            .check(&decoded)
            .expect("what the host writes passes its own check");
    }
}

/// <https://docs.soliditylang.org/en/v0.8.37/abi-spec.html#examples>
#[test]
fn selectors_are_those_of_the_abi_specification() {
    for (message, selector) in [
        ("baz(uint32 x, bool y)", "cdcd77c0"),
        ("bar(bytes3[2] words)", "fce353f6"),
        ("sam(bytes name, bool flag, uint[] numbers)", "a5643bf2"),
        ("f(uint256 a, uint32[] b, bytes10 c, bytes d)", "8be65246"),
        ("g(uint256[][] rows, string[] words)", "2289b18c"),
    ] {
        let message: Message = message.parse().unwrap();
        assert_eq!(hex::encode(message.selector()), selector, "{message}");
    }
}
