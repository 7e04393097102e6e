//! Random schemas and random values: JSON to a call and back, and what others make of it.

use alloy_dyn_abi::{DynSolValue, JsonAbiExt};
use alloy_json_abi::Function;
use alloy_primitives::{Address, I256, U256, hex};
use cryptlet_schema::{Manifest, Message};
use proptest::prelude::*;

/// A type, and a strategy for JSON of it as the host would write it.
#[derive(Clone, Debug)]
struct Kind {
    abi: String,
    json: BoxedStrategy<String>,
}

fn quoted(text: impl std::fmt::Display) -> String {
    format!("\"{text}\"")
}

fn integers() -> impl Strategy<Value = Kind> {
    (1usize..=32, any::<bool>()).prop_map(|(bytes, signed)| {
        let bits = bytes * 8;
        let json = any::<[u8; 32]>().prop_map(move |word| {
            let number = if signed {
                I256::from_be_bytes(word).asr(256 - bits).to_string()
            } else {
                (U256::from_be_bytes(word) >> (256 - bits)).to_string()
            };
            if bits <= 32 { number } else { quoted(number) }
        });
        Kind {
            abi: format!("{}int{bits}", if signed { "" } else { "u" }),
            json: json.boxed(),
        }
    })
}

fn elementary() -> impl Strategy<Value = Kind> {
    let kind = |abi: &str, json: BoxedStrategy<String>| Kind {
        abi: abi.into(),
        json,
    };
    let bytes = |size: std::ops::RangeInclusive<usize>| {
        prop::collection::vec(any::<u8>(), size)
            .prop_map(|bytes| quoted(hex::encode_prefixed(bytes)))
            .boxed()
    };
    prop_oneof![
        4 => integers(),
        1 => Just(kind("bool", any::<bool>().prop_map(|value| value.to_string()).boxed())),
        1 => Just(kind(
            "address",
            any::<[u8; 20]>().prop_map(|bytes| quoted(Address::from(bytes))).boxed(),
        )),
        1 => Just(kind(
            "string",
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()).boxed(),
        )),
        1 => Just(kind("bytes", bytes(0..=70))),
        1 => (1usize..=32).prop_map(move |size| kind(&format!("bytes{size}"), bytes(size..=size))),
    ]
}

fn list(element: &Kind, length: std::ops::RangeInclusive<usize>) -> BoxedStrategy<String> {
    prop::collection::vec(element.json.clone(), length)
        .prop_map(|items| format!("[{}]", items.join(",")))
        .boxed()
}

