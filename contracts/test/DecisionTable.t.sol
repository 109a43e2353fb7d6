// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grants } from "../src/Grants.sol";
import { Members } from "../src/Members.sol";
import { Releases } from "../src/Releases.sol";
import { Studies } from "../src/Studies.sol";
import { Subjects } from "../src/Subjects.sol";
import { Grant } from "../src/interfaces/IGrants.sol";
import { Badge, Founder } from "../src/interfaces/IMembers.sol";
import { Evidence, KeyRequest, Reason, ReleaseState } from "../src/interfaces/IReleases.sol";
import { Approval } from "../src/interfaces/ISubjects.sol";
import { Kinds } from "../src/libraries/Kinds.sol";
import { Assertion, Passkeys } from "./utils/Passkeys.sol";
import { TypedData } from "./utils/TypedData.sol";

/// @dev The cheatcodes that only this test needs.
interface TableVm {
    function parseJsonTypeArray(string calldata json, string calldata key, string calldata description)
        external
        pure
        returns (bytes memory);
    function parseUint(string calldata text) external pure returns (uint256);
    function parseInt(string calldata text) external pure returns (int256);
    function snapshotState() external returns (uint256 id);
    function revertToState(uint256 id) external returns (bool done);
}

struct Change {
    string field;
    string value;
}

struct Row {
    string name;
    bool own;
    Change[] changes;
    uint8 reason;
    string reason_name;
    uint64 lapse;
}

