// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "./IErrors.sol";
import { IMembers } from "./IMembers.sol";
import { IStudies } from "./IStudies.sol";
import { Approval, ISubjects } from "./ISubjects.sol";

/// @notice EIP-712: who may open what, for what, until when. Its struct hash is the grant id.
/// @param basis 1 CONSENT, 2 PAPER, 3 CARE, 4 LAW, 5 EMERGENCY.
/// @param subject The subject.
/// @param scope 0: all studies of the subject first anchored at or before anchoredBy; a study id: that study, later
/// revisions included; keccak256(abi.encode(studyId, uint32 series)): one series.
/// @param anchoredBy Block time (inclusive); read for scope 0 only. The largest value means future ones too.
/// @param grantee A person, or an institution (4 bytes followed by zeros).
/// @param purposes Bit mask: 0 TREAT, 1 ETREAT, 2 HPAYMT, 3 HOPERAT, 4 HRESCH, 5 CLINTRCH, 6 PUBHLTH, 7 PATRQT,
/// 8 FAMRQT, 9 HLEGAL.
/// @param actions Bit mask: 0 METADATA, 1 VIEW, 2 RETAIN, 3 DERIVE, 4 COMPUTE.
/// @param notBefore First second of the grant.
/// @param notAfter First second after the grant.
/// @param epoch The subject's grant epoch.
/// @param relayBy The grant must be carried to the chain before this second.
/// @param terms Salted hash of the wording, language and attachments that were shown.
/// @param salt Random.
struct Grant {
    uint8 basis;
    bytes20 subject;
    bytes32 scope;
    uint64 anchoredBy;
    bytes32 grantee;
    uint32 purposes;
    uint32 actions;
    uint64 notBefore;
    uint64 notAfter;
    uint32 epoch;
    uint64 relayBy;
    bytes32 terms;
    bytes32 salt;
}

/// @notice EIP-712: a grant ends. What is signed to revoke.
/// @param grantId The grant's struct hash.
struct Revoke {
    bytes32 grantId;
}

/// @notice A grant, as stored. A grant revoked before it was carried has state 2 and zeros in epoch, expiry and basis.
/// @param subject The subject; zero when the grant is unknown.
/// @param epoch The subject's grant epoch when it was given.
/// @param expiry First second after the grant.
/// @param state 0 unknown, 1 live, 2 revoked.
/// @param basis The basis.
struct GrantState {
    bytes20 subject;
    uint32 epoch;
    uint40 expiry;
    uint8 state;
    uint8 basis;
}

/// @notice EIP-712: what an officer finds about an emergency access.
/// @param grantId The emergency grant.
/// @param outcome 1 justified, 2 not justified.
/// @param report Salted hash of the officer's report.
struct Review {
    bytes32 grantId;
    uint8 outcome;
    bytes32 report;
}

/// @notice A grant and its approvals, as a batch takes them.
struct GrantItem {
    Grant terms;
    Approval[] approvals;
}

/// @notice A review, as stored. Reviews that are owed form one queue per institution, in the order of their due times.
/// @param institution The requester's; 0 when no review was ever owed.
/// @param dueAt The review is overdue from this second on.
/// @param state 0 none, 1 owed, 2 filed.
/// @param first The person of the first badge that opened the emergency.
/// @param second The person of the second.
struct ReviewState {
    uint32 institution;
    uint40 dueAt;
    uint8 state;
    bytes32 first;
    bytes32 second;
}

/// @title What patients allowed.
/// @notice EIP-712 domain: "fiducia", "1", chain id, this address.
interface IGrants is IErrors {
    /// @notice There is no such basis.
    /// @param basis The refused basis.
    error BasisUnknown(uint8 basis);

    /// @notice A grant on basis PAPER names the hash of the signed document.
    error DocumentMissing();

    /// @notice Two different persons must approve.
    /// @param person The person who approved twice.
    error PersonRepeated(bytes32 person);

    /// @notice The institution owes a review that is overdue, and opens no other emergency until it is filed.
    /// @param institution The institution.
    /// @param grantId The oldest emergency that it owes a review of.
    error ReviewOverdue(uint32 institution, bytes32 grantId);

    /// @notice No review of that grant was ever owed.
    /// @param grantId The grant.
    error ReviewUnknown(bytes32 grantId);

    /// @notice Outcomes are 1 and 2.
    /// @param outcome The refused outcome.
    error OutcomeUnknown(uint8 outcome);

    /// @notice The basis wants another number of approvals.
    /// @param expected How many it wants.
    /// @param given How many were given.
    error ApprovalsMismatch(uint256 expected, uint256 given);

    /// @notice No purpose, an unknown one, or one that the basis does not allow.
    /// @param allowed The basis's mask.
    /// @param given The refused mask.
    error PurposesRefused(uint32 allowed, uint32 given);

    /// @notice No action, or an unknown one.
    /// @param allowed The mask of all actions.
    /// @param given The refused mask.
    error ActionsRefused(uint32 allowed, uint32 given);

    /// @notice The window is empty, over, longer than the basis allows, or of an emergency that does not begin now.
    /// @param notBefore First second of the grant.
    /// @param notAfter First second after the grant.
    /// @param longest The most seconds that the basis allows.
    error WindowRefused(uint64 notBefore, uint64 notAfter, uint64 longest);

    /// @notice The grantee names no institution in its first four bytes.
    /// @param grantee The refused grantee.
    error GranteeRefused(bytes32 grantee);

    /// @notice The grant was carried too late.
    /// @param relayBy The second it had to arrive before.
    /// @param time The block's time.
    error RelayedLate(uint64 relayBy, uint64 time);

