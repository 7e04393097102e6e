// SPDX-License-Identifier: Apache-2.0
// Generated from cryptlet.toml; do not edit.
pragma solidity ^0.8.37;

/// @title interest-rate-swap 1.0.0
/// @notice Nets each period of a fixed-for-floating swap and settles the difference
/// @dev What a contract emits and accepts to be served by the cryptlet.
interface IInterestRateSwapCryptlet {
    /// @notice Runs the cryptlet. Topic 0 is keccak-256 of `PeriodEnded(uint32,string,uint256,uint32,uint32,address,address)`.
    event PeriodEnded(uint32 indexed period, string quarter, uint256 notional, uint32 fixedBps, uint32 dayCount, address fixedPayer, address floatingPayer);

    /// @notice Called by the gateway with what the cryptlet decided. Selector 0xe560eb0b.
    function settle(uint32 period, address payer, uint256 amount) external;
}
