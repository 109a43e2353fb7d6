// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "./IErrors.sol";

/// @notice One founder, as the constructor takes it. Founders become institutions 1, 2, ... in order.
/// @param governor The cold account that votes and publishes keys.
/// @param region 0..63.
/// @param exports Bit r is set when the institution's studies may be released to region r.
struct Founder {
    address governor;
    uint8 region;
    uint64 exports;
}

/// @notice EIP-712: the governors admit an institution. It gets the next number.
/// @param governor The cold account that votes and publishes keys.
/// @param region 0..63.
/// @param exports Bit r is set when the institution's studies may be released to region r.
/// @param round The current round; every vote that passes raises it by one.
struct Admit {
    address governor;
    uint8 region;
    uint64 exports;
    uint64 round;
}

/// @notice EIP-712: the other governors suspend an institution.
struct Suspend {
    uint32 institution;
    uint64 round;
}

/// @notice EIP-712: the governors reinstate a suspended institution.
struct Reinstate {
    uint32 institution;
    uint64 round;
}

/// @notice EIP-712: the other governors give an institution another governor.
/// @param institution The institution; it does not vote.
/// @param governor The new governor; it must govern nothing else.
/// @param round The current round.
struct ReplaceGovernor {
    uint32 institution;
    address governor;
    uint64 round;
}

/// @notice EIP-712: the governors change the regions that an institution's studies may be released to.
/// @param institution The institution; its governor votes like any other.
/// @param exports Bit r is set for region r.
/// @param round The current round.
struct ChangeExports {
    uint32 institution;
    uint64 exports;
    uint64 round;
}

/// @notice EIP-712: an institution's own governor takes regions out of its exports, at once.
/// @param institution The institution.
/// @param exports The regions that stay; none that is not there now.
/// @param round Any round that has begun and is later than the one that last changed the exports by vote: what was
/// signed before such a vote takes nothing away from its outcome.
struct NarrowExports {
    uint32 institution;
    uint64 exports;
    uint64 round;
}

/// @notice EIP-712: an institution's governor publishes a key, or ends it earlier.
/// @param institution The institution.
/// @param kind 1 REGISTRAR, 2 ISSUER, 3 GATEWAY, 4 BROKER_KEM, 5 BROKER_SIGN, 6 LOG.
/// @param keyHash keccak256 of the 20 address bytes (REGISTRAR, ISSUER, BROKER_SIGN), SHA-256 of the raw public
/// key (GATEWAY, BROKER_KEM, LOG).
/// @param notAfter The key is live while the block time is before it. Never 0.
struct Publish {
    uint32 institution;
    uint8 kind;
    bytes32 keyHash;
    uint64 notAfter;
}

/// @notice EIP-712: an institution's governor ends every badge at once.
/// @param institution The institution.
/// @param epoch The badge epoch that ends; the next one is one higher.
struct RaiseBadgeEpoch {
    uint32 institution;
    uint32 epoch;
}

/// @notice EIP-712: an issuer withdraws one person for good.
/// @param person institution (4 bytes) followed by 28 random bytes.
struct WithdrawPerson {
    bytes32 person;
}

/// @notice EIP-712: a staff member's short-lived credential, signed by an ISSUER key of the institution. Never stored.
/// @param institution The institution that vouches.
/// @param person institution (4 bytes) followed by 28 random bytes.
/// @param session The address of the session key that signs requests.
/// @param roles Bit mask: 0 PHYSICIAN, 1 RADIOLOGIST, 2 TECHNOLOGIST, 3 NURSE, 4 RESEARCHER, 5 REGISTRAR, 6 OFFICER,
/// 7 AUDITOR.
/// @param trainedUntil The person's training is good while the block time is before it.
/// @param notBefore First second of the badge.
/// @param notAfter First second after the badge.
/// @param epoch The institution's badge epoch.
struct Badge {
    uint32 institution;
    bytes32 person;
    address session;
    uint32 roles;
    uint64 trainedUntil;
    uint64 notBefore;
    uint64 notAfter;
    uint32 epoch;
}

