// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant } from "../../src/interfaces/IGrants.sol";
import {
    Admit,
    Badge,
    Publish,
    RaiseBadgeEpoch,
    Reinstate,
    Suspend,
    WithdrawPerson
} from "../../src/interfaces/IMembers.sol";
import { KeyRequest } from "../../src/interfaces/IReleases.sol";
import { Anchor, Revise, Withdraw } from "../../src/interfaces/IStudies.sol";
import { Enrol, RevokeAll } from "../../src/interfaces/ISubjects.sol";

/// @title EIP-712 hashing written out a second time, from the design and not from the contracts.
library TypedData {
    string private constant ANCHOR = "Anchor(bytes20 subject,bytes32 salt,bytes32 manifest,uint32 retainUntilDay)";

    function digest(address verifyingContract, bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("fiducia"),
                keccak256("1"),
                block.chainid,
                verifyingContract
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function hash(Grant memory g) internal pure returns (bytes32) {
        bytes memory head = abi.encode(
            keccak256(
                "Grant(uint8 basis,bytes20 subject,bytes32 scope,uint64 anchoredBy,bytes32 grantee,uint32 purposes,uint32 actions,uint64 notBefore,uint64 notAfter,uint32 epoch,uint64 relayBy,bytes32 terms,bytes32 salt)"
            ),
            g.basis,
            g.subject,
            g.scope,
            g.anchoredBy,
            g.grantee,
            g.purposes,
            g.actions
        );
        bytes memory tail = abi.encode(g.notBefore, g.notAfter, g.epoch, g.relayBy, g.terms, g.salt);
        return keccak256(abi.encodePacked(head, tail));
    }

    function hash(Badge memory b) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "Badge(uint32 institution,bytes32 person,address session,uint32 roles,uint64 trainedUntil,uint64 notBefore,uint64 notAfter,uint32 epoch)"
                ),
                b.institution,
                b.person,
                b.session,
                b.roles,
                b.trainedUntil,
                b.notBefore,
                b.notAfter,
                b.epoch
            )
        );
    }

    function hash(KeyRequest memory r) internal pure returns (bytes32) {
        bytes memory head = abi.encode(
            keccak256(
                "KeyRequest(bytes32 studyId,uint16 revision,uint32 series,bytes32 grantId,uint8 purpose,uint8 action,bytes32 person,bytes32 recipient,uint64 notAfter,bytes32 salt)"
            ),
            r.studyId,
            r.revision,
            r.series,
            r.grantId,
            r.purpose,
            r.action
        );
        return keccak256(abi.encodePacked(head, abi.encode(r.person, r.recipient, r.notAfter, r.salt)));
    }

    function hashRevoke(bytes32 grantId) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Revoke(bytes32 grantId)"), grantId));
    }

    function hash(RevokeAll memory r) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("RevokeAll(bytes20 subject,uint32 epoch)"), r.subject, r.epoch));
    }

    function hash(Enrol memory e) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Enrol(uint32 custodian,bytes32 salt,bytes32 signerHash)"), e.custodian, e.salt, e.signerHash
            )
        );
    }

    function hash(Anchor memory a) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(ANCHOR)), a.subject, a.salt, a.manifest, a.retainUntilDay));
    }

    function hash(Anchor[] memory anchors) internal pure returns (bytes32) {
        bytes memory hashes;
        for (uint256 i = 0; i < anchors.length; ++i) {
            hashes = bytes.concat(hashes, hash(anchors[i]));
        }
        bytes32 typeHash = keccak256(abi.encodePacked("AnchorBatch(Anchor[] anchors)", ANCHOR));
        return keccak256(abi.encode(typeHash, keccak256(hashes)));
    }

    function hash(Revise memory r) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Revise(bytes32 studyId,uint16 revision,bytes32 manifest)"), r.studyId, r.revision, r.manifest
            )
        );
    }

    function hash(Withdraw memory w) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Withdraw(bytes32 studyId,uint16 revision)"), w.studyId, w.revision));
    }

    function hash(Admit memory a) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Admit(address governor,uint8 region,uint64 exports,uint64 round)"),
                a.governor,
                a.region,
                a.exports,
                a.round
            )
        );
    }

    function hash(Suspend memory s) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Suspend(uint32 institution,uint64 round)"), s.institution, s.round));
    }

    function hash(Reinstate memory r) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Reinstate(uint32 institution,uint64 round)"), r.institution, r.round));
    }

    function hash(Publish memory p) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Publish(uint32 institution,uint8 kind,bytes32 keyHash,uint64 notAfter)"),
                p.institution,
                p.kind,
                p.keyHash,
                p.notAfter
            )
        );
    }

    function hash(RaiseBadgeEpoch memory r) internal pure returns (bytes32) {
        return
            keccak256(abi.encode(keccak256("RaiseBadgeEpoch(uint32 institution,uint32 epoch)"), r.institution, r.epoch));
    }

    function hash(WithdrawPerson memory w) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("WithdrawPerson(bytes32 person)"), w.person));
    }
}
