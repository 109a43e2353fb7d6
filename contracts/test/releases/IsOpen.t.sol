// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant } from "../../src/interfaces/IGrants.sol";
import { KeyRequest } from "../../src/interfaces/IReleases.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract IsOpenTest is GrantBase {
    using TypedData for *;

    KeyRequest private _request;
    KeyRequest private _own;

    function setUp() public override {
        super.setUp();
        give(defaultGrant());
        releases.record(defaultEvidence());
        _request = defaultEvidence().request;
        _own = defaultOwnRequest();
        releases.recordOwn(_own, ownApproval(PATIENT, _own));
    }

    function expectOpen(bool staff, bool own) private view {
        assertTrue(releases.isOpen(_request) == staff, staff ? "staff is open" : "staff is closed");
        assertTrue(releases.isOpen(_own) == own, own ? "own is open" : "own is closed");
    }

    function test_open_from_the_record() public view {
        expectOpen(true, true);
    }

    function test_only_what_was_recorded(KeyRequest memory other) public view {
        vm.assume(other.hash() != _request.hash() && other.hash() != _own.hash());
        assertFalse(releases.isOpen(other), "never recorded");
    }

    function test_until_the_lapse(uint256 time) public {
        time = bound(time, NOW, NOW + 2 hours);
        vm.warp(time);
        expectOpen(time < NOW + 1 hours, time < NOW + 1 hours);
    }

    function test_closed_by_revoke() public {
        revoke(defaultGrant());
        expectOpen(false, true);
    }

    function test_closed_by_the_patients_own_transaction() public {
        Grant memory terms = defaultGrant();
        vm.prank(vm.addr(PATIENT));
        grants.revokeOwn(terms);
        expectOpen(false, true);
    }

    function test_closed_by_revoke_all() public {
        revokeAll(1);
        expectOpen(false, false);
    }

    function test_closed_by_restriction() public {
        restrict(subject, PATIENT);
        expectOpen(false, true);
        lift(subject, PATIENT);
        expectOpen(true, true);
    }

    function test_closed_by_withdrawing_the_revision() public {
        withdraw(studyId, 1);
        expectOpen(false, true);
    }

    function test_open_while_another_revision_is_withdrawn() public {
        revise(studyId, 2, sha256("two"));
        withdraw(studyId, 2);
        expectOpen(true, true);
    }

    function test_closed_by_withdrawing_the_study() public {
        withdraw(studyId, 0);
        expectOpen(false, true);
    }

    function test_closed_by_erasing_the_study() public {
        eraseStudy(studyId);
        expectOpen(false, false);
    }

    function test_closed_by_suspension() public {
        suspendRequester();
        expectOpen(false, true);
        reinstateRequester();
        expectOpen(true, true);
    }

    function test_open_while_the_custodian_is_suspended() public {
        suspendCustodian();
        expectOpen(true, true);
    }

    function test_closed_by_the_badge_epoch() public {
        raiseBadgeEpoch();
        expectOpen(false, true);
    }

    function test_closed_by_withdrawing_the_person() public {
        withdrawPerson();
        expectOpen(false, true);
    }

    function test_closed_by_the_recipients_end() public {
        endGateway(uint64(NOW + 10));
        expectOpen(true, true);
        vm.warp(NOW + 10);
        expectOpen(false, true);
    }

    function test_open_after_the_issuers_end() public {
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, uint64(NOW));
        expectOpen(true, true);
    }
}
