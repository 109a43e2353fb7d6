// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IStudies, Withdraw } from "../../src/interfaces/IStudies.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract WithdrawTest is GrantBase {
    using TypedData for *;

    function test_a_whole_study() public {
        Withdraw memory given = Withdraw(studyId, 0);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectEmit(address(studies));
        emit IStudies.Withdrawn(studyId, subject, 0);
        studies.withdraw(given, signature);
        assertEq(studies.studyOf(studyId).status, 2, "status");
        assertEq(studies.manifestOf(studyId, 1), MANIFEST, "manifest");
    }

    function test_one_revision() public {
        revise(studyId, 2, sha256("two"));
        Withdraw memory given = Withdraw(studyId, 1);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectEmit(address(studies));
        emit IStudies.Withdrawn(studyId, subject, 1);
        studies.withdraw(given, signature);
        (, bool first) = studies.studyAt(studyId, 1);
        (, bool second) = studies.studyAt(studyId, 2);
        assertTrue(first, "first");
        assertFalse(second, "second");
        assertEq(studies.studyOf(studyId).status, 1, "status");
    }

    function test_again_has_no_effect(bool whole) public {
        withdraw(studyId, whole ? 0 : 1);
        vm.recordLogs();
        withdraw(studyId, whole ? 0 : 1);
        assertEq(countLogs(), 0, "events");
    }

    function test_an_erased_study_stays_erased() public {
        eraseStudy(studyId);
        withdraw(studyId, 0);
        assertEq(studies.studyOf(studyId).status, 3, "status");
    }

    function test_a_revision_that_is_not_there(uint16 revision) public {
        revision = uint16(bound(revision, 2, type(uint16).max));
        Withdraw memory given = Withdraw(studyId, revision);
        bytes memory signature = signStudies(REGISTRAR_1, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IStudies.RevisionMismatch.selector, studyId, 1, revision));
        studies.withdraw(given, signature);
    }

    function test_an_unknown_study(bytes32 unknown) public {
        vm.assume(unknown != studyId);
        vm.expectRevert(abi.encodeWithSelector(IStudies.StudyUnknown.selector, unknown));
        studies.withdraw(Withdraw(unknown, 0), "");
    }

    function test_only_the_custodians_registrar(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != REGISTRAR_1);
        Withdraw memory given = Withdraw(studyId, 0);
        bytes memory signature = signStudies(key, given.hash());
        expectNoStanding(hashOf(key));
        studies.withdraw(given, signature);
    }

    function test_also_by_a_suspended_custodian() public {
        suspendCustodian();
        withdraw(studyId, 0);
        assertEq(studies.studyOf(studyId).status, 2, "status");
    }
}