/// @title The shared decision table, tests/vectors/decisions.json.
/// @notice The same rows run through the off-chain policy: both must give the same first reason and the same lapse.
/// Every row starts from Base's world, changes it through real calls, and asks check, record and isOpen.
contract DecisionTableTest is Passkeys {
    using TypedData for *;

    TableVm private constant TABLE = TableVm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    string private constant DESCRIPTION =
        "Row(string name,bool own,Change[] changes,uint8 reason,string reason_name,uint64 lapse)Change(string field,string value)";

    uint256 private constant OTHER_PATIENT = 132;
    bytes32 private constant OTHER_SALT = keccak256("another subject's salt");

    Change[] private _changes;
    bool private _hasPasskey;
    uint256 private _used;

    function test_every_row() public {
        string memory json = vm.readFile("../tests/vectors/decisions.json");
        assertEq(vm.parseJsonUint(json, ".now"), NOW, "now");
        Row[] memory rows = abi.decode(TABLE.parseJsonTypeArray(json, ".rows", DESCRIPTION), (Row[]));
        uint256 reasons = 0;
        for (uint256 i = 0; i < rows.length; ++i) {
            reasons |= 1 << rows[i].reason;
            uint256 snapshot = TABLE.snapshotState();
            this.run(rows[i]); // a call of its own, so that its memory is given back
            TABLE.revertToState(snapshot);
        }
        assertEq(reasons, (1 << (uint256(type(Reason).max) + 1)) - 1, "every reason has a row");
    }

    /// @dev One row: the world, the request, the answer.
    function run(Row calldata row) external {
        for (uint256 i = 0; i < row.changes.length; ++i) {
            _changes.push(row.changes[i]);
        }
        _changeWorld();
        Grant memory terms = _giveGrant();
        _changeMembers();
        if (row.own) _judgeOwn(row);
        else _judge(row, terms);
    }

    function _judge(Row calldata row, Grant memory terms) private {
        Evidence memory evidence = _evidence(terms);
        _goThere(row);
        assertEq(uint256(releases.check(evidence)), row.reason, row.name);
        if (row.reason != 0) expectRefused(evidence.request, Reason(row.reason));
        releases.record(evidence);
        _judgeRecord(row, evidence.request);
    }

    function _judgeOwn(Row calldata row) private {
        KeyRequest memory request = _request(defaultOwnRequest());
        bytes memory credential = "";
        if (_has("approval.credential")) {
            Badge memory badge = defaultBadge();
            credential = abi.encode(badge, signMembers(ISSUER_2, badge.hash()));
        }
        Approval memory approval = _hasPasskey ? _ownByPasskey(request) : _ownByAccount(request);
        approval.credential = credential;
        _goThere(row);
        assertEq(uint256(releases.checkOwn(request, approval)), row.reason, row.name);
        if (row.reason != 0) expectRefused(request, Reason(row.reason));
        releases.recordOwn(request, approval);
        _judgeRecord(row, request);
    }

    function _ownByAccount(KeyRequest memory request) private returns (Approval memory) {
        uint256 signer = _key(_value("approval.signer", "patient"));
        string memory by = _value("request.signed_by", "");
        return Approval(signerOf(signer), _signature(by, signer, address(releases), request.hash()), "");
    }

    function _ownByPasskey(KeyRequest memory request) private returns (Approval memory approval) {
        bytes32 digest = TypedData.digest(address(releases), request.hash());
        bytes32 named = keccak256(bytes(_value("approval.signer", "patient")));
        uint256 signer = named == keccak256("patient") ? PASSKEY : OTHER_PASSKEY;
        approval.signer = passkeyOf(signer);
        // A verifier that nobody deployed answers nothing; the tests of SignerCheck name one that answers yes.
        if (named == keccak256("other_verifier")) approval.signer[0] ^= 0x01;
        bytes32 how = keccak256(bytes(_value("request.signed_by", "")));
        if (how == keccak256("other_passkey")) signer = OTHER_PASSKEY;
        if (how == keccak256("stranger")) {
            approval.signature = sign(STRANGER, digest);
            return approval;
        }
        Assertion memory assertion = assertionOf(digest);
        if (how == keccak256("unverified")) assertion.flags = PRESENT;
        if (how == keccak256("absent")) assertion.flags = VERIFIED;
        if (how == keccak256("other_party")) assertion.rpIdHash = sha256("example.org");
        if (how == keccak256("other_challenge")) assertion.clientDataJSON = assertionOf(~digest).clientDataJSON;
        if (how == keccak256("registration")) {
            assertion.clientDataJSON = string.concat('{"type":"webauthn.create","challenge":"', _tail(assertion));
            assertion.challengeIndex += 3;
        }
        approval.signature = signAssertion(signer, assertion);
        if (how == keccak256("longer")) approval.signature = bytes.concat(approval.signature, hex"00");
        if (how == keccak256("malleated")) approval.signature = _malleated(approval.signature);
    }

    /// @dev clientDataJSON from the challenge's first character on.
    function _tail(Assertion memory assertion) private pure returns (string memory) {
        bytes memory json = bytes(assertion.clientDataJSON);
        bytes memory tail = new bytes(json.length - 36);
        for (uint256 i = 0; i < tail.length; ++i) {
            tail[i] = json[i + 36];
        }
        return string(tail);
    }

    /// @dev The same with a high s.
    function _malleated(bytes memory signature) private pure returns (bytes memory) {
        assembly ("memory-safe") {
            mstore(add(signature, 0x40), sub(P256_ORDER, mload(add(signature, 0x40))))
        }
        return signature;
    }

    function _judgeRecord(Row calldata row, KeyRequest memory request) private view {
        ReleaseState memory stored = releases.releaseOf(request.hash());
        assertEq(stored.lapse, row.reason == 0 ? NOW + row.lapse : 0, row.name);
        assertEq(stored.recordedAt, row.reason == 0 ? block.timestamp : 0, row.name);
        bool open = releases.isOpen(request);
        assertTrue(open == (row.reason == 0), row.name);
    }

    /// @dev Goes to the time of the request; a change that nobody read is a mistake in the table or here.
    function _goThere(Row calldata row) private {
        vm.warp(_time(_value("at", "0")));
        assertEq(_used, row.changes.length, row.name);
    }

    // The world.

    function _changeWorld() private {
        uint256 exports = _number("custodian.exports", 3);
        uint256 region = _number("requester.region", 1);
        _hasPasskey = _has("subject.passkey");
        if (exports != 3 || region != 1 || _hasPasskey) _rebuild(uint8(region), uint64(exports));
        uint256 revisions = _number("study.revisions", 1);
        for (uint256 i = 2; i <= revisions; ++i) {
            revise(studyId, uint16(i), keccak256(abi.encode("revision", i)));
        }
        uint256 withdrawn = _number("revision.withdrawn", 0);
        if (withdrawn != 0) withdraw(studyId, uint16(withdrawn));
        if (_has("study.withdrawn")) withdraw(studyId, 0);
        if (_has("study.erased")) setStatus(studyId, 3);
        if (_has("subject.restricted")) setFlags(subject, 1);
    }

    function _rebuild(uint8 region, uint64 exports) private {
        Founder[] memory founders = new Founder[](3);
        founders[0] = Founder(vm.addr(GOVERNOR_1), 0, exports);
        founders[1] = Founder(vm.addr(GOVERNOR_2), region, 3);
        founders[2] = Founder(vm.addr(GOVERNOR_3), 2, 3);
        members = new Members(founders);
        subjects = new Subjects(members, verifier);
        studies = new Studies(members, subjects);
        grants = new Grants(members, subjects, studies);
        releases = new Releases(members, subjects, studies, grants);
        publishDefaults();
        subject = _hasPasskey ? enrolPasskey(PASSKEY, SUBJECT_SALT) : enrol(PATIENT, SUBJECT_SALT);
        studyId = anchor(subject, STUDY_SALT, MANIFEST);
    }

    function _giveGrant() private returns (Grant memory terms) {
        terms = defaultGrant();
        uint256 patient = PATIENT;
        if (_has("grant.subject")) {
            patient = OTHER_PATIENT;
            terms.subject = enrol(OTHER_PATIENT, OTHER_SALT);
        }
        terms.scope = _scope(_value("grant.scope", "study"));
        terms.anchoredBy = _time(_value("grant.anchored_by", "min"));
        terms.grantee = _person(_value("grant.grantee", "clinician"));
        terms.purposes = uint32(_number("grant.purposes", terms.purposes));
        terms.actions = uint32(_number("grant.actions", terms.actions));
        terms.notBefore = _timeOr("grant.not_before", terms.notBefore);
        terms.notAfter = _timeOr("grant.not_after", terms.notAfter);
        terms.epoch = uint32(_number("grant.epoch", 1));
        bytes32 revokedAll = keccak256(bytes(_value("grants.revoked", "no")));
        if (revokedAll == keccak256("first")) revokeAll(1);
        if (keccak256(bytes(_value("grant.given", "yes"))) == keccak256("yes")) {
            grants.grant(terms, oneApproval(_approval(patient, terms.hash())));
        }
        if (_has("grant.revoked")) {
            grants.revoke(terms, _approval(patient, TypedData.hashRevoke(terms.hash())));
        }
        if (revokedAll == keccak256("yes")) revokeAll(1);
    }

    function _approval(uint256 patient, bytes32 structHash) private view returns (Approval memory) {
        if (_hasPasskey && patient == PATIENT) return passkeyApproval(PASSKEY, address(grants), structHash);
        return patientApproval(patient, structHash);
    }

    function _changeMembers() private {
        if (_has("person.withdrawn")) withdrawPerson();
        if (_has("badges.ended")) raiseBadgeEpoch();
        uint64 end = _timeOr("issuer.end", 0);
        if (end != 0) endSigner(REQUESTER, GOVERNOR_2, Kinds.ISSUER, ISSUER_2, end);
        end = _timeOr("gateway.end", 0);
        if (end != 0) endGateway(end);
        if (_has("requester.suspended")) suspendRequester();
        if (_has("requester.reinstated")) {
            // In a world of three, one suspended: both others vote.
            reinstateRequester();
        }
        if (_has("custodian.suspended")) {
            suspendCustodian();
        }
    }

    // The request.

    function _evidence(Grant memory terms) private returns (Evidence memory evidence) {
        evidence.request = _request(defaultRequest(terms.hash()));
        evidence.grant = terms;
        if (_has("evidence.grant")) evidence.grant.salt = keccak256("another grant's salt");
        Badge memory badge = defaultBadge();
        badge.institution = uint32(_number("badge.institution", REQUESTER));
        badge.person = _person(_value("badge.person", "clinician"));
        badge.roles = uint32(_number("badge.roles", badge.roles));
        badge.trainedUntil = _timeOr("badge.trained_until", badge.trainedUntil);
        badge.notBefore = _timeOr("badge.not_before", badge.notBefore);
        badge.notAfter = _timeOr("badge.not_after", badge.notAfter);
        badge.epoch = uint32(_number("badge.epoch", 1));
        evidence.badge = badge;
        evidence.issuerSignature = _signature(_value("badge.signed_by", ""), ISSUER_2, address(members), badge.hash());
        evidence.sessionSignature =
            _signature(_value("request.signed_by", ""), SESSION, address(releases), evidence.request.hash());
    }

    function _request(KeyRequest memory request) private returns (KeyRequest memory) {
        if (_has("request.study")) request.studyId = keccak256("an unknown study");
        request.revision = uint16(_number("request.revision", 1));
        request.series = uint32(_number("request.series", 0));
        bytes32 named = keccak256(bytes(_value("request.grant", "")));
        if (named == keccak256("none")) request.grantId = 0;
        if (named == keccak256("default")) request.grantId = defaultGrant().hash();
        request.purpose = uint8(_number("request.purpose", request.purpose));
        request.action = uint8(_number("request.action", request.action));
        string memory person = _value("request.person", "");
        if (bytes(person).length != 0) request.person = _person(person);
        bytes32 recipient = keccak256(bytes(_value("request.recipient", "")));
        if (recipient == keccak256("unpublished")) request.recipient = keccak256("a key that nobody published");
        if (recipient == keccak256("issuer")) request.recipient = hashOf(ISSUER_2);
        request.notAfter = _timeOr("request.not_after", request.notAfter);
        return request;
    }

    /// @dev A signature by the default key, by a named one, or by the default key with a high s.
    function _signature(string memory by, uint256 key, address verifyingContract, bytes32 structHash)
        private
        view
        returns (bytes memory)
    {
        bytes32 digest = TypedData.digest(verifyingContract, structHash);
        if (keccak256(bytes(by)) == keccak256("malleated")) return malleate(sign(key, digest));
        return sign(bytes(by).length == 0 ? key : _key(by), digest);
    }

    // Names and numbers.

    function _key(string memory name) private pure returns (uint256) {
        bytes32 hash = keccak256(bytes(name));
        if (hash == keccak256("stranger")) return STRANGER;
        if (hash == keccak256("patient")) return PATIENT;
        if (hash == keccak256("other_patient")) return OTHER_PATIENT;
        if (hash == keccak256("issuer")) return ISSUER_2;
        if (hash == keccak256("other_issuer")) return ISSUER_1;
        if (hash == keccak256("custodian_registrar")) return REGISTRAR_1;
        if (hash == keccak256("requester_registrar")) return REGISTRAR_2;
        revert(name);
    }

    function _person(string memory name) private pure returns (bytes32) {
        bytes32 hash = keccak256(bytes(name));
        if (hash == keccak256("clinician")) return PERSON;
        if (hash == keccak256("colleague")) return bytes32(bytes4(REQUESTER)) | bytes32(uint256(0xC0));
        if (hash == keccak256("custodian_staff")) return bytes32(bytes4(CUSTODIAN)) | bytes32(uint256(0x57));
        if (hash == keccak256("none")) return 0;
        if (hash == keccak256("requester")) return bytes32(bytes4(REQUESTER));
        if (hash == keccak256("custodian")) return bytes32(bytes4(CUSTODIAN));
        if (hash == keccak256("bystander")) return bytes32(bytes4(BYSTANDER));
        revert(name);
    }

    function _scope(string memory name) private view returns (bytes32) {
        bytes32 hash = keccak256(bytes(name));
        if (hash == keccak256("study")) return studyId;
        if (hash == keccak256("all")) return 0;
        if (hash == keccak256("other")) return keccak256("another study");
        for (uint32 series = 0; series < 8; ++series) {
            if (hash == keccak256(abi.encodePacked("series ", vm.toString(series)))) {
                return keccak256(abi.encode(studyId, series));
            }
        }
        revert(name);
    }

    function _time(string memory text) private pure returns (uint64) {
        bytes32 hash = keccak256(bytes(text));
        if (hash == keccak256("min")) return 0;
        if (hash == keccak256("max")) return FOREVER;
        return uint64(uint256(int256(NOW) + TABLE.parseInt(text)));
    }

    function _timeOr(string memory field, uint64 otherwise) private returns (uint64) {
        string memory text = _value(field, "");
        return bytes(text).length == 0 ? otherwise : _time(text);
    }

    function _number(string memory field, uint256 otherwise) private returns (uint256) {
        string memory text = _value(field, "");
        return bytes(text).length == 0 ? otherwise : TABLE.parseUint(text);
    }

    function _has(string memory field) private returns (bool) {
        return bytes(_value(field, "")).length != 0;
    }

    function _value(string memory field, string memory otherwise) private returns (string memory) {
        for (uint256 i = 0; i < _changes.length; ++i) {
            if (keccak256(bytes(_changes[i].field)) == keccak256(bytes(field))) {
                ++_used;
                return _changes[i].value;
            }
        }
        return otherwise;
    }
}
