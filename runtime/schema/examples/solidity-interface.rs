//! Prints the Solidity interface that a manifest asks its contract to inherit:
//!
//! ```sh
//! cargo run -p cryptlet-schema --example solidity-interface -- cryptlet.toml > ICryptlet.sol
//! ```

use std::process::ExitCode;
use std::{env, fs};

use cryptlet_schema::{Manifest, solidity_interface};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: solidity-interface <cryptlet.toml>");
        return ExitCode::from(2);
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("cannot read {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    };
    match Manifest::parse(&text) {
        Ok(manifest) => {
            print!("{}", solidity_interface(&manifest));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
