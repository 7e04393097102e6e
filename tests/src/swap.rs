//! The binding of the swap: what Acme and Globex sign.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use anyhow::Result;
use cryptlet_attest::Measurement;
use cryptlet_fabric::binding::{
    Agreement, Contract, Counterparty, Granted, Http, Keys, Source, Triggers,
};
use cryptlet_fabric::{Binding, WhileChanging};
use cryptlet_ledger::ChainId;
use url::Url;

/// The binding's name in the fabric.
pub const BINDING: &str = "acme-globex-swap";
/// The ledger's name in the fabric's configuration.
pub const LEDGER: &str = "anvil";
/// The delivery key's name in the vault.
pub const DELIVERY_KEY: &str = "acme-globex-swap-delivery";

/// What differs from world to world.
pub struct Parties {
    /// Acme's wallet; it pays the fixed rate.
    pub acme: Address,
    /// Globex's wallet; it pays the floating rate.
    pub globex: Address,
    /// Makes the binding's id unique.
    pub salt: B256,
}

impl Parties {
    /// Counterparties as a binding lists them: in ascending order.
    #[must_use]
    pub fn counterparties(&self) -> Vec<Counterparty> {
        let mut counterparties = vec![
            Counterparty {
                name: "Acme".into(),
                address: self.acme,
            },
            Counterparty {
                name: "Globex".into(),
                address: self.globex,
            },
        ];
        counterparties.sort_by_key(|counterparty| counterparty.address);
        counterparties
    }

    /// The id that the gateway will give the binding.
    #[must_use]
    pub fn binding_id(&self) -> B256 {
        let addresses: Vec<_> = self
            .counterparties()
            .iter()
            .map(|counterparty| counterparty.address)
            .collect();
        cryptlet_contracts::binding_id(&addresses, self.salt)
    }
}

/// The places that the binding names.
pub struct Places {
    /// The chain.
    pub chain: u64,
    /// The CryptoDelegate.
    pub gateway: Address,
    /// The swap contract.
    pub consumer: Address,
    /// Where rates are published.
    pub rates: Url,
}

/// Writes the binding.
pub fn binding(
    parties: &Parties,
    places: &Places,
    swap: Measurement,
    reference_rate: Measurement,
) -> Result<Binding> {
    let http = Http::new(places.rates.clone(), vec!["GET".into()]);
    Ok(Binding {
        binding: Agreement {
            name: BINDING.into(),
            cryptlet: "interest-rate-swap".into(),
            versions: "^1.0".parse()?,
            measurement: swap,
            salt: parties.salt,
            threshold: 2,
            while_changing: WhileChanging::Run,
        },
        contract: Contract {
            ledger: LEDGER.into(),
            chain: ChainId(places.chain),
            gateway: places.gateway,
            consumer: places.consumer,
            from_block: 0,
            ordered: true,
            signer_threshold: 1,
            version_delay_seconds: 3_600,
            validity_seconds: 86_400,
            gas_limit: 300_000,
            max_fee: 0,
            actions: vec!["settle(uint32 period, address payer, uint256 amount)".parse()?],
            events: vec![
                "PeriodEnded(uint32 indexed period, string quarter, uint256 notional, uint32 fixedBps, uint32 dayCount, address fixedPayer, address floatingPayer)"
                    .parse()?,
            ],
        },
        counterparties: parties.counterparties(),
        keys: Keys {
            delivery: DELIVERY_KEY.into(),
            granted: Vec::new(),
        },
        triggers: Triggers {
            contract_events: vec!["PeriodEnded".into()],
            messages: Vec::new(),
        },
        grants: Granted {
            events: true,
            log: true,
            ..Granted::default()
        },
        sources: BTreeMap::from([(
            "reference-rate".to_owned(),
            Source {
                cryptlet: "reference-rate".into(),
                version: "1.0.0".parse()?,
                measurement: reference_rate,
                grants: Granted {
                    log: true,
                    http: BTreeMap::from([("rates".to_owned(), http)]),
                    ..Granted::default()
                },
            },
        )]),
        promotion: None,
    })
}
