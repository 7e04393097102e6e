//! Versions of the swap that differ in one way each, for the cases of `cryptlet diff`.

use std::fs;
use std::path::Path;

use cryptlet_attest::Measurement;
use cryptlet_build::provenance::{BUILD_TYPE, BUILDER, PREDICATE_TYPE, STATEMENT_TYPE};
use serde_json::{Value, json};

use super::component::{component, logging};

const SWAP: &str = include_str!("../../../../cryptlets/interest-rate-swap/cryptlet.toml");
const NEXT: &str = include_str!("../../../../cryptlets/interest-rate-swap/cryptlet-1.1.toml");
const RATE: &str = include_str!("../../../../cryptlets/reference-rate/cryptlet.toml");

/// Writes them, those that ship with what is stated of their build.
pub fn versions(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let write = |name: &str, component: Vec<u8>| {
        fs::write(folder.join(format!("{name}.wasm")), component).unwrap();
    };
    let shipped = [
        ("swap-1.0.0", component(SWAP), "1.0.0", "1.0.228"),
        ("swap-1.1.0", logging(NEXT), "1.1.0", "1.0.229"),
    ];
    for (name, component, own, serde) in shipped {
        let stated = provenance(&component, own, serde).to_string();
        fs::write(folder.join(format!("{name}.provenance.json")), stated).unwrap();
        write(name, component);
    }
    let renamed = |version: &str| SWAP.replacen("1.0.0", version, 1);
    let asking = "log = true\nstate = true\nkeychain = [\"desk\"]";
    write(
        "swap-1.0.1",
        component(&renamed("1.0.1").replacen("log = true", asking, 1)),
    );
    write(
        "swap-2.0.0",
        component(&renamed("2.0.0").replace("settle(uint32 period", "settle(uint64 period")),
    );
    write("rate-1.0.0", component(RATE));
    write("rate-1.0.1", component(&RATE.replacen("1.0.0", "1.0.1", 1)));
}

/// As far as a comparison reads it.
fn provenance(component: &[u8], own: &str, serde: &str) -> Value {
    let digest = json!({"blake3": Measurement::of(component).to_string()});
    let folder = format!("{:0<64}", own.replace('.', ""));
    json!({
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "swap.wasm", "digest": digest}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "locked": true,
                    "manifest": "cryptlet.toml",
                    "target": "wasm32-unknown-unknown",
                },
                "internalParameters": {"toolchain": {
                    "cargo": "cargo 1.95.0",
                    "linker": "LLD 21.1.8",
                    "rustc": "rustc 1.95.0\nbinary: rustc",
                    "standardLibrary": "installed",
                    "witComponent": "0.263.0",
                }},
                "resolvedDependencies": [
                    {"name": "source", "digest": {"dirHash": folder}},
                    {"uri": format!("pkg:cargo/serde@{serde}"), "digest": {"sha256": "00"}},
                    {"uri": "pkg:cargo/itoa@1.0.17", "digest": {"sha256": "00"}},
                    {
                        "name": ".",
                        "uri": format!("pkg:cargo/interest-rate-swap@{own}"),
                        "digest": {"dirHash": folder},
                    },
                ],
            },
            "runDetails": {"builder": {"id": BUILDER}},
        },
    })
}
