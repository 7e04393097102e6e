// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.37;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

/// @title Names of calendar quarters.
library Quarter {
    /// @notice The calendar quarter (UTC, Gregorian) that a moment lies in, such as "2006-Q1".
    /// @dev Counts in years that begin on 1 March, so that the leap day is a year's last day and months have a formula.
    /// @param timestamp Seconds since 1970-01-01T00:00:00Z.
    function label(uint64 timestamp) internal pure returns (string memory) {
        // 719,468 days lie between 0000-03-01 and 1970-01-01.
        uint256 day = uint256(timestamp) / 1 days + 719_468;
        // The calendar repeats every 400 years, that is every 146,097 days.
        uint256 era = day / 146_097;
        uint256 dayOfEra = day % 146_097;
        uint256 yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
        uint256 dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
        // Months from March on: 31, 30, 31, 30, 31 days, that is 153, and again.
        uint256 monthFromMarch = (5 * dayOfYear + 2) / 153;
        uint256 year = era * 400 + yearOfEra;
        // January and February end the year that began the March before.
        if (monthFromMarch >= 10) ++year;
        uint256 month = (monthFromMarch + 2) % 12;
        return string.concat(Strings.toString(year), "-Q", Strings.toString(month / 3 + 1));
    }
}
