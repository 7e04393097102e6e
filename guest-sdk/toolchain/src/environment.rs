//! Which variables of the caller reach the guest's cargo.

/// Settings of the machine, not of a build: where cargo keeps things and how it reaches registries.
const KEPT: [&str; 8] = [
    "CARGO_HOME",
    "CARGO_BUILD_JOBS",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
];

/// True for a variable that would change what the guest's cargo builds, or which compiler it takes.
///
/// A caller is often itself run by cargo or by rustup's proxy, which leave their own compiler,
/// library path and package variables behind; flags and profiles from outside would change the
/// measurement without a trace in the sources.
pub(crate) fn leaks(name: &str) -> bool {
    match name {
        "CARGO"
        | "RUSTC"
        | "RUSTDOC"
        | "RUSTFLAGS"
        | "RUSTDOCFLAGS"
        | "RUSTUP_TOOLCHAIN"
        | "RUSTUP_TOOLCHAIN_SOURCE"
        | "RUST_RECURSION_COUNT"
        | "LD_LIBRARY_PATH"
        | "DYLD_FALLBACK_LIBRARY_PATH"
        | "OUT_DIR" => true,
        _ if name.starts_with("RUSTC_") => true,
        _ if name.starts_with("CARGO_") => !KEPT.iter().any(|kept| name.starts_with(kept)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::leaks;

    #[test]
    fn keeps_out_what_would_change_the_guest() {
        for name in [
            "CARGO",
            "RUSTUP_TOOLCHAIN",
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_PROFILE_GUEST_LTO",
            "CARGO_TARGET_DIR",
            "CARGO_MANIFEST_DIR",
            "RUSTC_WRAPPER",
            "LD_LIBRARY_PATH",
        ] {
            assert!(leaks(name), "{name} reaches the guest's cargo");
        }
    }

    #[test]
    fn lets_through_how_the_machine_reaches_registries() {
        for name in [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_TERM_COLOR",
            "HTTPS_PROXY",
        ] {
            assert!(!leaks(name), "{name} does not reach the guest's cargo");
        }
    }
}
