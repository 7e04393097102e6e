//! What `sol!` makes of the committed artefacts: one module for each contract, with calls, events, errors and the
//! bytecode to deploy it.
//!
//! The sources stand beside this file; `node build.mjs` writes the artefacts, and `node build.mjs --check` proves that
//! they belong to the sources.

#![allow(missing_docs, clippy::too_many_arguments)]

use alloy::sol;

sol! {
    #[sol(rpc, all_derives)]
    SignerRegistry,
    "artifacts/SignerRegistry.json"
}

sol! {
    #[sol(rpc, all_derives)]
    CryptoDelegate,
    "artifacts/CryptoDelegate.json"
}

sol! {
    #[sol(rpc, all_derives)]
    CollateralToken,
    "artifacts/CollateralToken.json"
}

sol! {
    #[sol(rpc, all_derives)]
    InterestRateSwap,
    "artifacts/InterestRateSwap.json"
}
