// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Evidence, KeyRequest } from "../../src/interfaces/IReleases.sol";
import { Approval, Representative } from "../../src/interfaces/ISubjects.sol";
import { TypedData } from "../utils/TypedData.sol";
import { AnyLedger } from "./AnyLedger.sol";

/// @title Recorded implies live: nothing is recorded for staff unless the grant that it leans on lives at that moment.
/// @notice The contracts to the left are only read while one is recorded, so what must hold can be asked before.
contract RecordedProofs is AnyLedger {
    /// @custom:halmos --default-bytes-lengths 65
    function check_what_is_recorded_leans_on_a_live_grant(Evidence calldata evidence) external {
        if (_isRecorded(evidence.request) || _holds(evidence)) return;
        releases.record(evidence);
        assert(false);
    }

    /// @dev Recording again has no effect, and asks nothing.
    /// @custom:halmos --default-bytes-lengths 65 --early-exit
    function refute_what_is_recorded_leans_on_a_live_grant(Evidence calldata evidence) external {
        if (_holds(evidence)) return;
        releases.record(evidence);
        assert(false);
    }

    /// @custom:halmos --default-bytes-lengths 65
    function check_what_a_batch_records_leans_on_a_live_grant(Evidence calldata evidence) external {
        if (_isRecorded(evidence.request) || _holds(evidence)) return;
        Evidence[] memory batch = new Evidence[](1);
        batch[0] = evidence;
        releases.recordBatch(batch);
        assert(!_isRecorded(evidence.request));
    }

    /// @dev What was recorded before stays so.
    /// @custom:halmos --default-bytes-lengths 65 --early-exit
    function refute_what_a_batch_records_leans_on_a_live_grant(Evidence calldata evidence) external {
        if (_holds(evidence)) return;
        Evidence[] memory batch = new Evidence[](1);
        batch[0] = evidence;
        releases.recordBatch(batch);
        assert(!_isRecorded(evidence.request));
    }

    /// @custom:halmos --array-lengths approval.signer={20,84},approval.signature=65,approval.credential={0,32}
    function check_own_access_is_the_patients(KeyRequest calldata request, Approval calldata approval) external {
        if (_isRecorded(request)) return;
        bytes20 subject = studies.studyOf(request.studyId).subject;
        bytes32 by = keccak256(approval.signer);
        Representative memory stored = subjects.representativeOf(subject, by);
        bool acts = isLiveRepresentative(subject, by) && stored.powers & MAY_ACCESS != 0;
        bytes32 digest = TypedData.digest(address(releases), releases.requestIdOf(request));
        bool signed = isSignedBy(approval.signer, digest, approval.signature);
        if (signed && (isCurrentSigner(subject, by) || acts)) return;
        releases.recordOwn(request, approval);
        assert(false);
    }

    /// @dev A representative's is, too.
    /// @custom:halmos --array-lengths approval.signer=20,approval.signature=65,approval.credential=0 --early-exit
    function refute_own_access_is_the_patients(KeyRequest calldata request, Approval calldata approval) external {
        if (_isRecorded(request)) return;
        if (isCurrentSigner(studies.studyOf(request.studyId).subject, keccak256(approval.signer))) return;
        releases.recordOwn(request, approval);
        assert(false);
    }

    function _isRecorded(KeyRequest calldata request) private view returns (bool) {
        return releases.releaseOf(releases.requestIdOf(request)).recordedAt != 0;
    }

    /// @dev Whether the request's grant is the one whose terms are given, of the study's subject, and live.
    function _holds(Evidence calldata evidence) private view returns (bool) {
        KeyRequest calldata request = evidence.request;
        return request.grantId == grants.grantIdOf(evidence.grant)
            && evidence.grant.subject == studies.studyOf(request.studyId).subject && isLive(request);
    }
}
