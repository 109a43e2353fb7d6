// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    Appoint,
    Dismiss,
    Enrol,
    EnrolItem,
    Lift,
    Recover,
    Restrict,
    RevokeAll,
    Rotate,
    Transfer
} from "../interfaces/ISubjects.sol";

/// @title The struct hashes of everything that is signed about a subject.
/// @notice Every member is one word, so the ABI encoding is EIP-712's.
library SubjectHashes {
    bytes32 private constant ENROL_TYPEHASH = keccak256("Enrol(uint32 custodian,bytes32 salt,bytes32 signerHash)");
    bytes32 private constant ENROL_BATCH_TYPEHASH =
        keccak256("EnrolBatch(Enrol[] enrolments)Enrol(uint32 custodian,bytes32 salt,bytes32 signerHash)");
    bytes32 private constant ROTATE_TYPEHASH = keccak256("Rotate(bytes20 subject,bytes32 signerHash,uint32 serial)");
    bytes32 private constant APPOINT_TYPEHASH = keccak256(
        "Appoint(bytes20 subject,bytes32 representative,uint32 powers,uint32 purposes,uint64 notAfter,uint32 serial,bytes32 terms)"
    );
    bytes32 private constant DISMISS_TYPEHASH =
        keccak256("Dismiss(bytes20 subject,bytes32 representative,uint32 serial)");
    bytes32 private constant RESTRICT_TYPEHASH = keccak256("Restrict(bytes20 subject,uint32 serial)");
    bytes32 private constant LIFT_TYPEHASH = keccak256("Lift(bytes20 subject,uint32 serial)");
    bytes32 private constant RECOVER_TYPEHASH =
        keccak256("Recover(bytes20 subject,bytes32 signerHash,uint8 attempt,uint32 serial)");
    bytes32 private constant VETO_TYPEHASH = keccak256("Veto(bytes20 subject,bytes32 matter)");
    bytes32 private constant TRANSFER_TYPEHASH = keccak256("Transfer(bytes20 subject,uint32 custodian,uint32 serial)");
    bytes32 private constant REVOKE_ALL_TYPEHASH = keccak256("RevokeAll(bytes20 subject,uint32 epoch)");

    function hash(Enrol calldata signed) internal pure returns (bytes32) {
        return keccak256(abi.encode(ENROL_TYPEHASH, signed));
    }

    function hash(EnrolItem[] calldata signed) internal pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](signed.length);
        for (uint256 i = 0; i < signed.length; ++i) {
            hashes[i] = hash(signed[i].enrolment);
        }
        return keccak256(abi.encode(ENROL_BATCH_TYPEHASH, keccak256(abi.encodePacked(hashes))));
    }

    function hash(Rotate calldata signed) internal pure returns (bytes32) {
        return keccak256(abi.encode(ROTATE_TYPEHASH, signed));
    }

    function hash(Appoint calldata signed) internal pure returns (bytes32) {
        return keccak256(abi.encode(APPOINT_TYPEHASH, signed));
    }

    function hash(Dismiss calldata signed) internal pure returns (bytes32) {
        return keccak256(abi.encode(DISMISS_TYPEHASH, signed));
    }

    function hash(Restrict calldata signed) internal pure returns (bytes32) {
        return keccak256(abi.encode(RESTRICT_TYPEHASH, signed));
    }

    function hash(Lift calldata signed) internal pure returns (bytes32) {
        return keccak256(abi.encode(LIFT_TYPEHASH, signed));
    }

    function hash(Recover calldata signed) internal pure returns (bytes32) {
        return keccak256(abi.encode(RECOVER_TYPEHASH, signed));
    }

    function hash(Transfer calldata signed) internal pure returns (bytes32) {
        return keccak256(abi.encode(TRANSFER_TYPEHASH, signed));
    }

    function hash(RevokeAll calldata signed) internal pure returns (bytes32) {
        return keccak256(abi.encode(REVOKE_ALL_TYPEHASH, signed));
    }

    function ofVeto(bytes20 subject, bytes32 matter) internal pure returns (bytes32) {
        return keccak256(abi.encode(VETO_TYPEHASH, subject, matter));
    }
}
