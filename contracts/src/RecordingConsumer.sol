// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.37;

import {CryptletConsumer} from "./CryptletConsumer.sol";
import {CryptoDelegate} from "./CryptoDelegate.sol";

/// @title A consumer that keeps the proof of its last output in storage.
/// @notice For contracts whose state must say by itself what vouches for it. Everybody else saves two storage writes
/// and reads the gateway's `recordOf` or its events.
abstract contract RecordingConsumer is CryptletConsumer {
    /// @notice Which cryptlet the last accepted output came from, and its receipt.
    /// @param measurement BLAKE3 of the cryptlet's bytes.
    /// @param receiptHash Leaf hash of the receipt in the host's transparency log.
    struct Receipt {
        bytes32 measurement;
        bytes32 receiptHash;
    }

    /// @notice Zeros before the first output.
    Receipt public lastReceipt;

    /// @param gateway_ The gateway through which the cryptlet's outputs come.
    /// @param bindingId_ The binding that may call this contract.
    constructor(CryptoDelegate gateway_, bytes32 bindingId_) CryptletConsumer(gateway_, bindingId_) {}

    /// @inheritdoc CryptletConsumer
    function _onDelivery(bytes32 measurement, bytes32 receiptHash) internal virtual override {
        lastReceipt = Receipt({measurement: measurement, receiptHash: receiptHash});
    }
}
