// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Evidence, KeyRequest, Late, Reason, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { GrantTypedData } from "../utils/GrantTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @title A hand-over in an emergency, while the chain stalled from NOW to NOW + 30 hours; it was made at NOW + 1 hour.
abstract contract RecordLateBase is GrantBase {
    using TypedData for *;
    using GrantTypedData for *;

    uint64 internal constant HANDED_OVER_AT = uint64(NOW + 1 hours);
    uint256 internal constant BACK = NOW + 30 hours;

    Grant internal _grant;
    KeyRequest internal _request;
    Badge internal _badge;
    uint64 internal _at;

    function setUp() public virtual override {
        super.setUp();
        vm.warp(BACK);
        _grant = grantOn(Rules.EMERGENCY);
        _grant.relayBy = FOREVER;
        giveOn(_grant);
        (_badge, _at) = (defaultBadge(), HANDED_OVER_AT);
        _request = defaultRequest(_grant.hash());
        (_request.purpose, _request.notAfter) = (1, uint64(NOW + 2 hours));
    }

    function evidence() internal view returns (Evidence memory) {
        return evidenceOf(_request, _grant, _badge);
    }

    /// @dev The trustee's signature over what the test made of the request and the time.
    function trustee(uint256 key) internal view returns (bytes memory) {
        return signReleases(key, Late(_request.hash(), _at).hash());
    }

    function refuse(Reason reason) internal {
        refuse(evidence(), trustee(BROKER_1), reason);
    }

    function refuse(Evidence memory given, Reason reason) internal {
        refuse(given, trustee(BROKER_1), reason);
    }

    function refuse(Evidence memory given, bytes memory signature, Reason reason) internal {
        expectRefused(given.request, reason);
        releases.recordLate(given, _at, signature);
    }

    function accept() internal {
        releases.recordLate(evidence(), _at, trustee(BROKER_1));
        uint40 time = uint40(block.timestamp);
        ReleaseState memory expected = ReleaseState(time, time, _badge.institution, _badge.epoch, true);
        assertEq(releases.releaseOf(_request.hash()), expected);
        assertFalse(releases.isOpen(_request), "open");
    }

    /// @dev Gives the grant again after the test changed its terms, and leans the request on it.
    function regrant() internal {
        bytes32 grantId = _grant.hash();
        Approval memory second = atGrants(COLLEAGUE, colleagueBadge(), grantId);
        if (_grant.basis == Rules.EMERGENCY) grants.grant(_grant, two(first(grantId), second));
        else giveOn(_grant);
        _request.grantId = grantId;
    }

    /// @dev Somebody with a badge that is good at any time.
    function first(bytes32 grantId) private view returns (Approval memory) {
        return atGrants(STRANGER, badgeOf(REQUESTER, STRANGER, Rules.PHYSICIAN), grantId);
    }
}
