// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.37;

/// @title Which keys may sign deliveries, for which binding.
/// @notice A verifier appraises a host's evidence off chain and then admits the host's delivery key for ONE binding.
/// The verifiers and the guardian are fixed at deployment; nobody owns this contract and nothing in it can be replaced.
/// A guardian can only revoke.
/// @dev What this contract does not promise: it records a verifier's word about a key. It checks no evidence itself,
/// and a verifier of the software tier vouches for nothing but the operator's own statement.
contract SignerRegistry {
    /// @notice A party whose word admits keys.
    /// @param verifier The account that calls `admit`.
    /// @param tier What the verifier's word rests on; 0 is software, that is, the host's own statement. Higher tiers
    /// are defined by the deployment and published with it.
    struct Verifier {
        address verifier;
        uint8 tier;
    }

    /// @notice What is known about a key of a binding.
    /// @param verifier Who admitted the key last; zero if nobody did.
    /// @param expiry The key is admitted while `block.timestamp < expiry`.
    /// @param tier The tier of `verifier`.
    /// @param revoked True once the key was revoked for this binding; final.
    /// @param epoch The number of the last admission; a later one must be higher.
    /// @param workload Hash of fabric digest, evidence class and operator, as the verifier appraised them.
    struct Admission {
        address verifier;
        uint64 expiry;
        uint8 tier;
        bool revoked;
        uint64 epoch;
        bytes32 workload;
    }

    /// @notice A key may sign deliveries of `binding` until `expiry`.
    event Admitted(
        bytes32 indexed binding,
        address indexed signer,
        address indexed verifier,
        uint8 tier,
        bytes32 workload,
        uint64 expiry,
        uint64 epoch
    );

    /// @notice A key may not sign deliveries of `binding` any more. Final.
    event Revoked(bytes32 indexed binding, address indexed signer, address indexed by);

    /// @notice The constructor's promise, for auditors: an allow-listed verifier and its tier.
    event VerifierListed(address indexed verifier, uint8 tier);

    /// @notice An address that must be set is zero.
    error ZeroAddress();
    /// @notice The binding id is zero.
    error ZeroBinding();
    /// @notice A registry without verifiers could never admit a key.
    error NoVerifiers();
    /// @notice The same verifier stands twice in the constructor's list.
    error DuplicateVerifier(address verifier);
    /// @notice The caller is no verifier of this registry.
    error NotAVerifier(address caller);
    /// @notice The caller is neither the guardian nor the verifier that admitted the key.
    error MayNotRevoke(address caller);
    /// @notice The admission would be over before it began.
    error AlreadyExpired(uint64 expiry);
    /// @notice Epochs of a binding's key only rise; an older admission cannot replace a newer one.
    error StaleEpoch(uint64 current, uint64 given);
    /// @notice The key was revoked for this binding. Use a new key.
    error SignerRevoked(bytes32 binding, address signer);

    /// @notice May revoke any key, and nothing else.
    address public immutable guardian;

    mapping(address verifier => bool) private _isVerifier;
    mapping(address verifier => uint8) private _tier;
    mapping(bytes32 binding => mapping(address signer => Admission)) private _admissions;

    /// @param guardian_ May revoke any key. Give it to whoever must be able to stop a compromised host at once.
    /// @param verifiers The only accounts that will ever be able to admit keys.
    constructor(address guardian_, Verifier[] memory verifiers) {
        if (guardian_ == address(0)) revert ZeroAddress();
        if (verifiers.length == 0) revert NoVerifiers();
        guardian = guardian_;
        for (uint256 i = 0; i < verifiers.length; ++i) {
            address verifier = verifiers[i].verifier;
            if (verifier == address(0)) revert ZeroAddress();
            if (_isVerifier[verifier]) revert DuplicateVerifier(verifier);
            _isVerifier[verifier] = true;
            _tier[verifier] = verifiers[i].tier;
            emit VerifierListed(verifier, verifiers[i].tier);
        }
    }

    /// @notice Admits `signer` for `binding`, or renews an admission. Only a verifier may call.
    /// @param binding The one binding whose deliveries the key may sign.
    /// @param signer The address of the host's delivery key.
    /// @param workload Hash of fabric digest, evidence class and operator.
    /// @param expiry First second at which the key is no longer admitted.
    /// @param epoch Higher than any earlier epoch of this binding and key, so that a delayed older admission is
    /// refused.
    function admit(bytes32 binding, address signer, bytes32 workload, uint64 expiry, uint64 epoch) external {
        if (!_isVerifier[msg.sender]) revert NotAVerifier(msg.sender);
        if (binding == bytes32(0)) revert ZeroBinding();
        if (signer == address(0)) revert ZeroAddress();
        if (expiry <= block.timestamp) revert AlreadyExpired(expiry);
        Admission storage known = _admissions[binding][signer];
        // A revoked key stays revoked: an automatic renewal must not bring back what a person took away.
        if (known.revoked) revert SignerRevoked(binding, signer);
        if (epoch <= known.epoch) revert StaleEpoch(known.epoch, epoch);

        uint8 tier = _tier[msg.sender];
        _admissions[binding][signer] = Admission({
            verifier: msg.sender,
            expiry: expiry,
            tier: tier,
            revoked: false,
            epoch: epoch,
            workload: workload
        });
        emit Admitted(binding, signer, msg.sender, tier, workload, expiry, epoch);
    }

    /// @notice Revokes `signer` for `binding`, at once and for good. The guardian may revoke any key, also one that
    /// nobody has admitted yet; a verifier only what it admitted itself.
    function revoke(bytes32 binding, address signer) external {
        Admission storage known = _admissions[binding][signer];
        bool admittedByCaller = known.verifier == msg.sender && _isVerifier[msg.sender];
        if (msg.sender != guardian && !admittedByCaller) revert MayNotRevoke(msg.sender);
        if (known.revoked) revert SignerRevoked(binding, signer);
        known.revoked = true;
        emit Revoked(binding, signer, msg.sender);
    }

    /// @notice True while `signer` may sign deliveries of `binding`.
    function isAdmitted(bytes32 binding, address signer) external view returns (bool) {
        Admission storage known = _admissions[binding][signer];
        return block.timestamp < known.expiry && !known.revoked;
    }

    /// @notice Everything known about a key of a binding; zeros if there is nothing.
    function admission(bytes32 binding, address signer) external view returns (Admission memory) {
        return _admissions[binding][signer];
    }

    /// @notice Whether `account` is a verifier, and its tier.
    function verifierTier(address account) external view returns (bool listed, uint8 tier) {
        return (_isVerifier[account], _tier[account]);
    }
}
