// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { ChangeExports, IMembers, Institution, Vote } from "../../src/interfaces/IMembers.sol";
import { Base } from "../Base.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";

contract ChangeExportsTest is Base {
    using SubjectTypedData for *;

    function test_a_majority_changes(uint64 exports) public {
        ChangeExports memory given = ChangeExports(REQUESTER, exports, 1);
        Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3);
        vm.expectEmit(address(members));
        emit IMembers.ExportsChanged(REQUESTER, exports, 1);
        members.changeExports(given, signed);
        assertEq(members.exportsOf(REQUESTER), exports, "exports");
        Institution memory stored = members.institutionOf(REQUESTER);
        assertEq(stored.exports, exports, "stored exports");
        assertEq(stored.governor, vm.addr(GOVERNOR_2), "governor");
        assertEq(stored.region, 1, "region");
        assertTrue(stored.active, "active");
        assertEq(stored.badgeEpoch, 1, "badge epoch");
        assertEq(members.exportsOf(CUSTODIAN), 3, "another's exports");
        assertEq(members.round(), 2, "round");
    }

    function test_its_own_governor_votes_like_any_other() public {
        ChangeExports memory given = ChangeExports(REQUESTER, 7, 1);
        members.changeExports(given, votes(given.hash(), CUSTODIAN, GOVERNOR_1, REQUESTER, GOVERNOR_2));
        assertEq(members.exportsOf(REQUESTER), 7, "exports");
    }

    function test_its_own_governor_alone_may_not() public {
        ChangeExports memory given = ChangeExports(REQUESTER, 7, 1);
        Vote[] memory signed = votes(given.hash(), REQUESTER, GOVERNOR_2);
        vm.expectRevert(abi.encodeWithSelector(IMembers.MajorityMissing.selector, 1, 3));
        members.changeExports(given, signed);
    }

    function test_a_suspended_institutions_exports_change_without_it() public {
        suspendRequester();
        ChangeExports memory given = ChangeExports(REQUESTER, 7, 2);
        Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1, REQUESTER, GOVERNOR_2);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VoteInvalid.selector, REQUESTER));
        members.changeExports(given, signed);
        members.changeExports(given, votes(given.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3));
        assertEq(members.exportsOf(REQUESTER), 7, "exports");
    }

    function test_a_round_passes_once() public {
        ChangeExports memory given = ChangeExports(REQUESTER, 7, 1);
        Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3);
        members.changeExports(given, signed);
        vm.expectRevert(abi.encodeWithSelector(IMembers.RoundMismatch.selector, 2, 1));
        members.changeExports(given, signed);
    }

    function test_votes_for_other_exports_do_not_count() public {
        Vote[] memory signed =
            votes(ChangeExports(REQUESTER, 7, 1).hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3);
        vm.expectRevert(abi.encodeWithSelector(IMembers.VoteInvalid.selector, CUSTODIAN));
        members.changeExports(ChangeExports(REQUESTER, 15, 1), signed);
    }

    function test_an_unknown_institution(uint32 unknown) public {
        vm.assume(unknown == 0 || unknown > 3);
        ChangeExports memory given = ChangeExports(unknown, 7, 1);
        Vote[] memory signed = votes(given.hash(), CUSTODIAN, GOVERNOR_1, BYSTANDER, GOVERNOR_3);
        vm.expectRevert(abi.encodeWithSelector(IMembers.InstitutionUnknown.selector, unknown));
        members.changeExports(given, signed);
    }
}