/// @notice One governor's signature in a vote.
/// @param institution The voting institution; votes are sorted by it, strictly rising.
/// @param signature 65 bytes by that institution's governor.
struct Vote {
    uint32 institution;
    bytes signature;
}

/// @notice An institution, as stored.
/// @param governor The cold account; the zero address for a number that was never given.
/// @param region 0..63.
/// @param exports Bit r is set when the institution's studies may be released to region r.
/// @param active False while suspended.
/// @param badgeEpoch Starts at 1.
struct Institution {
    address governor;
    uint8 region;
    uint64 exports;
    bool active;
    uint32 badgeEpoch;
}

/// @notice What the members know of one badge and one recipient.
/// @param issuerEnd End of the ISSUER key that signed the badge; 0 when it is not published or the signature is bad.
/// @param active Whether the badge's institution is active.
/// @param badgeEpoch The institution's current badge epoch.
/// @param region The institution's region.
/// @param personWithdrawn Whether the person was withdrawn.
/// @param recipientEnd End of the GATEWAY key that the recipient names; 0 when it is not published.
struct Standing {
    uint64 issuerEnd;
    bool active;
    uint32 badgeEpoch;
    uint8 region;
    bool personWithdrawn;
    uint64 recipientEnd;
}

/// @title Who belongs, and which keys speak for whom.
/// @notice Institutions, their published keys, their badge epochs and the persons they withdrew. Nobody owns this
/// contract: every change is a signature that anyone may carry. EIP-712 domain: "fiducia", "1", chain id, this address.
interface IMembers is IErrors {
    /// @notice A governor must be an address that can sign.
    error GovernorZero();

    /// @notice The address already governs an institution.
    /// @param governor The address.
    /// @param institution The institution it governs.
    error GovernorTaken(address governor, uint32 institution);

    /// @notice Regions are 0..63.
    /// @param region The refused region.
    error RegionOutOfRange(uint8 region);

    /// @notice The vote was taken for another round; or the narrowing names a round that has not begun, or none since the
    /// vote that last changed the exports.
    /// @param current The round now.
    /// @param given The round that was signed.
    error RoundMismatch(uint64 current, uint64 given);

    /// @notice Votes must be sorted by institution, without repetition.
    /// @param previous The institution before it (0 for the first).
    /// @param given The institution out of order.
    error VotesUnsorted(uint32 previous, uint32 given);

    /// @notice The vote is not signed by that institution's governor, or the institution may not vote in this matter.
    /// @param institution The voting institution.
    error VoteInvalid(uint32 institution);

    /// @notice Not more than half of the governors entitled to vote.
    /// @param votes How many voted.
    /// @param electorate How many were entitled to.
    error MajorityMissing(uint256 votes, uint256 electorate);

    /// @notice No institution has that number.
    /// @param institution The number.
    error InstitutionUnknown(uint32 institution);

    /// @notice The institution already is what the vote would make it.
    /// @param institution The institution.
    /// @param active Whether it is active.
    error StatusUnchanged(uint32 institution, bool active);

    /// @notice Kinds are 1..6.
    /// @param kind The refused kind.
    error KeyKindUnknown(uint8 kind);

    /// @notice The key does not hash to the signed key hash by its kind's hash, or is no nonzero 20-byte address
    /// where an address is due.
    /// @param keyHash The signed hash.
    /// @param kind The kind.
    error KeyMismatch(bytes32 keyHash, uint8 kind);

    /// @notice A key's end never moves later, and is never 0: publish another key instead.
    /// @param keyHash The key.
    /// @param end Its end now (0: not published yet).
    /// @param given The refused end.
    error KeyEndRefused(bytes32 keyHash, uint64 end, uint64 given);

    /// @notice The signed badge epoch lies in the future.
    /// @param institution The institution.
    /// @param current Its badge epoch.
    /// @param given The signed epoch.
    error BadgeEpochAhead(uint32 institution, uint32 current, uint32 given);

    /// @notice Only a vote of the governors adds regions.
    /// @param institution The institution.
    /// @param current Its exports now.
    /// @param given The refused exports.
    error ExportsWidened(uint32 institution, uint64 current, uint64 given);

