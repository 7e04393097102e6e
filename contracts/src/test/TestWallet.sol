// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title For tests: an ERC-1271 wallet with one key.
contract TestWallet is IERC1271 {
    /// @notice The key that signs for this wallet.
    address public immutable key;

    /// @param key_ The key that signs for this wallet.
    constructor(address key_) {
        key = key_;
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        return ECDSA.recoverCalldata(hash, signature) == key ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}
