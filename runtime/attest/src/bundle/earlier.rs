//! What the log was before.

use super::document::Bundle;
use super::doubt::BundleDoubt;
use super::verify::Expectations;
use crate::log::{self, Checkpoint, Hash, MemoryHashes};

/// Whether the bundle's checkpoint extends the one that it brings along and the one that the
/// auditor has. Gives the auditor's: the bundle's own was chosen by whoever made the bundle.
pub(super) fn check(
    bundle: &Bundle,
    now: &Checkpoint,
    expectations: &Expectations,
) -> Result<Option<Checkpoint>, BundleDoubt> {
    let open = |note: &str| -> Result<Checkpoint, BundleDoubt> {
        let earlier =
            log::open_checkpoint(note, &expectations.trust).map_err(BundleDoubt::Earlier)?;
        comparable(&earlier, now)?;
        Ok(earlier)
    };
    let kept = expectations.since.as_deref().map(open).transpose()?;
    let shown = match &bundle.consistency {
        None => None,
        Some((note, proof)) => {
            let earlier = open(note)?;
            leads(&earlier, now, proof)?;
            Some(earlier)
        }
    };
    let Some(kept) = kept else {
        return Ok(None);
    };
    // Of an empty log every other is an extension.
    if kept.size > 0 && kept.size < now.size {
        match &shown {
            Some(shown) if shown.size == kept.size => same_root(shown, &kept)?,
            _ => {
                return Err(BundleDoubt::NotShown {
                    earlier: kept.size,
                    now: now.size,
                });
            }
        }
    }
    Ok(Some(kept))
}

/// Whether one may be an extension of the other at all.
fn comparable(earlier: &Checkpoint, now: &Checkpoint) -> Result<(), BundleDoubt> {
    if earlier.origin != now.origin {
        return Err(BundleDoubt::OtherLog {
            earlier: earlier.origin.clone(),
            now: now.origin.clone(),
        });
    }
    if earlier.size > now.size {
        return Err(BundleDoubt::Shortened {
            earlier: earlier.size,
            now: now.size,
        });
    }
    if earlier.size == now.size {
        same_root(earlier, now)?;
    }
    if earlier.size == 0
        && !log::root(0, &MemoryHashes::default()).is_ok_and(|root| root == earlier.root)
    {
        return Err(BundleDoubt::ForkedLog { size: 0 });
    }
    Ok(())
}

fn same_root(left: &Checkpoint, right: &Checkpoint) -> Result<(), BundleDoubt> {
    if left.root == right.root {
        Ok(())
    } else {
        Err(BundleDoubt::ForkedLog { size: left.size })
    }
}

fn leads(earlier: &Checkpoint, now: &Checkpoint, proof: &[[u8; 32]]) -> Result<(), BundleDoubt> {
    let proof: Vec<Hash> = proof.iter().copied().map(Hash).collect();
    log::check_consistency(&proof, earlier.size, &earlier.root, now.size, &now.root).map_err(|_| {
        BundleDoubt::FalseGrowth {
            earlier: earlier.size,
            now: now.size,
        }
    })
}
