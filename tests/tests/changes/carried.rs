//! What becomes of changes between the last signature and the chain's word.

use alloy::primitives::{B256, Bytes};
use alloy::providers::{Provider as _, ext::AnvilApi as _};
use alloy::signers::SignerSync as _;
use anyhow::{Context as _, Result};
use cryptlet_attest::Measurement;
use cryptlet_contracts::node::{Node, NodeSettings};
use cryptlet_fabric::change::{Change, ChangeApproval};
use cryptlet_fabric::journal::ChangeStatus;
use cryptlet_fabric::{Fabric, Seams};
use end_to_end::swap::BINDING;
use end_to_end::{Components, World, agreement, world};

use crate::{TestWallet, active, other_document, pausing, register, to, with_a_wallet};

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_comes_before_its_permission_is_carried_after_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = active(folder.path()).await?;
    let bad = Measurement::of(b"bad");
    let revoked = Change::revoke(
        world.binding.clone(),
        world.binding.version(),
        bad,
        fabric.next_change(BINDING).await?,
    );
    let globex = agreement::approve(&world.globex, &revoked)?;
    let number = fabric.propose(revoked, vec![globex]).await?;
    register(&world, &fabric).await?;
    assert_eq!(
        agreement::standing(&fabric, number)?.status,
        ChangeStatus::Signed,
        "it may still be allowed"
    );

    world.allow(bad).await?;
    agreement::carry(&world, &fabric, number, ChangeStatus::Active).await?;
    let (id, version) = (world.binding.id(), world.binding.version());
    let is_allowed = world.contracts.gateway.isAllowed(
        B256::from(*id.as_bytes()),
        B256::from(*version.as_bytes()),
        B256::from(*bad.as_bytes()),
    );
    assert!(!is_allowed.call().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_cannot_come_into_force_holds_up_no_revocation() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = active(folder.path()).await?;
    let mut document = world.binding.clone();
    document.contract.gas_limit += 1;
    let change = to(&world, document, fabric.next_change(BINDING).await?)?;
    let stuck = agreement::sign(&world, &fabric, &change).await?;
    agreement::carry(&world, &fabric, stuck, ChangeStatus::Carried).await?;
    // Its module is gone from this host, whoever did that.
    let journal = rusqlite::Connection::open(world.state.join("journal.sqlite"))?;
    journal.pragma_update(None, "foreign_keys", false)?;
    journal.execute(
        "UPDATE version SET cryptlet = 'gone' WHERE cryptlet = ?1",
        [&world.binding.binding.cryptlet],
    )?;
    agreement::wait_for_delay(&world).await?;

    let revoked = Change::revoke(
        world.binding.clone(),
        change.version,
        change.measurement,
        change.nonce,
    );
    let acme = agreement::approve(&world.acme, &revoked)?;
    let number = fabric.propose(revoked, vec![acme]).await?;
    agreement::carry(&world, &fabric, number, ChangeStatus::Active).await?;
    agreement::carry(&world, &fabric, stuck, ChangeStatus::Refused).await?;
    Ok(())
}

