// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Reason } from "../../src/interfaces/IReleases.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { TypedData } from "../utils/TypedData.sol";
import { RecordBase } from "./RecordBase.t.sol";

/// @notice Reasons 11 to 30: the study, the grant, its terms and the destination, and the order of all.
contract RecordReasonsTest is RecordBase {
    using TypedData for *;

    // 11 to 15: the study.

    function test_11_study_unknown(bytes32 unknown) public {
        vm.assume(unknown != studyId);
        _request.studyId = unknown;
        refuse(Reason.STUDY_UNKNOWN);
    }

    function test_12_revision_unknown(uint16 revision) public {
        vm.assume(revision != 1);
        _request.revision = revision;
        refuse(Reason.REVISION_UNKNOWN);
    }

    function test_12_every_revision_of_the_study() public {
        revise(studyId, 2, sha256("two"));
        accept();
        _request.revision = 2;
        accept();
    }

    function test_13_revision_withdrawn() public {
        revise(studyId, 2, sha256("two"));
        withdraw(studyId, 1);
        refuse(Reason.REVISION_WITHDRAWN);
        _request.revision = 2;
        accept();
    }

    function test_14_study_withdrawn() public {
        withdraw(studyId, 0);
        refuse(Reason.STUDY_WITHDRAWN);
    }

    function test_15_study_erased() public {
        eraseStudy(studyId);
        refuse(Reason.STUDY_ERASED);
    }

    // 16 to 21: the grant.

    function test_16_grant_mismatch(bytes32 grantId) public {
        vm.assume(grantId != _grant.hash());
        _request.grantId = grantId;
        refuse(Reason.GRANT_MISMATCH);
    }

    function test_17_grant_of_another_subject() public {
        bytes20 other = enrol(667, keccak256("another salt"));
        (_grant.subject, _grant.scope, _grant.anchoredBy) = (other, 0, FOREVER);
        grants.grant(_grant, oneApproval(patientApproval(667, _grant.hash())));
        _request.grantId = _grant.hash();
        refuse(Reason.GRANT_SUBJECT);
    }

    function test_18_grant_unknown(bytes32 salt) public {
        vm.assume(salt != _grant.salt);
        _grant.salt = salt;
        _request.grantId = _grant.hash();
        refuse(Reason.GRANT_UNKNOWN);
    }

    function test_19_grant_revoked() public {
        revoke(_grant);
        refuse(Reason.GRANT_REVOKED);
    }

    function test_20_grant_epoch() public {
        revokeAll(1);
        refuse(Reason.GRANT_EPOCH);
    }

    function test_21_restricted() public {
        restrict(subject, PATIENT);
        refuse(Reason.RESTRICTED);
        lift(subject, PATIENT);
        accept();
    }

    // 22 to 28: the terms.

    function test_22_scope_of_one_study(bytes32 scope) public {
        vm.assume(scope != studyId && scope != 0);
        _grant.scope = scope;
        regrant();
        refuse(Reason.SCOPE);
    }

    function test_22_scope_of_all_so_far(uint64 anchoredBy) public {
        (_grant.scope, _grant.anchoredBy) = (0, uint64(bound(anchoredBy, 0, NOW - 1)));
        regrant();
        refuse(Reason.SCOPE);
        _grant.anchoredBy = uint64(NOW);
        regrant();
        accept();
    }

    function test_22_scope_of_future_ones_too() public {
        (_grant.scope, _grant.anchoredBy) = (0, FOREVER);
        regrant();
        vm.warp(NOW + 1);
        _request.studyId = anchor(subject, keccak256("later"), sha256("later"));
        accept();
    }

    function test_22_scope_of_one_series(uint32 granted, uint32 asked) public {
        granted = uint32(bound(granted, 1, type(uint32).max));
        vm.assume(granted != asked);
        _grant.scope = keccak256(abi.encode(studyId, granted));
        regrant();
        _request.series = asked;
        refuse(Reason.SCOPE);
        _request.series = 0;
        refuse(Reason.SCOPE);
        _request.series = granted;
        accept();
    }

    function test_22_series_zero_is_no_series() public {
        _grant.scope = keccak256(abi.encode(studyId, uint32(0)));
        regrant();
        refuse(Reason.SCOPE);
    }

    function test_22_any_series_of_a_granted_study(uint32 series) public {
        _request.series = series;
        accept();
    }

    function test_23_grantee(bytes32 grantee) public {
        grantee |= bytes32(uint256(1 << 224));
        vm.assume(grantee != PERSON && grantee != bytes32(bytes4(REQUESTER)));
        _grant.grantee = grantee;
        regrant();
        refuse(Reason.GRANTEE);
    }

    function test_23_an_institution_is_everybody_in_it(uint224 rest) public {
        _grant.grantee = bytes32(bytes4(REQUESTER));
        regrant();
        _badge.person = bytes32(bytes4(REQUESTER)) | bytes32(uint256(rest));
        _request.person = _badge.person;
        accept();
    }

    function test_24_purpose_not_granted(uint8 purpose) public {
        vm.assume(purpose != 0);
        _request.purpose = purpose;
        refuse(Reason.PURPOSE_NOT_GRANTED);
    }

    function test_25_purpose_not_for_role(uint32 roles) public {
        _badge.roles = roles & ~(Rules.PHYSICIAN | Rules.RADIOLOGIST | Rules.TECHNOLOGIST | Rules.NURSE);
        refuse(Reason.PURPOSE_NOT_FOR_ROLE);
        _badge.roles |= Rules.NURSE;
        accept();
    }

    function test_26_action_not_granted(uint8 action) public {
        vm.assume(action != 1 && action != 2);
        _request.action = action;
        refuse(Reason.ACTION_NOT_GRANTED);
    }

    function test_27_grant_not_yet() public {
        _grant.notBefore = uint64(NOW + 1);
        regrant();
        refuse(Reason.GRANT_NOT_YET);
        vm.warp(NOW + 1);
        accept();
    }

    function test_28_grant_expired() public {
        _grant.notAfter = uint64(NOW + 10);
        regrant();
        vm.warp(NOW + 10);
        refuse(Reason.GRANT_EXPIRED);
        vm.warp(NOW + 9);
        accept();
    }

    // 29 and 30: the destination.

    function test_29_region() public {
        _asBystander();
        refuse(Reason.REGION);
    }

    function test_30_recipient_unpublished(bytes32 recipient) public {
        vm.assume(recipient != GATEWAY);
        _request.recipient = recipient;
        refuse(Reason.RECIPIENT_UNPUBLISHED);
    }

    function test_30_recipient_ended() public {
        vm.warp(KEYS_END - 1);
        (_badge.notAfter, _badge.trainedUntil, _request.notAfter) = (FOREVER, FOREVER, FOREVER);
        (_grant.notAfter, _grant.relayBy) = (KEYS_END + 1, FOREVER);
        regrant();
        accept();
        _request.salt = 0;
        vm.warp(NOW);
        endGateway(uint64(NOW));
        refuse(Reason.RECIPIENT_UNPUBLISHED);
    }

    function test_the_order_of_checks_from_the_last_to_the_first() public {
        // Each line breaks one more fact, further to the left: the reason moves with it.
        endGateway(1);
        refuse(Reason.RECIPIENT_UNPUBLISHED);
        _grant.notAfter = uint64(NOW + 10);
        regrant();
        vm.warp(NOW + 10);
        refuse(Reason.GRANT_EXPIRED);
        _request.action = 9;
        refuse(Reason.ACTION_NOT_GRANTED);
        _badge.roles = 0;
        refuse(Reason.PURPOSE_NOT_FOR_ROLE);
        _request.purpose = 9;
        refuse(Reason.PURPOSE_NOT_GRANTED);
        restrict(subject, PATIENT);
        refuse(Reason.RESTRICTED);
        revokeAll(1);
        refuse(Reason.GRANT_EPOCH);
        revoke(_grant);
        refuse(Reason.GRANT_REVOKED);
        _request.grantId = 0;
        refuse(Reason.GRANT_MISMATCH);
        withdraw(studyId, 0);
        refuse(Reason.STUDY_WITHDRAWN);
        withdraw(studyId, 1);
        refuse(Reason.REVISION_WITHDRAWN);
        _request.revision = 7;
        refuse(Reason.REVISION_UNKNOWN);
        _request.studyId = 0;
        refuse(Reason.STUDY_UNKNOWN);
        _request.notAfter = 0;
        refuse(Reason.REQUEST_WINDOW);
        _request.person = 0;
        refuse(Reason.PERSON_MISMATCH);
        _badge.person = 0;
        refuse(Reason.PERSON_PREFIX);
        _badge.session = vm.addr(STRANGER);
        refuse(Reason.REQUEST_SIGNATURE);
        _badge.trainedUntil = 0;
        refuse(Reason.TRAINING_LAPSED);
        _badge.person = PERSON;
        withdrawPerson();
        refuse(Reason.PERSON_WITHDRAWN);
        _badge.notAfter = 0;
        refuse(Reason.BADGE_WINDOW);
        raiseBadgeEpoch();
        refuse(Reason.BADGE_EPOCH);
        suspendRequester();
        refuse(Reason.INSTITUTION_INACTIVE);
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, 1);
        refuse(Reason.ISSUER_UNPUBLISHED);
    }

    /// @dev The clinician moves to hospital 3, in region 2, which hospital 1 does not export to.
    function _asBystander() private {
        publishSigner(BYSTANDER, GOVERNOR_3, Kinds.ISSUER, ISSUER_2);
        (_badge.institution, _badge.person) = (BYSTANDER, bytes32(bytes4(BYSTANDER)) | bytes32(uint256(1)));
        _request.person = _grant.grantee = _badge.person;
        regrant();
    }
}
