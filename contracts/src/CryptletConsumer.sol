// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.37;

import {CryptoDelegate} from "./CryptoDelegate.sol";

/// @title Base of a contract that takes outputs of a cryptlet.
/// @notice Mark the functions that only the bound cryptlet may call with `onlyCryptlet`.
abstract contract CryptletConsumer {
    /// @notice The gateway through which the cryptlet's outputs come.
    CryptoDelegate public immutable gateway;
    /// @notice The binding that may call this contract.
    bytes32 public immutable bindingId;

    /// @notice The caller is not the gateway.
    error NotTheGateway(address caller);
    /// @notice The gateway delivers for another binding than this contract's.
    error NotTheBinding(bytes32 expected, bytes32 given);
    /// @notice The gateway is not a contract.
    error NoGateway(address gateway);
    /// @notice The binding id is zero.
    error NoBinding();

    /// @dev The gateway alone is not enough: anybody can create a binding that names this contract as its consumer.
    modifier onlyCryptlet() {
        if (msg.sender != address(gateway)) revert NotTheGateway(msg.sender);
        (bytes32 id, bytes32 measurement, bytes32 receiptHash) = gateway.current();
        if (id != bindingId) revert NotTheBinding(bindingId, id);
        _onDelivery(measurement, receiptHash);
        _;
    }

    /// @param gateway_ The gateway through which the cryptlet's outputs come.
    /// @param bindingId_ keccak256(abi.encode(counterparties, salt)): known before the binding is created.
    constructor(CryptoDelegate gateway_, bytes32 bindingId_) {
        if (address(gateway_).code.length == 0) revert NoGateway(address(gateway_));
        if (bindingId_ == bytes32(0)) revert NoBinding();
        gateway = gateway_;
        bindingId = bindingId_;
    }

    /// @dev Runs before the body of every function that is marked with `onlyCryptlet`.
    function _onDelivery(bytes32 measurement, bytes32 receiptHash) internal virtual {}

    /// @dev The cryptlet whose output is being delivered; zero outside a delivery.
    function _measurement() internal view returns (bytes32 measurement) {
        (, measurement,) = gateway.current();
    }

    /// @dev The receipt's leaf hash of the output that is being delivered; zero outside a delivery.
    function _receiptHash() internal view returns (bytes32 receiptHash) {
        (,, receiptHash) = gateway.current();
    }
}
