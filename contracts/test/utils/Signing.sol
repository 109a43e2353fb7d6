// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grants } from "../../src/Grants.sol";
import { Members } from "../../src/Members.sol";
import { Releases } from "../../src/Releases.sol";
import { Studies } from "../../src/Studies.sol";
import { Subjects } from "../../src/Subjects.sol";
import { WebAuthnVerifier } from "../../src/WebAuthnVerifier.sol";
import { Badge, Vote } from "../../src/interfaces/IMembers.sol";
import { KeyRequest } from "../../src/interfaces/IReleases.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Test } from "./Test.sol";
import { TypedData } from "./TypedData.sol";

/// @title Who is who, and how each of them signs.
abstract contract Signing is Test {
    using TypedData for *;

    uint256 internal constant NOW = 1_800_000_000;
    uint64 internal constant FOREVER = type(uint64).max;
    uint64 internal constant KEYS_END = uint64(NOW + 1000 days);
    uint32 internal constant CUSTODIAN = 1;
    uint32 internal constant REQUESTER = 2;
    uint32 internal constant BYSTANDER = 3;

    // Private keys.
    uint256 internal constant GOVERNOR_1 = 101;
    uint256 internal constant GOVERNOR_2 = 102;
    uint256 internal constant GOVERNOR_3 = 103;
    uint256 internal constant REGISTRAR_1 = 111;
    uint256 internal constant REGISTRAR_2 = 112;
    uint256 internal constant ISSUER_1 = 121;
    uint256 internal constant ISSUER_2 = 122;
    uint256 internal constant PATIENT = 131;
    uint256 internal constant SESSION = 141;
    uint256 internal constant STRANGER = 199;

    bytes internal constant GATEWAY_KEY = "a gateway's public HPKE key of hospital 2";
    bytes32 internal constant GATEWAY = sha256(GATEWAY_KEY);
    bytes32 internal constant PERSON = bytes32(bytes4(REQUESTER)) | (keccak256("a clinician") >> 32);
    bytes32 internal constant SUBJECT_SALT = keccak256("a subject's salt");
    bytes32 internal constant STUDY_SALT = keccak256("a study's salt");
    bytes32 internal constant MANIFEST = sha256("a manifest");

    bytes32 internal constant RP_ID_HASH = sha256("localhost");

    WebAuthnVerifier internal verifier;
    Members internal members;
    Subjects internal subjects;
    Studies internal studies;
    Grants internal grants;
    Releases internal releases;

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function signMembers(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        return sign(key, TypedData.digest(address(members), structHash));
    }

    function signSubjects(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        return sign(key, TypedData.digest(address(subjects), structHash));
    }

    function signStudies(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        return sign(key, TypedData.digest(address(studies), structHash));
    }

    function signGrants(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        return sign(key, TypedData.digest(address(grants), structHash));
    }

    function signReleases(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        return sign(key, TypedData.digest(address(releases), structHash));
    }

    /// @dev The same signature with the high s and the other v: valid to bare ecrecover, refused here.
    function malleate(bytes memory signature) internal pure returns (bytes memory) {
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        (bytes32 r, bytes32 s, uint8 v) = (bytes32(0), bytes32(0), uint8(signature[64]));
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
        }
        return abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
    }

    function signerOf(uint256 key) internal pure returns (bytes memory) {
        return abi.encodePacked(vm.addr(key));
    }

    function hashOf(uint256 key) internal pure returns (bytes32) {
        return keccak256(signerOf(key));
    }

    function patientApproval(uint256 key, bytes32 structHash) internal view returns (Approval memory) {
        return Approval(signerOf(key), signGrants(key, structHash), "");
    }

    function staffApproval(uint256 session, uint256 issuer, Badge memory badge, bytes32 structHash)
        internal
        view
        returns (Approval memory)
    {
        bytes memory credential = abi.encode(badge, signMembers(issuer, badge.hash()));
        return Approval(signerOf(session), signGrants(session, structHash), credential);
    }

    function ownApproval(uint256 key, KeyRequest memory request) internal view returns (Approval memory) {
        return Approval(signerOf(key), signReleases(key, request.hash()), "");
    }

    function oneApproval(Approval memory approval) internal pure returns (Approval[] memory approvals) {
        approvals = new Approval[](1);
        approvals[0] = approval;
    }

    function votes(bytes32 structHash, uint32 first, uint256 firstKey) internal view returns (Vote[] memory signed) {
        signed = new Vote[](1);
        signed[0] = Vote(first, signMembers(firstKey, structHash));
    }

    function votes(bytes32 structHash, uint32 first, uint256 firstKey, uint32 second, uint256 secondKey)
        internal
        view
        returns (Vote[] memory signed)
    {
        signed = new Vote[](2);
        signed[0] = Vote(first, signMembers(firstKey, structHash));
        signed[1] = Vote(second, signMembers(secondKey, structHash));
    }
}
