// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Base64 } from "@openzeppelin/contracts/utils/Base64.sol";

import { Approval, Enrol } from "../../src/interfaces/ISubjects.sol";
import { Base } from "../Base.t.sol";
import { TypedData } from "./TypedData.sol";

/// @dev What an authenticator and a browser make of one digest. Change it, then sign.
struct Assertion {
    bytes32 rpIdHash;
    uint8 flags;
    bytes extensions;
    uint256 challengeIndex;
    uint256 typeIndex;
    string clientDataJSON;
}

/// @title Passkeys as browsers make them: keys are P-256, numbers below its order.
abstract contract Passkeys is Base {
    using TypedData for *;

    uint256 internal constant P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551;
    uint256 internal constant PASSKEY = 151;
    uint256 internal constant OTHER_PASSKEY = 152;
    bytes32 internal constant PASSKEY_SALT = keccak256("the salt of a subject with a passkey");

    uint8 internal constant PRESENT = 0x01;
    uint8 internal constant VERIFIED = 0x04;

    function keyOf(uint256 key) internal pure returns (bytes memory) {
        (uint256 x, uint256 y) = vm.publicKeyP256(key);
        return abi.encodePacked(x, y);
    }

    function passkeyOf(uint256 key) internal view returns (bytes memory) {
        return bytes.concat(bytes20(address(verifier)), keyOf(key));
    }

    function assertionOf(bytes32 digest) internal pure returns (Assertion memory) {
        return Assertion({
            rpIdHash: RP_ID_HASH,
            flags: PRESENT | VERIFIED,
            extensions: "",
            challengeIndex: 23,
            typeIndex: 1,
            clientDataJSON: string.concat(
                '{"type":"webauthn.get","challenge":"',
                Base64.encodeURL(abi.encodePacked(digest)),
                '","origin":"http://localhost:4711","crossOrigin":false}'
            )
        });
    }

    /// @dev The signature as the verifier takes it.
    function signAssertion(uint256 key, Assertion memory assertion) internal pure returns (bytes memory) {
        bytes memory authenticatorData = authenticatorDataOf(assertion);
        (bytes32 r, bytes32 s) = signP256(key, authenticatorData, assertion.clientDataJSON);
        return
            abi.encode(r, s, assertion.challengeIndex, assertion.typeIndex, authenticatorData, assertion.clientDataJSON);
    }

    function authenticatorDataOf(Assertion memory assertion) internal pure returns (bytes memory) {
        return abi.encodePacked(assertion.rpIdHash, assertion.flags, uint32(7), assertion.extensions);
    }

    /// @dev With s in the lower half.
    function signP256(uint256 key, bytes memory authenticatorData, string memory clientDataJSON)
        internal
        pure
        returns (bytes32 r, bytes32 s)
    {
        (r, s) = vm.signP256(key, sha256(bytes.concat(authenticatorData, sha256(bytes(clientDataJSON)))));
        if (uint256(s) > P256_ORDER / 2) s = bytes32(P256_ORDER - uint256(s));
    }

    function signPasskey(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        return signAssertion(key, assertionOf(digest));
    }

    function enrolPasskey(uint256 key, bytes32 salt) internal returns (bytes20) {
        Enrol memory given = Enrol(CUSTODIAN, salt, keccak256(passkeyOf(key)));
        bytes memory registrar = signSubjects(REGISTRAR_1, given.hash());
        Approval memory approval = passkeyApproval(key, address(subjects), given.hash());
        return subjects.enrol(given, registrar, approval.signer, approval.signature);
    }

    function passkeyApproval(uint256 key, address verifyingContract, bytes32 structHash)
        internal
        view
        returns (Approval memory)
    {
        return Approval(passkeyOf(key), signPasskey(key, TypedData.digest(verifyingContract, structHash)), "");
    }
}
