//! The JSON form of messages.

use cryptlet_sdk::prelude::*;
use cryptlet_sdk::{decode, encode};
use proptest::prelude::*;

type Wei = u128;

#[message]
struct Everything {
    flag: bool,
    tiny: u8,
    small: u32,
    below: i32,
    wide: u64,
    wide_below: i64,
    very_wide: Wei,
    very_wide_below: i128,
    whole: U256,
    whole_below: I256,
    name: String,
    account: Address,
    hash: Bytes32,
    data: Bytes,
    amounts: Vec<u64>,
    pair: [u64; 2],
    maybe: Option<u64>,
    nested: Vec<Option<Vec<Wei>>>,
    parts: Vec<Part>,
}

#[message]
struct Part {
    part_id: u64,
}

/// One wide field, for what is read and what is not.
#[message]
struct Wide {
    value: u64,
}

#[message]
struct Borrowed<'text> {
    label: &'text str,
}

fn sample() -> Everything {
    Everything {
        flag: true,
        tiny: 255,
        small: u32::MAX,
        below: i32::MIN,
        wide: u64::MAX,
        wide_below: i64::MIN,
        very_wide: u128::MAX,
        very_wide_below: i128::MIN,
        whole: U256::ONE,
        whole_below: -I256::from(1),
        name: "a \"b\" \u{1f980}\n".into(),
        account: Address([0xab; 20]),
        hash: Bytes32([1; 32]),
        data: Bytes(vec![0, 255]),
        amounts: vec![1, 2],
        pair: [3, 4],
        maybe: Some(5),
        nested: vec![None, Some(vec![6])],
        parts: vec![Part { part_id: 7 }],
    }
}

const SAMPLE: &str = r#"{"flag":true,"tiny":255,"small":4294967295,"below":-2147483648,"wide":"18446744073709551615","wideBelow":"-9223372036854775808","veryWide":"340282366920938463463374607431768211455","veryWideBelow":"-170141183460469231731687303715884105728","whole":"1","wholeBelow":"-1","name":"a \"b\" 🦀\n","account":"0xabababababababababababababababababababab","hash":"0x0101010101010101010101010101010101010101010101010101010101010101","data":"0x00ff","amounts":["1","2"],"pair":["3","4"],"maybe":"5","nested":[null,["6"]],"parts":[{"partId":"7"}]}"#;

#[test]
fn each_type_has_its_json_form() {
    assert_eq!(
        String::from_utf8(encode(&sample()).unwrap()).unwrap(),
        SAMPLE
    );
    assert_eq!(decode::<Everything>(SAMPLE.as_bytes()).unwrap(), sample());
}

#[test]
fn the_order_of_fields_and_white_space_do_not_matter() {
    let json =
        br#" { "hash" : "0x0101010101010101010101010101010101010101010101010101010101010101"} "#;
    #[message]
    struct Hashed {
        hash: Bytes32,
    }
    assert_eq!(decode::<Hashed>(json).unwrap().hash, Bytes32([1; 32]));
}

