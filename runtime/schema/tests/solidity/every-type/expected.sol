// SPDX-License-Identifier: Apache-2.0
// Generated from cryptlet.toml; do not edit.
pragma solidity ^0.8.37;

/// @title every-type 0.1.0
/// @notice Says */ and (at)tag and // in its description — € too
/// @dev What a contract emits and accepts to be served by the cryptlet.
interface IEveryTypeCryptlet {
    /// @dev The tuple `c` of `Plain`.
    struct PlainC {
        uint8 x;
        bytes y;
    }

    /// @dev The tuple `b` of `Indexed`.
    struct IndexedB {
        uint8 x;
    }

    /// @dev The tuple `leg` of `net`.
    struct NetLeg {
        uint32 period;
        address payer;
    }

    /// @dev The tuple `legs` of `net`.
    struct NetLegs {
        uint32 period;
        string[] notes;
    }

    /// @dev The tuple `pair` of `net`.
    struct NetPair {
        bool x;
    }

    /// @dev The tuple `pairs` of `DeepItem`.
    struct DeepItemPairs {
        address[] owners;
        bytes salt;
    }

    /// @dev The tuple `grid` of `DeepItem`.
    struct DeepItemGrid {
        int64 y;
    }

    /// @dev The tuple `item` of `deep`.
    struct DeepItem {
        DeepItemPairs[2] pairs;
        DeepItemGrid[][3] grid;
    }

    /// @dev The tuple `s` of `netLeg`.
    struct NetLegS {
        bool x;
    }

    /// @dev The tuple `tLeg` of `ne`.
    struct NeTLeg2 {
        bool x;
    }

    /// @notice Runs the cryptlet. Topic 0 is keccak-256 of `Plain(string,uint8[],(uint8,bytes)[])`.
    event Plain(string a, uint8[] b, PlainC[] c);

    /// @notice Runs the cryptlet. Topic 0 is keccak-256 of `Indexed(string,(uint8),uint8[2])`.
    event Indexed(string indexed a, IndexedB indexed b, uint8[2] indexed c);

    /// @notice Runs the cryptlet. Topic 0 is keccak-256 of `NeTLeg(bool)`.
    event NeTLeg(bool a);

    /// @notice Runs the cryptlet. Topic 0 is keccak-256 of `Nothing()`.
    event Nothing();

    /// @notice Called by the gateway with what the cryptlet decided. Selector 0x448f30a3.
    function nothing() external;

    /// @notice Called by the gateway with what the cryptlet decided. Selector 0x4adc209d.
    function words(bool a, address b, uint8 c, int256 d, bytes1 e, bytes32 f) external;

    /// @notice Called by the gateway with what the cryptlet decided. Selector 0x4db68ae9.
    function references(bytes calldata a, string calldata b, uint256[] calldata c, string[] calldata d, uint8[2][3] calldata e, bytes[2][] calldata f) external;

    /// @notice Called by the gateway with what the cryptlet decided. Selector 0x5265a5d6.
    function net(NetLeg calldata leg, NetLegs[] calldata legs, NetPair[2] calldata pair) external;

    /// @notice Called by the gateway with what the cryptlet decided. Selector 0xc1a27d80.
    function deep(DeepItem calldata item) external;

    /// @notice Called by the gateway with what the cryptlet decided. Selector 0xe2f82087.
    function netLeg(NetLegS calldata s) external;

    /// @notice Called by the gateway with what the cryptlet decided. Selector 0x55f6e220.
    function ne(NeTLeg2 calldata tLeg) external;

    /// @notice Called by the gateway with what the cryptlet decided. Selector 0xf5704c96.
    function revert(uint8 from, uint8 now, bool global, bytes calldata $data) external;
}
