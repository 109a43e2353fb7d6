// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    Anchor,
    Erase,
    Erasure,
    Hold,
    IStudies,
    LiftHold,
    RequestErasure,
    Retain,
    Revise,
    Study,
    Withdraw
} from "../../src/interfaces/IStudies.sol";
import { Approval } from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";
import { HandlerSubjects } from "./HandlerSubjects.sol";

/// @title What may happen to studies.
abstract contract HandlerStudies is HandlerSubjects {
    using TypedData for *;
    using SubjectTypedData for *;

    function _which(uint256 which) internal view returns (bytes32) {
        return studyIds[which % studyIds.length];
    }

    /// @dev The custodian of a study's subject.
    function _keeperOf(bytes32 id) internal view returns (uint32) {
        return custodianOf(studies.studyOf(id).subject);
    }

    function _sign(uint32 custodian, bytes32 structHash) private view returns (bytes memory) {
        return signStudies(registrarOf(custodian), structHash);
    }

    function anchorStudy(uint256 who, bytes32 manifest, uint256 days_) external replayed {
        bytes20 of_ = _who(who);
        if (studyIds.length >= MOST_STUDIES || manifest == 0 || !isActive(custodianOf(of_))) return;
        uint32 day = uint32(block.timestamp / 1 days + days_ % 8);
        Anchor memory given = Anchor(of_, keccak256(abi.encode("study", studyIds.length)), manifest, day);
        bytes32 id = studies.anchor(given, _sign(custodianOf(of_), given.hash()));
        studyIds.push(id);
        highest[id] = 1;
    }

    function reviseStudy(uint256 which, bytes32 manifest) external replayed {
        bytes32 id = _which(which);
        Study memory study = studies.studyOf(id);
        if (study.status != 1 || manifest == 0 || !isActive(_keeperOf(id))) return;
        Revise memory given = Revise(id, study.revision + 1, manifest);
        studies.revise(given, _sign(_keeperOf(id), given.hash()));
        highest[id] = study.revision + 1;
    }

    function withdrawStudy(uint256 which, uint256 revision, uint256 seed) external replayed {
        bytes32 id = _which(which);
        if (seed % 8 > 1) return;
        Withdraw memory given = Withdraw(id, uint16(seed % 8 == 0 ? 0 : bound(revision, 1, highest[id])));
        studies.withdraw(given, _sign(_keeperOf(id), given.hash()));
    }

    function retainStudy(uint256 which, uint256 days_) external replayed {
        bytes32 id = _which(which);
        if (!isActive(_keeperOf(id))) return;
        Retain memory given = Retain(id, studies.studyOf(id).retainUntilDay + uint32(days_ % 3));
        studies.retain(given, _sign(_keeperOf(id), given.hash()));
    }

    function holdStudy(uint256 which) external replayed {
        bytes32 id = _which(which);
        if (!isActive(_keeperOf(id))) return;
        Hold memory given = Hold(id, studies.erasureOf(id).holdSerial, TERMS);
        studies.hold(given, _officer(address(studies), _keeperOf(id), given.hash()));
    }

    function liftHold(uint256 which, uint256 seed) external replayed {
        bytes32 id = _which(which);
        uint32 own = _keeperOf(id);
        uint32 other = own % 3 + 1;
        Erasure memory erasure = studies.erasureOf(id);
        if (!erasure.held || !isActive(own) || !isActive(other) || seed % 2 == 0) return;
        LiftHold memory given = LiftHold(id, erasure.holdSerial);
        Approval memory first = _officer(address(studies), own, given.hash());
        studies.liftHold(given, two(first, _officer(address(studies), other, given.hash())));
    }

    function requestErasure(uint256 which, uint256 by) external replayed {
        bytes32 id = _which(which);
        uint256 key = _decider(studies.studyOf(id).subject, by, Rules.MAY_GRANT);
        if (key == 0 || by % 4 != 1) return;
        RequestErasure memory given = RequestErasure(id);
        studies.requestErasure(given, Approval(signerOf(key), signStudies(key, given.hash()), ""));
    }

    /// @dev Erases, or is refused as was foretold.
    function eraseOne(uint256 which) external replayed {
        bytes32 id = _which(which);
        Study memory study = studies.studyOf(id);
        Erasure memory erasure = studies.erasureOf(id);
        if (!isActive(_keeperOf(id))) return;
        bool due = erasure.requested || block.timestamp / 1 days >= study.retainUntilDay;
        bool may = study.status == 3 || (study.status == 2 && !erasure.held && due);
        Erase memory given = Erase(id, CERTIFICATE);
        try studies.erase(given, _sign(_keeperOf(id), given.hash())) {
            assertTrue(may, "erased against a hold, its retention or before it was withdrawn");
        } catch {
            assertFalse(may, "not erased, though nothing stands against it");
            if (erasure.held) ++refusals[IStudies.StudyHeld.selector];
        }
    }
}
