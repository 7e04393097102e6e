//! JSON to values and back. Numbers, addresses and byte strings have one spelling each (addresses
//! may also be in lower case); what is written here has no freedom left at all.

use std::fmt::{Display, Write};

use alloy_dyn_abi::DynSolValue;
use alloy_primitives::{Address, B256, I256, Sign, U256, hex};

use crate::SchemaError;
use crate::document::Document;
use crate::path::Path;
use crate::shape::{MAX_LIST_LENGTH, Shape};

/// Integers up to this width are JSON numbers, wider ones decimal strings: 2^53 is where JSON
/// readers begin to differ, and the next ABI width that every language holds exactly is 32.
const WIDEST_NUMBER: usize = 32;

/// Reads an object with exactly these members, in any order.
pub(crate) fn read_members<'a>(
    members: impl ExactSizeIterator<Item = (&'a str, &'a Shape)> + Clone,
    document: &Document,
    path: &Path<'_>,
) -> Result<Vec<DynSolValue>, SchemaError> {
    let Document::Object(entries) = document else {
        let names: Vec<&str> = members.map(|(name, _)| name).collect();
        return Err(path.refuse(
            format!("an object with {}", list_names(&names)),
            document.describe(),
        ));
    };
    for (key, _) in entries {
        if !members.clone().any(|(name, _)| name == key) {
            let names: Vec<&str> = members.map(|(name, _)| name).collect();
            return Err(Path::Field(path, key).refuse(
                format!("no such field: there are {}", list_names(&names)),
                "the field",
            ));
        }
    }
    let mut values = Vec::with_capacity(members.len());
    for (name, shape) in members {
        let here = Path::Field(path, name);
        let mut given = entries.iter().filter(|(key, _)| key == name);
        let Some((_, value)) = given.next() else {
            return Err(here.refuse(expectation(shape), "nothing"));
        };
        if given.next().is_some() {
            return Err(here.refuse("the field once", "the field twice"));
        }
        values.push(read(shape, value, &here)?);
    }
    Ok(values)
}

fn read(shape: &Shape, document: &Document, path: &Path<'_>) -> Result<DynSolValue, SchemaError> {
    let refuse = || path.refuse(expectation(shape), document.describe());
    match (shape, document) {
        (Shape::Bool, Document::Bool(value)) => Ok(DynSolValue::Bool(*value)),
        (Shape::String, Document::String(text)) => Ok(DynSolValue::String(text.clone())),
        (Shape::Address, Document::String(text)) => read_address(text)
            .map(DynSolValue::Address)
            .ok_or_else(refuse),
        (Shape::Bytes, Document::String(text)) => {
            read_hex(text).map(DynSolValue::Bytes).ok_or_else(refuse)
        }
        (Shape::FixedBytes(size), Document::String(text)) => read_hex(text)
            .filter(|bytes| bytes.len() == *size)
            .map(|bytes| DynSolValue::FixedBytes(B256::right_padding_from(&bytes), *size))
            .ok_or_else(refuse),
        (Shape::Unsigned(bits), _) => read_unsigned(*bits, document)
            .map(|value| DynSolValue::Uint(value, *bits))
            .ok_or_else(refuse),
        (Shape::Signed(bits), _) => read_signed(*bits, document)
            .map(|value| DynSolValue::Int(value, *bits))
            .ok_or_else(refuse),
        (Shape::List(element), Document::List(items)) if items.len() <= MAX_LIST_LENGTH => {
            read_items(element, items, path).map(DynSolValue::Array)
        }
        (Shape::Array(element, length), Document::List(items)) if items.len() == *length => {
            read_items(element, items, path).map(DynSolValue::FixedArray)
        }
        (Shape::Tuple(members), _) => {
            let members = members
                .iter()
                .map(|member| (member.name.as_str(), &member.shape));
            read_members(members, document, path).map(DynSolValue::Tuple)
        }
        _ => Err(refuse()),
    }
}

