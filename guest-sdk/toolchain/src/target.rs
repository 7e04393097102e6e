use std::fmt;

/// What a guest is compiled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// `wasm32-unknown-unknown`: imports nothing but what the cryptlet itself asks for.
    Bare,
    /// `wasm32-wasip2`: the standard library's clock, randomness and files become WASI imports.
    Wasi,
}

impl Target {
    /// The name that rustc and cargo know it by.
    pub fn triple(self) -> &'static str {
        match self {
            Target::Bare => "wasm32-unknown-unknown",
            Target::Wasi => "wasm32-wasip2",
        }
    }

    /// The middle of cargo's `CARGO_TARGET_<…>_LINKER`.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Target::Bare => "WASM32_UNKNOWN_UNKNOWN",
            Target::Wasi => "WASM32_WASIP2",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.triple())
    }
}
