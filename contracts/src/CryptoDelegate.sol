// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Bindings} from "./Bindings.sol";
import {SignerRegistry} from "./SignerRegistry.sol";

/// @notice One output of a cryptlet on its way to a contract: what the host's delivery key signs.
/// @param binding The binding whose consumer is called.
/// @param bindingVersion The version of the binding that the cryptlet ran under.
/// @param delivery The output's number in the binding; the first is 1.
/// @param measurement The cryptlet that ran (BLAKE3 of its bytes).
/// @param executionHash Hash of the receipt's execution part, the same on every honest host.
/// @param receiptHash The receipt's leaf hash in the host's transparency log.
/// @param outputHash keccak256 of the call that the consumer gets.
/// @param notBefore First second at which it may be delivered.
/// @param validUntil Last second at which it may be delivered or retried.
/// @param gasLimit Gas that the consumer's call gets.
/// @param maxFee Highest gas price in wei at which it may be delivered; 0 for any.
struct Result {
    bytes32 binding;
    bytes32 bindingVersion;
    uint64 delivery;
    bytes32 measurement;
    bytes32 executionHash;
    bytes32 receiptHash;
    bytes32 outputHash;
    uint64 notBefore;
    uint64 validUntil;
    uint32 gasLimit;
    uint96 maxFee;
}

