// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Base } from "./Base.t.sol";
import { GrantBase } from "./GrantBase.t.sol";
import { Passkeys } from "./utils/Passkeys.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @dev The cheatcodes that only the decision table needs.
interface TableVm {
    function parseJsonTypeArray(string calldata json, string calldata key, string calldata description)
        external
        pure
        returns (bytes memory);
    function parseUint(string calldata text) external pure returns (uint256);
    function parseInt(string calldata text) external pure returns (int256);
    function pauseGasMetering() external;
    function snapshotState() external returns (uint256 id);
    function revertToState(uint256 id) external returns (bool done);
}

struct Change {
    string field;
    string value;
}

/// @title A row's changes, and what their names and numbers mean here.
/// @notice tests/support/decisions.py says what each field means.
abstract contract DecisionChanges is Passkeys, GrantBase {
    TableVm internal constant TABLE = TableVm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    uint256 internal constant OTHER_PATIENT = 132;
    uint256 internal constant OTHER_REPRESENTATIVE = 162;
    uint256 internal constant REQUESTER_TRUSTEE = 222;

    Change[] internal _changes;
    uint256 internal _used;

    function setUp() public virtual override(Base, GrantBase) {
        GrantBase.setUp();
    }

    function _value(string memory field, string memory otherwise) internal returns (string memory) {
        for (uint256 i = 0; i < _changes.length; ++i) {
            if (_same(_changes[i].field, field)) {
                ++_used;
                return _changes[i].value;
            }
        }
        return otherwise;
    }

    function _has(string memory field) internal returns (bool) {
        return bytes(_value(field, "")).length != 0;
    }

    function _number(string memory field, uint256 otherwise) internal returns (uint256) {
        string memory text = _value(field, "");
        return bytes(text).length == 0 ? otherwise : TABLE.parseUint(text);
    }

    function _timeOr(string memory field, uint64 otherwise) internal returns (uint64) {
        string memory text = _value(field, "");
        return bytes(text).length == 0 ? otherwise : _time(text);
    }

    function _time(string memory text) internal pure returns (uint64) {
        if (_same(text, "min")) return 0;
        if (_same(text, "max")) return FOREVER;
        return uint64(uint256(int256(NOW) + TABLE.parseInt(text)));
    }

    function _same(string memory a, string memory b) internal pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }

    function _key(string memory name) internal pure returns (uint256) {
        if (_same(name, "stranger")) return STRANGER;
        if (_same(name, "patient")) return PATIENT;
        if (_same(name, "other_patient")) return OTHER_PATIENT;
        if (_same(name, "new_signer")) return NEXT;
        if (_same(name, "representative")) return REPRESENTATIVE;
        if (_same(name, "other_representative")) return OTHER_REPRESENTATIVE;
        if (_same(name, "session")) return SESSION;
        if (_same(name, "issuer")) return ISSUER_2;
        if (_same(name, "other_issuer")) return ISSUER_1;
        if (_same(name, "custodian_registrar")) return REGISTRAR_1;
        if (_same(name, "requester_registrar")) return REGISTRAR_2;
        if (_same(name, "requester_trustee")) return REQUESTER_TRUSTEE;
        revert(name);
    }

    function _person(string memory name) internal pure returns (bytes32) {
        if (_same(name, "clinician")) return PERSON;
        if (_same(name, "colleague")) return bytes32(bytes4(REQUESTER)) | bytes32(uint256(0xC0));
        if (_same(name, "custodian_staff")) return bytes32(bytes4(CUSTODIAN)) | bytes32(uint256(0x57));
        if (_same(name, "none")) return 0;
        if (_same(name, "requester")) return bytes32(bytes4(REQUESTER));
        if (_same(name, "custodian")) return bytes32(bytes4(CUSTODIAN));
        if (_same(name, "bystander")) return bytes32(bytes4(BYSTANDER));
        revert(name);
    }

    function _scope(string memory name) internal view returns (bytes32) {
        if (_same(name, "study")) return studyId;
        if (_same(name, "all")) return 0;
        if (_same(name, "other")) return keccak256("another study");
        for (uint32 series = 0; series < 8; ++series) {
            if (_same(name, string.concat("series ", vm.toString(series)))) {
                return keccak256(abi.encode(studyId, series));
            }
        }
        revert(name);
    }

    /// @dev A signature by the default key, by a named one, or by the default key with a high s.
    function _signature(string memory by, uint256 key, address verifyingContract, bytes32 structHash)
        internal
        view
        returns (bytes memory)
    {
        bytes32 digest = TypedData.digest(verifyingContract, structHash);
        if (_same(by, "malleated")) return malleate(sign(key, digest));
        return sign(bytes(by).length == 0 ? key : _key(by), digest);
    }
}
