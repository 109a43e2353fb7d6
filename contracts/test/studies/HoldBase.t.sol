// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Anchor, Erase, Erasure, LiftHold, RequestErasure } from "../../src/interfaces/IStudies.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { SubjectBase } from "../SubjectBase.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @title What stands for and against a study's erasure, in one call each.
abstract contract HoldBase is SubjectBase {
    using TypedData for *;
    using SubjectTypedData for *;

    bytes32 internal constant CERTIFICATE = keccak256("a certificate of erasure");

    /// @dev The study is kept until then, about ten days from now and while the keys of the world are live.
    uint32 internal constant LAST_DAY = uint32(NOW / 1 days) + 10;

    function setUp() public virtual override {
        super.setUp();
        Anchor memory anchor_ = Anchor(subject, keccak256("a study that is not kept for long"), MANIFEST, LAST_DAY);
        studyId = studies.anchor(anchor_, signStudies(REGISTRAR_1, anchor_.hash()));
    }

    /// @dev An institution's officer, in the domain of Studies.
    function officerHere(uint32 institution, bytes32 structHash) internal view returns (Approval memory) {
        return staffAt(address(studies), officerOf(institution), officerBadge(institution), structHash);
    }

    function signedHere(uint256 key, bytes32 structHash) internal view returns (Approval memory) {
        return Approval(signerOf(key), signStudies(key, structHash), "");
    }

    /// @dev Hospitals 1 and 2 lift the hold.
    function liftHold() internal {
        LiftHold memory given = LiftHold(studyId, studies.erasureOf(studyId).holdSerial);
        bytes32 structHash = given.hash();
        studies.liftHold(given, two(officerHere(CUSTODIAN, structHash), officerHere(REQUESTER, structHash)));
    }

    function requestErasure(uint256 by) internal {
        RequestErasure memory given = RequestErasure(studyId);
        studies.requestErasure(given, signedHere(by, given.hash()));
    }

    function erase(bytes32 certificate) internal {
        Erase memory given = Erase(studyId, certificate);
        studies.erase(given, signStudies(REGISTRAR_1, given.hash()));
    }

    function assertEq(Erasure memory stored, Erasure memory expected) internal pure {
        assertEq(stored.holdSerial, expected.holdSerial, "hold serial");
        assertTrue(stored.held == expected.held, "held");
        assertTrue(stored.requested == expected.requested, "requested");
        assertEq(stored.certificate, expected.certificate, "certificate");
    }
}