/// @title The gateway between cryptlets and contracts.
/// @notice Accepts an output only from the bound cryptlet, in an allowed version, signed by enough admitted keys, once,
/// and in order if the binding says so; then calls the binding's consumer with it.
/// @dev Anybody may send the transaction: only signatures count. A delivery whose call fails is consumed all the same,
/// so that a broken consumer cannot hold up a binding; anybody may retry it until `validUntil`.
/// What the gateway cannot know is whether the cryptlet's sources told the truth.
contract CryptoDelegate is Bindings {
    /// @notice What became of a delivery's number.
    enum DeliveryState {
        /// Not used.
        None,
        /// The consumer's call succeeded.
        Succeeded,
        /// The consumer's call failed; it can be retried.
        Failed,
        /// The host gave the number up.
        Skipped
    }

    /// @dev A successful delivery writes the first slot only. `receiptHash` is never zero, so it marks the number as
    /// used in ordered and unordered mode alike, and no bitmap is needed beside it.
    struct Record {
        bytes32 receiptHash;
        bytes32 failedResult;
        bool skipped;
    }

    /// @notice Bytes of a failed call's reason that the event keeps. A longer reason is cut, so that a consumer cannot
    /// make the sender pay for copying it.
    uint256 public constant MAX_CALLBACK_ERROR = 256;

    /// @dev Gas for the call itself, and for recording a failure after it.
    uint256 private constant GAS_AROUND_CALL = 45_000;

    bytes32 private constant RESULT_TYPE = keccak256(
        "Result(bytes32 binding,bytes32 bindingVersion,uint64 delivery,bytes32 measurement,bytes32 executionHash,bytes32 receiptHash,bytes32 outputHash,uint64 notBefore,uint64 validUntil,uint32 gasLimit,uint96 maxFee)"
    );
    bytes32 private constant SKIP_TYPE = keccak256("Skip(bytes32 binding,uint64 delivery,bytes32 receiptHash)");

    /// @notice A delivery was accepted and its number is used. `callbackError` is empty if the call succeeded, else the
    /// first `MAX_CALLBACK_ERROR` bytes of its reason.
    event Delivered(
        bytes32 indexed binding,
        uint64 indexed delivery,
        bytes32 indexed measurement,
        bytes32 bindingVersion,
        bytes32 executionHash,
        bytes32 receiptHash,
        bytes32 outputHash,
        bool callbackOk,
        bytes callbackError
    );
    /// @notice An admitted key that vouches for the delivery or the skip of this number.
    event Vouched(bytes32 indexed binding, uint64 indexed delivery, address indexed signer);
    /// @notice A failed delivery's call was made again.
    event Retried(bytes32 indexed binding, uint64 indexed delivery, bool callbackOk, bytes callbackError);
    /// @notice The host gave a number up; it can not be delivered any more.
    event Skipped(bytes32 indexed binding, uint64 indexed delivery, bytes32 receiptHash);

    /// @notice The registry is not a contract.
    error NoRegistry(address registry);
    /// @notice The call is not the one whose hash was signed.
    error OutputMismatch(bytes32 expected, bytes32 found);
    /// @notice A receipt hash is never zero.
    error MissingReceipt();
    /// @notice The delivery may not arrive before `notBefore`.
    error TooEarly(uint64 notBefore);
    /// @notice The delivery may not arrive, nor be retried, after `validUntil`.
    error Expired(uint64 validUntil);
    /// @notice The transaction pays more for gas than the delivery allows.
    error FeeTooHigh(uint256 maxFee, uint256 gasPrice);
    /// @notice An ordered binding takes `expected` next; an unordered one counts from 1.
    error WrongDelivery(uint64 expected, uint64 given);
    /// @notice The number is used, whatever became of it.
    error AlreadyDelivered(bytes32 binding, uint64 delivery);
    /// @notice Fewer keys signed than the binding's signer threshold asks for.
    error NotEnoughSigners(uint256 required, uint256 given);
    /// @notice The signature at this position is not 65 bytes of r, s, v with a low s.
    error BadSignature(uint256 position);
    /// @notice Signatures must ascend strictly by signer, so that nobody counts twice.
    error SignersNotAscending(address previous, address next);
    /// @notice The key is not admitted for this binding: never, not any more, or what it signed is not this delivery at
    /// this gateway on this chain.
    error SignerNotAdmitted(address signer);
    /// @notice The consumer has no code, so a call would succeed without doing anything.
    error ConsumerHasNoCode(address consumer);
    /// @notice The transaction has too little gas to give the consumer the whole `gasLimit`.
    error InsufficientGas(uint256 required, uint256 available);
    /// @notice There is no failed delivery with exactly this content.
    error NothingToRetry(bytes32 binding, uint64 delivery);
    /// @notice A later delivery of an ordered binding was consumed; repeating this one would break the order.
    error RetryOutOfOrder(uint64 lastDelivery);
    /// @notice A consumer called back into the gateway during its delivery.
    error Reentered();

    /// @notice Where keys are admitted.
    SignerRegistry public immutable registry;

    mapping(bytes32 binding => mapping(uint64 delivery => Record)) private _records;

    bytes32 private transient _currentBinding;
    bytes32 private transient _currentMeasurement;
    bytes32 private transient _currentReceiptHash;

    /// @dev The binding of the running call doubles as the lock. It is only set around that call: nothing else in the
    /// gateway hands control to foreign code that could write.
    modifier notDuringCall() {
        if (_currentBinding != bytes32(0)) revert Reentered();
        _;
    }

    /// @param registry_ Where keys are admitted; it cannot be exchanged.
    constructor(SignerRegistry registry_) EIP712("CryptoDelegate", "1") {
        if (address(registry_).code.length == 0) revert NoRegistry(address(registry_));
        registry = registry_;
    }

    /// @notice Delivers an output to the consumer of its binding.
    /// @param result What the keys signed.
    /// @param call The consumer's calldata; its keccak256 is `result.outputHash`.
    /// @param signatures r, s, v (65 bytes) over the EIP-712 digest of `result`, ascending by signer; at least the
    /// binding's signer threshold, and every one by an admitted key.
    /// @return callbackOk Whether the consumer's call succeeded. The number is used either way.
    function deliver(Result calldata result, bytes calldata call, bytes[] calldata signatures)
        external
        notDuringCall
        returns (bool callbackOk)
    {
        Binding storage bound = _existing(result.binding);
        _requireOutput(result, call);
        _requireAllowed(result.binding, result.bindingVersion, result.measurement);
        if (block.timestamp < result.notBefore) revert TooEarly(result.notBefore);
        if (block.timestamp > result.validUntil) revert Expired(result.validUntil);
        if (result.maxFee != 0 && tx.gasprice > result.maxFee) revert FeeTooHigh(result.maxFee, tx.gasprice);
        _use(bound, result.binding, result.delivery, result.receiptHash);
        bytes32 message = _hash(result);
        _requireSigners(bound.signerThreshold, result.binding, result.delivery, message, signatures);

        bytes memory callbackError;
        (callbackOk, callbackError) = _callConsumer(bound.consumer, result, call);
        if (!callbackOk) _records[result.binding][result.delivery].failedResult = message;
        emit Delivered(
            result.binding,
            result.delivery,
            result.measurement,
            result.bindingVersion,
            result.executionHash,
            result.receiptHash,
            result.outputHash,
            callbackOk,
            callbackError
        );
    }

    /// @notice Makes the call of a failed delivery again. Anybody may, until `validUntil`, while the version is allowed,
    /// and for an ordered binding while no later number was consumed.
    /// @param result Exactly what was delivered.
    /// @param call Exactly what was delivered.
    /// @return callbackOk Whether it worked this time. If not, it can be retried again.
    function retry(Result calldata result, bytes calldata call) external notDuringCall returns (bool callbackOk) {
        Binding storage bound = _existing(result.binding);
        Record storage record = _records[result.binding][result.delivery];
        bytes32 message = _hash(result);
        if (record.failedResult != message) revert NothingToRetry(result.binding, result.delivery);
        _requireOutput(result, call);
        _requireAllowed(result.binding, result.bindingVersion, result.measurement);
        if (block.timestamp > result.validUntil) revert Expired(result.validUntil);
        if (bound.ordered && bound.lastDelivery != result.delivery) revert RetryOutOfOrder(bound.lastDelivery);

        record.failedResult = bytes32(0);
        bytes memory callbackError;
        (callbackOk, callbackError) = _callConsumer(bound.consumer, result, call);
        if (!callbackOk) record.failedResult = message;
        emit Retried(result.binding, result.delivery, callbackOk, callbackError);
    }

    /// @notice Uses a number up without a call, because the host gave its delivery up.
    /// @dev A signed skip does not expire: of the skip and the delivery, whichever arrives first counts.
    /// @param id The binding.
    /// @param delivery The number; an ordered binding's next one.
    /// @param receiptHash Leaf hash of the receipt whose output is given up.
    /// @param signatures As for `deliver`, over `Skip(binding, delivery, receiptHash)`.
    function skip(bytes32 id, uint64 delivery, bytes32 receiptHash, bytes[] calldata signatures)
        external
        notDuringCall
    {
        Binding storage bound = _existing(id);
        _use(bound, id, delivery, receiptHash);
        _records[id][delivery].skipped = true;
        bytes32 message = keccak256(abi.encode(SKIP_TYPE, id, delivery, receiptHash));
        _requireSigners(bound.signerThreshold, id, delivery, message, signatures);
        emit Skipped(id, delivery, receiptHash);
    }

    /// @notice During a consumer's call: for which binding, by which cryptlet, with which receipt. Zeros at any other
    /// time. A consumer must compare the binding with its own: anybody can create a binding that names any consumer.
    function current() external view returns (bytes32 id, bytes32 measurement, bytes32 receiptHash) {
        return (_currentBinding, _currentMeasurement, _currentReceiptHash);
    }

    /// @notice Ordered: the number consumed last. Unordered: the highest number consumed. 0 before the first.
    function lastDelivery(bytes32 id) external view returns (uint64) {
        return _bindings[id].lastDelivery;
    }

    /// @notice What became of a number.
    /// @dev While the consumer's call runs, its own number reads as `Succeeded`.
    /// @return state `None` if the number is not used.
    /// @return receiptHash Leaf hash of the receipt that used it; zero if the number is not used.
    function recordOf(bytes32 id, uint64 delivery)
        external
        view
        returns (DeliveryState state, bytes32 receiptHash)
    {
        Record storage record = _records[id][delivery];
        receiptHash = record.receiptHash;
        if (receiptHash == bytes32(0)) state = DeliveryState.None;
        else if (record.skipped) state = DeliveryState.Skipped;
        else if (record.failedResult != bytes32(0)) state = DeliveryState.Failed;
        else state = DeliveryState.Succeeded;
    }

    function _requireOutput(Result calldata result, bytes calldata call) private pure {
        bytes32 found = keccak256(call);
        if (found != result.outputHash) revert OutputMismatch(result.outputHash, found);
    }

    function _use(Binding storage bound, bytes32 id, uint64 delivery, bytes32 receiptHash) private {
        if (receiptHash == bytes32(0)) revert MissingReceipt();
        Record storage record = _records[id][delivery];
        if (record.receiptHash != bytes32(0)) revert AlreadyDelivered(id, delivery);
        uint64 last = bound.lastDelivery;
        if (bound.ordered) {
            if (delivery != last + 1) revert WrongDelivery(last + 1, delivery);
        } else if (delivery == 0) {
            revert WrongDelivery(1, delivery);
        }
        if (delivery > last) bound.lastDelivery = delivery;
        record.receiptHash = receiptHash;
    }

    function _requireSigners(
        uint8 threshold,
        bytes32 id,
        uint64 delivery,
        bytes32 message,
        bytes[] calldata signatures
    ) private {
        if (signatures.length < threshold) revert NotEnoughSigners(threshold, signatures.length);
        bytes32 digest = _hashTypedDataV4(message);
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, signatures[i]);
            if (problem != ECDSA.RecoverError.NoError) revert BadSignature(i);
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            if (!registry.isAdmitted(id, signer)) revert SignerNotAdmitted(signer);
            emit Vouched(id, delivery, signer);
            previous = signer;
        }
    }

    function _callConsumer(address consumer, Result calldata result, bytes calldata call)
        private
        returns (bool ok, bytes memory problem)
    {
        if (consumer.code.length == 0) revert ConsumerHasNoCode(consumer);
        // Copied before the gas is looked at: a long call makes this expensive.
        bytes memory input = call;
        _currentBinding = result.binding;
        _currentMeasurement = result.measurement;
        _currentReceiptHash = result.receiptHash;

        // EIP-150: a call gets at most 63/64 of what is left, silently. A sender could otherwise choose a gas at which
        // the consumer fails and the number is used all the same.
        uint256 gasLimit = result.gasLimit;
        uint256 required = gasLimit + gasLimit / 63 + GAS_AROUND_CALL;
        if (gasleft() < required) revert InsufficientGas(required, gasleft());
        ok = _call(consumer, gasLimit, input);
        if (!ok) problem = _callbackError();

        _currentBinding = bytes32(0);
        _currentMeasurement = bytes32(0);
        _currentReceiptHash = bytes32(0);
    }

    /// @dev No return data is copied, however much there is.
    function _call(address consumer, uint256 gasLimit, bytes memory input) private returns (bool ok) {
        assembly ("memory-safe") {
            ok := call(gasLimit, consumer, 0, add(input, 0x20), mload(input), 0, 0)
        }
    }

    /// @dev The first bytes of what the last call returned.
    function _callbackError() private pure returns (bytes memory problem) {
        uint256 size;
        assembly ("memory-safe") {
            size := returndatasize()
        }
        if (size > MAX_CALLBACK_ERROR) size = MAX_CALLBACK_ERROR;
        problem = new bytes(size);
        assembly ("memory-safe") {
            returndatacopy(add(problem, 0x20), 0, size)
        }
    }

    function _hash(Result calldata result) private pure returns (bytes32) {
        return keccak256(abi.encode(RESULT_TYPE, result));
    }
}
