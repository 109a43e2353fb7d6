// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../../src/interfaces/IErrors.sol";
import { IMembers, Publish } from "../../src/interfaces/IMembers.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "../utils/TypedData.sol";

contract PublishTest is Base {
    using TypedData for *;

    bytes private constant _KEY = "a public key of any length";
    uint256 private constant _NEW = 555;

    function test_raw_keys_go_by_sha256(uint8 kind, bytes memory key, uint64 end) public {
        kind = [Kinds.GATEWAY, Kinds.BROKER_KEM, Kinds.LOG][bound(kind, 0, 2)];
        end = uint64(bound(end, NOW + 1, FOREVER));
        vm.assume(sha256(key) != GATEWAY);
        Publish memory publication = Publish(REQUESTER, kind, sha256(key), end);
        bytes memory signature = signMembers(GOVERNOR_2, publication.hash());
        vm.expectEmit(address(members));
        emit IMembers.Published(REQUESTER, kind, sha256(key), end, key, "https://b.example");
        members.publish(publication, key, "https://b.example", signature);
        assertEq(members.keyEnd(REQUESTER, kind, sha256(key)), end, "end");
        assertTrue(members.isKey(REQUESTER, kind, sha256(key)), "live");
    }

    function test_addresses_go_by_keccak(uint8 kind, uint160 account, uint64 end) public {
        kind = [Kinds.REGISTRAR, Kinds.ISSUER, Kinds.BROKER_SIGN][bound(kind, 0, 2)];
        end = uint64(bound(end, NOW + 1, FOREVER));
        vm.assume(account != 0);
        bytes memory key = abi.encodePacked(account);
        publish(Publish(BYSTANDER, kind, keccak256(key), end), key, GOVERNOR_3);
        assertEq(members.keyEnd(BYSTANDER, kind, keccak256(key)), end, "end");
        assertTrue(members.isKey(BYSTANDER, kind, keccak256(key)), "live");
        vm.warp(end);
        assertFalse(members.isKey(BYSTANDER, kind, keccak256(key)), "over");
    }

    function test_the_wrong_hash_is_refused(uint8 kind, bytes32 keyHash) public {
        kind = uint8(bound(kind, 1, 6));
        vm.assume(keyHash != sha256(_KEY));
        Publish memory publication = Publish(REQUESTER, kind, keyHash, KEYS_END);
        bytes memory signature = signMembers(GOVERNOR_2, publication.hash());
        vm.expectRevert(abi.encodeWithSelector(IMembers.KeyMismatch.selector, keyHash, kind));
        members.publish(publication, _KEY, "", signature);
    }

    function test_an_address_is_20_bytes(bytes memory key) public {
        vm.assume(key.length != 20);
        Publish memory publication = Publish(REQUESTER, Kinds.ISSUER, keccak256(key), KEYS_END);
        bytes memory signature = signMembers(GOVERNOR_2, publication.hash());
        vm.expectRevert(abi.encodeWithSelector(IMembers.KeyMismatch.selector, keccak256(key), Kinds.ISSUER));
        members.publish(publication, key, "", signature);
    }

    function test_the_zero_address_is_nobodys_key() public {
        bytes memory key = abi.encodePacked(address(0));
        Publish memory publication = Publish(REQUESTER, Kinds.REGISTRAR, keccak256(key), KEYS_END);
        bytes memory signature = signMembers(GOVERNOR_2, publication.hash());
        vm.expectRevert(abi.encodeWithSelector(IMembers.KeyMismatch.selector, keccak256(key), Kinds.REGISTRAR));
        members.publish(publication, key, "", signature);
    }

    function test_unknown_kinds_are_refused(uint8 kind) public {
        vm.assume(kind == 0 || kind > 6);
        Publish memory publication = Publish(REQUESTER, kind, sha256(_KEY), KEYS_END);
        bytes memory signature = signMembers(GOVERNOR_2, publication.hash());
        vm.expectRevert(abi.encodeWithSelector(IMembers.KeyKindUnknown.selector, kind));
        members.publish(publication, _KEY, "", signature);
    }

    function test_only_the_own_governor_publishes(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != GOVERNOR_2);
        Publish memory publication = Publish(REQUESTER, Kinds.LOG, sha256(_KEY), KEYS_END);
        bytes memory signature = signMembers(key, publication.hash());
        expectSignatureInvalid(address(members), publication.hash());
        members.publish(publication, _KEY, "", signature);
    }

    function test_an_unknown_institution_publishes_nothing(uint32 institution) public {
        vm.assume(institution == 0 || institution > 3);
        Publish memory publication = Publish(institution, Kinds.LOG, sha256(_KEY), KEYS_END);
        vm.expectRevert(abi.encodeWithSelector(IMembers.InstitutionUnknown.selector, institution));
        members.publish(publication, _KEY, "", "");
    }

    function test_an_end_moves_earlier_only(uint64 later, uint64 earlier) public {
        earlier = uint64(bound(earlier, 1, KEYS_END - 1));
        later = uint64(bound(later, earlier + 1, FOREVER));
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, earlier);
        assertEq(members.keyEnd(REQUESTER, Kinds.ISSUER, hashOf(ISSUER_2)), earlier, "end");
        Publish memory publication = Publish(REQUESTER, Kinds.ISSUER, hashOf(ISSUER_2), later);
        bytes memory signature = signMembers(GOVERNOR_2, publication.hash());
        vm.expectRevert(abi.encodeWithSelector(IMembers.KeyEndRefused.selector, hashOf(ISSUER_2), earlier, later));
        members.publish(publication, signerOf(ISSUER_2), "", signature);
    }

    function test_the_first_signature_cannot_bring_an_ended_key_back() public {
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, uint64(NOW));
        assertFalse(members.isKey(REQUESTER, Kinds.ISSUER, hashOf(ISSUER_2)), "ended");
        Publish memory first = Publish(REQUESTER, Kinds.ISSUER, hashOf(ISSUER_2), KEYS_END);
        bytes memory signature = signMembers(GOVERNOR_2, first.hash());
        vm.expectRevert(
            abi.encodeWithSelector(IMembers.KeyEndRefused.selector, hashOf(ISSUER_2), uint64(NOW), KEYS_END)
        );
        members.publish(first, signerOf(ISSUER_2), "", signature);
    }

    function test_a_key_can_be_ended_before_it_is_carried(uint64 end) public {
        end = uint64(bound(end, 1, NOW));
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, _NEW, end);
        Publish memory kept = Publish(REQUESTER, Kinds.ISSUER, hashOf(_NEW), KEYS_END);
        bytes memory signature = signMembers(GOVERNOR_2, kept.hash());
        vm.expectRevert(abi.encodeWithSelector(IMembers.KeyEndRefused.selector, hashOf(_NEW), end, KEYS_END));
        members.publish(kept, signerOf(_NEW), "", signature);
    }

    function test_zero_is_no_end() public {
        Publish memory publication = Publish(REQUESTER, Kinds.ISSUER, hashOf(_NEW), 0);
        bytes memory signature = signMembers(GOVERNOR_2, publication.hash());
        vm.expectRevert(abi.encodeWithSelector(IMembers.KeyEndRefused.selector, hashOf(_NEW), 0, 0));
        members.publish(publication, signerOf(_NEW), "", signature);
    }

    function test_again_has_no_effect() public {
        vm.recordLogs();
        publishSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2);
        assertEq(countLogs(), 0, "events");
    }

    function test_suspended_ends_but_does_not_begin() public {
        suspendRequester();
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, uint64(NOW));
        Publish memory publication = Publish(REQUESTER, Kinds.ISSUER, hashOf(_NEW), KEYS_END);
        bytes memory signature = signMembers(GOVERNOR_2, publication.hash());
        vm.expectRevert(abi.encodeWithSelector(IErrors.InstitutionInactive.selector, REQUESTER));
        members.publish(publication, signerOf(_NEW), "", signature);
    }

    function test_kinds_and_institutions_do_not_mix(uint8 kind, uint32 institution) public view {
        vm.assume(kind != Kinds.ISSUER || institution != REQUESTER);
        assertEq(members.keyEnd(institution, kind, hashOf(ISSUER_2)), 0, "end");
    }

    function test_keys_of_the_suspended_do_not_act() public {
        suspendRequester();
        assertFalse(members.isKey(REQUESTER, Kinds.ISSUER, hashOf(ISSUER_2)), "live");
        assertEq(members.keyEnd(REQUESTER, Kinds.ISSUER, hashOf(ISSUER_2)), KEYS_END, "end");
    }
}
