// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant, GrantState } from "../../src/interfaces/IGrants.sol";
import { Evidence, KeyRequest, ReleaseState } from "../../src/interfaces/IReleases.sol";
import { Approval, Subject } from "../../src/interfaces/ISubjects.sol";
import { AnyLedger } from "./AnyLedger.sol";

/// @title An older epoch is dead: not open, not recorded, not granted; and epochs only rise.
contract EpochProofs is AnyLedger {
    function check_what_is_open_is_of_this_epoch(KeyRequest calldata request) external view {
        if (!releases.isOpen(request)) return;
        ReleaseState memory release = releases.releaseOf(releases.requestIdOf(request));
        uint32 granted = release.institution == 0 ? release.epoch : grants.grantOf(request.grantId).epoch;
        assert(granted == _epochNow(request));
    }

    /// @dev A staff member's release has the badge's epoch.
    function refute_what_is_open_is_of_this_epoch(KeyRequest calldata request) external view {
        if (!releases.isOpen(request)) return;
        assert(releases.releaseOf(releases.requestIdOf(request)).epoch == _epochNow(request));
    }

    /// @custom:halmos --default-bytes-lengths 65
    function check_what_is_recorded_is_of_this_epoch(Evidence calldata evidence) external {
        if (releases.releaseOf(releases.requestIdOf(evidence.request)).recordedAt != 0) return;
        if (grants.grantOf(evidence.request.grantId).epoch == _epochNow(evidence.request)) return;
        releases.record(evidence);
        assert(false);
    }

    /// @dev Recording again has no effect, and asks nothing.
    /// @custom:halmos --default-bytes-lengths 65 --early-exit
    function refute_what_is_recorded_is_of_this_epoch(Evidence calldata evidence) external {
        if (grants.grantOf(evidence.request.grantId).epoch == _epochNow(evidence.request)) return;
        releases.record(evidence);
        assert(false);
    }

    /// @custom:halmos --array-lengths approvals={1,2} --default-bytes-lengths 20,65,84
    function check_what_is_granted_is_of_this_epoch(Grant calldata terms, Approval[] calldata approvals) external {
        if (grants.grantOf(grants.grantIdOf(terms)).state == LIVE) return;
        if (terms.epoch == subjects.subjectOf(terms.subject).epoch) return;
        grants.grant(terms, approvals);
        assert(false);
    }

    /// @dev Granting again has no effect, and asks nothing.
    /// @custom:halmos --array-lengths approvals=1 --default-bytes-lengths 20 --early-exit
    function refute_what_is_granted_is_of_this_epoch(Grant calldata terms, Approval[] calldata approvals) external {
        if (terms.epoch == subjects.subjectOf(terms.subject).epoch) return;
        grants.grant(terms, approvals);
        assert(false);
    }

    /// @custom:halmos --default-array-lengths 1 --default-bytes-lengths 20,65
    function check_epochs_only_rise(bytes20 subject) external {
        Subject memory before = subjects.subjectOf(subject);
        if (before.custodian == 0) return;
        anyCall("Subjects", address(subjects));
        uint32 epoch = subjects.subjectOf(subject).epoch;
        assert(epoch == before.epoch || epoch == uint256(before.epoch) + 1);
    }

    /// @dev They do rise.
    /// @custom:halmos --default-array-lengths 1 --default-bytes-lengths 20,65 --early-exit
    function refute_epochs_only_rise(bytes20 subject) external {
        Subject memory before = subjects.subjectOf(subject);
        if (before.custodian == 0) return;
        anyCall("Subjects", address(subjects));
        assert(subjects.subjectOf(subject).epoch == before.epoch);
    }

    /// @custom:halmos --default-array-lengths 1 --default-bytes-lengths 20,65
    function check_a_grant_keeps_its_epoch(bytes32 grantId) external {
        GrantState memory before = grants.grantOf(grantId);
        if (before.state != LIVE) return;
        anyCall("Grants", address(grants));
        GrantState memory stored = grants.grantOf(grantId);
        assert(stored.epoch == before.epoch && stored.subject == before.subject && stored.expiry == before.expiry);
    }

    /// @dev It does not keep its state.
    /// @custom:halmos --default-array-lengths 1 --default-bytes-lengths 20,65 --early-exit
    function refute_a_grant_keeps_its_epoch(bytes32 grantId) external {
        GrantState memory before = grants.grantOf(grantId);
        if (before.state != LIVE) return;
        anyCall("Grants", address(grants));
        assert(grants.grantOf(grantId).state == before.state);
    }

    function _epochNow(KeyRequest calldata request) private view returns (uint32) {
        return subjects.subjectOf(studies.studyOf(request.studyId).subject).epoch;
    }
}
