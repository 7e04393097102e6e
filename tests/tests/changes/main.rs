//! Bindings that change: signed by both parties, carried by the fabric, in force when the agreed
//! delay is over, and told whole to an auditor.

mod carried;
mod stopped;

use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::{Provider as _, ext::AnvilApi as _};
use alloy::signers::SignerSync as _;
use anyhow::{Context as _, Result, ensure};
use cryptlet_attest::trail::{self, Question, Terms};
use cryptlet_attest::{BindingVersion, Measurement, TrustedKey};
use cryptlet_fabric::change::{ApprovalError, Change, ChangeApproval};
use cryptlet_fabric::journal::{ChangeStatus, DeliveryStatus};
use cryptlet_fabric::replay::Replayer;
use cryptlet_fabric::{
    Approval, Binding, Fabric, FabricError, Follows, Message, Seams, WhileChanging,
};
use end_to_end::swap::BINDING;
use end_to_end::{Components, World, agreement, story, world};

alloy::sol! {
    #[allow(missing_docs)]
    #[sol(rpc)]
    TestWallet,
    "../contracts/artifacts/test/TestWallet.json"
}

/// A fabric in which the swap is active and known to the gateway.
async fn active(folder: &std::path::Path) -> Result<(World, Fabric)> {
    let world = World::new(folder, Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    register(&world, &fabric).await?;
    Ok((world, fabric))
}

/// The same, and the binding takes nothing new while it changes.
async fn pausing(folder: &std::path::Path) -> Result<(World, Fabric)> {
    let mut world = World::before_agreement(folder, Components::read()?).await?;
    world.binding.binding.while_changing = WhileChanging::Pause;
    let terms = world.binding.terms_digest();
    world.approvals = [&world.acme, &world.globex]
        .map(|wallet| world::approve(wallet, terms))
        .into_iter()
        .collect::<Result<_>>()?;
    world.agree_on_the_chain().await?;
    world.admit().await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    register(&world, &fabric).await?;

    Ok((world, fabric))
}

/// The gateway's word is final, and the fabric has heard it.
async fn register(world: &World, fabric: &Fabric) -> Result<()> {
    for _ in 0..8 {
        fabric.deliver(BINDING).await?;
        world.mine(1).await?;
    }
    Ok(())
}

/// The world's binding with another limit, which the gateway does not keep, and another delay,
/// which it does.
fn other_document(world: &World) -> Binding {
    let mut document = world.binding.clone();
    document.contract.gas_limit += 1;
    document.contract.version_delay_seconds *= 2;
    document
}

fn to(world: &World, document: Binding, nonce: u64) -> Result<Change> {
    Ok(Change::to(world.binding.clone(), document, nonce)?)
}

fn terms(document: &Binding) -> Terms {
    Terms {
        version: document.version(),
        cryptlet: document.binding.cryptlet.clone(),
        measurement: document.binding.measurement,
    }
}

/// The binding versions of the swap's runs, in order, as their receipts state them.
fn told(fabric: &Fabric, documents: &[Binding]) -> Result<Vec<BindingVersion>> {
    let journal = fabric.journal();
    let checkpoint = journal.newest_checkpoint()?.context("a log")?;
    let leaves = journal.leaves(0, u32::try_from(checkpoint.size)?)?;
    let entries: Vec<_> = leaves.into_iter().map(|leaf| leaf.entry).collect();
    let trust: [TrustedKey; 1] = [fabric.trusted_key().clone()];
    let question = Question {
        binding: documents[0].id(),
        terms: documents.iter().map(terms).collect(),
        since: None,
    };
    let trail = trail::follow(&entries, &checkpoint.note, &trust, &question)
        .map_err(|found| anyhow::anyhow!("{found}"))?;
    let runs = trail.invocations.into_iter();
    Ok(runs
        .filter_map(|invocation| invocation.run)
        .map(|run| run.binding_version)
        .collect())
}

/// Replays every run of the swap from the journal alone.
fn replay_all(fabric: &Fabric) -> Result<usize> {
    let journal = fabric.journal();
    let row = journal.binding(BINDING)?.context("the binding is active")?;
    let replayer = Replayer::new()?;
    let mut replayed = 0;
    for place in journal.runs_after(None, None, 100)? {
        let recorded = journal
            .recorded_run(&row, place.number)?
            .context("it ran")?;
        for measurement in recorded.modules()?.keys() {
            let component = journal.component(measurement)?.context("it is deployed")?;
            replayer.load(&component)?;
        }
        let replay = replayer.replay(&recorded)?;
        ensure!(replay.is_reproduced(), "{replay:#?}");
        replayed += 1;
    }
    Ok(replayed)
}

fn finalized(fabric: &Fabric, world: &World) -> Result<usize> {
    let deliveries = fabric.journal().deliveries(&world.binding.id())?;
    Ok(deliveries
        .iter()
        .filter(|delivery| delivery.status == DeliveryStatus::Finalized)
        .count())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_document_runs_until_the_delay_is_over_and_both_sides_of_the_change_replay()
-> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = active(folder.path()).await?;
    world.end_period(1).await?;
    assert!(world.settle(&fabric).await?.is_empty());

    let next = other_document(&world);
    let nonce = fabric.next_change(BINDING).await?;
    let change = to(&world, next.clone(), nonce)?;
    let number = agreement::sign(&world, &fabric, &change).await?;
    let carried = agreement::carry(&world, &fabric, number, ChangeStatus::Carried).await?;
    assert!(carried.counts_from.is_some_and(|from| from > 0));
    let follows = fabric.deliver(BINDING).await?.follows;
    assert_eq!(
        follows,
        Follows::Blocks,
        "it waits for the chain's time alone"
    );
    let row = fabric.journal().binding(BINDING)?.context("it is active")?;
    assert_eq!(
        row.version,
        world.binding.version(),
        "the delay is not over"
    );

    // Accepted before the change counts, run after it.
    world.end_period(2).await?;
    fabric.read_events(BINDING).await?;
    agreement::carry(&world, &fabric, number, ChangeStatus::Active).await?;
    let row = fabric.journal().binding(BINDING)?.context("it is active")?;
    assert_eq!(row.version, next.version());
    assert!(world.settle(&fabric).await?.is_empty());
    world.end_period(3).await?;
    assert!(world.settle(&fabric).await?.is_empty());

    assert_eq!(finalized(&fabric, &world)?, 3, "each under its own version");
    let (before, after) = (world.binding.version(), next.version());
    let documents = [world.binding.clone(), next];
    assert_eq!(told(&fabric, &documents)?, [before, before, after]);
    assert_eq!(replay_all(&fabric)?, 3);
    let state = world
        .contracts
        .gateway
        .binding(B256::from(*row.document.id().as_bytes()));
    let kept = state.call().await?.versionDelay;
    assert_eq!(kept, 2 * world.binding.contract.version_delay_seconds);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_pauses_takes_nothing_until_the_other_document_is_in_force() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = pausing(folder.path()).await?;
    let next = other_document(&world);
    let nonce = fabric.next_change(BINDING).await?;
    let change = to(&world, next.clone(), nonce)?;
    let number = agreement::sign(&world, &fabric, &change).await?;
    world.end_period(1).await?;
    let progress = fabric.read_events(BINDING).await?;
    assert_eq!(progress.accepted, 0);
    assert!(
        progress.waiting[0].reason.contains("change 1"),
        "{progress:?}"
    );
    let message = Message {
        sender: "desk".into(),
        topic: "Tick".into(),
        body: b"{}".to_vec(),
        idempotency_key: "1".into(),
    };
    let refusal = fabric
        .send(BINDING, message)
        .await
        .err()
        .context("it pauses")?;
    assert!(matches!(refusal, FabricError::Paused { .. }), "{refusal}");

    agreement::carry(&world, &fabric, number, ChangeStatus::Carried).await?;
    agreement::wait_for_delay(&world).await?;
    agreement::carry(&world, &fabric, number, ChangeStatus::Active).await?;
    assert!(world.settle(&fabric).await?.is_empty());
    assert_eq!(finalized(&fabric, &world)?, 1);
    let versions = told(&fabric, &[world.binding.clone(), next.clone()])?;
    assert_eq!(
        versions,
        [next.version()],
        "what waited ran under the new document"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_agreed_threshold_and_genuine_signatures() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = active(folder.path()).await?;
    let change = to(
        &world,
        other_document(&world),
        fabric.next_change(BINDING).await?,
    )?;
    let mut forged = agreement::approve(&world.acme, &change)?;
    forged.counterparty = world.globex.address();
    let refusal = fabric.propose(change.clone(), vec![forged]).await;
    assert!(
        matches!(refusal, Err(FabricError::Approval(_))),
        "{refusal:?}"
    );

    let acme = agreement::approve(&world.acme, &change)?;
    let thrice = vec![acme.clone(), acme.clone(), acme.clone()];
    let refusal = fabric.propose(change.clone(), thrice).await;
    assert!(
        matches!(
            refusal,
            Err(FabricError::Approval(ApprovalError::TooMany {
                found: 3,
                ..
            }))
        ),
        "{refusal:?}"
    );
    let number = fabric.propose(change.clone(), vec![acme]).await?;
    assert_eq!(
        agreement::standing(&fabric, number)?.status,
        ChangeStatus::Proposed
    );
    register(&world, &fabric).await?;
    assert_eq!(
        agreement::standing(&fabric, number)?.status,
        ChangeStatus::Proposed
    );

    let globex = agreement::approve(&world.globex, &change)?;
    fabric
        .approve(BINDING, number, vec![globex.clone()])
        .await?;
    assert_eq!(
        agreement::standing(&fabric, number)?.status,
        ChangeStatus::Signed
    );
    world.chain.anvil_set_auto_mine(false).await?;
    fabric.deliver(BINDING).await?;
    let late = fabric.approve(BINDING, number, vec![globex]).await;
    assert!(late.is_err(), "a transaction carries it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_change_is_broadcast_again_by_the_next_process_on_the_same_nonce() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = active(folder.path()).await?;
    let account = world::address_of(&world::unlock(&world.state)?, world::ACCOUNT_KEY)?;
    let sent = world.chain.get_transaction_count(account).await?;
    let change = to(
        &world,
        other_document(&world),
        fabric.next_change(BINDING).await?,
    )?;
    let number = agreement::sign(&world, &fabric, &change).await?;
    world.chain.anvil_set_auto_mine(false).await?;
    fabric.deliver(BINDING).await?;
    // The node forgets its pool, and the process ends.
    world.chain.anvil_drop_all_transactions().await?;
    drop(fabric);
    world.mine(1).await?;
    world.chain.anvil_set_auto_mine(true).await?;

    let fabric = world.open(Seams::live()?).await?;
    agreement::carry(&world, &fabric, number, ChangeStatus::Carried).await?;
    let now = world.chain.get_transaction_count(account).await?;
    assert_eq!(now - sent, 2, "one for each message, nothing twice");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_another_one_has_outrun_is_refused_and_says_why() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = active(folder.path()).await?;
    let change = to(
        &world,
        other_document(&world),
        fabric.next_change(BINDING).await?,
    )?;
    // The parties allow something else by themselves, with the same number.
    world.allow(Measurement::of(b"another")).await?;
    let number = agreement::sign(&world, &fabric, &change).await?;
    let row = agreement::carry(&world, &fabric, number, ChangeStatus::Refused).await?;
    assert!(
        row.reason
            .is_some_and(|reason| reason.contains("another one"))
    );
    let binding = fabric.journal().binding(BINDING)?.context("it is active")?;
    assert_eq!(binding.version, world.binding.version());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_party_revokes_at_once_and_the_module_is_not_promoted_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = active(folder.path()).await?;
    story::upgrade(&world, &fabric).await?;
    fabric.rollback(BINDING, story::decided()).await?;
    let next = Measurement::of(&world.components.swap_next);
    let allowed = agreement::standing(&fabric, 1)?.change;
    let revoked = Change::revoke(
        world.binding.clone(),
        world.binding.version(),
        next,
        allowed.nonce,
    );
    let globex = agreement::approve(&world.globex, &revoked)?;
    let number = fabric.propose(revoked, vec![globex]).await?;
    agreement::carry(&world, &fabric, number, ChangeStatus::Active).await?;

    let version = semver::Version::new(1, 1, 0);
    let refusal = fabric.promote(BINDING, &version, story::decided()).await;
    assert!(
        matches!(refusal, Err(FabricError::NotAllowed { .. })),
        "{refusal:?}"
    );
    Ok(())
}

/// The swap's binding between a contract wallet, whose key is Acme's, and Globex.
async fn with_a_wallet(world: &World) -> Result<(Binding, Address)> {
    let wallet = TestWallet::deploy(world.chain.clone(), world.acme.address()).await?;
    let wallet = *wallet.address();
    let mut binding = world.binding.clone();
    for party in &mut binding.counterparties {
        if party.address == world.acme.address() {
            party.address = wallet;
        }
    }
    binding.counterparties.sort_by_key(|party| party.address);
    Ok((binding, wallet))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_wallet_agrees_to_a_binding_and_to_its_change() -> Result<()> {
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
    let globex = world::approve(&world.globex, binding.terms_digest())?;
    let approval = |signature| Approval {
        counterparty: wallet,
        signature,
    };
    let other = by_key(B256::repeat_byte(7))?;
    let refusal = fabric
        .bind(binding.clone(), vec![approval(other), globex.clone()])
        .await;
    assert!(
        matches!(refusal, Err(FabricError::Binding(_))),
        "{refusal:?}"
    );

    let own = by_key(binding.terms_digest())?;
    fabric
        .bind(binding.clone(), vec![approval(own), globex])
        .await?;
    register(&world, &fabric).await?;
    let id = B256::from(*binding.id().as_bytes());
    let kept = world.contracts.gateway.binding(id).call().await?;
    assert!(kept.counterparties.contains(&wallet));

    let mut next = binding.clone();
    next.contract.gas_limit += 1;
    let change = Change::to(
        binding.clone(),
        next.clone(),
        fabric.next_change(BINDING).await?,
    )?;
    let signatures = change
        .digests()
        .into_iter()
        .map(by_key)
        .collect::<Result<_>>()?;
    let approvals = vec![
        ChangeApproval {
            counterparty: wallet,
            signatures,
        },
        agreement::approve(&world.globex, &change)?,
    ];
    let number = fabric.propose(change, approvals).await?;
    world.binding = binding;
    agreement::carry(&world, &fabric, number, ChangeStatus::Carried).await?;
    agreement::wait_for_delay(&world).await?;
    agreement::carry(&world, &fabric, number, ChangeStatus::Active).await?;
    let row = fabric.journal().binding(BINDING)?.context("it is active")?;
    assert_eq!(row.version, next.version());
    Ok(())
}
