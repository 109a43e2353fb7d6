// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IGrants } from "../../src/interfaces/IGrants.sol";
import { IMembers } from "../../src/interfaces/IMembers.sol";
import { IReleases } from "../../src/interfaces/IReleases.sol";
import { IStudies } from "../../src/interfaces/IStudies.sol";
import { ISubjects } from "../../src/interfaces/ISubjects.sol";
import { Actions } from "./Actions.sol";
import { LedgerChecks } from "./LedgerChecks.sol";

/// @notice Long histories from one seed each. They show that the handler does everything: were one of its actions never
/// possible, the invariants would hold for nothing.
contract HistoriesTest is LedgerChecks {
    uint256 private constant _LONG = 1500;

    function test_histories_tell_every_event_and_replay() public {
        bytes4[] memory actions = Actions.all();
        for (uint256 i = 0; i < _LONG; ++i) {
            bytes32 seed = keccak256(abi.encode("a history", i));
            bytes memory words = abi.encode(_word(seed, 1), _word(seed, 2), _word(seed, 3), _word(seed, 4));
            bytes4 action = actions[uint256(seed) % actions.length];
            // whatever the action is called
            // solhint-disable-next-line avoid-low-level-calls
            (bool done, bytes memory data) = address(_handler).call(bytes.concat(action, words));
            if (!done) {
                assembly ("memory-safe") {
                    revert(add(data, 0x20), mload(data))
                }
            }
        }
        _a_revoked_grant_never_lives_again();
        _a_request_is_recorded_once();
        _revisions_only_rise_and_digests_stay();
        _serials_epochs_and_states_only_rise();
        _a_held_study_is_not_erased();
        _who_owes_an_overdue_review_opens_no_emergency();
        _no_grant_outlives_the_power_behind_it();
        _restriction_leaves_law_emergencies_and_own_access();
        _events_replay_to_storage();
        _is_open_is_what_the_events_say();
        _the_patient_can_always_revoke();
        _told();
    }

    function _word(bytes32 seed, uint256 which) private pure returns (bytes32) {
        return keccak256(abi.encode(seed, which));
    }

    function _told() private view {
        bytes32[16] memory one = [
            IMembers.Suspended.selector,
            IMembers.Reinstated.selector,
            IMembers.GovernorReplaced.selector,
            IMembers.ExportsChanged.selector,
            IMembers.BadgeEpochRaised.selector,
            ISubjects.Enrolled.selector,
            ISubjects.AllRevoked.selector,
            ISubjects.Rotated.selector,
            ISubjects.Appointed.selector,
            ISubjects.AppointmentVetoed.selector,
            ISubjects.Dismissed.selector,
            ISubjects.Restricted.selector,
            ISubjects.Lifted.selector,
            ISubjects.RecoveryBegun.selector,
            ISubjects.RecoveryVetoed.selector,
            ISubjects.Recovered.selector
        ];
        bytes32[17] memory two = [
            ISubjects.Transferred.selector,
            IStudies.Anchored.selector,
            IStudies.Revised.selector,
            IStudies.Withdrawn.selector,
            IStudies.Retained.selector,
            IStudies.Held.selector,
            IStudies.HoldLifted.selector,
            IStudies.ErasureRequested.selector,
            IStudies.Erased.selector,
            IGrants.Granted.selector,
            IGrants.Revoked.selector,
            IGrants.ReviewOwed.selector,
            IGrants.ReviewFiled.selector,
            IGrants.ReviewContested.selector,
            IReleases.Released.selector,
            IReleases.ReleasedLate.selector,
            IReleases.Denied.selector
        ];
        for (uint256 i = 0; i < 16; ++i) {
            assertTrue(_replay.told(one[i]) > 0, string.concat("never told: ", vm.toString(i)));
        }
        for (uint256 i = 0; i < 17; ++i) {
            assertTrue(_replay.told(two[i]) > 0, string.concat("never told: ", vm.toString(16 + i)));
        }
        assertTrue(_handler.refusals(IGrants.ReviewOverdue.selector) > 0, "no overdue review was in the way");
        assertTrue(_handler.refusals(IStudies.StudyHeld.selector) > 0, "no hold was in the way");
    }
}
