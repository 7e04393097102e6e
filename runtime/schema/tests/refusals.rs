//! What is not the message is refused, and the refusal names the field.

use alloy_dyn_abi::DynSolValue;
use alloy_primitives::{U256, hex};
use cryptlet_schema::{MAX_JSON_BYTES, MAX_LIST_LENGTH, Message, SchemaError};

const SETTLE: &str = "settle(uint32 period, address payer, uint256 amount)";

fn message(text: &str) -> Message {
    text.parse().expect(text)
}

/// Path, expectation and finding of the refusal.
fn refusal(schema: &str, json: &str) -> (String, String, String) {
    let message = message(schema);
    let refusal = message.check(json.as_bytes()).expect_err(json);
    assert_eq!(
        message.encode_call(json.as_bytes()),
        Err(refusal.clone()),
        "both read alike"
    );
    match refusal {
        SchemaError::Field {
            path,
            expected,
            found,
        } => (path, expected, found),
        other => panic!("{json} was refused without a path: {other}"),
    }
}

fn path_of_refusal(schema: &str, json: &str) -> String {
    refusal(schema, json).0
}

#[test]
fn names_the_missing_the_unknown_and_the_doubled_field() {
    let payer = "0x00000000000000000000000000000000000000aa";
    let cases = [
        (
            format!(r#"{{"payer":"{payer}","amount":"1"}}"#),
            "period",
            "nothing",
        ),
        (
            format!(r#"{{"period":1,"payer":"{payer}","amount":"1","memo":""}}"#),
            "memo",
            "the field",
        ),
        (
            format!(r#"{{"period":1,"payer":"{payer}","amount":"1","period":1}}"#),
            "period",
            "the field twice",
        ),
        (
            format!(r#"{{"Period":1,"payer":"{payer}","amount":"1"}}"#),
            "Period",
            "the field",
        ),
    ];
    for (json, path, found) in cases {
        let refusal = refusal(SETTLE, &json);
        assert_eq!(
            (refusal.0.as_str(), refusal.2.as_str()),
            (path, found),
            "{json}"
        );
    }
}

#[test]
fn wants_an_object() {
    for (json, found) in [
        ("[]", "a list of 0"),
        ("null", "null"),
        ("3", "the number 3"),
        (r#""x""#, "the string"),
    ] {
        let (path, expected, actual) = refusal(SETTLE, json);
        assert_eq!(path, "");
        assert_eq!(expected, "an object with period, payer, amount");
        assert!(actual.starts_with(found), "{actual}");
    }
    assert_eq!(refusal("close()", "[]").1, "an object with no fields");
}

#[test]
fn narrow_integers_are_numbers_within_their_range() {
    for json in [
        "256",
        "-1",
        "1.0",
        "1e2",
        "-0",
        "\"1\"",
        "true",
        "null",
        "18446744073709551616",
        "340282366920938463463374607431768211456",
    ] {
        let json = format!(r#"{{"n":{json}}}"#);
        assert_eq!(path_of_refusal("f(uint8 n)", &json), "n", "{json}");
    }
    for json in ["128", "-129", "1.5", "\"-1\"", "-9223372036854775809"] {
        let json = format!(r#"{{"n":{json}}}"#);
        assert_eq!(path_of_refusal("f(int8 n)", &json), "n", "{json}");
    }
    for (schema, edge) in [
        ("f(uint8 n)", "255"),
        ("f(uint24 n)", "16777215"),
        ("f(uint32 n)", "4294967295"),
        ("f(int8 n)", "-128"),
        ("f(int8 n)", "127"),
        ("f(int32 n)", "-2147483648"),
    ] {
        message(schema)
            .check(format!(r#"{{"n":{edge}}}"#).as_bytes())
            .expect(edge);
    }
    assert_eq!(path_of_refusal("f(uint32 n)", r#"{"n":4294967296}"#), "n");
    assert_eq!(path_of_refusal("f(int32 n)", r#"{"n":-2147483649}"#), "n");
}

#[test]
fn wide_integers_are_decimal_strings_within_their_range() {
    let beyond = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
    let beyond = format!("\"{beyond}\"");
    for json in [
        "1",
        "\"\"",
        "\"01\"",
        "\"+1\"",
        "\"-1\"",
        "\"-0\"",
        "\"0x10\"",
        "\"1.0\"",
        "\"1e3\"",
        "\" 1\"",
        "\"1_000\"",
        "\"١\"",
        beyond.as_str(),
    ] {
        let json = format!(r#"{{"n":{json}}}"#);
        assert_eq!(path_of_refusal("f(uint256 n)", &json), "n", "{json}");
    }
    for json in [
        "-1",
        "\"-0\"",
        "\"--1\"",
        "\"-\"",
        "\"-01\"",
        "\"9223372036854775808\"",
    ] {
        let json = format!(r#"{{"n":{json}}}"#);
        assert_eq!(path_of_refusal("f(int64 n)", &json), "n", "{json}");
    }
    for (schema, edge) in [
        ("f(uint40 n)", "1099511627775"),
        ("f(int64 n)", "-9223372036854775808"),
        ("f(int64 n)", "9223372036854775807"),
        ("f(int64 n)", "0"),
    ] {
        message(schema)
            .check(format!(r#"{{"n":"{edge}"}}"#).as_bytes())
            .expect(edge);
    }
    assert_eq!(
        path_of_refusal("f(uint40 n)", r#"{"n":"1099511627776"}"#),
        "n"
    );
    assert_eq!(
        path_of_refusal("f(int64 n)", r#"{"n":"-9223372036854775809"}"#),
        "n"
    );
}

#[test]
fn addresses_are_lower_case_or_carry_a_right_checksum() {
    let right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"; // EIP-55, first vector
    for good in [right, &right.to_lowercase()] {
        message("f(address a)")
            .check(format!(r#"{{"a":"{good}"}}"#).as_bytes())
            .expect(good);
    }
    let upper = format!("0x{}", right[2..].to_uppercase());
    for bad in [
        "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        &upper,
        &right[2..],
        &right[..41],
        &format!("{right}00"),
        "",
        "0x",
        "vitalik.eth",
    ] {
        let json = format!(r#"{{"a":"{bad}"}}"#);
        assert_eq!(path_of_refusal("f(address a)", &json), "a", "{json}");
    }
}

#[test]
fn bytes_are_lower_case_hex_of_the_right_length() {
    for bad in ["", "ab", "0xa", "0xAB", "0xabcd", "0xzz", "0x ab", "0x"] {
        let json = format!(r#"{{"b":"{bad}"}}"#);
        assert_eq!(path_of_refusal("f(bytes1 b)", &json), "b", "{json}");
    }
    for bad in ["", "ab", "0xa", "0xAB", "0XAB", "0xzz"] {
        let json = format!(r#"{{"b":"{bad}"}}"#);
        assert_eq!(path_of_refusal("f(bytes b)", &json), "b", "{json}");
    }
    assert_eq!(path_of_refusal("f(bytes b)", r#"{"b":[1,2]}"#), "b");
}

#[test]
fn paths_lead_through_lists_and_tuples() {
    let schema = "f((uint8[2] pair, string note)[] legs, bool done)";
    let cases = [
        (
            r#"{"legs":[{"pair":[1,2],"note":""},{"pair":[1,256],"note":""}],"done":true}"#,
            "legs[1].pair[1]",
        ),
        (
            r#"{"legs":[{"pair":[1],"note":""}],"done":true}"#,
            "legs[0].pair",
        ),
        (r#"{"legs":[{"pair":[1,2]}],"done":true}"#, "legs[0].note"),
        (
            r#"{"legs":[{"pair":[1,2],"note":"","note":""}],"done":true}"#,
            "legs[0].note",
        ),
        (
            r#"{"legs":[{"pair":[1,2],"note":"","extra":1}],"done":true}"#,
            "legs[0].extra",
        ),
        (r#"{"legs":[[]],"done":true}"#, "legs[0]"),
        (r#"{"legs":{},"done":true}"#, "legs"),
        (r#"{"legs":[],"done":1}"#, "done"),
    ];
    for (json, path) in cases {
        assert_eq!(path_of_refusal(schema, json), path, "{json}");
    }
}

#[test]
fn says_where_the_text_stops_being_json() {
    for (json, line, column) in [
        ("", 1, 0),
        ("{", 1, 1),
        ("{\n  \"a\": }", 2, 8),
        ("{} {}", 1, 4),
        ("{\"a\":01}", 1, 7),
        ("{'a':1}", 1, 2),
        ("{\"a\":NaN}", 1, 6),
        ("\u{feff}{}", 1, 1),
    ] {
        match message("close()").check(json.as_bytes()) {
            Err(SchemaError::NotJson {
                line: l,
                column: c,
                reason,
            }) => {
                assert_eq!((l, c), (line, column), "{json:?}: {reason}");
                assert!(
                    !reason.contains("column"),
                    "the place is told once: {reason}"
                );
            }
            other => panic!("{json:?} gave {other:?}"),
        }
    }
    let not_utf8 = b"{\"a\":\"\xff\"}";
    assert!(matches!(
        message("f(string a)").check(not_utf8),
        Err(SchemaError::NotJson { .. })
    ));
    let lone_surrogate = br#"{"a":"\ud800"}"#;
    assert!(matches!(
        message("f(string a)").check(lone_surrogate),
        Err(SchemaError::NotJson { .. })
    ));
}

#[test]
fn bounds_size_depth_and_length() {
    let long = vec![b' '; MAX_JSON_BYTES + 1];
    assert_eq!(
        message("close()").check(&long),
        Err(SchemaError::TooLarge {
            found: MAX_JSON_BYTES + 1,
            allowed: MAX_JSON_BYTES
        })
    );
    let deep = "[".repeat(MAX_JSON_BYTES);
    assert!(matches!(
        message("close()").check(deep.as_bytes()),
        Err(SchemaError::NotJson { reason, .. }) if reason.contains("recursion")
    ));
    let list = |length: usize| format!(r#"{{"n":[{}]}}"#, vec!["1"; length].join(","));
    let schema = "f(uint8[] n)";
    message(schema)
        .check(list(MAX_LIST_LENGTH).as_bytes())
        .expect("the longest list");
    assert_eq!(path_of_refusal(schema, &list(MAX_LIST_LENGTH + 1)), "n");
}

#[test]
fn error_messages_stay_short_whatever_they_quote() {
    let long = "x".repeat(100_000);
    let refusal = message("f(bool a)")
        .check(format!(r#"{{"a":"{long}"}}"#).as_bytes())
        .unwrap_err();
    assert!(refusal.to_string().len() < 400, "{refusal}");
    let refusal = message("f(bool a)")
        .check(format!(r#"{{"{long}":1}}"#).as_bytes())
        .unwrap_err();
    assert!(refusal.to_string().len() < 400, "{refusal}");
}

#[test]
fn refuses_the_call_of_another_function() {
    let settle = message(SETTLE);
    let other = message("close()").encode_call(b"{}").unwrap();
    for call in [other.as_slice(), &[], &settle.selector()[..3]] {
        assert!(matches!(
            settle.decode_call(call),
            Err(SchemaError::OtherCall { .. })
        ));
    }
}

/// Words in hex, one a line, as the ABI specification prints them.
fn call_of(message: &Message, words: &[&str]) -> Vec<u8> {
    let mut call = message.selector().to_vec();
    for word in words {
        call.extend(hex::decode(format!("{word:0>64}")).unwrap());
    }
    call
}

#[test]
fn reads_only_words_that_their_type_can_hold() {
    let minus_129 = format!("{}7f", "f".repeat(62));
    for (schema, word) in [
        ("f(uint8 v)", "100"),
        ("f(int8 v)", "80"),
        ("f(int8 v)", minus_129.as_str()),
        ("f(bool v)", "2"),
        ("f(address v)", "10000000000000000000000000000000000000000"),
        ("f(bytes1 v)", "1"),
    ] {
        let message = message(schema);
        match message.decode_call(&call_of(&message, &[word])) {
            Err(SchemaError::Field { path, .. }) => assert_eq!(path, "v"),
            other => panic!("{schema} read {word} as {other:?}"),
        }
    }
}

#[test]
fn reads_only_the_layout_that_solidity_writes() {
    let message = message("f(bytes a, string b)");
    let text = |letters: &str| format!("{:0<64}", hex::encode(letters));
    let (a, b) = (text("a"), text("b"));
    let good = ["40", "80", "1", a.as_str(), "1", b.as_str()];
    assert_eq!(
        message.decode_call(&call_of(&message, &good)).unwrap(),
        br#"{"a":"0x61","b":"b"}"#
    );
    let dirty = format!("6101{}", "0".repeat(60));
    let not_utf8 = format!("ff{}", "0".repeat(62));
    let huge = "f".repeat(64);
    for (words, path, why) in [
        (vec!["40", "40", "1", &a], "b", "both fields share a tail"),
        (
            vec!["80", "40", "1", &b, "1", &a],
            "a",
            "tails in another order",
        ),
        (
            vec!["60", "a0", "0", "1", &a, "1", &b],
            "a",
            "a gap before the tails",
        ),
        (
            vec!["40", "80", "1", &dirty, "1", &b],
            "a",
            "padding that is not zero",
        ),
        (
            vec!["40", "80", "1", &a, "1", &not_utf8],
            "b",
            "text that is not UTF-8",
        ),
        (
            vec!["40", "80", "1", &a, "21", &b],
            "b",
            "a length beyond the data",
        ),
        (
            vec!["40", "80", &huge, &a, "1", &b],
            "a",
            "a length beyond every memory",
        ),
        (
            vec![&huge, "80", "1", &a, "1", &b],
            "a",
            "an offset beyond every memory",
        ),
        (
            vec!["40", "80", "1", &a, "1"],
            "b",
            "a tail that is cut off",
        ),
        (vec!["40"], "", "a head that is cut off"),
        (
            vec!["40", "80", "1", &a, "1", &b, "0"],
            "",
            "bytes left over",
        ),
    ] {
        match message.decode_call(&call_of(&message, &words)) {
            Err(SchemaError::Field { path: found, .. }) => assert_eq!(found, path, "{why}"),
            other => panic!("{why}: {other:?}"),
        }
    }
}

#[test]
fn a_list_that_claims_more_than_it_holds_costs_nothing() {
    let message = message("f(uint256[][] rows)");
    let many = format!("{:x}", MAX_LIST_LENGTH);
    let call = call_of(&message, &["20", &many]);
    assert!(
        matches!(message.decode_call(&call), Err(SchemaError::Field { path, .. }) if path == "rows")
    );
}

#[test]
fn refuses_the_log_entry_of_another_event() {
    let event = message("E(uint8 indexed a, uint8 b)");
    let word = |value: u8| U256::from(value).to_be_bytes::<32>();
    let read = |topics: &[[u8; 32]], data: &[u8]| event.decode_event(topics, data);
    let other = message("F(uint8 indexed a, uint8 b)").topic();

    assert!(read(&[event.topic(), word(1)], &word(2)).is_ok());
    for topics in [
        vec![],
        vec![other, word(1)],
        vec![event.topic()],
        vec![event.topic(), word(1), word(2)],
    ] {
        assert!(matches!(
            read(&topics, &word(2)),
            Err(SchemaError::OtherEvent { .. })
        ));
    }
    let dirty = U256::from(256).to_be_bytes::<32>();
    assert!(matches!(
        read(&[event.topic(), dirty], &word(2)),
        Err(SchemaError::Field { path, .. }) if path == "a"
    ));
    assert!(matches!(
        read(&[event.topic(), word(1)], &[]),
        Err(SchemaError::Field { path, .. }) if path.is_empty()
    ));
}

#[test]
fn writes_only_values_of_the_right_type_and_range() {
    let message = message("f(uint8 a)");
    let write = |values: &[DynSolValue]| message.encode_json(values);
    assert_eq!(
        write(&[DynSolValue::Uint(U256::from(255), 8)]).unwrap(),
        br#"{"a":255}"#
    );
    for values in [
        vec![],
        vec![DynSolValue::Bool(true)],
        vec![DynSolValue::Uint(U256::from(1), 16)],
        vec![DynSolValue::Uint(U256::from(256), 8)],
        vec![DynSolValue::Uint(U256::from(1), 8), DynSolValue::Bool(true)],
    ] {
        assert!(
            matches!(write(&values), Err(SchemaError::Field { .. })),
            "{values:?}"
        );
    }
}