#[test]
fn refuses_missing_unknown_and_doubled_fields() {
    for (json, reason) in [
        ("{}", "missing field `value`"),
        (r#"{"value":"1","other":1}"#, "unknown field `other`"),
        (r#"{"value":"1","value":"1"}"#, "duplicate field `value`"),
        (r#"{"value":"1"} x"#, "trailing characters"),
        (r#"["1"]"#, "invalid type: sequence, expected an object"),
        ("null", "invalid type: null, expected an object"),
        ("", "EOF while parsing"),
    ] {
        let error = decode::<Wide>(json.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "invalid-message");
        assert!(error.message().starts_with("Wide: "), "{error}");
        assert!(error.message().contains(reason), "{json}: {error}");
    }
}

#[test]
fn a_nested_message_is_an_object_too() {
    #[message]
    struct Whole {
        part: Part,
    }
    assert!(decode::<Whole>(br#"{"part":{"partId":"1"}}"#).is_ok());
    for json in [
        r#"{"part":["1"]}"#,
        r#"{"part":"1"}"#,
        r#"{"part":{"partId":"1","x":1}}"#,
    ] {
        assert!(decode::<Whole>(json.as_bytes()).is_err(), "{json}");
    }
}

#[test]
fn refuses_a_wide_integer_that_is_no_plain_decimal_string() {
    for value in [
        "1",
        "1.0",
        "null",
        "true",
        "[]",
        r#""""#,
        r#""01""#,
        r#""+1""#,
        r#""-1""#,
        r#""1.0""#,
        r#""0x1""#,
        r#"" 1""#,
        r#""18446744073709551616""#,
    ] {
        let error = decode::<Wide>(format!(r#"{{"value":{value}}}"#).as_bytes()).unwrap_err();
        assert_eq!(error.code(), "invalid-message", "{value}");
    }
}

#[test]
fn refuses_a_narrow_integer_as_a_string_or_fraction() {
    #[message]
    struct Narrow {
        value: u32,
    }
    for value in [r#""1""#, "1.0", "1e2", "-1", "4294967296"] {
        let json = format!(r#"{{"value":{value}}}"#);
        assert!(decode::<Narrow>(json.as_bytes()).is_err(), "{value}");
    }
    assert_eq!(
        decode::<Narrow>(br#"{"value":7}"#).unwrap(),
        Narrow { value: 7 }
    );
}

#[test]
fn reads_hex_of_either_case_and_writes_lower_case() {
    let address: Address = "0xAbABabABABabababABabababABabababABabABab"
        .parse()
        .unwrap();
    assert_eq!(address.to_string(), format!("0x{}", "ab".repeat(20)));
    for bad in [
        "",
        "0x",
        "0xab",
        &"ab".repeat(20),
        &format!("0X{}", "ab".repeat(20)),
        &format!("0x{}g", "a".repeat(39)),
        &format!("0x{}", "é".repeat(20)),
    ] {
        assert!(bad.parse::<Address>().is_err(), "{bad}");
    }
    assert!("0xa".parse::<Bytes>().is_err());
    assert_eq!("0x".parse::<Bytes>(), Ok(Bytes(Vec::new())));
}

#[test]
fn a_list_of_fixed_length_has_that_length() {
    #[message]
    struct Pair {
        pair: [u64; 2],
    }
    for json in [r#"{"pair":["1"]}"#, r#"{"pair":["1","2","3"]}"#] {
        assert!(decode::<Pair>(json.as_bytes()).is_err(), "{json}");
    }
}

#[test]
fn borrowed_fields_are_written_and_names_follow_the_type() {
    assert_eq!(
        encode(&Borrowed { label: "x" }).unwrap(),
        br#"{"label":"x"}"#
    );
    assert_eq!((Borrowed::NAME, Borrowed::ACTION), ("Borrowed", "borrowed"));
}

#[test]
fn a_message_adds_to_the_derives_of_its_author() {
    #[message]
    #[derive(Debug, Default, Hash, PartialOrd, PartialEq, Eq, Ord)]
    struct Counted {
        /// Kept, too.
        #[serde(rename = "n")]
        count: u32,
    }
    assert_eq!(encode(&Counted::default()).unwrap(), br#"{"n":0}"#);
    assert!(Counted { count: 1 } > Counted::default().clone());
}

proptest! {
    #[test]
    fn wide_integers_survive(unsigned in any::<u128>(), signed in any::<i128>()) {
        #[message]
        struct Both { unsigned: u128, signed: i128 }
        let both = Both { unsigned, signed };
        let json = encode(&both).unwrap();
        let expected = format!(r#"{{"unsigned":"{unsigned}","signed":"{signed}"}}"#);
        prop_assert_eq!(&json, expected.as_bytes());
        prop_assert_eq!(decode::<Both>(&json).unwrap(), both);
    }

    #[test]
    fn any_text_and_bytes_survive(label in any::<String>(), data in any::<Vec<u8>>()) {
        #[message]
        struct Free { label: String, data: Bytes }
        let free = Free { label, data: Bytes(data) };
        prop_assert_eq!(decode::<Free>(&encode(&free).unwrap()).unwrap(), free);
    }

    #[test]
    fn any_bytes_are_answered_without_a_panic(json in any::<Vec<u8>>()) {
        prop_assert!(decode::<Everything>(&json).is_err());
    }
}
