// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IReleases, KeyRequest, Reason, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract RecordOwnTest is GrantBase {
    using TypedData for *;

    KeyRequest private _request;

    function setUp() public override {
        super.setUp();
        _request = defaultOwnRequest();
    }

    function refuse(Approval memory approval, Reason reason) private {
        assertEq(uint256(releases.checkOwn(_request, approval)), uint256(reason), "check");
        expectRefused(_request, reason);
        releases.recordOwn(_request, approval);
    }

    function refuse(Reason reason) private {
        refuse(ownApproval(PATIENT, _request), reason);
    }

    function accept() private {
        releases.recordOwn(_request, ownApproval(PATIENT, _request));
        assertTrue(releases.isOpen(_request), "open");
    }

    function test_records(bytes32 recipient, uint32 series) public {
        (_request.recipient, _request.series) = (recipient, series);
        Approval memory approval = ownApproval(PATIENT, _request);
        bytes32 requestId = _request.hash();
        uint40 lapse = uint40(NOW + 1 hours);
        vm.expectEmit(address(releases));
        emit IReleases.Released(requestId, studyId, 0, _request, 0, 1, uint40(NOW), lapse);
        assertEq(releases.recordOwn(_request, approval), requestId, "request id");
        assertEq(releases.releaseOf(requestId), ReleaseState(uint40(NOW), lapse, 0, 1, false));
        assertTrue(releases.isOpen(_request), "open");
    }

    function test_again_has_no_effect() public {
        accept();
        Approval memory approval = ownApproval(PATIENT, _request);
        vm.warp(NOW + 10 days);
        vm.recordLogs();
        releases.recordOwn(_request, approval);
        assertEq(countLogs(), 0, "events");
    }

    function test_it_lapses_within_eight_hours(uint64 notAfter) public {
        _request.notAfter = uint64(bound(notAfter, NOW + 1, FOREVER));
        accept();
        uint256 expected = _request.notAfter < NOW + 8 hours ? _request.notAfter : NOW + 8 hours;
        assertEq(releases.releaseOf(_request.hash()).lapse, expected, "lapse");
    }

    function test_restriction_does_not_block() public {
        restrict(subject, PATIENT);
        accept();
    }

    function test_a_suspended_custodian_does_not_block() public {
        suspendCustodian();
        accept();
    }

    function test_request_signature(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        Approval memory approval = ownApproval(PATIENT, _request);
        approval.signature = signReleases(key, _request.hash());
        refuse(approval, Reason.REQUEST_SIGNATURE);
    }

    function test_an_unsupported_signer(bytes memory signer) public {
        vm.assume(signer.length != 20);
        Approval memory approval = ownApproval(PATIENT, _request);
        approval.signer = signer;
        refuse(approval, Reason.REQUEST_SIGNATURE);
    }

    function test_a_patient_has_no_credential() public {
        Approval memory approval = ownApproval(PATIENT, _request);
        approval.credential = hex"00";
        refuse(approval, Reason.REQUEST_SIGNATURE);
    }

    function test_the_own_transaction_is_no_signature() public {
        Approval memory approval = Approval(signerOf(PATIENT), "", "");
        expectRefused(_request, Reason.REQUEST_SIGNATURE);
        vm.prank(vm.addr(PATIENT));
        releases.recordOwn(_request, approval);
    }

    function test_nobody_elses_name(bytes32 person) public {
        vm.assume(person != 0);
        _request.person = person;
        refuse(Reason.PERSON_MISMATCH);
    }

    function test_request_window() public {
        _request.notAfter = uint64(NOW);
        refuse(Reason.REQUEST_WINDOW);
    }

    function test_the_study() public {
        _request.studyId = 0;
        refuse(Reason.STUDY_UNKNOWN);
        _request.studyId = studyId;
        _request.revision = 0;
        refuse(Reason.REVISION_UNKNOWN);
        _request.revision = 2;
        refuse(Reason.REVISION_UNKNOWN);
        _request.revision = 1;
        withdraw(studyId, 1);
        refuse(Reason.REVISION_WITHDRAWN);
        revise(studyId, 2, sha256("two"));
        _request.revision = 2;
        withdraw(studyId, 0);
        refuse(Reason.STUDY_WITHDRAWN);
        eraseStudy(studyId);
        refuse(Reason.STUDY_ERASED);
    }

    function test_no_grant(bytes32 grantId) public {
        vm.assume(grantId != 0);
        _request.grantId = grantId;
        refuse(Reason.GRANT_MISMATCH);
    }

    function test_only_the_subjects_signer(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != PATIENT);
        refuse(ownApproval(key, _request), Reason.OWN_SIGNER);
    }

    function test_not_another_subjects_signer() public {
        enrol(667, keccak256("another salt"));
        refuse(ownApproval(667, _request), Reason.OWN_SIGNER);
    }

    function test_own_purposes(uint8 purpose) public {
        _request.purpose = purpose;
        if (purpose == 7 || purpose == 8) accept();
        else refuse(Reason.OWN_PURPOSE);
    }

    function test_actions(uint8 action) public {
        _request.action = action;
        if (action < 5) accept();
        else refuse(Reason.ACTION_NOT_GRANTED);
    }

    function test_the_order_of_the_last_checks() public {
        (_request.purpose, _request.action) = (0, 9);
        refuse(Reason.OWN_PURPOSE);
        refuse(ownApproval(STRANGER, _request), Reason.OWN_SIGNER);
        _request.grantId = bytes32(uint256(1));
        refuse(ownApproval(STRANGER, _request), Reason.GRANT_MISMATCH);
    }
}
