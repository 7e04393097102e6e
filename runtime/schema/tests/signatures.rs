//! The human-readable ABI: what is read, how it is written, what is refused.

use cryptlet_schema::Message;

fn refusal(text: &str) -> (usize, String) {
    let error = text.parse::<Message>().expect_err(text);
    (error.position, error.reason)
}

#[test]
fn writes_the_canonical_form() {
    for (text, canonical) in [
        (
            "settle(uint32 period,address payer,uint amount)",
            "settle(uint32 period, address payer, uint256 amount)",
        ),
        ("  f ( int  a )\n", "f(int256 a)"),
        (
            "f(tuple(uint8 a, bytes4[] b)[2][] legs)",
            "f((uint8 a, bytes4[] b)[2][] legs)",
        ),
        ("E(address   indexed  who)", "E(address indexed who)"),
        ("fail(uint8 code)", "fail(uint8 code)"),
        ("f()", "f()"),
    ] {
        let message: Message = text.parse().expect(text);
        assert_eq!(message.to_string(), canonical);
        assert_eq!(canonical.parse::<Message>().as_ref(), Ok(&message));
        assert_eq!(serde_json::to_value(&message).unwrap(), canonical);
        assert_eq!(
            serde_json::from_value::<Message>(canonical.into()).unwrap(),
            message
        );
    }
}

#[test]
fn tells_name_type_and_index_of_each_field() {
    let message: Message = "E(uint32 indexed period, (uint b, bool c)[] legs)"
        .parse()
        .unwrap();
    let fields: Vec<_> = message
        .fields()
        .iter()
        .map(|field| (field.name.as_str(), field.abi_type.as_str(), field.indexed))
        .collect();
    assert_eq!(
        fields,
        [
            ("period", "uint32", true),
            ("legs", "(uint256,bool)[]", false)
        ]
    );
    assert_eq!(message.signature(), "E(uint32,(uint256,bool)[])");
}

#[test]
fn points_at_the_character_where_reading_stops() {
    for (text, position, reason) in [
        ("", 1, "expected the message's name"),
        ("settle", 7, "expected `(`"),
        ("settle(", 8, "expected a type"),
        ("settle(uint32", 14, "expected the field's name"),
        ("settle(uint32 period", 21, "expected `,` or `)`"),
        (
            "settle(uint32 period) returns (bool)",
            23,
            "nothing may follow",
        ),
        ("settle(uint32)", 14, "expected the field's name"),
        ("settle(uint32 a,)", 17, "expected a type"),
        ("settle(uint32 a, uint32 a)", 18, "`a` is used twice"),
        ("f((uint8 a, uint8 a) t)", 13, "`a` is used twice"),
        ("f(() t)", 3, "at least one member"),
        ("f((uint8) t)", 9, "expected the member's name"),
        (
            "f((uint8 indexed a) t)",
            10,
            "`indexed` is a word of Solidity",
        ),
        ("f(uint7 a)", 3, "`uint7` is not a type"),
        ("f(uint08 a)", 3, "`uint08` is not a type"),
        ("f(bytes33 a)", 3, "`bytes33` is not a type"),
        ("f(fixed a)", 3, "`fixed` is not a type"),
        ("f(function a)", 3, "`function` is not a type"),
        (
            "f(address payable a)",
            11,
            "`payable` is a word of Solidity",
        ),
        ("f(string memory a)", 10, "`memory` is a word of Solidity"),
        ("f(uint8 1a)", 9, "starts with a digit"),
        ("error(uint8 code)", 1, "`error` is a word of Solidity"),
        ("f(uint8 uint8)", 9, "`uint8` is a word of Solidity"),
        ("f(uint8 _)", 9, "needs a letter"),
        ("f(uint8[0] a)", 9, "a length of 1 to"),
        ("f(uint8[10001] a)", 9, "a length of 1 to"),
        ("f(uint8[99999999999999999999] a)", 9, "a length of 1 to"),
        ("f(uint8[-1] a)", 9, "expected `]`"),
        ("f(uint8[ a)", 9, "expected `]`"),
        (
            "E(uint8 indexed a, uint8 indexed b, uint8 indexed c, uint8 indexed d)",
            60,
            "at most 3 indexed",
        ),
        (
            "function settle(uint32 period)",
            1,
            "leave out the word `function`",
        ),
        ("event E(uint8 a)", 1, "leave out the word `event`"),
        ("événement(uint8 a)", 1, "expected the message's name"),
        ("f(uint8 é)", 9, "expected the field's name"),
    ] {
        let (found, found_reason) = refusal(text);
        assert!(found_reason.contains(reason), "{text}: {found_reason}");
        assert_eq!(found, position, "{text}: {found_reason}");
    }
}

#[test]
fn bounds_depth_width_and_size() {
    let nested = |depth: usize| {
        format!(
            "f({}uint8 a{} t)",
            "(".repeat(depth),
            ") a".repeat(depth - 1) + ")"
        )
    };
    nested(8).parse::<Message>().expect("the deepest tuple");
    assert!(refusal(&nested(9)).1.contains("at most 8 deep"));
    assert!(refusal(&nested(1000)).1.contains("at most 8 deep"));

    let lists = |depth: usize| format!("f(uint8{} a)", "[]".repeat(depth));
    lists(8).parse::<Message>().expect("the deepest list");
    assert!(refusal(&lists(9)).1.contains("at most 8 deep"));

    let mixed = format!(
        "f({}uint8{} a{} t)",
        "(".repeat(5),
        "[]".repeat(4),
        ") a".repeat(4) + ")"
    );
    assert!(refusal(&mixed).1.contains("at most 8 deep"));

    assert!(
        refusal("f(uint8[1000][1000] a)")
            .1
            .contains("words of 32 bytes")
    );
    assert!(
        refusal(&format!("f(uint8{} a)", "[10000]".repeat(8)))
            .1
            .contains("words of 32 bytes")
    );

    let fields = |count: usize| {
        let fields: Vec<String> = (0..count)
            .map(|number| format!("uint8 a{number}"))
            .collect();
        format!("f({})", fields.join(", "))
    };
    fields(64).parse::<Message>().expect("the widest message");
    assert!(refusal(&fields(65)).1.contains("at most 64 fields"));
    assert!(refusal(&" ".repeat(5000)).1.contains("at most 4096 bytes"));
    assert!(
        refusal(&format!("f(uint8 {})", "a".repeat(65)))
            .1
            .contains("at most 64 characters")
    );
}
