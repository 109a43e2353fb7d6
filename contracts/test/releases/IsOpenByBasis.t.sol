// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { KeyRequest, Reason, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @notice A release on every basis, and which of them what the patient's side does closes.
contract IsOpenByBasisTest is GrantBase {
    using TypedData for *;

    Grant[6] private _grants;
    KeyRequest[6] private _requests;

    function setUp() public override {
        super.setUp();
        for (uint8 basis = 1; basis <= 5; ++basis) {
            _grants[basis] = give(basis);
            _requests[basis] = record(_grants[basis]);
        }
    }

    function requestOf(Grant memory terms) private view returns (KeyRequest memory request) {
        request = defaultRequest(terms.hash());
        if (terms.basis == Rules.LAW) request.purpose = 6;
        if (terms.basis == Rules.EMERGENCY) request.purpose = 1;
        request.notAfter = uint64(block.timestamp + 8 hours);
    }

    /// @dev By the clinician, who for LAW is an officer as well.
    function badge() private view returns (Badge memory given) {
        given = defaultBadge();
        given.roles |= Rules.OFFICER;
        given.notAfter = uint64(block.timestamp + 12 hours);
    }

    function record(Grant memory terms) private returns (KeyRequest memory request) {
        request = requestOf(terms);
        releases.record(evidenceOf(request, terms, badge()));
    }

    /// @dev Which of the five are open, as a mask of bases.
    function expectOpen(uint256 mask) private view {
        for (uint8 basis = 1; basis <= 5; ++basis) {
            assertTrue(releases.isOpen(_requests[basis]) == ((mask >> basis) & 1 == 1), vm.toString(basis));
        }
    }

    uint256 private constant _ALL = 0x3E;

    function test_every_basis_opens() public view {
        expectOpen(_ALL);
        for (uint8 basis = 1; basis <= 5; ++basis) {
            ReleaseState memory stored = releases.releaseOf(_requests[basis].hash());
            assertEq(stored.recordedAt, NOW, "recorded at");
            assertEq(stored.lapse, NOW + 8 hours, "lapse");
        }
    }

    function test_restriction_closes_all_but_law_and_emergency() public {
        restrict(subject, PATIENT);
        expectOpen(1 << 4 | 1 << 5);
        lift(subject, PATIENT);
        expectOpen(_ALL);
    }

    function test_while_restricted_only_law_and_emergency_are_recorded() public {
        restrict(subject, PATIENT);
        for (uint8 basis = 1; basis <= 5; ++basis) {
            KeyRequest memory request = _requests[basis];
            request.salt = 0;
            if (basis <= 3) assertReason(request, _grants[basis], Reason.RESTRICTED);
            else assertRecorded(request, _grants[basis]);
        }
    }

    function assertReason(KeyRequest memory request, Grant memory terms, Reason reason) private view {
        assertEq(uint256(releases.check(evidenceOf(request, terms, badge()))), uint256(reason), "reason");
    }

    function assertRecorded(KeyRequest memory request, Grant memory terms) private {
        releases.record(evidenceOf(request, terms, badge()));
        assertTrue(releases.isOpen(request), "open");
    }

    function test_a_grant_given_while_restricted_opens_once_it_is_lifted() public {
        restrict(subject, PATIENT);
        Grant memory terms = _grants[1];
        terms.salt = 0;
        giveOn(terms);
        assertReason(requestOf(terms), terms, Reason.RESTRICTED);
        lift(subject, PATIENT);
        assertRecorded(requestOf(terms), terms);
    }

    function test_revoking_one_closes_one() public {
        for (uint8 basis = 1; basis <= 5; ++basis) {
            revoke(_grants[basis]);
            expectOpen(_ALL & ~((uint256(1) << (basis + 1)) - 1));
        }
    }

    function test_revoking_all_closes_all() public {
        revokeAll(1);
        expectOpen(0);
    }

    function test_rotating_closes_none() public {
        rotate(PATIENT, NEXT);
        expectOpen(_ALL);
    }

    function test_a_transfer_closes_none() public {
        transfer(subject, PATIENT);
        expectOpen(_ALL);
    }

    function test_a_filed_review_closes_none() public {
        fileReview(_grants[5].hash(), REQUESTER);
        expectOpen(_ALL);
    }

    function test_erasing_closes_all() public {
        eraseStudy(studyId);
        expectOpen(0);
    }

    function test_a_recovery_closes_all() public {
        recover(defaultRecovery(subject, 1));
        expectOpen(_ALL);
        vm.warp(NOW + RECOVERY_DELAY);
        Grant memory terms = _grants[1];
        KeyRequest memory request = requestOf(terms);
        request.salt = 0;
        assertRecorded(request, terms);
        subjects.completeRecovery(subject);
        assertFalse(releases.isOpen(request), "open");
    }

    function test_dismissal_closes_what_the_representative_opened() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        Grant memory terms = _grants[1];
        (terms.salt, terms.relayBy) = (0, FOREVER);
        grants.grant(terms, one(patientApproval(REPRESENTATIVE, terms.hash())));
        KeyRequest memory request = record(terms);
        assertTrue(releases.isOpen(request), "open");
        dismiss(subject, REPRESENTATIVE);
        assertFalse(releases.isOpen(request), "closed");
    }

    function test_a_release_lapses_with_the_power_behind_its_grant() public {
        appointLive(subject, REPRESENTATIVE, Rules.MAY_GRANT);
        vm.warp(APPOINTED_UNTIL - 1 hours);
        Grant memory terms = _grants[1];
        (terms.notBefore, terms.notAfter) = (uint64(block.timestamp), uint64(block.timestamp + 10 days));
        (terms.salt, terms.relayBy) = (0, FOREVER);
        grants.grant(terms, one(patientApproval(REPRESENTATIVE, terms.hash())));
        Badge memory given = badge();
        given.trainedUntil = FOREVER;
        KeyRequest memory request = requestOf(terms);
        releases.record(evidenceOf(request, terms, given));
        assertEq(releases.releaseOf(request.hash()).lapse, APPOINTED_UNTIL, "lapse");
        vm.warp(APPOINTED_UNTIL - 1);
        assertTrue(releases.isOpen(request), "open");
        vm.warp(APPOINTED_UNTIL);
        assertFalse(releases.isOpen(request), "lapsed");
    }

    function test_the_rights_of_staff_end_with_their_emergency() public {
        vm.warp(NOW + 24 hours);
        Grant memory terms = _grants[5];
        Approval[] memory approvals = approvalsOf(terms);
        grants.grant(terms, approvals); // again has no effect
        assertReason(requestOf(terms), terms, Reason.GRANT_EXPIRED);
        expectOpen(0); // eight hours are over
    }
}
