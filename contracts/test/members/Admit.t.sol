// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Members } from "../../src/Members.sol";
import { Admit, Founder, IMembers, Institution, Vote } from "../../src/interfaces/IMembers.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract AdmitTest is Base {
    using TypedData for *;

    address private immutable _CANDIDATE = vm.addr(777);

    function candidate() private view returns (Admit memory) {
        return Admit(_CANDIDATE, 5, 33, members.round());
    }

    function test_founders_are_numbered_in_order() public view {
        assertEq(members.institutionCount(), 3, "count");
        assertEq(members.activeCount(), 3, "active");
        assertEq(members.round(), 1, "round");
        Institution memory second = members.institutionOf(2);
        assertEq(second.governor, vm.addr(GOVERNOR_2), "governor");
        assertEq(second.region, 1, "region");
        assertEq(second.exports, 3, "exports");
        assertTrue(second.active, "active");
        assertEq(second.badgeEpoch, 1, "badge epoch");
        assertEq(members.exportsOf(2), 3, "exportsOf");
    }

    function test_majority_admits(address governor, uint8 region, uint64 exports) public {
        vm.assume(governor != address(0) && members.governedBy(governor) == 0);
        region = uint8(bound(region, 0, 63));
        Admit memory admission = Admit(governor, region, exports, 1);
        Vote[] memory signed = votes(admission.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3);
        vm.expectEmit(address(members));
        emit IMembers.Admitted(4, governor, region, exports, 1);
        assertEq(members.admit(admission, signed), 4, "number");
        Institution memory stored = members.institutionOf(4);
        assertEq(stored.governor, governor, "governor");
        assertEq(stored.region, region, "region");
        assertEq(stored.exports, exports, "exports");
        assertTrue(stored.active, "active");
        assertEq(members.governedBy(governor), 4, "governedBy");
        assertEq(members.round(), 2, "round");
        assertEq(members.activeCount(), 4, "active count");
    }

    function test_half_is_no_majority() public {
        members.admit(candidate(), votes(candidate().hash(), 1, GOVERNOR_1, 2, GOVERNOR_2));
        Admit memory next = Admit(vm.addr(778), 0, 0, 2);
        Vote[] memory signed = votes(next.hash(), 1, GOVERNOR_1, 2, GOVERNOR_2);
        vm.expectRevert(abi.encodeWithSelector(IMembers.MajorityMissing.selector, 2, 4));
        members.admit(next, signed);
    }

    function test_one_of_three_is_refused() public {
        Admit memory admission = candidate();
        Vote[] memory signed = votes(admission.hash(), 1, GOVERNOR_1);
        vm.expectRevert(abi.encodeWithSelector(IMembers.MajorityMissing.selector, 1, 3));
        members.admit(admission, signed);
    }

    function test_no_votes_are_refused() public {
        Admit memory admission = candidate();
        vm.expectRevert(abi.encodeWithSelector(IMembers.MajorityMissing.selector, 0, 3));
        members.admit(admission, new Vote[](0));
    }

    function test_a_vote_counts_once() public {
        Admit memory admission = candidate();
        Vote[] memory signed = votes(admission.hash(), 1, GOVERNOR_1, 1, GOVERNOR_1);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VotesUnsorted.selector, 1, 1));
        members.admit(admission, signed);
    }

    function test_votes_are_sorted() public {
        Admit memory admission = candidate();
        Vote[] memory signed = votes(admission.hash(), 3, GOVERNOR_3, 1, GOVERNOR_1);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VotesUnsorted.selector, 3, 1));
        members.admit(admission, signed);
    }

    function test_institution_zero_has_no_vote() public {
        Admit memory admission = candidate();
        Vote[] memory signed = votes(admission.hash(), 0, GOVERNOR_1, 1, GOVERNOR_1);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VotesUnsorted.selector, 0, 0));
        members.admit(admission, signed);
    }

    function test_a_vote_is_the_governors_own(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != GOVERNOR_3);
        Admit memory admission = candidate();
        Vote[] memory signed = votes(admission.hash(), 1, GOVERNOR_1, 3, key);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VoteInvalid.selector, 3));
        members.admit(admission, signed);
    }

    function test_unknown_institution_has_no_vote() public {
        Admit memory admission = candidate();
        Vote[] memory signed = votes(admission.hash(), 1, GOVERNOR_1, 9, GOVERNOR_3);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VoteInvalid.selector, 9));
        members.admit(admission, signed);
    }

    function test_a_suspended_institution_has_no_vote() public {
        suspendRequester();
        Admit memory admission = candidate();
        Vote[] memory signed = votes(admission.hash(), 1, GOVERNOR_1, 2, GOVERNOR_2);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VoteInvalid.selector, 2));
        members.admit(admission, signed);
    }

    function test_a_round_passes_once() public {
        Admit memory admission = candidate();
        Vote[] memory signed = votes(admission.hash(), 1, GOVERNOR_1, 2, GOVERNOR_2);
        members.admit(admission, signed);
        vm.expectRevert(abi.encodeWithSelector(IMembers.RoundMismatch.selector, 2, 1));
        members.admit(admission, signed);
    }

    function test_a_governor_governs_one() public {
        Admit memory admission = Admit(vm.addr(GOVERNOR_3), 0, 0, 1);
        Vote[] memory signed = votes(admission.hash(), 1, GOVERNOR_1, 2, GOVERNOR_2);
        vm.expectRevert(abi.encodeWithSelector(IMembers.GovernorTaken.selector, vm.addr(GOVERNOR_3), 3));
        members.admit(admission, signed);
    }

    function test_zero_governor_is_refused() public {
        Admit memory admission = Admit(address(0), 0, 0, 1);
        Vote[] memory signed = votes(admission.hash(), 1, GOVERNOR_1, 2, GOVERNOR_2);
        vm.expectRevert(abi.encodeWithSelector(IMembers.GovernorZero.selector));
        members.admit(admission, signed);
    }

    function test_regions_end_at_63(uint8 region) public {
        region = uint8(bound(region, 64, 255));
        Admit memory admission = Admit(_CANDIDATE, region, 0, 1);
        Vote[] memory signed = votes(admission.hash(), 1, GOVERNOR_1, 2, GOVERNOR_2);
        vm.expectRevert(abi.encodeWithSelector(IMembers.RegionOutOfRange.selector, region));
        members.admit(admission, signed);
    }

    function test_a_founder_may_not_govern_twice() public {
        Founder[] memory founders = new Founder[](2);
        founders[0] = founders[1] = Founder(_CANDIDATE, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IMembers.GovernorTaken.selector, _CANDIDATE, 1));
        new Members(founders);
    }
}
