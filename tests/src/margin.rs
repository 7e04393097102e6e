//! A second binding of Acme and Globex: what each has put up as margin. Messages wake it, its order
//! does not matter to the contract, and it keeps state.

use std::path::Path;

use anyhow::Result;
use cryptlet_attest::Measurement;
use cryptlet_fabric::Binding;
use cryptlet_vault::{Algorithm, Cost, Passphrase, Purpose, Vault};

use crate::World;

/// The binding's name in the fabric.
pub const BINDING: &str = "acme-globex-margin";
/// The cryptlet that ships for it.
pub const CRYPTLET: &str = "margin-account";
/// The message that the cryptlet takes.
pub const MESSAGE: &str = "PutUp(uint256 amount)";

/// The delivery key's name in the vault. Nothing is delivered, but every binding names one.
const DELIVERY_KEY: &str = "acme-globex-margin-delivery";

/// Writes the binding of a cryptlet that one message wakes.
pub fn binding(
    world: &World,
    cryptlet: &str,
    message: &str,
    measurement: Measurement,
) -> Result<Binding> {
    let mut parties = [
        (world.acme.address(), "Acme"),
        (world.globex.address(), "Globex"),
    ];
    parties.sort_unstable();
    let [(first, first_name), (second, second_name)] = parties;
    let text = format!(
        r#"
counterparties = [
    {{ name = "{first_name}", address = "{first}" }},
    {{ name = "{second_name}", address = "{second}" }},
]

[binding]
name = "{BINDING}"
cryptlet = "{cryptlet}"
versions = "^1.0"
measurement = "{measurement}"
salt = "0x{salt}"
threshold = 2

[contract]
ledger = "anvil"
chain = "eip155:{chain}"
gateway = "{gateway}"
consumer = "{consumer}"
ordered = false
signer-threshold = 1
version-delay-seconds = 3600
validity-seconds = 86400
gas-limit = 300000
actions = []
events = []

[keys]
delivery = "{DELIVERY_KEY}"

[triggers]
messages = ["{message}"]

[grants]
state = true
events = true
log = true
"#,
        salt = "07".repeat(32),
        chain = world.node.chain(),
        gateway = world.contracts.gateway.address(),
        consumer = world.contracts.swap.address(),
    );
    Ok(Binding::parse("margin", &text)?)
}

/// Makes the binding's delivery key in a state folder.
pub fn make_key(state: &Path, passphrase: &Passphrase) -> Result<()> {
    Vault::open(state.join("keys"))?.create(
        &DELIVERY_KEY.parse()?,
        Algorithm::Secp256k1,
        Purpose::Delivery,
        passphrase,
        Cost::Light,
    )?;
    Ok(())
}
