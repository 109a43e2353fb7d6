// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Badge } from "../../src/interfaces/IMembers.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @title What makes a badge good for more access, each condition alone; every place where staff approve runs these.
abstract contract ActingBadges is GrantBase {
    using TypedData for *;

    /// @dev The badge epoch of whoever approves beside the badge under test.
    uint32 internal epochBeside = 1;

    /// @dev The badge that is good in this place, and its session.
    function good() internal view virtual returns (Badge memory badge, uint256 session);

    /// @dev What is signed in this place.
    function structHash() internal view virtual returns (bytes32);

    /// @dev Does what needs the approval, as its one call to a contract that may revert.
    function act(Approval memory approval) internal virtual;

    /// @dev Whom a refusal names when the whole institution is out: whoever is looked at first.
    function foremost() internal view virtual returns (bytes32) {
        return badge_().person;
    }

    function accept(Badge memory badge) private {
        (, uint256 session) = good();
        act(atGrants(session, badge, structHash()));
    }

    function refuse(Badge memory badge) private {
        (, uint256 session) = good();
        refuse(atGrants(session, badge, structHash()), noStanding(badge.person));
    }

    function refuse(Approval memory approval, bytes memory expected) private {
        vm.expectRevert(expected);
        act(approval);
    }

    function badge_() private view returns (Badge memory badge) {
        (badge,) = good();
    }

    function approval_() private view returns (Approval memory) {
        (Badge memory badge, uint256 session) = good();
        return atGrants(session, badge, structHash());
    }

    function test_badge_as_it_is() public {
        accept(badge_());
    }

    function test_badge_of_anothers_issuer() public {
        Badge memory badge = badge_();
        Approval memory approval = approval_();
        approval.credential = abi.encode(badge, signMembers(issuerOf(badge.institution % 3 + 1), badge.hash()));
        refuse(approval, noStanding(badge.person));
    }

    function test_badge_of_a_malformed_issuer_signature() public {
        Badge memory badge = badge_();
        Approval memory approval = approval_();
        approval.credential = abi.encode(badge, bytes("not a signature"));
        refuse(approval, noStanding(badge.person));
    }

    function test_badge_of_an_issuer_that_ended() public {
        Badge memory badge = badge_();
        endIssuer(badge.institution, uint64(NOW));
        refuse(approval_(), noStanding(foremost()));
    }

    function test_badge_in_the_issuers_last_second() public {
        Badge memory badge = badge_();
        endIssuer(badge.institution, uint64(NOW + 1));
        accept(badge);
    }

    function test_badge_before_its_first_second() public {
        Badge memory badge = badge_();
        badge.notBefore = uint64(NOW + 1);
        refuse(badge);
    }

    function test_badge_in_its_only_second() public {
        Badge memory badge = badge_();
        (badge.notBefore, badge.notAfter) = (uint64(NOW), uint64(NOW + 1));
        accept(badge);
    }

    function test_badge_after_its_last_second() public {
        Badge memory badge = badge_();
        badge.notAfter = uint64(NOW);
        refuse(badge);
    }

    function test_badge_of_anothers_person() public {
        Badge memory badge = badge_();
        badge.person = bytes32(bytes4(badge.institution % 3 + 1)) | (badge.person << 32 >> 32);
        refuse(badge);
    }

    function test_badge_of_another_epoch(uint32 epoch) public {
        vm.assume(epoch != 1);
        Badge memory badge = badge_();
        badge.epoch = epoch;
        refuse(badge);
    }

    function test_badge_whose_epoch_ended() public {
        Badge memory badge = badge_();
        endBadges(badge.institution);
        epochBeside = 2;
        refuse(badge);
        badge.epoch = 2;
        accept(badge);
    }

    function test_badge_of_a_suspended_institution() public {
        Badge memory badge = badge_();
        suspend(badge.institution);
        refuse(approval_(), noStanding(foremost()));
    }

    function test_badge_whose_training_lapsed() public {
        Badge memory badge = badge_();
        badge.trainedUntil = uint64(NOW);
        refuse(badge);
        badge.trainedUntil = uint64(NOW + 1);
        accept(badge);
    }

    function test_badge_of_a_person_withdrawn() public {
        Badge memory badge = badge_();
        withdrawStaff(badge);
        refuse(badge);
    }

    function test_badge_of_another_session() public {
        Badge memory badge = badge_();
        badge.session = vm.addr(STRANGER);
        refuse(badge);
    }

    function test_badge_without_a_session() public {
        Badge memory badge = badge_();
        badge.session = address(0);
        Approval memory approval = approval_();
        approval.credential = abi.encode(badge, signMembers(issuerOf(badge.institution), badge.hash()));
        approval.signer = abi.encodePacked(address(0));
        approval.signature = new bytes(65);
        refuse(approval, noStanding(badge.person));
        approval.signer = "";
        refuse(approval, noStanding(badge.person));
    }

    function test_badge_with_more_signer_than_an_account() public {
        Approval memory approval = approval_();
        approval.signer = bytes.concat(approval.signer, hex"00");
        refuse(approval, noStanding(badge_().person));
    }

    function test_badge_with_a_session_that_did_not_sign() public {
        Approval memory approval = approval_();
        bytes memory own = approval.signature;
        approval.signature = signGrants(STRANGER, structHash());
        refuse(approval, signatureInvalid(structHash()));
        approval.signature = malleate(own);
        refuse(approval, signatureInvalid(structHash()));
        approval.signature = "";
        refuse(approval, signatureInvalid(structHash()));
    }

    function test_badge_with_a_signature_over_something_else() public {
        (Badge memory badge, uint256 session) = good();
        refuse(atGrants(session, badge, keccak256("something else")), signatureInvalid(structHash()));
    }

    function test_badge_with_a_signature_for_another_contract() public {
        (Badge memory badge, uint256 session) = good();
        refuse(staffAt(address(releases), session, badge, structHash()), signatureInvalid(structHash()));
    }

    /// @dev Nothing tells what does not decode.
    function test_a_credential_that_is_none() public {
        Approval memory approval = approval_();
        approval.credential = hex"00";
        vm.expectRevert(bytes(""));
        act(approval);
    }
}
