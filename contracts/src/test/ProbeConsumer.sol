// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.37;

import {CryptoDelegate, Result} from "../CryptoDelegate.sol";
import {RecordingConsumer} from "../RecordingConsumer.sol";

/// @title For tests: a consumer that notes what it gets, and can be made to misbehave.
contract ProbeConsumer is RecordingConsumer {
    /// @notice A value arrived.
    event Noted(uint256 value, bytes32 measurement, bytes32 receiptHash);
    /// @notice What the gateway answered to the calls that a consumer tried during its own delivery.
    event ReentryRefused(bytes deliver, bytes retry, bytes skip);

    /// @notice The reason of a broken probe.
    error Broken(uint256 value);

    /// @notice The values that arrived.
    uint256[] public values;
    /// @notice Whether `note` fails.
    bool public broken;

    /// @param gateway_ The gateway.
    /// @param bindingId_ The binding that may call.
    constructor(CryptoDelegate gateway_, bytes32 bindingId_) RecordingConsumer(gateway_, bindingId_) {}

    /// @notice Makes `note` fail, or work again.
    function setBroken(bool broken_) external {
        broken = broken_;
    }

    /// @notice Keeps a value.
    function note(uint256 value) external onlyCryptlet {
        if (broken) revert Broken(value);
        values.push(value);
        emit Noted(value, _measurement(), _receiptHash());
    }

    /// @notice Keeps the gas that it was called with.
    function noteGas() external onlyCryptlet {
        values.push(gasleft());
    }

    /// @notice Fails with a reason of `size` bytes.
    function bomb(uint256 size) external onlyCryptlet {
        assembly {
            revert(0, size)
        }
    }

    /// @notice Succeeds with an answer of `size` bytes.
    function flood(uint256 size) external onlyCryptlet {
        assembly {
            return(0, size)
        }
    }

    /// @notice Uses up all gas.
    function burn() external onlyCryptlet {
        while (true) values.push(0);
    }

    /// @notice Calls back into the gateway while it is being called.
    function reenter(Result calldata result, bytes calldata call, bytes[] calldata signatures) external onlyCryptlet {
        emit ReentryRefused(
            _reason(abi.encodeCall(CryptoDelegate.deliver, (result, call, signatures))),
            _reason(abi.encodeCall(CryptoDelegate.retry, (result, call))),
            _reason(
                abi.encodeCall(CryptoDelegate.skip, (result.binding, result.delivery, result.receiptHash, signatures))
            )
        );
    }

    /// @notice How many values arrived.
    function count() external view returns (uint256) {
        return values.length;
    }

    function _reason(bytes memory data) private returns (bytes memory reason) {
        bool ok;
        (ok, reason) = address(gateway).call(data);
        require(!ok, "the gateway let a consumer in again");
    }
}
