//! Rust types of `wit/fabric.wit`, generated.

#![allow(missing_docs, reason = "generated; wit/fabric.wit has the words")]

wasmtime::component::bindgen!({
    path: "../../wit",
    inline: "
        package cryptlet:container;
        world guest {
            import cryptlet:fabric/types@0.1.0;
            import cryptlet:fabric/transaction-builder@0.1.0;
            import cryptlet:fabric/router@0.1.0;
            import cryptlet:fabric/source@0.1.0;
            import cryptlet:fabric/http@0.1.0;
            import cryptlet:fabric/state@0.1.0;
            import cryptlet:fabric/keychain@0.1.0;
            import cryptlet:fabric/events@0.1.0;
            import cryptlet:fabric/log@0.1.0;
            export cryptlet:fabric/cryptlet@0.1.0;
        }
    ",
    imports: { default: trappable },
    with: { "cryptlet:fabric/transaction-builder.draft": crate::host::Draft },
});
