// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { ChangeExports, NarrowExports, ReplaceGovernor } from "../../src/interfaces/IMembers.sol";
import { Erase, Hold, LiftHold, RequestErasure, Retain } from "../../src/interfaces/IStudies.sol";
import {
    Appoint,
    Dismiss,
    EnrolItem,
    Lift,
    Recover,
    Restrict,
    Rotate,
    Transfer
} from "../../src/interfaces/ISubjects.sol";

/// @title EIP-712 hashing of who decides, what is held and what is erased, written out a second time as TypedData is.
library SubjectTypedData {
    string private constant ENROL = "Enrol(uint32 custodian,bytes32 salt,bytes32 signerHash)";

    // Members.

    function hash(ReplaceGovernor memory r) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("ReplaceGovernor(uint32 institution,address governor,uint64 round)"),
                r.institution,
                r.governor,
                r.round
            )
        );
    }

    function hash(ChangeExports memory c) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("ChangeExports(uint32 institution,uint64 exports,uint64 round)"),
                c.institution,
                c.exports,
                c.round
            )
        );
    }

    function hash(NarrowExports memory n) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("NarrowExports(uint32 institution,uint64 exports,uint64 round)"),
                n.institution,
                n.exports,
                n.round
            )
        );
    }

    // Subjects.

    function hash(EnrolItem[] memory items) internal pure returns (bytes32) {
        bytes memory hashes;
        for (uint256 i = 0; i < items.length; ++i) {
            bytes32 one = keccak256(
                abi.encode(
                    keccak256(bytes(ENROL)),
                    items[i].enrolment.custodian,
                    items[i].enrolment.salt,
                    items[i].enrolment.signerHash
                )
            );
            hashes = bytes.concat(hashes, one);
        }
        bytes32 typeHash = keccak256(abi.encodePacked("EnrolBatch(Enrol[] enrolments)", ENROL));
        return keccak256(abi.encode(typeHash, keccak256(hashes)));
    }

    function hash(Rotate memory r) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Rotate(bytes20 subject,bytes32 signerHash,uint32 serial)"), r.subject, r.signerHash, r.serial
            )
        );
    }

    function hash(Appoint memory a) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "Appoint(bytes20 subject,bytes32 representative,uint32 powers,uint32 purposes,uint64 notAfter,uint32 serial,bytes32 terms)"
                ),
                a.subject,
                a.representative,
                a.powers,
                a.purposes,
                a.notAfter,
                a.serial,
                a.terms
            )
        );
    }

    function hash(Dismiss memory d) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Dismiss(bytes20 subject,bytes32 representative,uint32 serial)"),
                d.subject,
                d.representative,
                d.serial
            )
        );
    }

    function hash(Restrict memory r) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Restrict(bytes20 subject,uint32 serial)"), r.subject, r.serial));
    }

    function hash(Lift memory given) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Lift(bytes20 subject,uint32 serial)"), given.subject, given.serial));
    }

    function hash(Recover memory r) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Recover(bytes20 subject,bytes32 signerHash,uint8 attempt,uint32 serial)"),
                r.subject,
                r.signerHash,
                r.attempt,
                r.serial
            )
        );
    }

    /// @dev The Veto of that matter.
    function hashVeto(bytes20 subject, bytes32 matter) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Veto(bytes20 subject,bytes32 matter)"), subject, matter));
    }

    function hash(Transfer memory t) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Transfer(bytes20 subject,uint32 custodian,uint32 serial)"), t.subject, t.custodian, t.serial
            )
        );
    }

    // Studies.

    function hash(Retain memory r) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(keccak256("Retain(bytes32 studyId,uint32 retainUntilDay)"), r.studyId, r.retainUntilDay)
        );
    }

    function hash(Hold memory h) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(keccak256("Hold(bytes32 studyId,uint32 serial,bytes32 terms)"), h.studyId, h.serial, h.terms)
        );
    }

    function hash(LiftHold memory given) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("LiftHold(bytes32 studyId,uint32 serial)"), given.studyId, given.serial));
    }

    function hash(RequestErasure memory r) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("RequestErasure(bytes32 studyId)"), r.studyId));
    }

    function hash(Erase memory e) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Erase(bytes32 studyId,bytes32 certificate)"), e.studyId, e.certificate));
    }
}
