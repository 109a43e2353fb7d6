// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant } from "../../src/interfaces/IGrants.sol";
import { Badge } from "../../src/interfaces/IMembers.sol";
import { Evidence, KeyRequest, Reason } from "../../src/interfaces/IReleases.sol";
import { GrantBase } from "../GrantBase.t.sol";
import { TypedData } from "../utils/TypedData.sol";

/// @title A request that would be recorded, for tests to change and expect the one reason.
abstract contract RecordBase is GrantBase {
    using TypedData for *;

    Grant internal _grant;
    KeyRequest internal _request;
    Badge internal _badge;

    function setUp() public virtual override {
        super.setUp();
        _grant = defaultGrant();
        give(_grant);
        _request = defaultRequest(_grant.hash());
        _badge = defaultBadge();
    }

    /// @dev Signs what the test made of the three structs and expects the one reason from check and record alike.
    function refuse(Reason reason) internal {
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        refuse(evidence, reason);
    }

    function refuse(Evidence memory evidence, Reason reason) internal {
        assertEq(uint256(releases.check(evidence)), uint256(reason), "check");
        expectRefused(evidence.request, reason);
        releases.record(evidence);
    }

    function accept() internal {
        Evidence memory evidence = evidenceOf(_request, _grant, _badge);
        assertEq(uint256(releases.check(evidence)), 0, "check");
        bytes32 requestId = releases.record(evidence);
        assertEq(releases.releaseOf(requestId).recordedAt, block.timestamp, "recorded at");
    }

    /// @dev Gives the grant again after the test changed its terms, and leans the request on it.
    function regrant() internal {
        give(_grant);
        _request.grantId = _grant.hash();
    }
}