    /// @notice An institution was admitted, or was a founder.
    /// @param institution Its number.
    /// @param governor Its governor.
    /// @param region Its region.
    /// @param exports The regions that its studies may be released to.
    /// @param round The round that admitted it (0 for founders).
    event Admitted(uint32 indexed institution, address indexed governor, uint8 region, uint64 exports, uint64 round);

    /// @notice An institution was suspended.
    /// @param institution The institution.
    /// @param round The round that did it.
    event Suspended(uint32 indexed institution, uint64 round);

    /// @notice An institution was reinstated.
    /// @param institution The institution.
    /// @param round The round that did it.
    event Reinstated(uint32 indexed institution, uint64 round);

    /// @notice An institution got another governor. The former one has no say from now on.
    /// @param institution The institution.
    /// @param governor Its governor.
    /// @param round The round that did it.
    event GovernorReplaced(uint32 indexed institution, address indexed governor, uint64 round);

    /// @notice The regions that an institution's studies may be released to changed.
    /// @param institution The institution.
    /// @param exports The regions from now on.
    /// @param round The round that did it; 0 when the institution's own governor narrowed them.
    event ExportsChanged(uint32 indexed institution, uint64 exports, uint64 round);

    /// @notice A key was published, or its end was moved earlier.
    /// @param institution The institution.
    /// @param kind The kind.
    /// @param keyHash The key's hash.
    /// @param notAfter The key's end from now on.
    /// @param key The key: 20 address bytes or the raw public key. It hashes to keyHash.
    /// @param endpoint Where the key's holder answers. A hint of whoever carried the signature: believe only what is
    /// signed by, or sealed to, the key.
    event Published(
        uint32 indexed institution,
        uint8 indexed kind,
        bytes32 indexed keyHash,
        uint64 notAfter,
        bytes key,
        string endpoint
    );

    /// @notice All badges of an institution ended.
    /// @param institution The institution.
    /// @param epoch The badge epoch from now on.
    event BadgeEpochRaised(uint32 indexed institution, uint32 epoch);

    /// @notice A person was withdrawn for good.
    /// @param institution The person's institution.
    /// @param person The person.
    event PersonWithdrawn(uint32 indexed institution, bytes32 indexed person);

    /// @notice Admit an institution under the signatures of a strict majority of the active governors.
    /// @param admission What they signed.
    /// @param votes Their signatures, sorted by institution.
    /// @return institution The number it got.
    function admit(Admit calldata admission, Vote[] calldata votes) external returns (uint32 institution);

    /// @notice Suspend an institution under the signatures of a strict majority of the other active governors.
    /// @param suspension What they signed.
    /// @param votes Their signatures, sorted by institution; the institution itself does not vote.
    function suspend(Suspend calldata suspension, Vote[] calldata votes) external;

    /// @notice Reinstate an institution under the signatures of a strict majority of the active governors.
    /// @param reinstatement What they signed.
    /// @param votes Their signatures, sorted by institution.
    function reinstate(Reinstate calldata reinstatement, Vote[] calldata votes) external;

    /// @notice Replace a governor under the signatures of a strict majority of the other active governors.
    /// @param replacement What they signed.
    /// @param votes Their signatures, sorted by institution; the institution itself does not vote.
    function replaceGovernor(ReplaceGovernor calldata replacement, Vote[] calldata votes) external;

    /// @notice Change an institution's exports under the signatures of a strict majority of the active governors.
    /// @param change What they signed.
    /// @param votes Their signatures, sorted by institution.
    function changeExports(ChangeExports calldata change, Vote[] calldata votes) external;

    /// @notice Take regions out of an institution's exports, at once and without a vote. The same again has no effect.
    /// @param narrowing What the institution's governor signed.
    /// @param signature 65 bytes by the institution's governor.
    function narrowExports(NarrowExports calldata narrowing, bytes calldata signature) external;

    /// @notice Publish a key, or end it earlier (an end in the past ends it at once). Once ended it never returns, so
    /// no old signature can bring it back. The same end again has no effect. A suspended institution publishes no new
    /// key but may end the old ones.
    /// @param publication What the institution's governor signed.
    /// @param key 20 address bytes (REGISTRAR, ISSUER, BROKER_SIGN) or the raw public key.
    /// @param endpoint Where its holder answers; empty when it does not.
    /// @param signature 65 bytes by the institution's governor.
    function publish(
        Publish calldata publication,
        bytes calldata key,
        string calldata endpoint,
        bytes calldata signature
    ) external;

