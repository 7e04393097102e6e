//! Attempts at the gateway, most of them with the fabric's own delivery key: what a dishonest
//! host could try.

use alloy::contract::Error as ContractError;
use alloy::primitives::{Address, B256, Bytes, keccak256};
use alloy::providers::Provider as _;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{Eip712Domain, SolCall as _, SolInterface};
use anyhow::{Context as _, Result, bail, ensure};
use cryptlet_contracts::CryptoDelegate::CryptoDelegateErrors;
use cryptlet_contracts::InterestRateSwap::InterestRateSwapErrors;
use cryptlet_contracts::{CryptoDelegate, Signable as _, domain};
use cryptlet_fabric::Fabric;
use cryptlet_vault::{Purpose, SignatureDelegate};

use super::Attack;
use crate::swap::DELIVERY_KEY;
use crate::world::{World, terms};

/// A delivery that the gateway took, as it was sent.
struct Sent {
    result: CryptoDelegate::Result,
    call: Bytes,
    signatures: Vec<Bytes>,
}

/// Tries everything; the world must have settled at least two periods.
pub async fn on_the_chain(
    world: &World,
    fabric: &Fabric,
    delegate: &SignatureDelegate,
) -> Result<Vec<Attack>> {
    let sent = last_sent(world, fabric).await?;
    let now = world.now().await?;
    let next = CryptoDelegate::Result {
        delivery: sent.result.delivery + 1,
        receiptHash: keccak256("a receipt that does not exist"),
        notBefore: now,
        validUntil: now + 600,
        ..sent.result.clone()
    };
    let here = world.domain();
    let attempts = Attempts {
        world,
        delegate,
        call: sent.call.clone(),
    };
    let other_key = another_bindings_key(world).await?;
    let with_other_key = other_key
        .sign_hash_sync(&signed(&next).digest(&here))?
        .as_bytes();
    let unknown_measurement = CryptoDelegate::Result {
        measurement: keccak256("code nobody agreed to"),
        ..next.clone()
    };
    let gap = CryptoDelegate::Result {
        delivery: next.delivery + 1,
        ..next.clone()
    };
    let step_back = CryptoDelegate::Result {
        delivery: sent.result.delivery - 1,
        ..next.clone()
    };
    let elsewhere = domain(world.node.chain() + 1, *world.contracts.gateway.address());
    let other_gateway = domain(world.node.chain(), Address::repeat_byte(0x66));
    Ok(vec![
        Attack {
            what: "the same delivery twice",
            expected: "AlreadyDelivered",
            stopped_by: attempts.send(&sent.result, sent.signatures.clone()).await?,
        },
        Attack {
            what: "a key that was admitted for another binding",
            expected: "SignerNotAdmitted",
            stopped_by: attempts.send(&next, vec![with_other_key.into()]).await?,
        },
        Attack {
            what: "code that the counterparties did not allow",
            expected: "VersionNotAllowed",
            stopped_by: attempts.sign_and_send(&unknown_measurement, &here).await?,
        },
        Attack {
            what: "a signature for another chain",
            expected: "SignerNotAdmitted",
            stopped_by: attempts.sign_and_send(&next, &elsewhere).await?,
        },
        Attack {
            what: "a signature for another gateway",
            expected: "SignerNotAdmitted",
            stopped_by: attempts.sign_and_send(&next, &other_gateway).await?,
        },
        Attack {
            what: "a delivery number left out",
            expected: "WrongDelivery",
            stopped_by: attempts.sign_and_send(&gap, &here).await?,
        },
        Attack {
            what: "an earlier delivery number again",
            expected: "AlreadyDelivered",
            stopped_by: attempts.sign_and_send(&step_back, &here).await?,
        },
        Attack {
            what: "a binding that Globex did not sign",
            expected: "MissingApproval",
            stopped_by: half_signed_binding(world).await?,
        },
        Attack {
            what: "settling without the gateway",
            expected: "NotTheGateway",
            stopped_by: settle_directly(world).await?,
        },
    ])
}

struct Attempts<'a> {
    world: &'a World,
    delegate: &'a SignatureDelegate,
    call: Bytes,
}

