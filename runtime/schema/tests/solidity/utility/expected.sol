// SPDX-License-Identifier: Apache-2.0
// Generated from cryptlet.toml; do not edit.
pragma solidity ^0.8.37;

/// @title reference-rate 1.2.3-rc.1+build.5
/// @notice Quarterly means of the 3-month treasury bill rate
/// @dev A utility cryptlet: cryptlets ask it, contracts never do.
interface IReferenceRateCryptlet {
}
