// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../src/interfaces/IErrors.sol";
import { Badge, RaiseBadgeEpoch, WithdrawPerson } from "../src/interfaces/IMembers.sol";
import { Approval } from "../src/interfaces/ISubjects.sol";
import { Kinds } from "../src/libraries/Kinds.sol";
import { Rules } from "../src/libraries/Rules.sol";
import { Staff } from "../src/libraries/Staff.sol";
import { SubjectBase } from "./SubjectBase.t.sol";
import { StaffChecker } from "./utils/StaffChecker.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @notice Each condition of the three strengths alone: what is good in all, and what each of them leaves out.
contract StaffTest is SubjectBase {
    using TypedData for *;

    bytes32 private constant _DIGEST = keccak256("a digest");

    /// @dev Later than everything begins, so that "then" is in the past.
    uint256 private constant _LATER = NOW + 50 days;

    StaffChecker private _checker;

    function setUp() public override {
        super.setUp();
        _checker = new StaffChecker(members);
    }

    function approvalUnder(uint256 issuer, Badge memory badge) private view returns (Approval memory) {
        return Approval(
            signerOf(officerOf(REQUESTER)),
            sign(officerOf(REQUESTER), _DIGEST),
            abi.encode(badge, signMembers(issuer, badge.hash()))
        );
    }

    function approvalOf(Badge memory badge) private view returns (Approval memory) {
        return approvalUnder(ISSUER_2, badge);
    }

    function good() private pure returns (Badge memory) {
        return officerBadge(REQUESTER);
    }

    /// @dev How the three strengths judge one approval; `then` asks about `time`.
    function judge(Approval memory approval, bool acting, bool leaving, bool then, uint256 time) private {
        (Badge memory badge,) = abi.decode(approval.credential, (Badge, bytes));
        if (!acting) expectNoStanding(badge.person);
        check(badge, _checker.acting(approval, _DIGEST, subject));
        if (!acting) expectNoStanding(badge.person);
        check(badge, _checker.officer(approval, _DIGEST, subject));
        if (!leaving) expectNoStanding(badge.person);
        check(badge, _checker.leaving(approval, _DIGEST, subject));
        if (!then) expectNoStanding(badge.person);
        check(badge, _checker.then(approval, _DIGEST, subject, time));
    }

    function judge(Badge memory badge, bool acting, bool leaving, bool then) private {
        judge(approvalOf(badge), acting, leaving, then, block.timestamp);
    }

    function judgeAll(Badge memory badge, bool good_) private {
        judge(badge, good_, good_, good_);
    }

    /// @dev What is given back is the badge; after an expected revert it is empty.
    function check(Badge memory badge, Badge memory given) private pure {
        if (given.institution != 0) assertEq(given.hash(), badge.hash(), "badge");
    }

    function test_a_good_badge() public {
        judgeAll(good(), true);
        assertEq(_checker.acting(approvalOf(good()), _DIGEST, subject).hash(), good().hash(), "acting");
        assertEq(_checker.officer(approvalOf(good()), _DIGEST, subject).hash(), good().hash(), "officer");
        assertEq(_checker.leaving(approvalOf(good()), _DIGEST, subject).hash(), good().hash(), "leaving");
        assertEq(_checker.then(approvalOf(good()), _DIGEST, subject, NOW).hash(), good().hash(), "then");
    }

    // What all three want.

    function test_its_window() public {
        Badge memory badge = good();
        (badge.notBefore, badge.notAfter) = (uint64(NOW + 10), uint64(NOW + 20));
        uint256[4] memory times = [NOW + 9, NOW + 10, NOW + 19, NOW + 20];
        for (uint256 i = 0; i < 4; ++i) {
            vm.warp(times[i]);
            judgeAll(badge, i == 1 || i == 2);
        }
    }

    function test_its_issuers_end() public {
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, uint64(NOW + 10));
        vm.warp(NOW + 9);
        judgeAll(good(), true);
        vm.warp(NOW + 10);
        judgeAll(good(), false);
    }

    function test_an_issuer_that_its_institution_published(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != ISSUER_2);
        judge(approvalUnder(ISSUER_1, good()), false, false, false, NOW); // another institution's
        judge(approvalUnder(key, good()), false, false, false, NOW);
    }

    function test_a_malformed_issuers_signature(bytes memory signature) public {
        vm.assume(signature.length != 65);
        Approval memory approval = approvalOf(good());
        approval.credential = abi.encode(good(), signature);
        judge(approval, false, false, false, NOW);
    }

    function test_a_badge_that_was_changed() public {
        Badge memory badge = good();
        badge.trainedUntil += 1;
        Approval memory approval = approvalOf(good());
        (, bytes memory signature) = abi.decode(approval.credential, (Badge, bytes));
        approval.credential = abi.encode(badge, signature);
        judge(approval, false, false, false, NOW);
    }

    function test_a_person_of_its_institution(bytes32 person) public {
        vm.assume(uint32(bytes4(person)) != REQUESTER);
        Badge memory badge = good();
        badge.person = person;
        judgeAll(badge, false);
        badge.person = officerBadge(CUSTODIAN).person;
        judgeAll(badge, false);
    }

    // What only more access, or only now, wants.

    function test_its_epoch(uint32 epoch) public {
        vm.assume(epoch != 1);
        Badge memory badge = good();
        badge.epoch = epoch;
        judge(badge, false, false, true);
    }

    function test_badges_that_were_ended() public {
        RaiseBadgeEpoch memory raise = RaiseBadgeEpoch(REQUESTER, 1);
        members.raiseBadgeEpoch(raise, signMembers(GOVERNOR_2, raise.hash()));
        judge(good(), false, false, true);
    }

    function test_a_person_that_was_withdrawn() public {
        WithdrawPerson memory withdrawal = WithdrawPerson(good().person);
        members.withdrawPerson(withdrawal, signMembers(ISSUER_2, withdrawal.hash()));
        judge(good(), false, false, true);
    }

    function test_an_institution_that_is_suspended() public {
        suspendRequester();
        judge(good(), false, true, true);
        reinstateRequester();
        judgeAll(good(), true);
    }

    function test_training() public {
        Badge memory badge = good();
        badge.trainedUntil = uint64(NOW + 10);
        vm.warp(NOW + 9);
        judgeAll(badge, true);
        vm.warp(NOW + 10);
        judge(badge, false, true, false);
    }

    function test_a_role() public {
        Badge memory badge = good();
        badge.roles = ~Rules.OFFICER;
        _checker.acting(approvalOf(badge), _DIGEST, subject);
        _checker.leaving(approvalOf(badge), _DIGEST, subject);
        _checker.then(approvalOf(badge), _DIGEST, subject, NOW);
        Approval memory approval = approvalOf(badge);
        expectNoStanding(badge.person);
        _checker.officer(approval, _DIGEST, subject);
        badge.roles = Rules.OFFICER;
        _checker.officer(approvalOf(badge), _DIGEST, subject);
        assertTrue(Staff.isOfficer(badge), "officer");
    }

    // What was good then.

    function test_what_was_done_then_is_judged_then() public {
        Badge memory badge = good();
        (badge.notBefore, badge.notAfter, badge.trainedUntil) = (uint64(NOW + 10), uint64(NOW + 20), uint64(NOW + 15));
        Approval memory approval = approvalOf(badge);
        vm.warp(_LATER);
        judge(approval, false, false, false, NOW + 9);
        judge(approval, false, false, true, NOW + 10);
        judge(approval, false, false, true, NOW + 14);
        judge(approval, false, false, false, NOW + 15); // no training
        badge.trainedUntil = uint64(NOW + 30);
        approval = approvalOf(badge);
        judge(approval, false, false, true, NOW + 19);
        judge(approval, false, false, false, NOW + 20); // no badge
    }

    function test_an_issuers_end_is_moved_before_what_was_done_then() public {
        Approval memory approval = approvalOf(good());
        vm.warp(_LATER);
        judge(approval, true, true, true, NOW + 10);
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, uint64(NOW + 11));
        judge(approval, false, false, true, NOW + 10);
        endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, uint64(NOW + 10));
        judge(approval, false, false, false, NOW + 10);
    }

    // Who signs.

    function test_the_session_is_the_badges(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != officerOf(REQUESTER));
        Approval memory approval = approvalOf(good());
        (approval.signer, approval.signature) = (signerOf(key), sign(key, _DIGEST));
        judge(approval, false, false, false, NOW);
    }

    function test_the_session_is_an_account(bytes memory signer) public {
        vm.assume(signer.length != 20);
        Approval memory approval = approvalOf(good());
        approval.signer = signer;
        judge(approval, false, false, false, NOW);
        Badge memory badge = good();
        badge.session = address(0);
        approval = approvalOf(badge);
        approval.signer = signer;
        judge(approval, false, false, false, NOW);
        approval.signer = abi.encodePacked(address(0));
        judge(approval, false, false, false, NOW);
    }

    function test_the_session_signs(uint256 key) public {
        key = bound(key, 1, 1 << 200);
        vm.assume(key != officerOf(REQUESTER));
        Approval memory approval = approvalOf(good());
        approval.signature = sign(key, _DIGEST);
        expectInvalid(_DIGEST);
        _checker.acting(approval, _DIGEST, subject);
        expectInvalid(_DIGEST);
        _checker.officer(approval, _DIGEST, subject);
        expectInvalid(_DIGEST);
        _checker.leaving(approval, _DIGEST, subject);
        expectInvalid(_DIGEST);
        _checker.then(approval, _DIGEST, subject, NOW);
    }

    function test_another_digest_was_signed(bytes32 digest) public {
        vm.assume(digest != _DIGEST);
        Approval memory approval = approvalOf(good());
        expectInvalid(digest);
        _checker.acting(approval, digest, subject);
    }

    function test_a_credential_that_does_not_decode() public {
        Approval memory approval = approvalOf(good());
        approval.credential = "";
        vm.expectRevert(bytes(""));
        _checker.acting(approval, _DIGEST, subject);
        approval.credential = hex"01";
        vm.expectRevert(bytes(""));
        _checker.leaving(approval, _DIGEST, subject);
    }

    function test_the_subject_is_the_one_asked_about(bytes20 of_) public {
        Badge memory badge = good();
        badge.epoch = 2;
        Approval memory approval = approvalOf(badge);
        expectNoStanding(of_, badge.person);
        _checker.acting(approval, _DIGEST, of_);
    }

    function expectInvalid(bytes32 digest) private {
        vm.expectRevert(abi.encodeWithSelector(IErrors.SignatureInvalid.selector, digest));
    }
}
