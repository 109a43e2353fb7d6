// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    Appoint,
    Approval,
    Dismiss,
    Enrol,
    EnrolItem,
    Lift,
    Recover,
    Recovery,
    Representative,
    Restrict,
    RevokeAll,
    Rotate,
    Subject,
    Transfer
} from "../../src/interfaces/ISubjects.sol";
import { Rules } from "../../src/libraries/Rules.sol";
import { SubjectTypedData } from "../utils/SubjectTypedData.sol";
import { TypedData } from "../utils/TypedData.sol";
import { HandlerBase } from "./HandlerBase.sol";

/// @title What may happen to whoever decides for a patient.
abstract contract HandlerSubjects is HandlerBase {
    using TypedData for *;
    using SubjectTypedData for *;

    mapping(bytes20 subject => mapping(bytes32 representative => Appoint signed)) private _appointments;
    mapping(bytes20 subject => Recover signed) private _recovers;
    mapping(bytes20 subject => uint256 key) private _recoveringKey;

    function _who(uint256 who) internal view returns (bytes20) {
        return patients[who % patients.length];
    }

    /// @dev With a device, without one, or both in a batch.
    function enrolPatients(uint256 seed) external replayed {
        if (patients.length >= MOST || !isActive(CUSTODIAN)) return;
        bytes32 salt = keccak256(abi.encode("patient", patients.length));
        if (seed % 3 == 0) {
            patients.push(enrolBare(salt));
        } else if (seed % 3 == 1) {
            _enrolled(enrol(_nextKey, salt), _nextKey++);
        } else {
            _enrolBatch(salt);
        }
    }

    function _enrolBatch(bytes32 salt) private {
        EnrolItem[] memory items = new EnrolItem[](2);
        items[0].enrolment = Enrol(CUSTODIAN, salt, hashOf(_nextKey));
        items[0].signer = signerOf(_nextKey);
        items[0].signature = signSubjects(_nextKey, items[0].enrolment.hash());
        items[1].enrolment = Enrol(CUSTODIAN, ~salt, 0);
        bytes20[] memory enrolled = subjects.enrolBatch(items, signSubjects(REGISTRAR_1, items.hash()));
        _enrolled(enrolled[0], _nextKey++);
        patients.push(enrolled[1]);
    }

    function _enrolled(bytes20 of_, uint256 key) private {
        patients.push(of_);
        _signerKeys[of_].push(key);
    }

    function rotateSigner(uint256 who, uint256 seed) external replayed {
        bytes20 of_ = _who(who);
        uint256 current = keyOf(of_);
        if (current == 0 || seed % 3 != 1) return;
        Rotate memory rotation = Rotate(of_, hashOf(_nextKey), serialOf(of_));
        bytes32 structHash = rotation.hash();
        subjects.rotate(rotation, signerOf(_nextKey), signSubjects(_nextKey, structHash), signed(current, structHash));
        _signerKeys[of_].push(_nextKey++);
    }

    function appointSomebody(uint256 who, uint256 which, uint256 powers, uint256 length) external replayed {
        bytes20 of_ = _who(who);
        bytes32 representative = hashOf(representativeKey(which));
        if (block.timestamp < replay.representativeOf(of_, representative).notAfter) return;
        Appoint memory given = Appoint({
            subject: of_,
            representative: representative,
            powers: uint32(powers % 4),
            purposes: uint32(powers >> 8) & 0x1BF | Rules.TREAT,
            notAfter: uint64(block.timestamp + APPOINTMENT_DELAY + bound(length, 1 hours, 20 days)),
            serial: serialOf(of_),
            terms: TERMS
        });
        Approval[] memory approvals = _decision(of_, keyOf(of_), given.hash());
        if (approvals.length == 0) return;
        subjects.appoint(given, approvals);
        _appointments[of_][representative] = given;
    }

    /// @dev By that key, or by the custodian's staff while there is no signer; none when nobody can.
    function _decision(bytes20 of_, uint256 key, bytes32 structHash) private view returns (Approval[] memory) {
        if (key != 0) return one(signed(key, structHash));
        if (keyOf(of_) != 0 || !isActive(custodianOf(of_))) return new Approval[](0);
        return _twoOf(address(subjects), custodianOf(of_), structHash);
    }

    function vetoAppointment(uint256 who, uint256 which, uint256 by) external replayed {
        bytes20 of_ = _who(who);
        uint256 key = _patientSide(of_, by);
        for (uint256 i = 0; i < REPRESENTATIVES && key != 0; ++i) {
            bytes32 representative = hashOf(representativeKey(which % REPRESENTATIVES + i));
            if (block.timestamp >= replay.representativeOf(of_, representative).from) continue;
            Appoint memory given = _appointments[of_][representative];
            subjects.vetoAppointment(given, veto(key, of_, given.hash()));
            return;
        }
    }

    function dismissSomebody(uint256 who, uint256 which, uint256 how) external replayed {
        bytes20 of_ = _who(who);
        uint256 key = representativeKey(which);
        Representative memory stored = replay.representativeOf(of_, hashOf(key));
        if (stored.serial == 0 || how % 4 == 0) return;
        Dismiss memory dismissal = Dismiss(of_, hashOf(key), stored.serial + 1);
        Approval[] memory approvals;
        if (how % 4 == 1) {
            approvals = _officers(3, custodianOf(of_), dismissal.hash());
        } else {
            uint256 by = how % 4 == 2 && block.timestamp < stored.notAfter ? key : keyOf(of_);
            if (by != 0) approvals = one(signed(by, dismissal.hash()));
        }
        if (approvals.length != 0) subjects.dismiss(dismissal, approvals);
    }

    // Restriction.

    function restrictProcessing(uint256 who, uint256 how) external replayed {
        bytes20 of_ = _who(who);
        Restrict memory restriction = Restrict(of_, serialOf(of_));
        bytes32 structHash = restriction.hash();
        uint256 key = how % 3 == 0 ? registrarOf(custodianOf(of_)) : _patientSide(of_, how >> 8);
        if (key != 0 && how % 3 != 1) subjects.restrict(restriction, signed(key, structHash));
        else subjects.restrict(restriction, _officer(address(subjects), custodianOf(of_), structHash));
    }

    function liftRestriction(uint256 who, uint256 by) external replayed {
        bytes20 of_ = _who(who);
        if (subjects.subjectOf(of_).flags == 0 && by % 8 != 1) return;
        Lift memory lifting = Lift(of_, serialOf(of_));
        Approval[] memory approvals = _decision(of_, _decider(of_, by, Rules.MAY_GRANT), lifting.hash());
        if (approvals.length != 0) subjects.lift(lifting, approvals);
    }

    // Recovery.

    function beginRecovery(uint256 who, uint256 seed) external replayed {
        bytes20 of_ = _who(who);
        Recovery memory before = replay.recoveryOf(of_);
        if (before.readyAt != 0 || seed % 2 == 0) return;
        uint8 attempt = before.contested ? 2 : 1;
        Recover memory recovery = Recover(of_, hashOf(_nextKey), attempt, recoveriesOf(of_));
        uint256 count = keyOf(of_) == 0 ? 1 : uint256(attempt) + 1;
        bytes32 structHash = recovery.hash();
        Approval[] memory approvals = _officers(count, custodianOf(of_), structHash);
        if (approvals.length == 0) return;
        subjects.recover(recovery, signerOf(_nextKey), signSubjects(_nextKey, structHash), approvals);
        (_recovers[of_], _recoveringKey[of_]) = (recovery, _nextKey++);
    }

    function vetoARecovery(uint256 who, uint256 by) external replayed {
        bytes20 of_ = _who(who);
        Recovery memory waiting = replay.recoveryOf(of_);
        uint256 key = waiting.attempt == 1 ? _patientSide(of_, by) : _representative(of_, by, 0);
        if (waiting.readyAt == 0 || key == 0) return;
        Recover memory recovery = _recovers[of_];
        subjects.vetoRecovery(recovery, veto(key, of_, recovery.hash()));
    }

    function completeARecovery(uint256 who) external replayed {
        bytes20 of_ = _who(who);
        Recovery memory waiting = replay.recoveryOf(of_);
        if (waiting.readyAt == 0 || block.timestamp < waiting.readyAt) return;
        subjects.completeRecovery(of_);
        _signerKeys[of_].push(_recoveringKey[of_]);
    }

    // Custody, and revoking everything.

    function transferCustody(uint256 who, uint256 seed) external replayed {
        bytes20 of_ = _who(who);
        uint32 to = uint32(1 + seed % 3);
        uint256 key = _decider(of_, seed >> 8, Rules.MAY_GRANT);
        if (to == custodianOf(of_) || !isActive(to) || key == 0 || (seed >> 16) % 2 == 0) return;
        Transfer memory given = Transfer(of_, to, serialOf(of_));
        bytes32 structHash = given.hash();
        subjects.transfer(given, signSubjects(registrarOf(to), structHash), signed(key, structHash));
    }

    function revokeEverything(uint256 who, uint256 how) external replayed {
        if (how % 4 < 2) return;
        bytes20 of_ = _who(who);
        Subject memory stored = subjects.subjectOf(of_);
        RevokeAll memory revocation = RevokeAll(of_, stored.epoch);
        uint256 key = _patientSide(of_, how >> 8);
        if (key != 0 && how % 4 == 2) {
            vm.prank(vm.addr(key));
            subjects.revokeAllOwn(revocation);
        } else {
            key = key != 0 && (how >> 16) % 2 == 0 ? key : registrarOf(stored.custodian);
            subjects.revokeAll(revocation, signed(key, revocation.hash()));
        }
    }
}
