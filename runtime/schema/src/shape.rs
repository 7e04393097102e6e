use std::fmt;

/// The most elements that one list or array of a message may have.
pub const MAX_LIST_LENGTH: usize = 10_000;

/// Tuples and arrays that may stand inside each other.
pub(crate) const MAX_DEPTH: usize = 8;

/// Words that a type's static part may take: bounds `T[1000][1000]…` before any value exists.
pub(crate) const MAX_STATIC_WORDS: usize = 65_536;

/// An ABI type whose tuples keep the names of their members, which alloy's `DynSolType` drops.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    Bool,
    Address,
    String,
    Bytes,
    /// `bytesN`, 1 to 32.
    FixedBytes(usize),
    /// `uintN`, width in bits.
    Unsigned(usize),
    /// `intN`, width in bits.
    Signed(usize),
    /// `T[]`
    List(Box<Shape>),
    /// `T[N]`, N at least 1.
    Array(Box<Shape>, usize),
    /// `(T a, U b)`, at least one member.
    Tuple(Vec<Member>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) shape: Shape,
}

impl Shape {
    /// Whether the ABI encodes it behind an offset.
    pub(crate) fn is_dynamic(&self) -> bool {
        match self {
            Shape::String | Shape::Bytes | Shape::List(_) => true,
            Shape::Array(element, _) => element.is_dynamic(),
            Shape::Tuple(members) => members.iter().any(|member| member.shape.is_dynamic()),
            _ => false,
        }
    }

    /// Words in the head of a sequence: its own size if static, one offset if dynamic.
    pub(crate) fn head_words(&self) -> usize {
        if self.is_dynamic() {
            1
        } else {
            self.static_words()
        }
    }

    /// Words that are there in any case; saturates.
    pub(crate) fn static_words(&self) -> usize {
        match self {
            Shape::Array(element, length) => element.static_words().saturating_mul(*length),
            Shape::Tuple(members) => members.iter().fold(0usize, |sum, member| {
                sum.saturating_add(member.shape.static_words())
            }),
            _ => 1,
        }
    }

    /// Whether an indexed field of this type reaches the log only as a hash.
    pub(crate) fn is_hashed_in_topics(&self) -> bool {
        matches!(
            self,
            Shape::String | Shape::Bytes | Shape::List(_) | Shape::Array(..) | Shape::Tuple(_)
        )
    }

    /// The type as selectors are computed from it: no member names, `(uint32,address)[]`.
    pub(crate) fn canonical(&self) -> String {
        match self {
            Shape::List(element) => format!("{}[]", element.canonical()),
            Shape::Array(element, length) => format!("{}[{length}]", element.canonical()),
            Shape::Tuple(members) => {
                let types: Vec<String> = members
                    .iter()
                    .map(|member| member.shape.canonical())
                    .collect();
                format!("({})", types.join(","))
            }
            elementary => elementary.to_string(),
        }
    }
}

/// The human-readable form: members keep their names, `(uint32 period, address payer)[]`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Bool => f.write_str("bool"),
            Shape::Address => f.write_str("address"),
            Shape::String => f.write_str("string"),
            Shape::Bytes => f.write_str("bytes"),
            Shape::FixedBytes(size) => write!(f, "bytes{size}"),
            Shape::Unsigned(bits) => write!(f, "uint{bits}"),
            Shape::Signed(bits) => write!(f, "int{bits}"),
            Shape::List(element) => write!(f, "{element}[]"),
            Shape::Array(element, length) => write!(f, "{element}[{length}]"),
            Shape::Tuple(members) => {
                f.write_str("(")?;
                for (position, member) in members.iter().enumerate() {
                    let comma = if position == 0 { "" } else { ", " };
                    write!(f, "{comma}{} {}", member.shape, member.name)?;
                }
                f.write_str(")")
            }
        }
    }
}
