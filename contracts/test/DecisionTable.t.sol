// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { Grant } from "../src/interfaces/IGrants.sol";
import { Badge } from "../src/interfaces/IMembers.sol";
import { Evidence, KeyRequest, Late, Reason, ReleaseState } from "../src/interfaces/IReleases.sol";
import { Approval } from "../src/interfaces/ISubjects.sol";
import { Change } from "./DecisionChanges.t.sol";
import { DecisionWorld } from "./DecisionWorld.t.sol";
import { GrantTypedData } from "./utils/GrantTypedData.sol";
import { Assertion } from "./utils/Passkeys.sol";
import { TypedData } from "./utils/TypedData.sol";

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
/// Every row starts from Base's world, changes it through real calls, and asks check, record (or recordOwn, or
/// recordLate) and isOpen.
contract DecisionTableTest is DecisionWorld {
    using TypedData for *;
    using GrantTypedData for *;

    string private constant DESCRIPTION =
        "Row(string name,bool own,Change[] changes,uint8 reason,string reason_name,uint64 lapse)Change(string field,string value)";

    function test_every_row() public {
        TABLE.pauseGasMetering(); // hundreds of worlds are more than one block's worth
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
        Grant memory terms = _makeWorld();
        uint64 handedOverAt = _timeOr("late.handed_over", 0);
        if (row.own) _judgeOwn(row);
        else if (handedOverAt == 0) _judge(row, terms);
        else _judgeLate(row, terms, handedOverAt);
    }

    function _judge(Row calldata row, Grant memory terms) private {
        Evidence memory evidence = _evidence(terms);
        _goThere(row);
        assertEq(uint256(releases.check(evidence)), row.reason, row.name);
        if (row.reason != 0) expectRefused(evidence.request, Reason(row.reason));
        releases.record(evidence);
        _judgeRecord(row, evidence.request, false);
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
        _judgeRecord(row, request, false);
    }

    /// @dev No check foretells a late record: what was handed over is to be recorded.
    function _judgeLate(Row calldata row, Grant memory terms, uint64 handedOverAt) private {
        Evidence memory evidence = _evidence(terms);
        bytes32 structHash = Late(evidence.request.hash(), handedOverAt).hash();
        bytes memory signature = _signature(_value("late.signed_by", ""), BROKER_1, address(releases), structHash);
        _goThere(row);
        if (row.reason != 0) expectRefused(evidence.request, Reason(row.reason));
        releases.recordLate(evidence, handedOverAt, signature);
        _judgeRecord(row, evidence.request, true);
    }

    function _judgeRecord(Row calldata row, KeyRequest memory request, bool late) private view {
        ReleaseState memory stored = releases.releaseOf(request.hash());
        bool recorded = row.reason == 0;
        assertEq(stored.lapse, recorded ? NOW + row.lapse : 0, row.name);
        assertEq(stored.recordedAt, recorded ? block.timestamp : 0, row.name);
        assertTrue(stored.late == (recorded && late), row.name);
        assertTrue(releases.isOpen(request) == (recorded && !late), row.name);
    }

    /// @dev Goes to the time of the request; a change that nobody read is a mistake in the table or here.
    function _goThere(Row calldata row) private {
        vm.warp(_time(_value("at", "0")));
        assertEq(_used, row.changes.length, row.name);
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

    // Own access.

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
}
