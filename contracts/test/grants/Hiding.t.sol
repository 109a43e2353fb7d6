// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { Grant, IGrants } from "../../src/interfaces/IGrants.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @notice What the requester of an emergency must not be able to do: end it before anybody can review it.
contract HidingTest is Base {
    using TypedData for *;

    function emergency() private view returns (Grant memory terms) {
        terms = defaultGrant();
        (terms.basis, terms.purposes) = (Rules.EMERGENCY, Rules.ETREAT);
        terms.notAfter = uint64(NOW + 1 hours);
    }

    function test_the_requester_does_not_end_an_emergency_before_it_was_carried() public {
        Grant memory terms = emergency();
        Approval memory approval = staffApproval(SESSION, ISSUER_2, defaultBadge(), TypedData.hashRevoke(terms.hash()));
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoStanding.selector, subject, PERSON));
        grants.revoke(terms, approval);
    }

    function test_the_patient_does() public {
        Grant memory terms = emergency();
        revoke(terms);
        assertEq(grants.grantOf(terms.hash()).state, 2, "revoked");
    }

    function test_a_window_that_ends_before_it_begins_is_said_so(uint64 notBefore, uint64 notAfter) public {
        Grant memory terms = emergency();
        (terms.notBefore, terms.notAfter) = (uint64(bound(notBefore, NOW, FOREVER)), uint64(bound(notAfter, 0, NOW)));
        vm.expectRevert(
            abi.encodeWithSelector(IGrants.WindowRefused.selector, terms.notBefore, terms.notAfter, uint64(24 hours))
        );
        grants.grant(terms, new Approval[](2));
    }
}
