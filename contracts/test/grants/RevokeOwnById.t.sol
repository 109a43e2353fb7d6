// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { GrantState, IGrants } from "../../src/interfaces/IGrants.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract RevokeOwnByIdTest is Base {
    using TypedData for *;

    bytes32 private _grantId;

    function setUp() public override {
        super.setUp();
        _grantId = give(defaultGrant());
    }

    function test_the_patients_own_transaction() public {
        vm.expectEmit(address(grants));
        emit IGrants.Revoked(_grantId, subject, hashOf(PATIENT));
        vm.prank(vm.addr(PATIENT));
        grants.revokeOwnById(_grantId);
        GrantState memory stored = grants.grantOf(_grantId);
        assertEq(stored.state, 2, "state");
        assertEq(stored.expiry, NOW + 30 days, "expiry");
        assertEq(bytes32(stored.subject), bytes32(subject), "subject");
    }

    function test_again_has_no_effect(address sender) public {
        revoke(defaultGrant());
        vm.recordLogs();
        vm.prank(sender);
        grants.revokeOwnById(_grantId);
        assertEq(countLogs(), 0, "events");
    }

    function test_nobody_elses(address sender) public {
        vm.assume(sender != vm.addr(PATIENT));
        expectNoStanding(keccak256(abi.encodePacked(sender)));
        vm.prank(sender);
        grants.revokeOwnById(_grantId);
    }

    function test_an_unknown_grant_is_nobodys(bytes32 unknown) public {
        vm.assume(unknown != _grantId);
        vm.expectRevert(abi.encodeWithSelector(IErrors.NoStanding.selector, bytes20(0), hashOf(PATIENT)));
        vm.prank(vm.addr(PATIENT));
        grants.revokeOwnById(unknown);
    }
}
