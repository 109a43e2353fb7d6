// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Review } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantTypedData } from "../utils/GrantTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";
import { ActingBadges } from "./ActingBadges.t.sol";

/// @dev Places whose act is a grant.
abstract contract GrantingBadges is ActingBadges {
    using TypedData for *;

    function basis() internal pure virtual returns (uint8);

    function structHash() internal view override returns (bytes32) {
        return grantOn(basis()).hash();
    }

    /// @dev Whoever approves beside, with the epoch of the moment.
    function beside(Badge memory badge, uint256 session) internal view returns (Approval memory) {
        badge.epoch = epochBeside;
        return atGrants(session, badge, structHash());
    }

    function act(Approval memory approval) internal virtual override {
        grants.grant(grantOn(basis()), one(approval));
    }
}

contract CareBadge is GrantingBadges {
    function basis() internal pure override returns (uint8) {
        return Rules.CARE;
    }

    function good() internal pure override returns (Badge memory, uint256) {
        return (officerBadge(CUSTODIAN), officerOf(CUSTODIAN));
    }
}

contract LawBadge is GrantingBadges {
    function basis() internal pure override returns (uint8) {
        return Rules.LAW;
    }

    function good() internal pure override returns (Badge memory, uint256) {
        return (officerBadge(CUSTODIAN), officerOf(CUSTODIAN));
    }
}

contract PaperFirstBadge is GrantingBadges {
    function basis() internal pure override returns (uint8) {
        return Rules.PAPER;
    }

    function good() internal pure override returns (Badge memory, uint256) {
        return (officerBadge(CUSTODIAN), officerOf(CUSTODIAN));
    }

    function act(Approval memory approval) internal override {
        grants.grant(grantOn(Rules.PAPER), two(approval, beside(clerkBadge(), CLERK)));
    }
}

contract PaperSecondBadge is GrantingBadges {
    function basis() internal pure override returns (uint8) {
        return Rules.PAPER;
    }

    function good() internal pure override returns (Badge memory, uint256) {
        return (clerkBadge(), CLERK);
    }

    function foremost() internal pure override returns (bytes32) {
        return officerPerson(CUSTODIAN);
    }

    function act(Approval memory approval) internal override {
        Approval memory first = beside(officerBadge(CUSTODIAN), officerOf(CUSTODIAN));
        grants.grant(grantOn(Rules.PAPER), two(first, approval));
    }
}

contract EmergencyFirstBadge is GrantingBadges {
    function basis() internal pure override returns (uint8) {
        return Rules.EMERGENCY;
    }

    function good() internal pure override returns (Badge memory, uint256) {
        return (defaultBadge(), SESSION);
    }

    function act(Approval memory approval) internal override {
        grants.grant(grantOn(Rules.EMERGENCY), two(approval, beside(colleagueBadge(), COLLEAGUE)));
    }
}

contract EmergencySecondBadge is GrantingBadges {
    function basis() internal pure override returns (uint8) {
        return Rules.EMERGENCY;
    }

    function good() internal pure override returns (Badge memory, uint256) {
        return (colleagueBadge(), COLLEAGUE);
    }

    function foremost() internal pure override returns (bytes32) {
        return PERSON;
    }

    function act(Approval memory approval) internal override {
        grants.grant(grantOn(Rules.EMERGENCY), two(beside(defaultBadge(), SESSION), approval));
    }
}

/// @dev By an officer of hospital 3; hospital 2 opened the emergency.
contract ReviewBadge is ActingBadges {
    using GrantTypedData for *;

    bytes32 private _grantId;

    function setUp() public override {
        super.setUp();
        _grantId = giveOn(grantOn(Rules.EMERGENCY));
    }

    function review() private view returns (Review memory) {
        return Review(_grantId, 1, REPORT);
    }

    function good() internal pure override returns (Badge memory, uint256) {
        return (officerBadge(BYSTANDER), officerOf(BYSTANDER));
    }

    function structHash() internal view override returns (bytes32) {
        return review().hash();
    }

    function act(Approval memory approval) internal override {
        grants.review(review(), approval);
    }
}