impl Attempts<'_> {
    /// Signs with the real delivery key: the host's own, or a thief's.
    async fn sign_and_send(
        &self,
        result: &CryptoDelegate::Result,
        domain: &Eip712Domain,
    ) -> Result<String> {
        let digest = signed(result).digest(domain);
        let signature = self
            .delegate
            .sign_digest(DELIVERY_KEY, Purpose::Delivery, &digest.0)?;
        self.send(result, vec![signature.to_bytes().into()]).await
    }

    async fn send(
        &self,
        result: &CryptoDelegate::Result,
        signatures: Vec<Bytes>,
    ) -> Result<String> {
        let attempt = self
            .world
            .contracts
            .gateway
            .deliver(result.clone(), self.call.clone(), signatures)
            .call()
            .await;
        refusal::<_, CryptoDelegateErrors>(attempt)
    }
}

async fn last_sent(world: &World, fabric: &Fabric) -> Result<Sent> {
    let journal = fabric.journal();
    let delivery = journal
        .deliveries(&world.binding.id())?
        .into_iter()
        .next_back()
        .context("nothing was delivered yet")?;
    let attempt = journal
        .newest_attempt(&delivery)?
        .context("the delivery has no transaction")?;
    let transaction = world
        .chain
        .get_transaction_by_hash(B256::from(attempt.hash))
        .await?
        .context("the node does not know the transaction")?;
    let input = alloy::consensus::Transaction::input(&transaction);
    let sent = CryptoDelegate::deliverCall::abi_decode(input)?;
    ensure!(
        sent.result.delivery >= 2,
        "two deliveries are needed to step back"
    );
    Ok(Sent {
        result: sent.result,
        call: sent.call,
        signatures: sent.signatures,
    })
}

/// A key that the verifier has admitted, but not for the swap.
async fn another_bindings_key(world: &World) -> Result<PrivateKeySigner> {
    let key = PrivateKeySigner::random();
    let other = keccak256("another binding");
    let expiry = world.now().await? + 86_400;
    let admission = world
        .contracts
        .registry
        .admit(other, key.address(), B256::ZERO, expiry, 1)
        .send()
        .await?
        .get_receipt()
        .await?;
    ensure!(admission.status(), "admit was reverted");
    Ok(key)
}

async fn half_signed_binding(world: &World) -> Result<String> {
    let mut binding = world.binding.clone();
    binding.binding.salt = keccak256("only one of us knows");
    let digest = binding.terms_digest();
    let approvals = world
        .chain_approvals(digest)?
        .into_iter()
        .filter(|approval| approval.counterparty == world.acme.address())
        .collect();
    let attempt = world
        .contracts
        .gateway
        .createBinding(terms(&binding), approvals)
        .call()
        .await;
    refusal::<_, CryptoDelegateErrors>(attempt)
}

async fn settle_directly(world: &World) -> Result<String> {
    let attempt = world
        .contracts
        .swap
        .settle(1, world.globex.address(), alloy::primitives::U256::ONE)
        .from(world.acme.address())
        .call()
        .await;
    refusal::<_, InterestRateSwapErrors>(attempt)
}

/// The name of the custom error that stopped the call.
fn refusal<T, E: SolInterface + std::fmt::Debug>(
    attempt: Result<T, ContractError>,
) -> Result<String> {
    let Err(error) = attempt else {
        return Ok("nothing: it was accepted".into());
    };
    let Some(decoded) = error.as_decoded_interface_error::<E>() else {
        bail!("the node failed instead of refusing: {error}");
    };
    Ok(format!("{decoded:?}"))
}

fn signed(result: &CryptoDelegate::Result) -> cryptlet_contracts::Result {
    cryptlet_contracts::Result {
        binding: result.binding,
        bindingVersion: result.bindingVersion,
        delivery: result.delivery,
        measurement: result.measurement,
        executionHash: result.executionHash,
        receiptHash: result.receiptHash,
        outputHash: result.outputHash,
        notBefore: result.notBefore,
        validUntil: result.validUntil,
        gasLimit: result.gasLimit,
        maxFee: result.maxFee,
    }
}
