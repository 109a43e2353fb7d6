// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grants } from "../../src/Grants.sol";
import { Members } from "../../src/Members.sol";
import { Releases } from "../../src/Releases.sol";
import { Studies } from "../../src/Studies.sol";
import { Subjects } from "../../src/Subjects.sol";
import {
    ChangeExports,
    NarrowExports,
    Publish,
    RaiseBadgeEpoch,
    Reinstate,
    ReplaceGovernor,
    Suspend
} from "../../src/interfaces/IMembers.sol";
import { Kinds } from "../../src/libraries/Kinds.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";
import { HandlerReleases } from "./HandlerReleases.sol";

/// @title What may happen to the ledger, in any order. Every action is bounded to one that must succeed, or whose
/// refusal is foretold; any other revert fails the run. Here: time and the members.
contract Handler is HandlerReleases {
    using TypedData for *;
    using SubjectTypedData for *;

    /// @dev While every key that is published stays so.
    uint256 private constant _END = NOW + 900 days;

    function wait(uint256 seconds_) external {
        _waitFor(bound(seconds_, 1, 3 hours));
    }

    /// @dev Until an appointment begins, a review is due, a recovery is ready.
    function waitLong(uint256 seconds_) external {
        _waitFor(bound(seconds_, 1 days, 4 days));
    }

    function _waitFor(uint256 seconds_) private {
        if (block.timestamp + seconds_ < _END) vm.warp(block.timestamp + seconds_);
    }

    function suspendOrReinstate(uint256 seed) external replayed {
        for (uint32 i = 1; i <= 3; ++i) {
            if (isActive(i)) continue;
            Reinstate memory reinstatement = Reinstate(i, members.round());
            if (seed % 2 == 0) members.reinstate(reinstatement, _votes(reinstatement.hash(), 0));
            return;
        }
        if (seed % 4 != 3) return;
        uint32 institution = uint32(1 + (seed >> 8) % 3);
        Suspend memory suspension = Suspend(institution, members.round());
        members.suspend(suspension, _votes(suspension.hash(), institution));
    }

    function replaceGovernor(uint256 seed) external replayed {
        if (seed % 8 != 5) return;
        uint32 institution = uint32(1 + (seed >> 8) % 3);
        ReplaceGovernor memory replacement = ReplaceGovernor(institution, vm.addr(_nextKey), members.round());
        members.replaceGovernor(replacement, _votes(replacement.hash(), institution));
        _governors[institution] = _nextKey++;
    }

    /// @dev Mostly to where the requester is, so that releases go on.
    function changeExports(uint256 seed, uint256 wanted) external replayed {
        if (seed % 4 != 1) return;
        uint32 institution = uint32(1 + (seed >> 8) % 3);
        uint64 exports = uint64(seed % 32 == 1 ? wanted : wanted | 2);
        ChangeExports memory change = ChangeExports(institution, exports, members.round());
        members.changeExports(change, _votes(change.hash(), 0));
    }

    function narrowExports(uint256 seed, uint256 mask) external replayed {
        uint32 institution = uint32(1 + seed % 3);
        if ((seed >> 8) % 16 != 1) mask |= 2;
        uint64 exports = members.exportsOf(institution) & uint64(mask);
        NarrowExports memory narrowing = NarrowExports(institution, exports, members.round());
        members.narrowExports(narrowing, signMembers(_governors[institution], narrowing.hash()));
    }

    function endTheBadges(uint256 seed) external replayed {
        if (seed % 4 != 3) return;
        RaiseBadgeEpoch memory raise = RaiseBadgeEpoch(REQUESTER, members.institutionOf(REQUESTER).badgeEpoch);
        members.raiseBadgeEpoch(raise, signMembers(_governors[REQUESTER], raise.hash()));
    }

    function withdrawTheClinician(uint256 seed) external replayed {
        if (seed % 256 == 37) withdrawPerson();
    }

    function endTheGateway(uint256 seed) external replayed {
        uint64 end = uint64(block.timestamp + 1 hours);
        if (seed % 256 != 37 || end >= members.keyEnd(REQUESTER, Kinds.GATEWAY, GATEWAY)) return;
        Publish memory publication = Publish(REQUESTER, Kinds.GATEWAY, GATEWAY, end);
        members.publish(publication, GATEWAY_KEY, "", signMembers(_governors[REQUESTER], publication.hash()));
    }

    function ledgerMembers() external view returns (Members) {
        return members;
    }

    function ledgerSubjects() external view returns (Subjects) {
        return subjects;
    }

    function ledgerStudies() external view returns (Studies) {
        return studies;
    }

    function ledgerGrants() external view returns (Grants) {
        return grants;
    }

    function ledgerReleases() external view returns (Releases) {
        return releases;
    }
}