/// Members `a0`, `a1`, … of these kinds, as ABI text and as JSON.
fn members(kinds: Vec<Kind>) -> Kind {
    let named: Vec<String> = kinds
        .iter()
        .enumerate()
        .map(|(index, kind)| format!("{} a{index}", kind.abi))
        .collect();
    let json: Vec<_> = kinds.into_iter().map(|kind| kind.json).collect();
    let json = json.prop_map(|values| {
        let members: Vec<String> = values
            .into_iter()
            .enumerate()
            .map(|(index, value)| format!("\"a{index}\":{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    });
    Kind {
        abi: format!("({})", named.join(", ")),
        json: json.boxed(),
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    elementary().prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|element| Kind {
                abi: format!("{}[]", element.abi),
                json: list(&element, 0..=3),
            }),
            (inner.clone(), 1usize..=3).prop_map(|(element, length)| Kind {
                abi: format!("{}[{length}]", element.abi),
                json: list(&element, length..=length),
            }),
            prop::collection::vec(inner, 1..=3).prop_map(members),
        ]
    })
}

/// A message and JSON of it.
fn messages() -> impl Strategy<Value = (Message, String)> {
    prop::collection::vec(kinds(), 0..=4)
        .prop_map(members)
        .prop_flat_map(|fields| {
            let message: Message = format!("f{}", fields.abi).parse().expect(&fields.abi);
            fields.json.prop_map(move |json| (message.clone(), json))
        })
}

fn change(bytes: &mut Vec<u8>, at: usize, byte: u8, how: u8) {
    let length = bytes.len();
    match how % 4 {
        _ if length == 0 => bytes.push(byte),
        0 => bytes[at % length] ^= byte,
        1 => bytes.truncate(at % length),
        2 => bytes.insert(at % length, byte),
        _ => bytes.extend([byte; 32]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_call_reads_as_the_json_that_made_it((message, json) in messages()) {
        let call = message.encode_call(json.as_bytes()).expect(&json);
        prop_assert_eq!(String::from_utf8(message.decode_call(&call).unwrap()).unwrap(), json);
    }

    #[test]
    fn alloy_reads_the_same_selector_and_the_same_values((message, json) in messages()) {
        let call = message.encode_call(json.as_bytes()).expect(&json);
        let function = Function::parse(&message.signature()).unwrap();
        prop_assert_eq!(function.selector().0, message.selector());
        prop_assert_eq!(function.signature(), message.signature());
        let values = function.abi_decode_input(&call[4..]).unwrap();
        prop_assert_eq!(message.encode_json(&values).unwrap(), json.into_bytes());
    }

    #[test]
    fn a_log_entry_reads_as_the_values_that_it_was_made_from((message, json) in messages()) {
        let call = message.encode_call(json.as_bytes()).expect(&json);
        let read = message.decode_event(&[message.topic()], &call[4..]).unwrap();
        prop_assert_eq!(String::from_utf8(read).unwrap(), json);
    }

    /// One value, one encoding: whatever is read encodes to exactly the bytes that were read.
    #[test]
    fn what_is_read_from_damaged_calls_is_their_only_meaning(
        (message, json) in messages(),
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..4),
    ) {
        let mut call = message.encode_call(json.as_bytes()).expect(&json);
        let mut parameters = call.split_off(4);
        for (at, byte, how) in changes {
            change(&mut parameters, at, byte, how);
        }
        call.extend(parameters);
        if let Ok(read) = message.decode_call(&call) {
            prop_assert_eq!(message.encode_call(&read).unwrap(), call);
        }
    }

    #[test]
    fn damaged_json_is_read_or_refused_but_never_panics(
        (message, json) in messages(),
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..4),
    ) {
        let mut json = json.into_bytes();
        for (at, byte, how) in changes {
            change(&mut json, at, byte, how);
        }
        let encoded = message.encode_call(&json);
        prop_assert_eq!(encoded.clone().map(drop), message.check(&json));
        if let Ok(call) = encoded {
            message.decode_call(&call).unwrap();
        }
    }

    #[test]
    fn indexed_fields_come_from_the_topics(number in any::<u32>(), text in any::<String>()) {
        let event: Message = "E(uint32 indexed number, string text)".parse().unwrap();
        let topic = U256::from(number).to_be_bytes::<32>();
        let data = DynSolValue::Tuple(vec![DynSolValue::String(text.clone())]).abi_encode_params();
        let read = event.decode_event(&[event.topic(), topic], &data).unwrap();
        let expected = format!(r#"{{"number":{number},"text":{}}}"#, serde_json::to_string(&text).unwrap());
        prop_assert_eq!(String::from_utf8(read).unwrap(), expected);
    }

    #[test]
    fn the_canonical_form_reads_as_the_same_message((message, _) in messages()) {
        prop_assert_eq!(message.to_string().parse::<Message>().unwrap(), message);
    }

    #[test]
    fn any_text_is_a_message_or_an_error(text in "[a-z0-9 \\[\\](),é]{0,60}|\\PC{0,60}") {
        let _ = text.parse::<Message>();
    }

    #[test]
    fn any_text_is_a_manifest_or_an_error_with_its_place(
        at in any::<prop::sample::Index>(),
        removed in 0usize..30,
        inserted in "[\\[\\]=\"a-z.,#\n 0-9é-]{0,6}",
    ) {
        let good: Vec<char> = include_str!("manifests/good-contract/cryptlet.toml").chars().collect();
        let cut = at.index(good.len());
        let rest = good.iter().skip(cut + removed);
        let text: String = good[..cut].iter().chain(inserted.chars().collect::<Vec<_>>().iter()).chain(rest).collect();
        if let Err(error) = Manifest::parse(&text) {
            prop_assert!(error.line >= 1 && error.line <= text.lines().count() + 1);
            prop_assert!(error.column >= 1);
            prop_assert!(!error.reason.is_empty() && !error.remedy.is_empty());
        }
    }
}