fn read_items(
    element: &Shape,
    items: &[Document],
    path: &Path<'_>,
) -> Result<Vec<DynSolValue>, SchemaError> {
    items
        .iter()
        .enumerate()
        .map(|(index, item)| read(element, item, &Path::Element(path, index)))
        .collect()
}

fn read_unsigned(bits: usize, document: &Document) -> Option<U256> {
    let value = match document {
        Document::Unsigned(value) if bits <= WIDEST_NUMBER => U256::from(*value),
        Document::String(text) if bits > WIDEST_NUMBER => read_decimal(text)?,
        _ => return None,
    };
    (value.bit_len() <= bits).then_some(value)
}

fn read_signed(bits: usize, document: &Document) -> Option<I256> {
    let (sign, magnitude) = match document {
        Document::Unsigned(value) if bits <= WIDEST_NUMBER => (Sign::Positive, U256::from(*value)),
        Document::Negative(value) if bits <= WIDEST_NUMBER => {
            (Sign::Negative, U256::from(value.unsigned_abs()))
        }
        Document::String(text) if bits > WIDEST_NUMBER => match text.strip_prefix('-') {
            // One form for zero: `-0` is not a number here.
            Some(digits) => (
                Sign::Negative,
                read_decimal(digits).filter(|value| !value.is_zero())?,
            ),
            None => (Sign::Positive, read_decimal(text)?),
        },
        _ => return None,
    };
    let limit = U256::ONE << (bits - 1);
    let fits = match sign {
        Sign::Positive => magnitude < limit,
        Sign::Negative => magnitude <= limit,
    };
    if fits {
        I256::checked_from_sign_and_abs(sign, magnitude)
    } else {
        None
    }
}

/// Decimal digits, no sign, no leading zero.
fn read_decimal(digits: &str) -> Option<U256> {
    const LONGEST: usize = 78; // digits of 2^256 - 1
    let plain = !digits.is_empty()
        && digits.len() <= LONGEST
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    if plain {
        U256::from_str_radix(digits, 10).ok()
    } else {
        None
    }
}

/// `0x` and an even number of lower-case hex digits.
fn read_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    let lower = digits
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if lower {
        hex::decode(digits).ok()
    } else {
        None
    }
}

/// All lower case, or a right EIP-55 checksum: any other mix is a typing error.
fn read_address(text: &str) -> Option<Address> {
    read_hex(text).map_or_else(
        || Address::parse_checksummed(text, None).ok(),
        |bytes| Address::try_from(bytes.as_slice()).ok(),
    )
}

/// What a field may be, in words.
pub(crate) fn expectation(shape: &Shape) -> String {
    match shape {
        Shape::Bool => "true or false".into(),
        Shape::String => "a string".into(),
        Shape::Address => {
            "an address: 0x and 40 hex digits, all lower case or with a right EIP-55 checksum"
                .into()
        }
        Shape::Bytes => "bytes: a string of 0x and pairs of lower-case hex digits".into(),
        Shape::FixedBytes(size) => {
            format!(
                "bytes{size}: a string of 0x and {} lower-case hex digits",
                2 * size
            )
        }
        Shape::Unsigned(bits) if *bits <= WIDEST_NUMBER => {
            format!(
                "uint{bits}: a whole number from 0 to {}",
                (1u64 << bits) - 1
            )
        }
        Shape::Unsigned(bits) => {
            format!("uint{bits}: a string of decimal digits, below 2^{bits}")
        }
        Shape::Signed(bits) if *bits <= WIDEST_NUMBER => {
            let limit = 1i64 << (bits - 1);
            format!("int{bits}: a whole number from {} to {}", -limit, limit - 1)
        }
        Shape::Signed(bits) => format!(
            "int{bits}: a string of decimal digits with or without `-`, from -2^{0} to 2^{0} - 1",
            bits - 1
        ),
        Shape::List(_) => format!("a list of at most {MAX_LIST_LENGTH}"),
        Shape::Array(_, length) => format!("a list of {length}"),
        Shape::Tuple(members) => {
            let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
            format!("an object with {}", list_names(&names))
        }
    }
}

