// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Admit, ChangeExports, IMembers, Institution, NarrowExports } from "../../src/interfaces/IMembers.sol";
import { Base } from "../Base.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";

contract NarrowExportsTest is Base {
    using TypedData for *;
    using SubjectTypedData for *;

    function narrow(NarrowExports memory given, uint256 governor) private {
        members.narrowExports(given, signMembers(governor, given.hash()));
    }

    function change(uint64 exports) private {
        ChangeExports memory given = ChangeExports(REQUESTER, exports, members.round());
        members.changeExports(given, votes(given.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3));
    }

    function expectRound(uint64 current, uint64 given) private {
        vm.expectRevert(abi.encodeWithSelector(IMembers.RoundMismatch.selector, current, given));
    }

    function test_its_own_governor_narrows(uint64 current, uint64 exports) public {
        change(current);
        vm.assume(current & exports != current);
        NarrowExports memory given = NarrowExports(REQUESTER, current & exports, 2);
        bytes memory signature = signMembers(GOVERNOR_2, given.hash());
        vm.expectEmit(address(members));
        emit IMembers.ExportsChanged(REQUESTER, current & exports, 0);
        members.narrowExports(given, signature);
        assertEq(members.exportsOf(REQUESTER), current & exports, "exports");
        Institution memory stored = members.institutionOf(REQUESTER);
        assertEq(stored.governor, vm.addr(GOVERNOR_2), "governor");
        assertEq(stored.region, 1, "region");
        assertTrue(stored.active, "active");
        assertEq(stored.badgeEpoch, 1, "badge epoch");
        assertEq(members.exportsOf(CUSTODIAN), 3, "another's exports");
        assertEq(members.round(), 2, "no round ends");
    }

    function test_a_founder_may_from_the_first_round() public {
        narrow(NarrowExports(REQUESTER, 1, 1), GOVERNOR_2);
        assertEq(members.exportsOf(REQUESTER), 1, "exports");
    }

    function test_nothing_is_added(uint64 current, uint64 exports) public {
        change(current);
        vm.assume(exports & ~current != 0);
        NarrowExports memory given = NarrowExports(REQUESTER, exports, 2);
        bytes memory signature = signMembers(GOVERNOR_2, given.hash());
        vm.expectRevert(abi.encodeWithSelector(IMembers.ExportsWidened.selector, REQUESTER, current, exports));
        members.narrowExports(given, signature);
    }

    function test_again_has_no_effect() public {
        narrow(NarrowExports(REQUESTER, 1, 1), GOVERNOR_2);
        vm.recordLogs();
        narrow(NarrowExports(REQUESTER, 1, 1), GOVERNOR_2);
        assertEq(countLogs(), 0, "events");
        assertEq(members.exportsOf(REQUESTER), 1, "exports");
    }

    function test_an_older_one_brings_nothing_back() public {
        narrow(NarrowExports(REQUESTER, 1, 1), GOVERNOR_2);
        narrow(NarrowExports(REQUESTER, 0, 1), GOVERNOR_2);
        vm.expectRevert(abi.encodeWithSelector(IMembers.ExportsWidened.selector, REQUESTER, 0, 1));
        narrow(NarrowExports(REQUESTER, 1, 1), GOVERNOR_2);
    }

    function test_what_was_signed_before_a_vote_takes_nothing_from_its_outcome() public {
        narrow(NarrowExports(REQUESTER, 1, 1), GOVERNOR_2);
        change(7);
        expectRound(2, 1);
        narrow(NarrowExports(REQUESTER, 1, 1), GOVERNOR_2);
        assertEq(members.exportsOf(REQUESTER), 7, "exports");
        narrow(NarrowExports(REQUESTER, 1, 2), GOVERNOR_2);
        assertEq(members.exportsOf(REQUESTER), 1, "exports");
    }

    function test_any_round_since_the_vote_will_do() public {
        change(7);
        suspendRequester();
        reinstateRequester();
        assertEq(members.round(), 4, "round");
        narrow(NarrowExports(REQUESTER, 6, 2), GOVERNOR_2);
        narrow(NarrowExports(REQUESTER, 4, 4), GOVERNOR_2);
        narrow(NarrowExports(REQUESTER, 0, 3), GOVERNOR_2);
        assertEq(members.exportsOf(REQUESTER), 0, "exports");
    }

    function test_a_round_to_come_is_refused(uint64 round) public {
        round = uint64(bound(round, 2, type(uint64).max));
        NarrowExports memory given = NarrowExports(REQUESTER, 1, round);
        bytes memory signature = signMembers(GOVERNOR_2, given.hash());
        expectRound(1, round);
        members.narrowExports(given, signature);
    }

    function test_round_zero_is_none() public {
        expectRound(1, 0);
        narrow(NarrowExports(REQUESTER, 1, 0), GOVERNOR_2);
    }

    function test_not_as_of_the_round_that_admitted() public {
        Admit memory admission = Admit(vm.addr(777), 5, 33, 1);
        members.admit(admission, votes(admission.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3));
        expectRound(2, 1);
        narrow(NarrowExports(4, 1, 1), 777);
        narrow(NarrowExports(4, 1, 2), 777);
        assertEq(members.exportsOf(4), 1, "exports");
    }

    function test_also_while_suspended() public {
        suspendRequester();
        narrow(NarrowExports(REQUESTER, 1, 1), GOVERNOR_2);
        assertEq(members.exportsOf(REQUESTER), 1, "exports");
    }

    function test_nobody_else_may(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != GOVERNOR_2);
        NarrowExports memory given = NarrowExports(REQUESTER, 1, 1);
        bytes memory signature = signMembers(key, given.hash());
        expectSignatureInvalid(address(members), given.hash());
        members.narrowExports(given, signature);
    }

    function test_a_signature_over_other_exports() public {
        NarrowExports memory given = NarrowExports(REQUESTER, 1, 1);
        bytes memory signature = signMembers(GOVERNOR_2, NarrowExports(REQUESTER, 2, 1).hash());
        expectSignatureInvalid(address(members), given.hash());
        members.narrowExports(given, signature);
    }

    function test_an_unknown_institution(uint32 unknown) public {
        vm.assume(unknown == 0 || unknown > 3);
        NarrowExports memory given = NarrowExports(unknown, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(IMembers.InstitutionUnknown.selector, unknown));
        members.narrowExports(given, "");
    }
}
