// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Actions } from "./Actions.sol";
import { LedgerChecks } from "./LedgerChecks.sol";

/// @notice The invariants of the design, after every bounded action.
contract LedgerInvariants is LedgerChecks {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// @dev forge asks these two: only the handler's actions are called.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_handler), Actions.all());
    }

    function invariant_a_revoked_grant_never_lives_again() public view {
        _a_revoked_grant_never_lives_again();
    }

    function invariant_a_request_is_recorded_once() public view {
        _a_request_is_recorded_once();
    }

    function invariant_revisions_only_rise_and_digests_stay() public view {
        _revisions_only_rise_and_digests_stay();
    }

    function invariant_serials_epochs_and_states_only_rise() public view {
        _serials_epochs_and_states_only_rise();
    }

    function invariant_a_held_study_is_not_erased() public view {
        _a_held_study_is_not_erased();
    }

    function invariant_who_owes_an_overdue_review_opens_no_emergency() public view {
        _who_owes_an_overdue_review_opens_no_emergency();
    }

    function invariant_no_grant_outlives_the_power_behind_it() public view {
        _no_grant_outlives_the_power_behind_it();
    }

    function invariant_restriction_leaves_law_emergencies_and_own_access() public view {
        _restriction_leaves_law_emergencies_and_own_access();
    }

    function invariant_events_replay_to_storage() public view {
        _events_replay_to_storage();
    }

    function invariant_is_open_is_what_the_events_say() public view {
        _is_open_is_what_the_events_say();
    }

    function invariant_the_patient_can_always_revoke() public {
        _the_patient_can_always_revoke();
    }
}