fn list_names(names: &[&str]) -> String {
    if names.is_empty() {
        "no fields".into()
    } else {
        names.join(", ")
    }
}

/// Writes an object without white space, members in the order of the ABI.
pub(crate) fn write_members<'a>(
    members: impl ExactSizeIterator<Item = (&'a str, &'a Shape)>,
    values: &[DynSolValue],
    path: &Path<'_>,
    out: &mut String,
) -> Result<(), SchemaError> {
    if members.len() != values.len() {
        let (expected, found) = (members.len(), values.len());
        return Err(path.refuse(format!("{expected} values"), format!("{found}")));
    }
    out.push('{');
    for (position, ((name, shape), value)) in members.zip(values).enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_string(name, out);
        out.push(':');
        write(shape, value, &Path::Field(path, name), out)?;
    }
    out.push('}');
    Ok(())
}

fn write(
    shape: &Shape,
    value: &DynSolValue,
    path: &Path<'_>,
    out: &mut String,
) -> Result<(), SchemaError> {
    match (shape, value) {
        (Shape::Bool, DynSolValue::Bool(value)) => write_plain(value, out),
        (Shape::String, DynSolValue::String(text)) => write_string(text, out),
        (Shape::Address, DynSolValue::Address(address)) => write_quoted(address, out),
        (Shape::Bytes, DynSolValue::Bytes(bytes)) => {
            write_quoted(&hex::encode_prefixed(bytes), out);
        }
        (Shape::FixedBytes(size), DynSolValue::FixedBytes(word, width)) if width == size => {
            write_quoted(&hex::encode_prefixed(&word[..*size]), out);
        }
        (Shape::Unsigned(bits), DynSolValue::Uint(value, width))
            if width == bits && value.bit_len() <= *bits =>
        {
            write_integer(*bits, value, out);
        }
        (Shape::Signed(bits), DynSolValue::Int(value, width))
            if width == bits && signed_fits(*value, *bits) =>
        {
            write_integer(*bits, value, out);
        }
        (Shape::List(element), DynSolValue::Array(items)) if items.len() <= MAX_LIST_LENGTH => {
            write_items(element, items, path, out)?;
        }
        (Shape::Array(element, length), DynSolValue::FixedArray(items))
            if items.len() == *length =>
        {
            write_items(element, items, path, out)?;
        }
        (Shape::Tuple(members), DynSolValue::Tuple(values)) => {
            let members = members
                .iter()
                .map(|member| (member.name.as_str(), &member.shape));
            write_members(members, values, path, out)?;
        }
        _ => return Err(path.refuse(expectation(shape), format!("{value:?}"))),
    }
    Ok(())
}

fn write_items(
    element: &Shape,
    items: &[DynSolValue],
    path: &Path<'_>,
    out: &mut String,
) -> Result<(), SchemaError> {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(element, item, &Path::Element(path, index), out)?;
    }
    out.push(']');
    Ok(())
}

pub(crate) fn signed_fits(value: I256, bits: usize) -> bool {
    // Shifting the sign down leaves 0 or -1 exactly if every bit above the width repeats the sign.
    let above = value.asr(bits - 1);
    above.is_zero() || above == I256::MINUS_ONE
}

fn write_integer(bits: usize, value: &impl Display, out: &mut String) {
    if bits <= WIDEST_NUMBER {
        write_plain(value, out)
    } else {
        write_quoted(value, out)
    }
}

fn write_plain(value: &impl Display, out: &mut String) {
    write!(out, "{value}").expect("writing to a string cannot fail");
}

fn write_quoted(value: &impl Display, out: &mut String) {
    write!(out, "\"{value}\"").expect("writing to a string cannot fail");
}

fn write_string(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("a string always serialises"));
}
