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

/// What tells a C compiler, archiver or linker how to work, or crates which one to take and what
/// to hand to it.
const C_COMPILER: [&str; 22] = [
    "AR",
    "ARFLAGS",
    "BINDGEN_EXTRA_CLANG_ARGS",
    "CC",
    "CCC_OVERRIDE_OPTIONS",
    "CFLAGS",
    "CMAKE",
    "COMPILER_PATH",
    "CPATH",
    "CPLUS_INCLUDE_PATH",
    "CPPFLAGS",
    "CRATE_CC",
    "CROSS_COMPILE",
    "CXX",
    "CXXFLAGS",
    "CXXSTDLIB",
    "C_INCLUDE_PATH",
    "GCC_EXEC_PREFIX",
    "LDFLAGS",
    "RANLIB",
    "WASI_SDK",
    "WASI_SYSROOT",
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
        _ if name.starts_with("RUSTC_") || name.starts_with("__CARGO_") => true,
        _ if name.starts_with("CARGO_") => !KEPT.iter().any(|kept| name.starts_with(kept)),
        _ => tells_a_c_compiler(name),
    }
}

/// The names that compilers and the crates that call them read, alone, for a target and with
/// `HOST_` or `TARGET_` before them: guests with parts in C would come out otherwise.
fn tells_a_c_compiler(name: &str) -> bool {
    let name = name
        .strip_prefix("HOST_")
        .or_else(|| name.strip_prefix("TARGET_"))
        .unwrap_or(name);
    C_COMPILER.iter().any(|told| {
        name.strip_prefix(told)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
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
            "__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS",
            "CFLAGS",
            "CC_wasm32_unknown_unknown",
            "TARGET_CFLAGS",
            "C_INCLUDE_PATH",
            "CPLUS_INCLUDE_PATH",
            "CRATE_CC_NO_DEFAULTS",
            "WASI_SYSROOT",
            "WASI_SDK_PATH",
            "BINDGEN_EXTRA_CLANG_ARGS_wasm32-wasip2",
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
            "CCACHE_DIR",
            "LIBRARY_PATH",
        ] {
            assert!(!leaks(name), "{name} does not reach the guest's cargo");
        }
    }
}
