use crate::Broadcast;

/// Reads a node's refusal of `eth_sendRawTransaction`.
///
/// There is no standard for these answers, so this knows the words of the
/// clients in use; what it does not know becomes [`Broadcast::Refused`] with the
/// node's own words. A pure function of the answer: it cannot know whether a
/// consumed nonce was consumed by the same bytes, so the caller asks the chain
/// about the hash when it gets [`Broadcast::NonceTooLow`].
pub fn classify(message: &str) -> Broadcast {
    let said = message.to_lowercase();
    WORDS
        .iter()
        .find(|(word, _)| said.contains(word))
        .map_or_else(
            || Broadcast::Refused {
                reason: message.to_owned(),
            },
            |(_, meaning)| meaning.clone(),
        )
}

/// In order of precedence: some answers contain the words of two.
const WORDS: &[(&str, Broadcast)] = &[
    // geth, reth, go-ethereum forks
    ("already known", Broadcast::AlreadyKnown),
    // anvil
    ("already imported", Broadcast::AlreadyKnown),
    // besu, hardhat
    ("known transaction", Broadcast::AlreadyKnown),
    // erigon, nethermind
    ("alreadyknown", Broadcast::AlreadyKnown),
    ("already_known", Broadcast::AlreadyKnown),
    // erigon
    ("existing tx with same hash", Broadcast::AlreadyKnown),
    ("already in mempool", Broadcast::AlreadyKnown),
    // A replacement that does not pay enough; before "nonce", which hardhat mentions in the same breath.
    (
        "replacement transaction underpriced",
        Broadcast::Underpriced,
    ),
    ("replacementnotallowed", Broadcast::Underpriced),
    ("could not replace existing tx", Broadcast::Underpriced),
    // geth, reth, anvil, erigon, besu
    ("nonce too low", Broadcast::NonceTooLow),
    // ganache
    ("transaction nonce is too low", Broadcast::NonceTooLow),
    ("doesn't have the correct nonce", Broadcast::NonceTooLow),
    // nethermind
    ("oldnonce", Broadcast::NonceTooLow),
    ("nonce is below", Broadcast::NonceTooLow),
    // geth, reth, hardhat
    ("nonce too high", Broadcast::NonceTooHigh),
    ("nonce too far in the future", Broadcast::NonceTooHigh),
    ("nonce too distant", Broadcast::NonceTooHigh),
    ("noncegap", Broadcast::NonceTooHigh),
    ("nonce gap", Broadcast::NonceTooHigh),
    ("txpool is full", Broadcast::PoolFull),
    ("transaction pool is full", Broadcast::PoolFull),
    ("queue is full", Broadcast::PoolFull),
    // erigon
    ("sub-pool is full", Broadcast::PoolFull),
    // geth
    ("insufficient funds", Broadcast::InsufficientFunds),
    // besu
    (
        "upfront cost exceeds account balance",
        Broadcast::InsufficientFunds,
    ),
    // nethermind
    ("insufficientfunds", Broadcast::InsufficientFunds),
    // ganache, hardhat
    ("doesn't have enough funds", Broadcast::InsufficientFunds),
    // geth, reth, anvil: "transaction underpriced: gas tip cap …"
    ("underpriced", Broadcast::Underpriced),
    // geth: "max fee per gas less than block base fee: …"
    ("less than block base fee", Broadcast::Underpriced),
    // hardhat, ganache: "… maxFeePerGas (…) is less than the block's baseFeePerGas"
    (
        "less than the block's basefeepergas",
        Broadcast::Underpriced,
    ),
    ("too low for the next block", Broadcast::Underpriced),
    ("below the minimum of", Broadcast::Underpriced),
    // nethermind
    ("feetoolow", Broadcast::Underpriced),
    ("fee too low", Broadcast::Underpriced),
    // besu
    ("gas price below configured minimum", Broadcast::Underpriced),
    ("gas price must be at least", Broadcast::Underpriced),
    (
        "gas price less than current base fee",
        Broadcast::Underpriced,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_the_words_of_many_clients() {
        let refused = |reason: &str| Broadcast::Refused {
            reason: reason.to_owned(),
        };
        let table = [
            ("geth", "already known", Broadcast::AlreadyKnown),
            (
                "anvil",
                "transaction already imported",
                Broadcast::AlreadyKnown,
            ),
            ("besu", "Known transaction", Broadcast::AlreadyKnown),
            (
                "hardhat",
                "Known transaction: 0x7d2b…",
                Broadcast::AlreadyKnown,
            ),
            ("nethermind", "AlreadyKnown", Broadcast::AlreadyKnown),
            (
                "erigon",
                "ALREADY_EXISTS: existing tx with same hash",
                Broadcast::AlreadyKnown,
            ),
            (
                "geth",
                "nonce too low: next nonce 5, tx nonce 4",
                Broadcast::NonceTooLow,
            ),
            ("anvil", "nonce too low", Broadcast::NonceTooLow),
            ("besu", "Nonce too low", Broadcast::NonceTooLow),
            (
                "nethermind",
                "OldNonce, Current nonce: 5, nonce of rejected tx: 4",
                Broadcast::NonceTooLow,
            ),
            (
                "hardhat",
                "Nonce too low. Expected nonce to be 5 but got 4.",
                Broadcast::NonceTooLow,
            ),
            (
                "ganache",
                "the tx doesn't have the correct nonce. account has nonce of: 5 tx has nonce of: 4",
                Broadcast::NonceTooLow,
            ),
            (
                "hardhat",
                "Nonce too high. Expected nonce to be 5 but got 9. Note that transactions can't be queued when automining.",
                Broadcast::NonceTooHigh,
            ),
            (
                "geth",
                "transaction underpriced: gas tip cap 0, minimum needed 1",
                Broadcast::Underpriced,
            ),
            (
                "geth",
                "replacement transaction underpriced: new tx gas fee cap 1 <= 2 queued",
                Broadcast::Underpriced,
            ),
            (
                "hardhat",
                "Replacement transaction underpriced. A maxFeePerGas of at least 11 is necessary to replace the existing transaction with nonce 4.",
                Broadcast::Underpriced,
            ),
            (
                "geth",
                "max fee per gas less than block base fee: address 0x00, maxFeePerGas: 1, baseFee: 7",
                Broadcast::Underpriced,
            ),
            (
                "anvil",
                "max fee per gas less than block base fee",
                Broadcast::Underpriced,
            ),
            (
                "ganache",
                "The transaction's maxFeePerGas (1) is less than the block's baseFeePerGas (875000000)",
                Broadcast::Underpriced,
            ),
            (
                "nethermind",
                "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, CurrentBaseFee: 7",
                Broadcast::Underpriced,
            ),
            (
                "besu",
                "Gas price below configured minimum gas price",
                Broadcast::Underpriced,
            ),
            (
                "geth",
                "insufficient funds for gas * price + value: address 0x00 have 0 want 21000",
                Broadcast::InsufficientFunds,
            ),
            (
                "anvil",
                "Insufficient funds for gas * price + value",
                Broadcast::InsufficientFunds,
            ),
            (
                "besu",
                "Upfront cost exceeds account balance",
                Broadcast::InsufficientFunds,
            ),
            (
                "hardhat",
                "Sender doesn't have enough funds to send tx. The max upfront cost is: 9 and the sender's balance is: 0.",
                Broadcast::InsufficientFunds,
            ),
            ("geth", "txpool is full", Broadcast::PoolFull),
            ("erigon", "baseFee sub-pool is full", Broadcast::PoolFull),
            (
                "erigon",
                "could not replace existing tx",
                Broadcast::Underpriced,
            ),
            (
                "hardhat",
                "Transaction gas price is 0x1, which is below the minimum of 0x342770c0",
                Broadcast::Underpriced,
            ),
            ("besu", "Transaction pool is full", Broadcast::PoolFull),
            (
                "geth",
                "intrinsic gas too low: gas 1, minimum needed 21000",
                refused("intrinsic gas too low: gas 1, minimum needed 21000"),
            ),
            (
                "geth",
                "exceeds block gas limit",
                refused("exceeds block gas limit"),
            ),
            ("geth", "invalid sender", refused("invalid sender")),
            ("any", "", refused("")),
        ];
        for (client, answer, meaning) in table {
            assert_eq!(classify(answer), meaning, "{client}: {answer}");
        }
    }
}
