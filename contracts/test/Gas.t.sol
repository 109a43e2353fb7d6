// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant } from "../src/interfaces/IGrants.sol";
import { Evidence, KeyRequest } from "../src/interfaces/IReleases.sol";
import { Anchor } from "../src/interfaces/IStudies.sol";
import { Approval, Enrol, RevokeAll } from "../src/interfaces/ISubjects.sol";
import { Assertion, Passkeys } from "./utils/Passkeys.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @notice One operation a test, no fuzzing: what `npm run snapshot` writes down. Run isolated (every call a transaction
/// of its own), the figures are a receipt's, and each must stay under the design's target for an EOA or a passkey.
contract GasTest is Passkeys {
    using TypedData for *;

    uint256 private constant _BATCH = 50;
    uint256 private constant _ANCHORS = 100;

    Evidence[] private _evidence;
    bytes20[] private _subjects;
    bytes20 private _passkeySubject;
    Grant private _passkeyGrant;
    bytes32 private _passkeyStudy;

    /// @dev Everything is signed beforehand, so that a test is the operation and little else.
    function setUp() public override {
        super.setUp();
        give(defaultGrant());
        for (uint256 i = 0; i < _ANCHORS; ++i) {
            _subjects.push(enrol(10_000 + i, keccak256(abi.encode("subject", i))));
        }
        for (uint256 i = 0; i < _BATCH; ++i) {
            Grant memory terms = defaultGrant();
            terms.scope = anchor(subject, keccak256(abi.encode("batch", i)), MANIFEST);
            give(terms);
            KeyRequest memory request = defaultRequest(terms.hash());
            request.studyId = terms.scope;
            _evidence.push(evidenceOf(request, terms, defaultBadge()));
        }
        enrolPasskey(PASSKEY, PASSKEY_SALT);
        _passkeySubject = subjects.subjectId(CUSTODIAN, PASSKEY_SALT);
        _passkeyStudy = anchor(_passkeySubject, keccak256("a study of a patient with a passkey"), MANIFEST);
        _passkeyGrant = defaultGrant();
        _passkeyGrant.subject = _passkeySubject;
        grants.grant(_passkeyGrant, oneApproval(passkeyApproval(PASSKEY, address(grants), _passkeyGrant.hash())));
    }

    function test_enrol() public {
        Enrol memory given = Enrol(CUSTODIAN, keccak256("gas"), hashOf(555));
        (bytes memory one, bytes memory two) =
            (signSubjects(REGISTRAR_1, given.hash()), signSubjects(555, given.hash()));
        subjects.enrol(given, one, signerOf(555), two);
        under(95_000, 1);
    }

    function test_anchor() public {
        Anchor memory given = Anchor(subject, keccak256("gas"), MANIFEST, 30_000);
        studies.anchor(given, signStudies(REGISTRAR_1, given.hash()));
        under(95_000, 1);
    }

    function test_anchor_100() public {
        Anchor[] memory given = new Anchor[](_ANCHORS);
        for (uint256 i = 0; i < _ANCHORS; ++i) {
            given[i] = Anchor(_subjects[i], keccak256(abi.encode("gas", i)), sha256(abi.encode(i)), 30_000);
        }
        studies.anchorBatch(given, signStudies(REGISTRAR_1, given.hash()));
        under(60_000, _ANCHORS);
    }

    function test_revise() public {
        revise(studyId, 2, sha256("two"));
        under(80_000, 1);
    }

    function test_grant() public {
        Grant memory terms = defaultGrant();
        terms.salt = keccak256("gas");
        give(terms);
        under(85_000, 1);
    }

    function test_revoke() public {
        revoke(defaultGrant());
        under(50_000, 1);
    }

    function test_revoke_own() public {
        Grant memory terms = defaultGrant();
        vm.prank(vm.addr(PATIENT));
        grants.revokeOwn(terms);
        under(42_000, 1);
    }

    function test_revoke_own_by_id() public {
        bytes32 grantId = defaultGrant().hash();
        vm.prank(vm.addr(PATIENT));
        grants.revokeOwnById(grantId);
        under(38_000, 1);
    }

    function test_revoke_all() public {
        RevokeAll memory revocation = RevokeAll(subject, 1);
        subjects.revokeAll(revocation, Approval(signerOf(PATIENT), signSubjects(PATIENT, revocation.hash()), ""));
        under(45_000, 1);
    }

    function test_record() public {
        releases.record(_evidence[0]);
        under(130_000, 1);
    }

    function test_record_50() public {
        releases.recordBatch(_evidence);
        under(85_000, _BATCH);
    }

    function test_record_own() public {
        KeyRequest memory request = defaultOwnRequest();
        releases.recordOwn(request, ownApproval(PATIENT, request));
        under(130_000, 1);
    }

    function test_passkey_enrol() public {
        enrolPasskey(OTHER_PASSKEY, keccak256("gas"));
        under(115_000, 1);
    }

    function test_passkey_grant() public {
        Grant memory terms = _passkeyGrant;
        terms.salt = keccak256("gas");
        grants.grant(terms, oneApproval(passkeyApproval(PASSKEY, address(grants), terms.hash())));
        under(105_000, 1);
    }

    function test_passkey_revoke() public {
        Grant memory terms = _passkeyGrant;
        bytes32 structHash = TypedData.hashRevoke(terms.hash());
        grants.revoke(terms, passkeyApproval(PASSKEY, address(grants), structHash));
        under(70_000, 1);
    }

    /// @dev As Chromium writes it now and then, so that nobody compares it with a template.
    function test_passkey_revoke_with_more_client_data() public {
        Grant memory terms = _passkeyGrant;
        Assertion memory assertion = assertionOf(TypedData.digest(address(grants), TypedData.hashRevoke(terms.hash())));
        string memory more =
            '"other_keys_can_be_added_here":"do not compare clientDataJSON against a template. See https://goo.gl/yabPex"}';
        assertion.clientDataJSON = string.concat(_withoutEnd(assertion.clientDataJSON), ",", more);
        grants.revoke(terms, Approval(passkeyOf(PASSKEY), signAssertion(PASSKEY, assertion), ""));
        under(70_000, 1);
    }

    function _withoutEnd(string memory json) private pure returns (string memory) {
        assembly ("memory-safe") {
            mstore(json, sub(mload(json), 1))
        }
        return json;
    }

    function test_passkey_revoke_all() public {
        RevokeAll memory revocation = RevokeAll(_passkeySubject, 1);
        subjects.revokeAll(revocation, passkeyApproval(PASSKEY, address(subjects), revocation.hash()));
        under(65_000, 1);
    }

    function test_passkey_record_own() public {
        KeyRequest memory request = defaultOwnRequest();
        request.studyId = _passkeyStudy;
        releases.recordOwn(request, passkeyApproval(PASSKEY, address(releases), request.hash()));
        under(150_000, 1);
    }
}