    /// @notice The grant was signed for another epoch: everything up to then was revoked.
    /// @param current The subject's epoch.
    /// @param given The grant's epoch.
    error EpochMismatch(uint32 current, uint32 given);

    /// @notice The grant was revoked. It never lives again.
    /// @param grantId The grant.
    error GrantRevoked(bytes32 grantId);

    /// @notice A grant lives.
    /// @param grantId Its struct hash.
    /// @param subject Its subject.
    /// @param grantee Its grantee.
    /// @param terms The grant as it was signed.
    /// @param expiry First second after the grant, as stored.
    event Granted(
        bytes32 indexed grantId, bytes20 indexed subject, bytes32 indexed grantee, Grant terms, uint40 expiry
    );

    /// @notice A grant was revoked, carried before or not.
    /// @param grantId The grant.
    /// @param subject Its subject.
    /// @param by keccak256 of the signer bytes of whoever revoked, or the person of the badge.
    event Revoked(bytes32 indexed grantId, bytes20 indexed subject, bytes32 indexed by);

    /// @notice An emergency was opened: a review is owed.
    /// @param grantId The emergency grant.
    /// @param institution The requester's institution, which owes it.
    /// @param dueAt The review is overdue from this second on.
    /// @param first The person of the first badge.
    /// @param second The person of the second.
    event ReviewOwed(bytes32 indexed grantId, uint32 indexed institution, uint40 dueAt, bytes32 first, bytes32 second);

    /// @notice A review was filed.
    /// @param grantId The emergency grant.
    /// @param by The officer's person.
    /// @param outcome 1 justified, 2 not justified.
    /// @param report Salted hash of the officer's report.
    event ReviewFiled(bytes32 indexed grantId, bytes32 indexed by, uint8 outcome, bytes32 report);

    /// @notice The officer of an institution that did not file finds otherwise, or alike.
    /// @param grantId The emergency grant.
    /// @param by The officer's person.
    /// @param outcome 1 justified, 2 not justified.
    /// @param report Salted hash of the officer's report.
    event ReviewContested(bytes32 indexed grantId, bytes32 indexed by, uint8 outcome, bytes32 report);

    /// @notice Give a grant. A grant that lives already has no effect; one that was revoked is refused.
    /// @dev An EMERGENCY grant whose window is over is taken (for recordLate) until 72 hours after its first second: it
    /// opens nothing. Every review is due 72 hours after its emergency was taken.
    /// @param terms What was signed. A representative's purposes bound them; so does the end of its appointment, which
    /// becomes the grant's expiry where it comes first.
    /// @param approvals CONSENT: one, by the subject's current signer or a live representative with GRANT, with an empty
    /// credential. PAPER: two different staff of the custodian. CARE, LAW: one OFFICER of the custodian. EMERGENCY: two
    /// different staff of the grantee's institution whose roles may use ETREAT. All staff with live badges of active
    /// institutions.
    /// @return grantId The struct hash of the terms.
    function grant(Grant calldata terms, Approval[] calldata approvals) external returns (bytes32 grantId);

    /// @notice Give what can be given, and skip the rest.
    /// @param items The grants and their approvals.
    /// @return given One per item, in order: whether the grant lives.
    function grantBatch(GrantItem[] calldata items) external returns (bool[] memory given);

    /// @notice File the review of an emergency, or contest one that another institution filed. Each institution speaks
    /// once; again has no effect.
    /// @param review_ What was signed.
    /// @param approval By an OFFICER with a live badge of any active institution, but not one of the two who opened it.
    function review(Review calldata review_, Approval calldata approval) external;

    /// @notice Revoke a grant, also before it was carried. Again has no effect.
    /// @param terms The grant.
    /// @param approval Over Revoke, by the subject's signer or a former one, a live representative, a REGISTRAR key of the
    /// custodian (active or not), or staff: the grantee, an OFFICER of a grantee institution, or an OFFICER of the
    /// custodian. The grantee's side does not end an EMERGENCY before it was carried: nobody could review it.
    function revoke(Grant calldata terms, Approval calldata approval) external;

    /// @notice Revoke a grant as the signer's, a former signer's or a live representative's own transaction. Again has no
    /// effect.
    /// @param terms The grant.
    function revokeOwn(Grant calldata terms) external;

    /// @notice Revoke a grant that was carried, as the signer's, a former signer's or a live representative's own
    /// transaction: the cheapest way. Again has no effect; a grant that is not known here reverts with NoStanding about the zero subject.
    /// @param grantId The grant.
    function revokeOwnById(bytes32 grantId) external;

    /// @notice The members this contract asks.
    /// @return contract_ The contract.
    function members() external view returns (IMembers contract_);

    /// @notice The subjects this contract asks.
    /// @return contract_ The contract.
    function subjects() external view returns (ISubjects contract_);

    /// @notice The studies that stand to this contract's left.
    /// @return contract_ The contract.
    function studies() external view returns (IStudies contract_);

    /// @notice One grant.
    /// @param grantId The grant.
    /// @return stored All zeros when it is unknown.
    function grantOf(bytes32 grantId) external view returns (GrantState memory stored);

    /// @notice The review of one emergency.
    /// @param grantId The grant.
    /// @return stored All zeros when none was ever owed.
    function reviewOf(bytes32 grantId) external view returns (ReviewState memory stored);

    /// @notice The oldest review that an institution owes.
    /// @param institution The institution.
    /// @return grantId Its emergency grant; 0 when none is owed.
    /// @return dueAt It is overdue from this second on.
    function oldestOwedBy(uint32 institution) external view returns (bytes32 grantId, uint40 dueAt);

    /// @notice The struct hash of a grant.
    /// @param terms The grant.
    /// @return grantId Its id.
    function grantIdOf(Grant calldata terms) external pure returns (bytes32 grantId);
}
