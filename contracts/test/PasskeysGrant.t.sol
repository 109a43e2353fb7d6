// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, GrantItem, GrantState, IGrants } from "../src/interfaces/IGrants.sol";
import { Evidence, KeyRequest, Reason } from "../src/interfaces/IReleases.sol";
import { Appoint, Approval, Dismiss, Rotate } from "../src/interfaces/ISubjects.sol";
import { Base } from "./Base.t.sol";
import { GrantBase } from "./GrantBase.t.sol";
import { Passkeys } from "./utils/Passkeys.sol";
import { SubjectTypedData } from "./utils/SubjectTypedData.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @notice A patient whose signer is a passkey, and a parent whose is: what they allow, take back and open for themselves.
contract PasskeysGrantTest is GrantBase, Passkeys {
    using TypedData for *;
    using SubjectTypedData for *;

    uint256 private constant _PARENT = 153;

    function setUp() public override(Base, GrantBase) {
        super.setUp();
        subject = enrolPasskey(PASSKEY, PASSKEY_SALT);
        studyId = anchor(subject, keccak256("a study of a patient with a passkey"), MANIFEST);
        Appoint memory given = defaultAppointment(subject);
        given.representative = hashOfPasskey(_PARENT);
        subjects.appoint(given, one(passkeyApproval(PASSKEY, address(subjects), given.hash())));
        vm.warp(NOW + APPOINTMENT_DELAY);
    }

    function hashOfPasskey(uint256 key) private view returns (bytes32) {
        return keccak256(passkeyOf(key));
    }

    function by(uint256 key, bytes32 structHash) private view returns (Approval memory) {
        return passkeyApproval(key, address(grants), structHash);
    }

    /// @dev From now on, until a day after the parent's power ends.
    function terms_() private view returns (Grant memory terms) {
        terms = defaultGrant();
        (terms.notBefore, terms.notAfter) = (uint64(block.timestamp), APPOINTED_UNTIL + 1 days);
        terms.relayBy = FOREVER;
    }

    function test_a_parents_grant_is_cut_to_the_power() public {
        Grant memory terms = terms_();
        Approval memory approval = by(_PARENT, terms.hash());
        vm.expectEmit(address(grants));
        emit IGrants.Granted(terms.hash(), subject, PERSON, terms, uint40(APPOINTED_UNTIL));
        grants.grant(terms, one(approval));
        assertEq(grants.grantOf(terms.hash()), GrantState(subject, 1, uint40(APPOINTED_UNTIL), 1, 1));
    }

    function test_both_in_a_batch() public {
        GrantItem[] memory items = new GrantItem[](2);
        Grant memory terms = terms_();
        items[0] = GrantItem(terms, one(by(PASSKEY, terms.hash())));
        terms = terms_();
        terms.salt = 0;
        items[1] = GrantItem(terms, one(by(_PARENT, terms.hash())));
        bool[] memory given = grants.grantBatch(items);
        assertTrue(given[0] && given[1], "given");
        assertEq(grants.grantOf(items[0].terms.hash()).expiry, APPOINTED_UNTIL + 1 days, "the patient's");
        assertEq(grants.grantOf(items[1].terms.hash()).expiry, APPOINTED_UNTIL, "the parent's");
    }

    function test_a_parent_revokes_what_the_patient_gave() public {
        Grant memory terms = terms_();
        grants.grant(terms, one(by(PASSKEY, terms.hash())));
        Approval memory approval = by(_PARENT, TypedData.hashRevoke(terms.hash()));
        vm.expectEmit(address(grants));
        emit IGrants.Revoked(terms.hash(), subject, hashOfPasskey(_PARENT));
        grants.revoke(terms, approval);
        assertEq(grants.grantOf(terms.hash()).state, 2, "state");
    }

    function test_a_dismissed_parent_neither_grants_nor_revokes() public {
        Dismiss memory dismissal = Dismiss(subject, hashOfPasskey(_PARENT), serialOf(subject));
        subjects.dismiss(dismissal, one(passkeyApproval(PASSKEY, address(subjects), dismissal.hash())));
        Grant memory terms = terms_();
        terms.epoch = 2;
        refuseGrant(terms, one(by(_PARENT, terms.hash())), noStanding(hashOfPasskey(_PARENT)));
        Approval memory approval = by(_PARENT, TypedData.hashRevoke(terms.hash()));
        vm.expectRevert(noStanding(hashOfPasskey(_PARENT)));
        grants.revoke(terms, approval);
    }

    function test_a_former_passkey_revokes_and_no_longer_grants() public {
        Rotate memory rotation = Rotate(subject, hashOfPasskey(OTHER_PASSKEY), serialOf(subject));
        Approval memory new_ = passkeyApproval(OTHER_PASSKEY, address(subjects), rotation.hash());
        Approval memory old = passkeyApproval(PASSKEY, address(subjects), rotation.hash());
        subjects.rotate(rotation, new_.signer, new_.signature, old);
        Grant memory terms = terms_();
        refuseGrant(terms, one(by(PASSKEY, terms.hash())), noStanding(hashOfPasskey(PASSKEY)));
        grants.grant(terms, one(by(OTHER_PASSKEY, terms.hash())));
        grants.revoke(terms, by(PASSKEY, TypedData.hashRevoke(terms.hash())));
        assertEq(grants.grantOf(terms.hash()).state, 2, "state");
    }

    function test_another_passkeys_signature_in_the_parents_name() public {
        Grant memory terms = terms_();
        Approval memory approval = by(OTHER_PASSKEY, terms.hash());
        approval.signer = passkeyOf(_PARENT);
        refuseGrant(terms, one(approval), signatureInvalid(terms.hash()));
    }

    function test_own_access_of_a_parent() public {
        KeyRequest memory request = defaultOwnRequest();
        request.notAfter = FOREVER;
        Approval memory approval = passkeyApproval(_PARENT, address(releases), request.hash());
        assertEq(uint256(releases.checkOwn(request, approval)), uint256(Reason.NONE), "check");
        releases.recordOwn(request, approval);
        assertEq(releases.releaseOf(request.hash()).lapse, block.timestamp + 8 hours, "lapse");
        assertTrue(releases.isOpen(request), "open");
    }

    function test_a_release_on_a_parents_grant() public {
        Grant memory terms = terms_();
        grants.grant(terms, one(by(_PARENT, terms.hash())));
        KeyRequest memory request = defaultRequest(terms.hash());
        request.notAfter = FOREVER;
        Evidence memory evidence = evidenceOf(request, terms, badgeOf(REQUESTER, SESSION, 1));
        evidence.badge.person = PERSON;
        releases.record(evidenceOf(request, terms, evidence.badge));
        assertTrue(releases.isOpen(request), "open");
    }
}
