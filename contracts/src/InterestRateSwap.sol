// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {CryptletConsumer} from "./CryptletConsumer.sol";
import {CryptoDelegate} from "./CryptoDelegate.sol";
import {Quarter} from "./Quarter.sol";
import {IInterestRateSwapCryptlet} from "./generated/IInterestRateSwapCryptlet.sol";

/// @title A collateralised interest-rate swap, fixed against a reference rate.
/// @notice The contract keeps what both parties must agree on: the schedule, who owns which collateral, which period
/// was settled with what proof. The cryptlet does what the contract cannot: it asks for the rate and nets the period.
/// @dev The event that triggers the cryptlet, and the call that it answers with, come from the interface that its
/// manifest gives, so that contract and cryptlet cannot drift apart. Periods count from 1. Amounts are in the smallest
/// unit of the collateral token, which must be a plain ERC-20. A settlement that the payer's collateral does not cover
/// reverts: the gateway then keeps it, and anybody can retry it once the payer has topped up.
contract InterestRateSwap is CryptletConsumer, IInterestRateSwapCryptlet {
    using SafeERC20 for IERC20;

    /// @notice The cryptlet settled a period; `measurement` and `receiptHash` say what vouches for it.
    event Settled(
        uint32 indexed period,
        address indexed payer,
        address indexed payee,
        uint256 amount,
        bytes32 measurement,
        bytes32 receiptHash
    );
    /// @notice A party put collateral in.
    event Deposited(address indexed party, uint256 amount);
    /// @notice A party took collateral out.
    event Withdrawn(address indexed party, uint256 amount);
    /// @notice A party is willing to end the swap early if the other agrees before the end of `until`.
    event TerminationOffered(address indexed party, uint64 until);
    /// @notice Both parties ended the swap early.
    event Terminated(uint32 settledPeriods);

    /// @notice The token is not a contract.
    error NoToken(address token);
    /// @notice The parties must be two, and not zero.
    error InvalidParties(address fixedPayer, address floatingPayer);
    /// @notice A swap of nothing.
    error NoNotional();
    /// @notice A schedule needs at least two boundaries.
    error ScheduleTooShort(uint256 boundaries);
    /// @notice Boundary `index` is not midnight UTC, so that days could not be counted.
    error BoundaryNotMidnight(uint256 index, uint64 boundary);
    /// @notice Boundary `index` is not after the one before it.
    error ScheduleNotAscending(uint256 index, uint64 boundary);
    /// @notice The period is not over yet.
    error PeriodNotOver(uint32 period, uint64 end);
    /// @notice The last period has ended.
    error AllPeriodsEnded();
    /// @notice Periods are settled once each, in order.
    error PeriodOutOfOrder(uint32 expected, uint32 given);
    /// @notice The period has not been ended, so nothing can be due for it.
    error PeriodNotEnded(uint32 period);
    /// @notice The account is no party of this swap.
    error NotAParty(address account);
    /// @notice The payer's collateral does not cover the settlement. Top up, then retry the delivery.
    error InsufficientCollateral(address payer, uint256 available, uint256 required);
    /// @notice Collateral stays until every period is settled or both parties have ended the swap.
    error SwapNotOver(uint32 settledPeriods, uint32 periods);
    /// @notice The swap is over.
    error SwapOver();
    /// @notice The token moved another amount than asked: it is not a plain ERC-20.
    error TokenNotPlain(uint256 asked, uint256 moved);
    /// @notice An offer must lie in the future.
    error OfferExpired(uint64 until);

    /// @notice What collateral is held in.
    IERC20 public immutable token;
    /// @notice Pays the fixed rate.
    address public immutable fixedPayer;
    /// @notice Pays the reference rate.
    address public immutable floatingPayer;
    /// @notice In the token's smallest unit.
    uint256 public immutable notional;
    /// @notice The fixed rate, in hundredths of a percent a year.
    uint32 public immutable fixedBps;
    /// @notice How many periods there are.
    uint32 public immutable periods;

    /// @notice How many periods have ended.
    uint32 public endedPeriods;
    /// @notice How many periods are settled.
    uint32 public settledPeriods;
    /// @notice True once both parties have ended the swap early.
    bool public terminated;
    /// @notice What each party has in this contract.
    mapping(address party => uint256) public collateralOf;
    /// @notice Until when a party is willing to end the swap early.
    mapping(address party => uint64) public terminationOffer;

    uint64[] private _schedule;

    /// @param gateway_ The gateway through which the cryptlet settles.
    /// @param bindingId_ The binding of this swap.
    /// @param token_ What collateral is held in; a plain ERC-20.
    /// @param fixedPayer_ Pays the fixed rate.
    /// @param floatingPayer_ Pays the reference rate.
    /// @param notional_ In the token's smallest unit.
    /// @param fixedBps_ The fixed rate, in hundredths of a percent a year.
    /// @param schedule_ Boundaries of the periods, one more than there are periods: seconds since 1970, each midnight
    /// UTC, ascending. The quarter of a period is derived from its first day, so that the two cannot disagree.
    constructor(
        CryptoDelegate gateway_,
        bytes32 bindingId_,
        IERC20 token_,
        address fixedPayer_,
        address floatingPayer_,
        uint256 notional_,
        uint32 fixedBps_,
        uint64[] memory schedule_
    ) CryptletConsumer(gateway_, bindingId_) {
        if (address(token_).code.length == 0) revert NoToken(address(token_));
        if (fixedPayer_ == address(0) || floatingPayer_ == address(0) || fixedPayer_ == floatingPayer_) {
            revert InvalidParties(fixedPayer_, floatingPayer_);
        }
        if (notional_ == 0) revert NoNotional();
        if (schedule_.length < 2) revert ScheduleTooShort(schedule_.length);
        for (uint256 i = 0; i < schedule_.length; ++i) {
            if (schedule_[i] % 1 days != 0) revert BoundaryNotMidnight(i, schedule_[i]);
            if (i > 0 && schedule_[i] <= schedule_[i - 1]) revert ScheduleNotAscending(i, schedule_[i]);
        }
        token = token_;
        fixedPayer = fixedPayer_;
        floatingPayer = floatingPayer_;
        notional = notional_;
        fixedBps = fixedBps_;
        periods = uint32(schedule_.length - 1);
        _schedule = schedule_;
    }

    /// @notice Puts collateral in, for the caller, who must be a party and have approved the token.
    function deposit(uint256 amount) external {
        _requireParty(msg.sender);
        if (_isOver()) revert SwapOver();
        uint256 before = token.balanceOf(address(this));
        collateralOf[msg.sender] += amount;
        emit Deposited(msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 moved = token.balanceOf(address(this)) - before;
        if (moved != amount) revert TokenNotPlain(amount, moved);
    }

    /// @notice Ends the next period, if its time is over. Anybody may call.
    /// @dev Emits `PeriodEnded`, by which the cryptlet is triggered, with the calendar quarter that the period began in,
    /// such as "2006-Q1", and the number of its days.
    /// @return period The period that ended.
    function endPeriod() external returns (uint32 period) {
        if (terminated) revert SwapOver();
        if (endedPeriods == periods) revert AllPeriodsEnded();
        period = endedPeriods + 1;
        (uint64 start, uint64 end) = boundaries(period);
        if (block.timestamp < end) revert PeriodNotOver(period, end);
        endedPeriods = period;
        emit PeriodEnded(
            period,
            Quarter.label(start),
            notional,
            fixedBps,
            uint32((end - start) / 1 days),
            fixedPayer,
            floatingPayer
        );
    }

    /// @notice Settles a period. Only the bound cryptlet may, through the gateway.
    /// @param period The period after the one settled last.
    /// @param payer The party that owes more than it is owed.
    /// @param amount The difference, in the token's smallest unit.
    function settle(uint32 period, address payer, uint256 amount) external override onlyCryptlet {
        if (terminated) revert SwapOver();
        if (period != settledPeriods + 1) revert PeriodOutOfOrder(settledPeriods + 1, period);
        if (period > endedPeriods) revert PeriodNotEnded(period);
        _requireParty(payer);
        uint256 available = collateralOf[payer];
        if (available < amount) revert InsufficientCollateral(payer, available, amount);

        address payee = payer == fixedPayer ? floatingPayer : fixedPayer;
        settledPeriods = period;
        collateralOf[payer] = available - amount;
        collateralOf[payee] += amount;
        emit Settled(period, payer, payee, amount, _measurement(), _receiptHash());
    }

    /// @notice Takes the caller's collateral out, once the swap is over.
    function withdraw(uint256 amount) external {
        _requireParty(msg.sender);
        if (!_isOver()) revert SwapNotOver(settledPeriods, periods);
        uint256 available = collateralOf[msg.sender];
        if (available < amount) revert InsufficientCollateral(msg.sender, available, amount);
        collateralOf[msg.sender] = available - amount;
        emit Withdrawn(msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @notice Offers to end the swap early, as it stands; ends it if the other party's offer still counts. The way out
    /// if nobody runs the cryptlet any more.
    /// @dev An offer runs out, so that the other party cannot keep it for a moment that suits it.
    /// @param until Last second at which the offer counts; now or earlier is refused.
    function offerTermination(uint64 until) external {
        _requireParty(msg.sender);
        if (_isOver()) revert SwapOver();
        if (until <= block.timestamp) revert OfferExpired(until);
        terminationOffer[msg.sender] = until;
        emit TerminationOffered(msg.sender, until);
        address other = msg.sender == fixedPayer ? floatingPayer : fixedPayer;
        if (terminationOffer[other] >= block.timestamp) {
            terminated = true;
            emit Terminated(settledPeriods);
        }
    }

    /// @notice First second of a period, and first second after it. Periods count from 1.
    function boundaries(uint32 period) public view returns (uint64 start, uint64 end) {
        return (_schedule[period - 1], _schedule[period]);
    }

    /// @notice Whether collateral can be withdrawn.
    function isOver() external view returns (bool) {
        return _isOver();
    }

    function _isOver() private view returns (bool) {
        return terminated || settledPeriods == periods;
    }

    function _requireParty(address account) private view {
        if (account != fixedPayer && account != floatingPayer) revert NotAParty(account);
    }
}
