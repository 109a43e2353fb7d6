// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IMembers, Institution, Publish, ReplaceGovernor, Suspend, Vote } from "../../src/interfaces/IMembers.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Base } from "../Base.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";

contract ReplaceGovernorTest is Base {
    using TypedData for *;
    using SubjectTypedData for *;

    uint256 private constant _NEW = 777;

    function replacement(uint256 key) private view returns (ReplaceGovernor memory) {
        return ReplaceGovernor(REQUESTER, vm.addr(key), members.round());
    }

    /// @dev Hospitals 1 and 3 give hospital 2 another governor.
    function replace(uint256 key) private {
        ReplaceGovernor memory given = replacement(key);
        members.replaceGovernor(given, votes(given.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3));
    }

    function test_others_replace(address governor) public {
        vm.assume(governor != address(0) && members.governedBy(governor) == 0);
        ReplaceGovernor memory given = ReplaceGovernor(REQUESTER, governor, 1);
        Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3);
        vm.expectEmit(address(members));
        emit IMembers.GovernorReplaced(REQUESTER, governor, 1);
        members.replaceGovernor(given, signed);
        Institution memory stored = members.institutionOf(REQUESTER);
        assertEq(stored.governor, governor, "governor");
        assertEq(stored.region, 1, "region");
        assertEq(stored.exports, 3, "exports");
        assertTrue(stored.active, "active");
        assertEq(stored.badgeEpoch, 1, "badge epoch");
        assertEq(members.governedBy(governor), REQUESTER, "governs");
        assertEq(members.governedBy(vm.addr(GOVERNOR_2)), 0, "the former one governs nothing");
        assertEq(members.round(), 2, "round");
        assertEq(members.activeCount(), 3, "active count");
    }

    function test_the_former_one_has_no_say() public {
        replace(_NEW);
        bytes32 gateway = sha256("another gateway");
        bytes32 structHash = publication(gateway);
        bytes memory signature = signMembers(GOVERNOR_2, structHash);
        expectSignatureInvalid(address(members), structHash);
        members.publish(publicationOf(gateway), "another gateway", "", signature);
        Suspend memory suspension = Suspend(CUSTODIAN, 2);
        Vote[] memory signed = votes(suspension.hash(), REQUESTER, GOVERNOR_2, BYSTANDER, GOVERNOR_3);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VoteInvalid.selector, REQUESTER));
        members.suspend(suspension, signed);
    }

    function test_the_new_one_publishes_and_votes() public {
        replace(_NEW);
        bytes32 gateway = sha256("another gateway");
        members.publish(publicationOf(gateway), "another gateway", "", signMembers(_NEW, publication(gateway)));
        assertEq(members.keyEnd(REQUESTER, Kinds.GATEWAY, gateway), KEYS_END, "published");
        Suspend memory suspension = Suspend(CUSTODIAN, 2);
        members.suspend(suspension, votes(suspension.hash(), REQUESTER, _NEW, BYSTANDER, GOVERNOR_3));
        assertFalse(members.institutionOf(CUSTODIAN).active, "suspended");
    }

    function test_the_former_one_is_free_for_another_institution() public {
        replace(_NEW);
        ReplaceGovernor memory given = ReplaceGovernor(CUSTODIAN, vm.addr(GOVERNOR_2), 2);
        members.replaceGovernor(given, votes(given.hash(), REQUESTER, _NEW, BYSTANDER, GOVERNOR_3));
        assertEq(members.governedBy(vm.addr(GOVERNOR_2)), CUSTODIAN, "governs");
    }

    function test_keys_go_on() public {
        replace(_NEW);
        assertTrue(members.isKey(REQUESTER, Kinds.GATEWAY, GATEWAY), "gateway");
    }

    function test_a_suspended_institutions_governor_is_replaced() public {
        suspendRequester();
        replace(_NEW);
        assertEq(members.institutionOf(REQUESTER).governor, vm.addr(_NEW), "governor");
        assertFalse(members.institutionOf(REQUESTER).active, "still suspended");
        assertEq(members.activeCount(), 2, "active count");
    }

    function test_one_of_two_others_is_no_majority() public {
        ReplaceGovernor memory given = replacement(_NEW);
        Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1);
        vm.expectRevert(abi.encodeWithSelector(IMembers.MajorityMissing.selector, 1, 2));
        members.replaceGovernor(given, signed);
    }

    function test_half_of_the_others_of_a_suspended_one_is_no_majority() public {
        suspendRequester();
        ReplaceGovernor memory given = replacement(_NEW);
        Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1);
        vm.expectRevert(abi.encodeWithSelector(IMembers.MajorityMissing.selector, 1, 2));
        members.replaceGovernor(given, signed);
    }

    function test_the_institution_itself_does_not_vote() public {
        ReplaceGovernor memory given = replacement(_NEW);
        Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1, REQUESTER, GOVERNOR_2);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VoteInvalid.selector, REQUESTER));
        members.replaceGovernor(given, signed);
    }

    function test_a_round_passes_once() public {
        ReplaceGovernor memory given = replacement(_NEW);
        Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3);
        members.replaceGovernor(given, signed);
        replace(778);
        vm.expectRevert(abi.encodeWithSelector(IMembers.RoundMismatch.selector, 3, 1));
        members.replaceGovernor(given, signed);
    }

    function test_another_round_is_refused(uint64 round) public {
        vm.assume(round != 1);
        ReplaceGovernor memory given = ReplaceGovernor(REQUESTER, vm.addr(_NEW), round);
        Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3);
        vm.expectRevert(abi.encodeWithSelector(IMembers.RoundMismatch.selector, 1, round));
        members.replaceGovernor(given, signed);
    }

    function test_votes_for_another_governor_do_not_count() public {
        ReplaceGovernor memory given = replacement(_NEW);
        Vote[] memory signed = votes(replacement(778).hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VoteInvalid.selector, CUSTODIAN));
        members.replaceGovernor(given, signed);
    }

    function test_a_governor_governs_one_institution() public {
        uint256[2] memory taken = [GOVERNOR_1, GOVERNOR_2];
        for (uint256 i = 0; i < 2; ++i) {
            ReplaceGovernor memory given = replacement(taken[i]);
            Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3);
            vm.expectRevert(abi.encodeWithSelector(IMembers.GovernorTaken.selector, vm.addr(taken[i]), uint32(i + 1)));
            members.replaceGovernor(given, signed);
        }
    }

    function test_the_zero_address_governs_nothing() public {
        ReplaceGovernor memory given = ReplaceGovernor(REQUESTER, address(0), 1);
        Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3);
        vm.expectRevert(abi.encodeWithSelector(IMembers.GovernorZero.selector));
        members.replaceGovernor(given, signed);
    }

    function test_an_unknown_institution(uint32 unknown) public {
        vm.assume(unknown == 0 || unknown > 3);
        ReplaceGovernor memory given = ReplaceGovernor(unknown, vm.addr(_NEW), 1);
        Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3);
        vm.expectRevert(abi.encodeWithSelector(IMembers.InstitutionUnknown.selector, unknown));
        members.replaceGovernor(given, signed);
    }

    function publicationOf(bytes32 gateway) private pure returns (Publish memory) {
        return Publish(REQUESTER, Kinds.GATEWAY, gateway, KEYS_END);
    }

    function publication(bytes32 gateway) private pure returns (bytes32) {
        return publicationOf(gateway).hash();
    }
}