/// The documents that the swap's invocations were accepted under, in order.
fn accepted_under(world: &World) -> Result<Vec<cryptlet_attest::BindingVersion>> {
    let journal = rusqlite::Connection::open(world.state.join("journal.sqlite"))?;
    let mut found = journal
        .prepare("SELECT binding_version FROM invocation WHERE binding = ?1 ORDER BY number")?;
    let found = found.query_map([world.binding.id().as_bytes()], |row| row.get(0))?;
    let found = found
        .map(|version| version.map(cryptlet_attest::BindingVersion::from_bytes))
        .collect::<Result<_, _>>()?;
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_contract_that_the_binding_leaves_are_accepted_before_even_if_it_pauses()
-> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = pausing(folder.path()).await?;
    let mut document = world.binding.clone();
    document.contract.consumer = *world.contracts.token.address();
    let change = to(&world, document, fabric.next_change(BINDING).await?)?;
    let number = agreement::sign(&world, &fabric, &change).await?;
    world.end_period(1).await?;
    assert_eq!(fabric.read_events(BINDING).await?.accepted, 0, "it pauses");
    agreement::carry(&world, &fabric, number, ChangeStatus::Carried).await?;
    agreement::wait_for_delay(&world).await?;
    agreement::carry(&world, &fabric, number, ChangeStatus::Active).await?;
    assert_eq!(accepted_under(&world)?, [world.binding.version()]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_waits_until_there_is_room_for_the_events_before_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let mut configuration = world.configuration();
    configuration.runs.queue = 1;
    let delegate = world::unlock(&world.state)?;
    let fabric = Fabric::open(&world.state, &configuration, delegate, Seams::live()?).await?;
    world.set_up(&fabric).await?;
    register(&world, &fabric).await?;
    world.end_period(1).await?;
    assert_eq!(fabric.read_events(BINDING).await?.accepted, 1);
    world.end_period(2).await?;

    let next = other_document(&world);
    let change = to(&world, next.clone(), fabric.next_change(BINDING).await?)?;
    let number = agreement::sign(&world, &fabric, &change).await?;
    agreement::carry(&world, &fabric, number, ChangeStatus::Carried).await?;
    agreement::wait_for_delay(&world).await?;
    let progress = fabric.deliver(BINDING).await?;
    assert!(
        progress
            .waiting
            .iter()
            .any(|waiting| waiting.reason.contains("events")),
        "{progress:?}"
    );
    assert_eq!(
        agreement::standing(&fabric, number)?.status,
        ChangeStatus::Carried
    );

    fabric.execute_accepted(BINDING).await?;
    agreement::carry(&world, &fabric, number, ChangeStatus::Active).await?;
    let before = world.binding.version();
    assert_eq!(accepted_under(&world)?, [before, before]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_with_a_number_from_the_future_gives_way_to_one_with_the_next() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = active(folder.path()).await?;
    let next = fabric.next_change(BINDING).await?;
    let far = to(&world, other_document(&world), next + 7)?;
    let stuck = agreement::sign(&world, &fabric, &far).await?;
    register(&world, &fabric).await?;
    assert_eq!(fabric.next_change(BINDING).await?, next);

    let change = to(&world, other_document(&world), next)?;
    let number = agreement::sign(&world, &fabric, &change).await?;
    assert_eq!(
        agreement::standing(&fabric, stuck)?.status,
        ChangeStatus::Refused
    );
    agreement::carry(&world, &fabric, number, ChangeStatus::Carried).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_changed_its_mind_is_left_out_or_signs_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut world = World::before_agreement(folder.path(), Components::read()?).await?;
    let (binding, wallet) = with_a_wallet(&world).await?;
    let fabric = world.open(Seams::live()?).await?;
    fabric
        .deploy(world.components.reference_rate.clone())
        .await?;
    fabric.deploy(world.components.swap.clone()).await?;
    let by_key = |digest: B256| -> Result<Bytes> {
        Ok(Bytes::from(world.acme.sign_hash_sync(&digest)?.as_bytes()))
    };
    let approvals = vec![
        cryptlet_fabric::Approval {
            counterparty: wallet,
            signature: by_key(binding.terms_digest())?,
        },
        world::approve(&world.globex, binding.terms_digest())?,
    ];
    fabric.bind(binding.clone(), approvals).await?;
    register(&world, &fabric).await?;

    let mut next = binding.clone();
    next.contract.gas_limit += 1;
    let change = Change::to(binding.clone(), next, fabric.next_change(BINDING).await?)?;
    let own = ChangeApproval {
        counterparty: wallet,
        signatures: change
            .digests()
            .into_iter()
            .map(by_key)
            .collect::<Result<_>>()?,
    };
    let approvals = vec![own.clone(), agreement::approve(&world.globex, &change)?];
    let number = fabric.propose(change, approvals).await?;
    // The wallet answers by another key from now on, and then by the first one again.
    let of_globex = TestWallet::deploy(world.chain.clone(), world.globex.address()).await?;
    let of_globex = world.chain.get_code_at(*of_globex.address()).await?;
    let of_acme = world.chain.get_code_at(wallet).await?;
    world.chain.anvil_set_code(wallet, of_globex).await?;
    let progress = fabric.deliver(BINDING).await?;
    assert!(
        progress.waiting[0].reason.contains("other signatures"),
        "{progress:?}"
    );
    world.chain.anvil_set_code(wallet, of_acme).await?;
    fabric.approve(BINDING, number, vec![own]).await?;
    world.binding = binding;
    agreement::carry(&world, &fabric, number, ChangeStatus::Carried)
        .await
        .context("it signed again")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_taken_in_while_the_node_is_away_and_a_change_waits() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut world, fabric) = active(folder.path()).await?;
    let change = to(
        &world,
        other_document(&world),
        fabric.next_change(BINDING).await?,
    )?;
    agreement::sign(&world, &fabric, &change).await?;
    let running = world.binding.binding.measurement;
    let version = world.binding.version();
    let revoked = Change::revoke(world.binding.clone(), version, running, 0);
    let acme = agreement::approve(&world.acme, &revoked)?;
    world.node = Node::start(NodeSettings::default())?;
    let number = fabric.propose(revoked, vec![acme]).await?;
    assert_eq!(
        agreement::standing(&fabric, number)?.status,
        ChangeStatus::Signed
    );
    Ok(())
}
