// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grants } from "../src/Grants.sol";
import { Members } from "../src/Members.sol";
import { Releases } from "../src/Releases.sol";
import { Studies } from "../src/Studies.sol";
import { Subjects } from "../src/Subjects.sol";
import { Grant } from "../src/interfaces/IGrants.sol";
import { Badge, Founder } from "../src/interfaces/IMembers.sol";
import { Erase, RequestErasure } from "../src/interfaces/IStudies.sol";
import { Appoint, Approval, Dismiss, Restrict, RevokeAll, Rotate } from "../src/interfaces/ISubjects.sol";
import { Kinds } from "../src/libraries/Kinds.sol";
import { Rules } from "../src/libraries/Rules.sol";
import { DecisionChanges } from "./DecisionChanges.t.sol";
import { SubjectTypedData } from "./utils/SubjectTypedData.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @title A row's world, made by real calls: the study, who represents, the grant, the members, the subject.
abstract contract DecisionWorld is DecisionChanges {
    using TypedData for *;
    using SubjectTypedData for *;

    uint32 private constant _DELAY = 100;
    bytes32 private constant _OTHER_SALT = keccak256("another subject's salt");

    bool internal _hasPasskey;

    /// @dev Base's world, but that representatives begin 100 seconds after their appointment.
    function setUp() public override {
        super.setUp();
        _rebuild(1, 3);
    }

    /// @dev Everything up to the request; gives the grant that was meant, carried or not.
    function _makeWorld() internal returns (Grant memory terms) {
        _changeFounders();
        _changeStudy();
        string memory representative = _appoint();
        terms = _giveGrant();
        _changeMembers();
        _changeSubject(_same(representative, "dismissed"));
    }

    function _changeFounders() private {
        uint256 exports = _number("custodian.exports", 3);
        uint256 region = _number("requester.region", 1);
        _hasPasskey = _has("subject.passkey");
        if (exports != 3 || region != 1 || _hasPasskey) _rebuild(uint8(region), uint64(exports));
    }

    function _rebuild(uint8 region, uint64 exports) private {
        Founder[] memory founders = new Founder[](3);
        founders[0] = Founder(vm.addr(GOVERNOR_1), 0, exports);
        founders[1] = Founder(vm.addr(GOVERNOR_2), region, 3);
        founders[2] = Founder(vm.addr(GOVERNOR_3), 2, 3);
        members = new Members(founders);
        subjects = new Subjects(members, verifier, _DELAY, RECOVERY_DELAY);
        studies = new Studies(members, subjects);
        grants = new Grants(members, subjects, studies);
        releases = new Releases(members, subjects, studies, grants);
        publishDefaults();
        publishSigner(CUSTODIAN, GOVERNOR_1, Kinds.BROKER_SIGN, BROKER_1);
        publishSigner(REQUESTER, GOVERNOR_2, Kinds.BROKER_SIGN, REQUESTER_TRUSTEE);
        subject = _hasPasskey ? enrolPasskey(PASSKEY, SUBJECT_SALT) : enrol(PATIENT, SUBJECT_SALT);
        studyId = anchor(subject, STUDY_SALT, MANIFEST);
    }

    /// @dev By the patient, or another one, in any contract's domain.
    function _patient(uint256 patient, address where, bytes32 structHash) private view returns (Approval memory) {
        if (_hasPasskey && patient == PATIENT) return passkeyApproval(PASSKEY, where, structHash);
        return Approval(signerOf(patient), sign(patient, TypedData.digest(where, structHash)), "");
    }

    function _patient(address where, bytes32 structHash) private view returns (Approval memory) {
        return _patient(PATIENT, where, structHash);
    }

    function _changeStudy() private {
        uint256 revisions = _number("study.revisions", 1);
        for (uint256 i = 2; i <= revisions; ++i) {
            revise(studyId, uint16(i), keccak256(abi.encode("revision", i)));
        }
        uint256 withdrawn = _number("revision.withdrawn", 0);
        if (withdrawn != 0) withdraw(studyId, uint16(withdrawn));
        if (_has("study.withdrawn")) withdraw(studyId, 0);
        if (_has("study.erased")) {
            RequestErasure memory request = RequestErasure(studyId);
            studies.requestErasure(request, _patient(address(studies), request.hash()));
            Erase memory erasure = Erase(studyId, CERTIFICATE);
            studies.erase(erasure, signStudies(REGISTRAR_1, erasure.hash()));
        }
    }

    /// @dev The row's representative, vetoed where it is; says what else becomes of it.
    function _appoint() private returns (string memory how) {
        how = _value("representative", "");
        Appoint memory appointment = Appoint({
            subject: subject,
            representative: hashOf(REPRESENTATIVE),
            powers: uint32(_number("representative.powers", Rules.ALL_POWERS)),
            purposes: uint32(_number("representative.purposes", Rules.TREAT | Rules.PATRQT | Rules.FAMRQT)),
            notAfter: _timeOr("representative.not_after", uint64(NOW + 365 days)),
            serial: serialOf(subject),
            terms: TERMS
        });
        bytes32 structHash = appointment.hash();
        if (bytes(how).length != 0) {
            subjects.appoint(appointment, one(_patient(address(subjects), structHash)));
        }
        if (_same(how, "vetoed")) {
            bytes32 matter = SubjectTypedData.hashVeto(subject, structHash);
            subjects.vetoAppointment(appointment, _patient(address(subjects), matter));
        }
    }

    function _giveGrant() private returns (Grant memory terms) {
        uint256 patient = PATIENT;
        (terms, patient) = _terms();
        vm.warp(_time(_value("grant.at", "0")));
        string memory revokedAll = _value("grants.revoked", "no");
        if (_same(revokedAll, "first")) _revokeAll();
        uint256 by = _same(_value("grant.by", "patient"), "representative") ? REPRESENTATIVE : patient;
        if (_same(_value("grant.given", "yes"), "yes")) grants.grant(terms, _approvals(terms, by));
        string memory revoked = _value("grant.revoked", "");
        if (bytes(revoked).length != 0) {
            by = _same(revoked, "representative") ? REPRESENTATIVE : patient;
            grants.revoke(terms, _patient(by, address(grants), TypedData.hashRevoke(terms.hash())));
        }
        if (_same(revokedAll, "yes")) _revokeAll();
    }

    function _terms() private returns (Grant memory terms, uint256 patient) {
        terms = defaultGrant();
        patient = PATIENT;
        if (_has("grant.subject")) {
            patient = OTHER_PATIENT;
            terms.subject = enrol(OTHER_PATIENT, _OTHER_SALT);
        }
        terms.basis = uint8(_number("grant.basis", 1));
        terms.scope = _scope(_value("grant.scope", "study"));
        terms.anchoredBy = _time(_value("grant.anchored_by", "min"));
        terms.grantee = _person(_value("grant.grantee", "clinician"));
        terms.purposes = uint32(_number("grant.purposes", terms.purposes));
        terms.actions = uint32(_number("grant.actions", terms.actions));
        terms.notBefore = _timeOr("grant.not_before", terms.notBefore);
        terms.notAfter = _timeOr("grant.not_after", terms.notAfter);
        terms.epoch = uint32(_number("grant.epoch", 1));
    }

    /// @dev By whom the basis asks; the staff's badges hold at any time.
    function _approvals(Grant memory terms, uint256 by) private view returns (Approval[] memory) {
        bytes32 grantId = terms.hash();
        if (terms.basis == Rules.CONSENT) return one(_patient(by, address(grants), grantId));
        uint32 institution = terms.basis == Rules.EMERGENCY ? uint32(bytes4(terms.grantee)) : CUSTODIAN;
        uint32 role = terms.basis == Rules.EMERGENCY ? Rules.PHYSICIAN : Rules.OFFICER;
        Approval memory first = _always(badgeOf(institution, COLLEAGUE, role), COLLEAGUE, grantId);
        if (terms.basis == Rules.CARE || terms.basis == Rules.LAW) return one(first);
        return two(first, _always(badgeOf(institution, CLERK, Rules.NURSE), CLERK, grantId));
    }

    function _always(Badge memory badge, uint256 session, bytes32 grantId) private view returns (Approval memory) {
        (badge.notBefore, badge.notAfter, badge.trainedUntil) = (0, FOREVER, FOREVER);
        return atGrants(session, badge, grantId);
    }

    function _revokeAll() private {
        RevokeAll memory revocation = RevokeAll(subject, 1);
        subjects.revokeAll(revocation, _patient(address(subjects), revocation.hash()));
    }

    function _changeMembers() private {
        if (_has("person.withdrawn")) withdrawPerson();
        if (_has("badges.ended")) raiseBadgeEpoch();
        uint64 end = _timeOr("issuer.end", 0);
        if (end != 0) endIssuer(REQUESTER, end);
        end = _timeOr("gateway.end", 0);
        if (end != 0) endGateway(end);
        end = _timeOr("trustee.end", 0);
        if (end != 0) endSigner(CUSTODIAN, GOVERNOR_1, Kinds.BROKER_SIGN, BROKER_1, end);
        if (_has("requester.suspended")) suspendRequester();
        if (_has("requester.reinstated")) {
            // In a world of three, one suspended: both others vote.
            reinstateRequester();
        }
        if (_has("custodian.suspended")) suspendCustodian();
    }

    function _changeSubject(bool dismissed) private {
        if (dismissed) {
            Dismiss memory dismissal = Dismiss(subject, hashOf(REPRESENTATIVE), serialOf(subject));
            subjects.dismiss(dismissal, one(_patient(address(subjects), dismissal.hash())));
        }
        if (_has("subject.rotated")) {
            Rotate memory rotation = Rotate(subject, hashOf(NEXT), serialOf(subject));
            Approval memory approval = _patient(address(subjects), rotation.hash());
            subjects.rotate(rotation, signerOf(NEXT), signSubjects(NEXT, rotation.hash()), approval);
        }
        if (_has("subject.restricted")) {
            Restrict memory restriction = Restrict(subject, serialOf(subject));
            subjects.restrict(restriction, _patient(address(subjects), restriction.hash()));
        }
    }
}
