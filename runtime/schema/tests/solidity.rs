//! Each folder of `solidity/` holds a `cryptlet.toml` and the interface made from it. Those files
//! compile with solc 0.8.37; `UPDATE_EXPECTED=1` writes them anew.

use std::path::Path;
use std::{env, fs};

use cryptlet_schema::{Manifest, solidity_interface};

#[test]
fn every_manifest_gives_the_expected_interface() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/solidity");
    let mut cases = 0;
    for case in fs::read_dir(folder).unwrap() {
        let case = case.unwrap().path();
        let text = fs::read_to_string(case.join("cryptlet.toml")).unwrap();
        let interface = solidity_interface(&Manifest::parse(&text).expect("a good manifest"));
        let expected = case.join("expected.sol");
        if env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &interface).unwrap();
        }
        let expected = fs::read_to_string(expected).unwrap_or_default();
        assert_eq!(interface, expected, "{}", case.display());
        cases += 1;
    }
    assert!(cases >= 3, "only {cases} cases were found");
}
