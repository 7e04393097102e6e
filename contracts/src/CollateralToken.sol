// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title The money of the examples.
/// @notice A plain ERC-20 whose whole supply is given out at deployment. Nobody can mint, burn or freeze afterwards.
contract CollateralToken is ERC20 {
    /// @notice What a holder starts with.
    /// @param holder Who gets it.
    /// @param amount In the token's smallest unit.
    struct Allocation {
        address holder;
        uint256 amount;
    }

    uint8 private immutable _decimals;

    /// @param name_ For people.
    /// @param symbol_ For people.
    /// @param decimals_ How many digits of an amount wallets show behind the point.
    /// @param allocations The whole supply.
    constructor(string memory name_, string memory symbol_, uint8 decimals_, Allocation[] memory allocations)
        ERC20(name_, symbol_)
    {
        _decimals = decimals_;
        for (uint256 i = 0; i < allocations.length; ++i) {
            _mint(allocations[i].holder, allocations[i].amount);
        }
    }

    /// @inheritdoc ERC20
    function decimals() public view override returns (uint8) {
        return _decimals;
    }
}