    /// @notice End every badge of an institution. An epoch that already ended has no effect.
    /// @param raise What the institution's governor signed.
    /// @param signature 65 bytes by the institution's governor.
    function raiseBadgeEpoch(RaiseBadgeEpoch calldata raise, bytes calldata signature) external;

    /// @notice Withdraw one person for good. Again has no effect.
    /// @param withdrawal What an issuer signed.
    /// @param signature 65 bytes by a live ISSUER key of the person's institution, active or not.
    function withdrawPerson(WithdrawPerson calldata withdrawal, bytes calldata signature) external;

    /// @notice How many institutions were ever admitted; their numbers are 1..count.
    /// @return count The count.
    function institutionCount() external view returns (uint32 count);

    /// @notice How many institutions are active.
    /// @return count The count.
    function activeCount() external view returns (uint32 count);

    /// @notice The round that the next vote must name. Starts at 1.
    /// @return current The round.
    function round() external view returns (uint64 current);

    /// @notice One institution.
    /// @param institution Its number.
    /// @return stored All zeros for a number that was never given.
    function institutionOf(uint32 institution) external view returns (Institution memory stored);

    /// @notice The regions that an institution's studies may be released to.
    /// @param institution Its number.
    /// @return exports Bit r is set for region r; 0 for a number that was never given.
    function exportsOf(uint32 institution) external view returns (uint64 exports);

    /// @notice The institution that an address governs.
    /// @param governor The address.
    /// @return institution Its number, or 0.
    function governedBy(address governor) external view returns (uint32 institution);

    /// @notice The end of a published key.
    /// @param institution The institution.
    /// @param kind The kind.
    /// @param keyHash The key's hash.
    /// @return notAfter Its end, or 0 when it was never published.
    function keyEnd(uint32 institution, uint8 kind, bytes32 keyHash) external view returns (uint64 notAfter);

    /// @notice Whether a key may act for more access now: published, not ended, institution active.
    /// @param institution The institution.
    /// @param kind The kind.
    /// @param keyHash The key's hash.
    /// @return live Whether it may.
    function isKey(uint32 institution, uint8 kind, bytes32 keyHash) external view returns (bool live);

    /// @notice Whether a person was withdrawn.
    /// @param person The person.
    /// @return withdrawn Whether it was.
    function isWithdrawn(bytes32 person) external view returns (bool withdrawn);

    /// @notice What the members know of a badge and a recipient; the issuer is recovered from the signature.
    /// @param badge The badge.
    /// @param issuerSignature 65 bytes over the badge in this contract's domain.
    /// @param recipient SHA-256 of a GATEWAY key.
    /// @return facts The facts; nothing is judged.
    function standing(Badge calldata badge, bytes calldata issuerSignature, bytes32 recipient)
        external
        view
        returns (Standing memory facts);

    /// @notice The same, and the regions that another institution's studies may be released to: all that a release asks
    /// the members, in one call.
    /// @param badge The badge.
    /// @param issuerSignature 65 bytes over the badge in this contract's domain.
    /// @param recipient SHA-256 of a GATEWAY key.
    /// @param custodian The institution whose exports are asked for.
    /// @return facts The facts; nothing is judged.
    /// @return exports Bit r is set for region r; 0 for a number that was never given.
    function standingAndExports(
        Badge calldata badge,
        bytes calldata issuerSignature,
        bytes32 recipient,
        uint32 custodian
    ) external view returns (Standing memory facts, uint64 exports);

    /// @notice The same for an issuer that is already known.
    /// @param institution The badge's institution.
    /// @param issuer The address of the issuer.
    /// @param person The badge's person.
    /// @param recipient SHA-256 of a GATEWAY key.
    /// @return facts The facts; nothing is judged.
    function standingOf(uint32 institution, address issuer, bytes32 person, bytes32 recipient)
        external
        view
        returns (Standing memory facts);
}
