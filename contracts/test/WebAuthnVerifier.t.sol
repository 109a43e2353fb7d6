// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IERC7913SignatureVerifier } from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import { Base64 } from "@openzeppelin/contracts/utils/Base64.sol";
import { WebAuthn } from "@openzeppelin/contracts/utils/cryptography/WebAuthn.sol";

import { WebAuthnVerifier } from "../src/WebAuthnVerifier.sol";
import { Assertion, Passkeys } from "./utils/Passkeys.sol";

contract WebAuthnVerifierTest is Passkeys {
    bytes32 private constant _DIGEST = keccak256("a digest");
    uint256 private constant _CLIENT_DATA = 6 * 32 + 32 + 64; // where the length of clientDataJSON stands

    function setUp() public override {
        verifier = new WebAuthnVerifier(RP_ID_HASH);
    }

    function judge(bytes memory key, bytes32 digest, bytes memory signature) private view returns (bool) {
        bytes4 answer = verifier.verify(key, digest, signature);
        assertTrue(answer == IERC7913SignatureVerifier.verify.selector || answer == 0xffffffff, "one of two answers");
        return answer == IERC7913SignatureVerifier.verify.selector;
    }

    function accept(Assertion memory assertion) private view {
        assertTrue(judge(keyOf(PASSKEY), _DIGEST, signAssertion(PASSKEY, assertion)), "accepted");
    }

    function refuse(Assertion memory assertion) private view {
        assertFalse(judge(keyOf(PASSKEY), _DIGEST, signAssertion(PASSKEY, assertion)), "refused");
    }

    function refuse(bytes memory signature) private view {
        assertFalse(judge(keyOf(PASSKEY), _DIGEST, signature), "refused");
    }

    function test_rp_id_hash() public view {
        assertEq(verifier.rpIdHash(), sha256("localhost"), "rp id hash");
    }

    function test_its_own_signature(uint256 key, bytes32 digest) public view {
        key = bound(key, 1, 1 << 200);
        bytes memory signature = signPasskey(key, digest);
        assertTrue(judge(keyOf(key), digest, signature), "own");
        assertFalse(judge(keyOf(key + 1), digest, signature), "another's");
        assertFalse(judge(keyOf(key), ~digest, signature), "another digest");
    }

    function test_high_s(uint256 key, bytes32 digest) public view {
        key = bound(key, 1, 1 << 200);
        Assertion memory assertion = assertionOf(digest);
        bytes memory data = authenticatorDataOf(assertion);
        (bytes32 r, bytes32 s) = signP256(key, data, assertion.clientDataJSON);
        bytes32 high = bytes32(P256_ORDER - uint256(s));
        assertTrue(judge(keyOf(key), digest, abi.encode(r, s, 23, 1, data, assertion.clientDataJSON)), "low");
        assertFalse(judge(keyOf(key), digest, abi.encode(r, high, 23, 1, data, assertion.clientDataJSON)), "high");
    }

    function test_numbers_out_of_range(uint256 r, uint256 s) public view {
        Assertion memory assertion = assertionOf(_DIGEST);
        bytes memory data = authenticatorDataOf(assertion);
        refuse(abi.encode(r, s, 23, 1, data, assertion.clientDataJSON));
        refuse(abi.encode(0, s, 23, 1, data, assertion.clientDataJSON));
        refuse(abi.encode(r, 0, 23, 1, data, assertion.clientDataJSON));
        refuse(abi.encode(P256_ORDER, s, 23, 1, data, assertion.clientDataJSON));
        refuse(abi.encode(r, P256_ORDER, 23, 1, data, assertion.clientDataJSON));
    }

    function test_the_relying_party(bytes32 other) public view {
        vm.assume(other != RP_ID_HASH);
        Assertion memory assertion = assertionOf(_DIGEST);
        assertion.rpIdHash = other;
        refuse(assertion);
    }

    function test_flags(uint8 flags) public view {
        Assertion memory assertion = assertionOf(_DIGEST);
        assertion.flags = flags;
        bool here = flags & (PRESENT | VERIFIED) == PRESENT | VERIFIED;
        bool backedUpThoughNotEligible = flags & 0x18 == 0x10;
        if (here && !backedUpThoughNotEligible) accept(assertion);
        else refuse(assertion);
    }

    function test_user_verification() public view {
        Assertion memory assertion = assertionOf(_DIGEST);
        assertion.flags = PRESENT;
        refuse(assertion);
        assertion.flags = VERIFIED;
        refuse(assertion);
        assertion.flags = PRESENT | VERIFIED;
        accept(assertion);
    }

    function test_extensions_of_the_authenticator(bytes memory extensions) public view {
        Assertion memory assertion = assertionOf(_DIGEST);
        assertion.extensions = extensions;
        accept(assertion);
    }

    function test_authenticator_data_cut_short(uint256 length) public view {
        Assertion memory assertion = assertionOf(_DIGEST);
        bytes memory data = authenticatorDataOf(assertion);
        length = bound(length, 0, data.length - 1);
        assembly ("memory-safe") {
            mstore(data, length)
        }
        (bytes32 r, bytes32 s) = signP256(PASSKEY, data, assertion.clientDataJSON);
        refuse(abi.encode(r, s, 23, 1, data, assertion.clientDataJSON));
    }

    function test_the_type() public view {
        refuse(withClientData('{"type":"webauthn.create","challenge":"', '"}', 26));
        refuse(withClientData('{"type":"payment.get"   ,"challenge":"', '"}', 25));
        refuse(withClientData('{"type": "webauthn.get","challenge":"', '"}', 24));
        refuse(withClientData('{"type":"webauthn.gets","challenge":"', '"}', 24));
        accept(withClientData('{"type":"webauthn.get","challenge":"', '"}', 23));
    }

    function test_members_that_browsers_add() public view {
        string memory more = '","origin":"https://example.org","other_keys_can_be_added_here":"do not compare"}';
        accept(withClientData('{"type":"webauthn.get","challenge":"', more, 23));
    }

    function withClientData(string memory head, string memory tail, uint256 challengeIndex)
        private
        pure
        returns (Assertion memory assertion)
    {
        assertion = assertionOf(_DIGEST);
        string memory challenge = Base64.encodeURL(abi.encodePacked(_DIGEST));
        (assertion.clientDataJSON, assertion.challengeIndex) = (string.concat(head, challenge, tail), challengeIndex);
    }

    function test_another_order_of_members() public view {
        string memory challenge = Base64.encodeURL(abi.encodePacked(_DIGEST));
        Assertion memory assertion = assertionOf(_DIGEST);
        string memory head = string.concat('{"challenge":"', challenge, '","origin":"https://a.example",');
        assertion.clientDataJSON = string.concat(head, '"type":"webauthn.get"}');
        (assertion.challengeIndex, assertion.typeIndex) = (1, bytes(head).length);
        accept(assertion);
    }

    function test_no_other_index(uint256 challengeIndex, uint256 typeIndex) public view {
        vm.assume(challengeIndex != 23 || typeIndex != 1);
        Assertion memory assertion = assertionOf(_DIGEST);
        (assertion.challengeIndex, assertion.typeIndex) = (challengeIndex, typeIndex);
        refuse(assertion);
        (assertion.challengeIndex, assertion.typeIndex) = (23, typeIndex == 1 ? 2 : typeIndex);
        refuse(assertion);
        (assertion.challengeIndex, assertion.typeIndex) = (challengeIndex == 23 ? 22 : challengeIndex, 1);
        refuse(assertion);
    }

    function test_the_challenge_is_the_whole_digest() public view {
        Assertion memory assertion = assertionOf(_DIGEST);
        // The digest in hexadecimal, in base64 with padding, and a beginning of it are other challenges.
        assertion.clientDataJSON = '{"type":"webauthn.get","challenge":""}';
        refuse(assertion);
        string memory challenge = Base64.encodeURL(abi.encodePacked(_DIGEST));
        assertion.clientDataJSON = string.concat('{"type":"webauthn.get","challenge":"', challenge, '="}');
        refuse(assertion);
        assertion.clientDataJSON = string.concat('{"type":"webauthn.get","challenge":"', challenge, 'A"}');
        refuse(assertion);
        assertion.clientDataJSON = string.concat('{"type":"webauthn.get","challenge":"', challenge);
        refuse(assertion);
    }

    // The library's own verification, for what both judge.

    function judgeByLibrary(Assertion memory assertion, bytes memory data, bytes memory signature)
        private
        view
        returns (bool)
    {
        (bytes32 r, bytes32 s) = abi.decode(signature, (bytes32, bytes32));
        WebAuthn.WebAuthnAuth memory auth = WebAuthn.WebAuthnAuth(
            r, s, assertion.challengeIndex, assertion.typeIndex, data, assertion.clientDataJSON
        );
        (uint256 x, uint256 y) = vm.publicKeyP256(PASSKEY);
        return WebAuthn.verify(abi.encodePacked(_DIGEST), auth, bytes32(x), bytes32(y));
    }

    function test_the_library_answers_the_same(
        uint8 flags,
        uint16 challengeIndex,
        uint16 typeIndex,
        uint8 place,
        bytes1 written,
        uint8 what
    ) public view {
        Assertion memory assertion = assertionOf(_DIGEST);
        bytes memory json = bytes(assertion.clientDataJSON);
        if (what & 1 != 0) assertion.flags = flags;
        if (what & 2 != 0) assertion.challengeIndex = bound(challengeIndex, 0, json.length + 64);
        if (what & 4 != 0) assertion.typeIndex = bound(typeIndex, 0, json.length + 64);
        if (what & 8 != 0) json[bound(place, 0, json.length - 1)] = written;
        bytes memory data = authenticatorDataOf(assertion);
        bytes memory signature = signAssertion(PASSKEY, assertion);
        bool expected = judgeByLibrary(assertion, data, signature);
        assertTrue(judge(keyOf(PASSKEY), _DIGEST, signature) == expected, "as the library");
        if (what & 15 == 0) assertTrue(expected, "nothing was changed");
    }

    // One form.

    function test_cut_short(uint256 length) public view {
        bytes memory signature = signPasskey(PASSKEY, _DIGEST);
        length = bound(length, 0, signature.length - 1);
        assembly ("memory-safe") {
            mstore(signature, length)
        }
        refuse(signature);
    }

    function test_bytes_after_it(bytes memory tail) public view {
        vm.assume(tail.length != 0);
        refuse(bytes.concat(signPasskey(PASSKEY, _DIGEST), tail));
    }

    function test_any_changed_byte(uint256 place, uint8 change) public view {
        vm.assume(change != 0);
        bytes memory signature = signPasskey(PASSKEY, _DIGEST);
        place = bound(place, 0, signature.length - 1);
        signature[place] = bytes1(uint8(signature[place]) ^ change);
        refuse(signature);
    }

    function test_a_byte_in_the_padding() public view {
        bytes memory signature = signPasskey(PASSKEY, _DIGEST);
        signature[_CLIENT_DATA - 1] = 0x01; // the padding after 37 bytes of authenticatorData
        refuse(signature);
        signature = signPasskey(PASSKEY, _DIGEST);
        signature[signature.length - 1] = 0x01;
        refuse(signature);
    }

    function test_other_encodings_of_the_same() public view {
        Assertion memory assertion = assertionOf(_DIGEST);
        bytes memory data = authenticatorDataOf(assertion);
        string memory json = assertion.clientDataJSON;
        (bytes32 r, bytes32 s) = signP256(PASSKEY, data, json);
        bytes memory plain = abi.encode(r, s, 23, 1, data, json);
        refuse(bytes.concat(abi.encode(32), plain)); // as a struct: an offset before it
        uint256 second = 192 + 32 + 64;
        bytes memory dataTail = abi.encodePacked(uint256(data.length), data, new bytes(27));
        bytes memory jsonTail = abi.encodePacked(bytes(json).length, json, new bytes(padding(bytes(json).length)));
        assertTrue(judge(keyOf(PASSKEY), _DIGEST, plain), "canonical");
        bytes memory head = abi.encode(r, s, 23, 1, 192, second);
        assertEq(keccak256(bytes.concat(head, dataTail, jsonTail)), keccak256(plain), "the same by hand");
        head = abi.encode(r, s, 23, 1, 192 + jsonTail.length, 192);
        refuse(bytes.concat(head, jsonTail, dataTail)); // the other order
        head = abi.encode(r, s, 23, 1, 192 + 32, second + 32);
        refuse(bytes.concat(head, abi.encode(0), dataTail, jsonTail)); // a gap
    }

    function padding(uint256 length) private pure returns (uint256) {
        return (32 - (length % 32)) % 32;
    }

    function test_any_bytes_are_nobodys(bytes memory signature) public view {
        refuse(signature);
    }

    function test_any_words_are_nobodys(uint256[6] memory words, bytes memory tail) public view {
        // Offsets near the end of the input and far beyond it, both ways around zero.
        refuse(abi.encodePacked(words, tail));
        for (uint256 i = 4; i < 6; ++i) {
            words[i] = i % 2 == 0 ? bound(words[i], 0, 400) : type(uint256).max - bound(words[i], 0, 400);
        }
        refuse(abi.encodePacked(words, tail));
        refuse(abi.encodePacked(words[0], words[1], words[2], words[3], words[5], words[4], tail));
    }

    function test_keys(bytes memory key) public view {
        bytes memory signature = signPasskey(PASSKEY, _DIGEST);
        assertFalse(judge(key, _DIGEST, signature), "any bytes");
        assertFalse(judge("", _DIGEST, signature), "empty");
        assertFalse(judge(new bytes(64), _DIGEST, signature), "the point at infinity");
        assertFalse(judge(bytes.concat(keyOf(PASSKEY), hex"00"), _DIGEST, signature), "longer");
        bytes memory off = keyOf(PASSKEY);
        off[63] = bytes1(uint8(off[63]) ^ 1);
        assertFalse(judge(off, _DIGEST, signature), "not on the curve");
    }
}
