// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @notice What all counterparties sign to create a binding.
/// @param counterparties Strictly ascending, so that one set of parties has one id.
/// @param threshold How many counterparties must sign a later change.
/// @param salt Tells bindings of the same counterparties apart.
/// @param consumer The contract that deliveries call.
/// @param signerThreshold How many admitted keys must sign a delivery.
/// @param ordered True: deliveries are numbered 1, 2, 3 and arrive in that order. False: each number once, any order.
/// @param versionDelay Seconds between the signing of a change and its effect.
/// @param bindingVersion The first allowed version of the binding.
/// @param measurement The first allowed cryptlet (BLAKE3 of its bytes), together with `bindingVersion`.
struct Terms {
    address[] counterparties;
    uint8 threshold;
    bytes32 salt;
    address consumer;
    uint8 signerThreshold;
    bool ordered;
    uint64 versionDelay;
    bytes32 bindingVersion;
    bytes32 measurement;
}

/// @notice One counterparty's agreement.
/// @param signature 65 bytes r, s, v with a low s for a key; whatever its `isValidSignature` takes for an ERC-1271
/// wallet.
struct Approval {
    address counterparty;
    bytes signature;
}

/// @title The counterparties' side of the gateway: what was agreed, and how it changes.
/// @notice A binding belongs to its counterparties. It has no owner, and this contract gives nobody else a say.
/// Every change is an EIP-712 message that the counterparties sign; whoever sends the transaction does not matter.
/// @dev Allowed versions take effect `versionDelay` after they were signed, and so do changed terms, or a shortened
/// delay would be a way around the delay. What was agreed can be *narrowed* at once: any single counterparty revokes.
abstract contract Bindings is EIP712 {
    /// @notice The longest delay that can be agreed; a longer one would lock a binding by mistake.
    uint64 public constant MAX_VERSION_DELAY = 365 days;

    bytes32 private constant TERMS_TYPE = keccak256(
        "Terms(address[] counterparties,uint8 threshold,bytes32 salt,address consumer,uint8 signerThreshold,bool ordered,uint64 versionDelay,bytes32 bindingVersion,bytes32 measurement)"
    );
    bytes32 private constant ALLOW_VERSION_TYPE =
        keccak256("AllowVersion(bytes32 binding,bytes32 bindingVersion,bytes32 measurement,uint64 nonce)");
    bytes32 private constant REVOKE_VERSION_TYPE =
        keccak256("RevokeVersion(bytes32 binding,bytes32 bindingVersion,bytes32 measurement,uint64 nonce)");
    bytes32 private constant CHANGE_TERMS_TYPE = keccak256(
        "ChangeTerms(bytes32 binding,address consumer,uint8 signerThreshold,bool ordered,uint64 versionDelay,uint64 nonce)"
    );

    /// @notice The part of the terms that can change.
    /// @param effectiveFrom The change counts once `block.timestamp >= effectiveFrom`; zero if there is none.
    struct Change {
        address consumer;
        uint8 signerThreshold;
        bool ordered;
        uint64 effectiveFrom;
        uint64 versionDelay;
    }

    /// @notice An allowed pair of binding version and measurement.
    /// @param usableFrom Deliveries may name the pair once `block.timestamp >= usableFrom`; zero if it is not allowed.
    /// @param nonce The change that allowed the pair; a revocation names it.
    struct Allowance {
        uint64 usableFrom;
        uint64 nonce;
    }

    /// @notice What a binding is at this moment.
    /// @param changeNonce The nonce that the next `allowVersion` or `changeTerms` must carry.
    /// @param lastDelivery Ordered: the number consumed last. Unordered: the highest number consumed.
    struct BindingState {
        address[] counterparties;
        uint8 threshold;
        address consumer;
        uint8 signerThreshold;
        bool ordered;
        uint64 versionDelay;
        uint64 changeNonce;
        uint64 lastDelivery;
    }

    /// @dev Ordered so that a delivery reads and writes one slot.
    struct Binding {
        address consumer;
        uint64 lastDelivery;
        uint8 threshold;
        uint8 signerThreshold;
        bool ordered;
        uint64 versionDelay;
        uint64 changeNonce;
        address[] counterparties;
    }

    /// @notice All counterparties signed these terms.
    event BindingCreated(bytes32 indexed binding, address indexed consumer, Terms terms);
    /// @notice Deliveries may name this pair from `usableFrom` on.
    event VersionAllowed(
        bytes32 indexed binding,
        bytes32 indexed bindingVersion,
        bytes32 indexed measurement,
        uint64 usableFrom,
        uint64 nonce
    );
    /// @notice Deliveries may not name this pair any more; `by` is the counterparty that signed.
    event VersionRevoked(
        bytes32 indexed binding, bytes32 indexed bindingVersion, bytes32 indexed measurement, address by
    );
    /// @notice A change was signed; it counts from `effectiveFrom` on and replaces one that was still waiting.
    event TermsChanged(
        bytes32 indexed binding,
        address indexed consumer,
        uint8 signerThreshold,
        bool ordered,
        uint64 versionDelay,
        uint64 nonce,
        uint64 effectiveFrom
    );

    /// @notice No such binding.
    error UnknownBinding(bytes32 binding);
    /// @notice The binding was created before; its terms change by `changeTerms` only.
    error BindingExists(bytes32 binding);
    /// @notice A binding needs at least one counterparty and at most 255.
    error WrongNumberOfCounterparties(uint256 given);
    /// @notice Counterparties must ascend strictly, and so be different and not zero.
    error CounterpartiesNotAscending(address previous, address next);
    /// @notice A threshold is zero or higher than the number of those who could reach it.
    error InvalidThreshold(uint256 given, uint256 most);
    /// @notice The consumer is zero or the gateway itself.
    error InvalidConsumer(address consumer);
    /// @notice The delay is longer than `MAX_VERSION_DELAY`.
    error DelayTooLong(uint64 given, uint64 most);
    /// @notice A binding version and a measurement are hashes, never zero.
    error EmptyVersion();
    /// @notice This counterparty's approval is missing, or not in its place in ascending order.
    error MissingApproval(address counterparty);
    /// @notice Fewer counterparties signed than the binding's threshold asks for.
    error NotEnoughApprovals(uint256 required, uint256 given);
    /// @notice Approvals must ascend strictly by counterparty, so that nobody counts twice.
    error ApprovalsNotAscending(address previous, address next);
    /// @notice The account is no counterparty of the binding.
    error NotACounterparty(address account);
    /// @notice The counterparty did not sign exactly this.
    error BadApproval(address counterparty);
    /// @notice The message carries a used nonce, or one from the future.
    error WrongNonce(uint64 expected, uint64 given);
    /// @notice The pair is allowed already, or waiting for its delay.
    error VersionAlreadyAllowed(bytes32 bindingVersion, bytes32 measurement);
    /// @notice The counterparties have not allowed the pair, or one of them has revoked it.
    error VersionNotAllowed(bytes32 bindingVersion, bytes32 measurement);
    /// @notice The pair is allowed, and its delay is not over.
    error VersionNotYetAllowed(uint64 usableFrom);

    mapping(bytes32 binding => Binding) internal _bindings;
    mapping(bytes32 binding => Change) private _changes;
    mapping(bytes32 binding => mapping(address account => bool)) private _isCounterparty;
    mapping(bytes32 binding => mapping(bytes32 pair => Allowance)) private _allowances;

    /// @notice Creates a binding that ALL its counterparties signed. Its first version is usable at once.
    /// @dev A signature of `Terms` carries no expiry: it creates the binding of its id once, whenever it is sent.
    /// @param approvals One for each counterparty, in the order of `terms.counterparties`.
    /// @return id keccak256(abi.encode(counterparties, salt)).
    function createBinding(Terms calldata terms, Approval[] calldata approvals) external returns (bytes32 id) {
        id = bindingId(terms.counterparties, terms.salt);
        if (_bindings[id].consumer != address(0)) revert BindingExists(id);
        _checkTerms(terms);
        _requireAllApprovals(terms.counterparties, _termsDigest(terms), approvals);

        Binding storage created = _bindings[id];
        created.consumer = terms.consumer;
        created.threshold = terms.threshold;
        created.signerThreshold = terms.signerThreshold;
        created.ordered = terms.ordered;
        created.versionDelay = terms.versionDelay;
        created.counterparties = terms.counterparties;
        // Nonce 0 was the creation itself.
        created.changeNonce = 1;
        for (uint256 i = 0; i < terms.counterparties.length; ++i) {
            _isCounterparty[id][terms.counterparties[i]] = true;
        }
        emit BindingCreated(id, terms.consumer, terms);
        _allow(id, terms.bindingVersion, terms.measurement, uint64(block.timestamp), 0);
    }

    /// @notice Allows one more pair of binding version and measurement, usable after the binding's delay.
    /// @param nonce The binding's `changeNonce`.
    /// @param approvals At least `threshold`, ascending by counterparty, over
    /// `AllowVersion(binding, bindingVersion, measurement, nonce)`.
    function allowVersion(
        bytes32 id,
        bytes32 bindingVersion,
        bytes32 measurement,
        uint64 nonce,
        Approval[] calldata approvals
    ) external {
        Binding storage bound = _existing(id);
        _useNonce(bound, nonce);
        bytes32 message = keccak256(abi.encode(ALLOW_VERSION_TYPE, id, bindingVersion, measurement, nonce));
        _requireApprovals(id, bound.threshold, message, approvals);
        if (bindingVersion == bytes32(0) || measurement == bytes32(0)) revert EmptyVersion();
        if (_allowances[id][_pair(bindingVersion, measurement)].usableFrom != 0) {
            revert VersionAlreadyAllowed(bindingVersion, measurement);
        }
        _allow(id, bindingVersion, measurement, uint64(block.timestamp) + bound.versionDelay, nonce);
    }

    /// @notice Takes an allowed pair away, at once. The signature of any ONE counterparty is enough.
    /// @dev The nonce is that of the allowance and not the binding's next one: others could otherwise outrun a
    /// revocation with changes of their own, and an old revocation must not hit a pair that was allowed again.
    /// @param nonce The `nonce` of the pair's allowance (see `allowance`); 0 for the binding's first pair.
    /// @param approval Over `RevokeVersion(binding, bindingVersion, measurement, nonce)`.
    function revokeVersion(
        bytes32 id,
        bytes32 bindingVersion,
        bytes32 measurement,
        uint64 nonce,
        Approval calldata approval
    ) external {
        _existing(id);
        bytes32 pair = _pair(bindingVersion, measurement);
        Allowance memory known = _allowances[id][pair];
        if (known.usableFrom == 0) revert VersionNotAllowed(bindingVersion, measurement);
        if (known.nonce != nonce) revert WrongNonce(known.nonce, nonce);
        bytes32 message = keccak256(abi.encode(REVOKE_VERSION_TYPE, id, bindingVersion, measurement, nonce));
        _requireApproval(id, _hashTypedDataV4(message), approval);
        delete _allowances[id][pair];
        emit VersionRevoked(id, bindingVersion, measurement, approval.counterparty);
    }

    /// @notice Changes what can change of the terms, after the delay that holds now.
    /// @param nonce The binding's `changeNonce`.
    /// @param approvals At least `threshold`, ascending by counterparty, over
    /// `ChangeTerms(binding, consumer, signerThreshold, ordered, versionDelay, nonce)`.
    function changeTerms(
        bytes32 id,
        address consumer,
        uint8 signerThreshold,
        bool ordered,
        uint64 versionDelay,
        uint64 nonce,
        Approval[] calldata approvals
    ) external {
        Binding storage bound = _existing(id);
        _useNonce(bound, nonce);
        bytes32 message =
            keccak256(abi.encode(CHANGE_TERMS_TYPE, id, consumer, signerThreshold, ordered, versionDelay, nonce));
        _requireApprovals(id, bound.threshold, message, approvals);
        _checkChangeable(consumer, signerThreshold, versionDelay);
        uint64 effectiveFrom = uint64(block.timestamp) + bound.versionDelay;
        _changes[id] = Change({
            consumer: consumer,
            signerThreshold: signerThreshold,
            ordered: ordered,
            effectiveFrom: effectiveFrom,
            versionDelay: versionDelay
        });
        emit TermsChanged(id, consumer, signerThreshold, ordered, versionDelay, nonce, effectiveFrom);
    }

    /// @notice The id of a binding: keccak256(abi.encode(counterparties, salt)). It does not depend on the consumer,
    /// so that a consumer can be given its binding's id when it is deployed.
    function bindingId(address[] calldata counterparties, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(counterparties, salt));
    }

    /// @notice The binding as it counts now, with a change whose delay is over.
    function binding(bytes32 id) external view returns (BindingState memory state) {
        Binding storage bound = _bindings[id];
        if (bound.consumer == address(0)) revert UnknownBinding(id);
        state = BindingState({
            counterparties: bound.counterparties,
            threshold: bound.threshold,
            consumer: bound.consumer,
            signerThreshold: bound.signerThreshold,
            ordered: bound.ordered,
            versionDelay: bound.versionDelay,
            changeNonce: bound.changeNonce,
            lastDelivery: bound.lastDelivery
        });
        Change storage change = _changes[id];
        if (_isDue(change)) {
            state.consumer = change.consumer;
            state.signerThreshold = change.signerThreshold;
            state.ordered = change.ordered;
            state.versionDelay = change.versionDelay;
        }
    }

    /// @notice The change that was signed last and is not part of a delivery yet; zeros if there is none.
    function pendingTerms(bytes32 id) external view returns (Change memory) {
        return _changes[id];
    }

    /// @notice Whether deliveries may name the pair now.
    function isAllowed(bytes32 id, bytes32 bindingVersion, bytes32 measurement) external view returns (bool) {
        uint64 usableFrom = _allowances[id][_pair(bindingVersion, measurement)].usableFrom;
        return usableFrom != 0 && block.timestamp >= usableFrom;
    }

    /// @notice When the pair is or was to be usable, and the nonce that a revocation must name; zeros if not allowed.
    function allowance(bytes32 id, bytes32 bindingVersion, bytes32 measurement)
        external
        view
        returns (uint64 usableFrom, uint64 nonce)
    {
        Allowance memory known = _allowances[id][_pair(bindingVersion, measurement)];
        return (known.usableFrom, known.nonce);
    }

    /// @notice Whether the account is a counterparty of the binding.
    function isCounterparty(bytes32 id, address account) external view returns (bool) {
        return _isCounterparty[id][account];
    }

    /// @dev The binding, with a change whose delay is over written into it.
    function _existing(bytes32 id) internal returns (Binding storage bound) {
        bound = _bindings[id];
        if (bound.consumer == address(0)) revert UnknownBinding(id);
        Change storage change = _changes[id];
        if (_isDue(change)) {
            bound.consumer = change.consumer;
            bound.signerThreshold = change.signerThreshold;
            bound.ordered = change.ordered;
            bound.versionDelay = change.versionDelay;
            delete _changes[id];
        }
    }

    function _requireAllowed(bytes32 id, bytes32 bindingVersion, bytes32 measurement) internal view {
        uint64 usableFrom = _allowances[id][_pair(bindingVersion, measurement)].usableFrom;
        if (usableFrom == 0) revert VersionNotAllowed(bindingVersion, measurement);
        if (block.timestamp < usableFrom) revert VersionNotYetAllowed(usableFrom);
    }

    function _allow(bytes32 id, bytes32 bindingVersion, bytes32 measurement, uint64 usableFrom, uint64 nonce) private {
        _allowances[id][_pair(bindingVersion, measurement)] = Allowance({usableFrom: usableFrom, nonce: nonce});
        emit VersionAllowed(id, bindingVersion, measurement, usableFrom, nonce);
    }

    function _useNonce(Binding storage bound, uint64 nonce) private {
        if (nonce != bound.changeNonce) revert WrongNonce(bound.changeNonce, nonce);
        bound.changeNonce = nonce + 1;
    }

    function _checkTerms(Terms calldata terms) private view {
        uint256 count = terms.counterparties.length;
        if (count == 0 || count > type(uint8).max) revert WrongNumberOfCounterparties(count);
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            address next = terms.counterparties[i];
            if (next <= previous) revert CounterpartiesNotAscending(previous, next);
            previous = next;
        }
        if (terms.threshold == 0 || terms.threshold > count) revert InvalidThreshold(terms.threshold, count);
        if (terms.bindingVersion == bytes32(0) || terms.measurement == bytes32(0)) revert EmptyVersion();
        _checkChangeable(terms.consumer, terms.signerThreshold, terms.versionDelay);
    }

    function _checkChangeable(address consumer, uint8 signerThreshold, uint64 versionDelay) private view {
        if (consumer == address(0) || consumer == address(this)) revert InvalidConsumer(consumer);
        if (signerThreshold == 0) revert InvalidThreshold(0, type(uint8).max);
        if (versionDelay > MAX_VERSION_DELAY) revert DelayTooLong(versionDelay, MAX_VERSION_DELAY);
    }

    function _requireAllApprovals(address[] calldata counterparties, bytes32 digest, Approval[] calldata approvals)
        private
        view
    {
        for (uint256 i = 0; i < counterparties.length; ++i) {
            if (i >= approvals.length || approvals[i].counterparty != counterparties[i]) {
                revert MissingApproval(counterparties[i]);
            }
            _requireSignature(digest, approvals[i]);
        }
        if (approvals.length > counterparties.length) {
            revert NotACounterparty(approvals[counterparties.length].counterparty);
        }
    }

    function _requireApprovals(bytes32 id, uint8 threshold, bytes32 message, Approval[] calldata approvals)
        private
        view
    {
        if (approvals.length < threshold) revert NotEnoughApprovals(threshold, approvals.length);
        bytes32 digest = _hashTypedDataV4(message);
        address previous = address(0);
        for (uint256 i = 0; i < approvals.length; ++i) {
            address next = approvals[i].counterparty;
            if (next <= previous) revert ApprovalsNotAscending(previous, next);
            _requireApproval(id, digest, approvals[i]);
            previous = next;
        }
    }

    function _requireApproval(bytes32 id, bytes32 digest, Approval calldata approval) private view {
        if (!_isCounterparty[id][approval.counterparty]) revert NotACounterparty(approval.counterparty);
        _requireSignature(digest, approval);
    }

    /// @dev A key's signature first, so that an account which delegates to code (EIP-7702) can still sign by itself.
    function _requireSignature(bytes32 digest, Approval calldata approval) private view {
        (address recovered, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, approval.signature);
        if (problem == ECDSA.RecoverError.NoError && recovered == approval.counterparty) return;
        if (
            approval.counterparty.code.length == 0
                || !SignatureChecker.isValidERC1271SignatureNowCalldata(
                    approval.counterparty, digest, approval.signature
                )
        ) revert BadApproval(approval.counterparty);
    }

    function _termsDigest(Terms calldata terms) private view returns (bytes32) {
        // Two halves: one `abi.encode` of ten values would not fit the stack. All members are words, so that
        // concatenation is what EIP-712 asks for.
        bytes memory head = abi.encode(
            TERMS_TYPE,
            keccak256(abi.encodePacked(terms.counterparties)),
            terms.threshold,
            terms.salt,
            terms.consumer
        );
        bytes memory tail = abi.encode(
            terms.signerThreshold, terms.ordered, terms.versionDelay, terms.bindingVersion, terms.measurement
        );
        return _hashTypedDataV4(keccak256(bytes.concat(head, tail)));
    }

    function _isDue(Change storage change) private view returns (bool) {
        return change.effectiveFrom != 0 && block.timestamp >= change.effectiveFrom;
    }

    function _pair(bytes32 bindingVersion, bytes32 measurement) private pure returns (bytes32) {
        return keccak256(abi.encode(bindingVersion, measurement));
    }
}
