// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { KeyRequest } from "../../src/interfaces/IReleases.sol";
import { AnyLedger } from "./AnyLedger.sol";

/// @title Revoked is never open: what leans on a revoked grant is not, and a revoked grant stays one.
contract RevokedProofs is AnyLedger {
    function check_what_is_open_leans_on_a_live_grant(KeyRequest calldata request) external view {
        bool staff = releases.releaseOf(releases.requestIdOf(request)).institution != 0;
        if (releases.isOpen(request) && staff) assert(grants.grantOf(request.grantId).state == LIVE);
    }

    /// @dev Own access leans on none.
    function refute_what_is_open_leans_on_a_live_grant(KeyRequest calldata request) external view {
        if (releases.isOpen(request)) assert(grants.grantOf(request.grantId).state == LIVE);
    }

    /// @custom:halmos --default-array-lengths 1 --default-bytes-lengths 20,65
    function check_a_revoked_grant_stays_revoked(bytes32 grantId) external {
        if (grants.grantOf(grantId).state != REVOKED) return;
        anyCall("Grants", address(grants));
        assert(grants.grantOf(grantId).state == REVOKED);
    }

    /// @dev A live one does not stay live.
    /// @custom:halmos --default-array-lengths 1 --default-bytes-lengths 20,65 --early-exit
    function refute_a_revoked_grant_stays_revoked(bytes32 grantId) external {
        if (grants.grantOf(grantId).state != LIVE) return;
        anyCall("Grants", address(grants));
        assert(grants.grantOf(grantId).state == LIVE);
    }
}
