// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Badge, NarrowExports, Standing } from "../../src/interfaces/IMembers.sol";
import { Base } from "../Base.t.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";

contract StandingTest is Base {
    using TypedData for *;
    using SubjectTypedData for *;

    function test_both_views_agree(Badge memory badge, uint256 key, bytes32 recipient) public view {
        key = bound(key, 1, 1 << 200);
        bytes memory signature = signMembers(key, badge.hash());
        Standing memory one = members.standing(badge, signature, recipient);
        Standing memory two = members.standingOf(badge.institution, vm.addr(key), badge.person, recipient);
        assertEq(keccak256(abi.encode(one)), keccak256(abi.encode(two)), "facts");
    }

    function test_what_is_known_of_the_clinician() public view {
        Badge memory badge = defaultBadge();
        Standing memory facts = members.standing(badge, signMembers(ISSUER_2, badge.hash()), GATEWAY);
        assertEq(facts.issuerEnd, KEYS_END, "issuer");
        assertTrue(facts.active, "active");
        assertEq(facts.badgeEpoch, 1, "epoch");
        assertEq(facts.region, 1, "region");
        assertFalse(facts.personWithdrawn, "withdrawn");
        assertEq(facts.recipientEnd, KEYS_END, "recipient");
    }

    function test_the_custodians_exports_go_along(uint32 custodian) public {
        custodian = uint32(bound(custodian, 0, 4));
        NarrowExports memory narrowing = NarrowExports(CUSTODIAN, 1, 1);
        members.narrowExports(narrowing, signMembers(GOVERNOR_1, narrowing.hash()));
        narrowing = NarrowExports(BYSTANDER, 2, 1);
        members.narrowExports(narrowing, signMembers(GOVERNOR_3, narrowing.hash()));
        Badge memory badge = defaultBadge();
        bytes memory signature = signMembers(ISSUER_2, badge.hash());
        (Standing memory facts, uint64 exports) = members.standingAndExports(badge, signature, GATEWAY, custodian);
        Standing memory alone = members.standing(badge, signature, GATEWAY);
        assertEq(keccak256(abi.encode(facts)), keccak256(abi.encode(alone)), "facts");
        assertEq(facts.issuerEnd, KEYS_END, "issuer");
        assertEq(exports, [0, 1, 3, 2, 0][custodian], "exports");
        assertEq(exports, members.exportsOf(custodian), "exports alone");
    }

    function test_a_changed_badge_has_no_issuer(Badge memory changed) public view {
        Badge memory badge = defaultBadge();
        vm.assume(changed.hash() != badge.hash());
        changed.institution = REQUESTER;
        Standing memory facts = members.standing(changed, signMembers(ISSUER_2, badge.hash()), GATEWAY);
        assertEq(facts.issuerEnd, 0, "issuer");
    }

    function test_a_malformed_signature_has_no_issuer(bytes memory signature) public view {
        vm.assume(signature.length != 65);
        assertEq(members.standing(defaultBadge(), signature, GATEWAY).issuerEnd, 0, "issuer");
    }

    function test_a_high_s_has_no_issuer() public view {
        bytes memory signature = malleate(signMembers(ISSUER_2, defaultBadge().hash()));
        assertEq(members.standing(defaultBadge(), signature, GATEWAY).issuerEnd, 0, "issuer");
    }

    function test_a_signature_of_another_chain_has_no_issuer() public {
        bytes memory signature = signMembers(ISSUER_2, defaultBadge().hash());
        assertEq(members.standing(defaultBadge(), signature, GATEWAY).issuerEnd, KEYS_END, "issuer here");
        vm.chainId(block.chainid + 1);
        assertEq(members.standing(defaultBadge(), signature, GATEWAY).issuerEnd, 0, "issuer there");
    }
}
