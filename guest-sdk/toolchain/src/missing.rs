use crate::Target;

/// The packages that give Debian a toolchain for guests.
pub(crate) const DEBIAN_PACKAGES: [&str; 5] =
    ["rustc-web", "cargo-web", "rust-web-src", "lld", "wasi-libc"];

/// No toolchain here can compile a guest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no Rust toolchain here compiles to {target}: {}; \
     run `rustup target add {target}`, or on Debian as root `apt-get install {}`",
    reasons.join("; "),
    Missing::debian_packages().join(" ")
)]
pub struct Missing {
    /// What was to be compiled to.
    pub target: Target,
    /// Why each place that was looked at does not do.
    pub reasons: Vec<String>,
}

impl Missing {
    /// The Debian packages that would do.
    pub fn debian_packages() -> &'static [&'static str] {
        &DEBIAN_PACKAGES
    }
}
