use alloy::primitives::B256;

use crate::{Following, Inclusion};

/// What one look at the chain showed of one transaction.
pub(super) struct Look {
    /// The receipt, if the node gave one.
    pub(super) inclusion: Option<Inclusion>,
    /// The hash of the block at the receipt's height, as it is after the receipt was read.
    pub(super) canonical: Option<B256>,
    /// Whether the node knows the transaction apart from its receipt.
    pub(super) known: bool,
    /// The last final block, as it was before the receipt was read.
    pub(super) final_number: u64,
}

/// What a look at the chain means.
///
/// The final height is read before the receipt and the canonical hash after it,
/// so that a reorganisation in between can only make the judgement more careful.
pub(super) fn judge(look: Look) -> Following {
    match look.inclusion {
        Some(inclusion) if look.canonical == Some(inclusion.position.block_hash) => {
            if inclusion.position.block <= look.final_number {
                Following::Finalized(inclusion)
            } else {
                Following::Included(inclusion)
            }
        }
        // A receipt from a block that is not the chain's any more.
        Some(_) => Following::Pending,
        None if look.known => Following::Pending,
        None => Following::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InclusionStatus, Position};

    fn included_at(block: u64) -> Inclusion {
        Inclusion {
            position: Position {
                chain: "eip155:1".to_owned(),
                block,
                block_hash: B256::with_last_byte(1),
                transaction: B256::with_last_byte(2),
            },
            status: InclusionStatus::Succeeded,
            gas_used: 21_000,
            gas_price: 1,
            callback: None,
        }
    }

    fn look(inclusion: Option<Inclusion>) -> Look {
        Look {
            inclusion,
            canonical: Some(B256::with_last_byte(1)),
            known: false,
            final_number: 10,
        }
    }

    #[test]
    fn only_a_final_block_of_the_chain_is_for_good() {
        assert_eq!(
            judge(look(Some(included_at(10)))),
            Following::Finalized(included_at(10))
        );
        assert_eq!(
            judge(look(Some(included_at(11)))),
            Following::Included(included_at(11))
        );
    }

    #[test]
    fn a_receipt_of_a_replaced_block_counts_for_nothing() {
        for canonical in [None, Some(B256::with_last_byte(9))] {
            let look = Look {
                canonical,
                ..look(Some(included_at(10)))
            };
            assert_eq!(judge(look), Following::Pending);
        }
    }

    #[test]
    fn without_a_receipt_the_pool_decides() {
        assert_eq!(
            judge(Look {
                known: true,
                ..look(None)
            }),
            Following::Pending
        );
        assert_eq!(judge(look(None)), Following::Unknown);
    }
}
