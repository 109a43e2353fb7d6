// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {
    Admit,
    Badge,
    ChangeExports,
    Founder,
    IMembers,
    Institution,
    NarrowExports,
    Publish,
    RaiseBadgeEpoch,
    Reinstate,
    ReplaceGovernor,
    Standing,
    Suspend,
    Vote,
    WithdrawPerson
} from "./interfaces/IMembers.sol";
import { Ids } from "./libraries/Ids.sol";
import { Kinds } from "./libraries/Kinds.sol";
import { SignerCheck } from "./libraries/SignerCheck.sol";

/// @title Members
/// @notice Who belongs, and which keys speak for whom.
contract Members is IMembers, EIP712 {
    bytes32 private constant ADMIT_TYPEHASH =
        keccak256("Admit(address governor,uint8 region,uint64 exports,uint64 round)");
    bytes32 private constant SUSPEND_TYPEHASH = keccak256("Suspend(uint32 institution,uint64 round)");
    bytes32 private constant REINSTATE_TYPEHASH = keccak256("Reinstate(uint32 institution,uint64 round)");
    bytes32 private constant REPLACE_TYPEHASH =
        keccak256("ReplaceGovernor(uint32 institution,address governor,uint64 round)");
    bytes32 private constant CHANGE_TYPEHASH =
        keccak256("ChangeExports(uint32 institution,uint64 exports,uint64 round)");
    bytes32 private constant NARROW_TYPEHASH =
        keccak256("NarrowExports(uint32 institution,uint64 exports,uint64 round)");
    bytes32 private constant PUBLISH_TYPEHASH =
        keccak256("Publish(uint32 institution,uint8 kind,bytes32 keyHash,uint64 notAfter)");
    bytes32 private constant RAISE_TYPEHASH = keccak256("RaiseBadgeEpoch(uint32 institution,uint32 epoch)");
    bytes32 private constant WITHDRAW_TYPEHASH = keccak256("WithdrawPerson(bytes32 person)");
    bytes32 private constant BADGE_TYPEHASH = keccak256(
        "Badge(uint32 institution,bytes32 person,address session,uint32 roles,uint64 trainedUntil,uint64 notBefore,uint64 notAfter,uint32 epoch)"
    );

    /// @dev What every release reads shares one slot; exports, and the round of the last vote on them, has its own.
    struct Stored {
        address governor;
        uint8 region;
        bool active;
        uint32 badgeEpoch;
        uint64 exports;
        uint64 exportsRound;
    }

    /// @inheritdoc IMembers
    uint64 public override round = 1;
    /// @inheritdoc IMembers
    uint32 public override institutionCount;
    /// @inheritdoc IMembers
    uint32 public override activeCount;
    /// @inheritdoc IMembers
    mapping(address governor => uint32 institution) public override governedBy;
    /// @inheritdoc IMembers
    mapping(uint32 institution => mapping(uint8 kind => mapping(bytes32 keyHash => uint64 notAfter)))
        public
        override keyEnd;
    /// @inheritdoc IMembers
    mapping(bytes32 person => bool withdrawn) public override isWithdrawn;
    mapping(uint32 institution => Stored stored) private _institutions;

    /// @param founders Institutions 1, 2, ... in order.
    constructor(Founder[] memory founders) EIP712("fiducia", "1") {
        for (uint256 i = 0; i < founders.length; ++i) {
            _add(founders[i].governor, founders[i].region, founders[i].exports, 0);
        }
    }

    /// @inheritdoc IMembers
    function admit(Admit calldata admission, Vote[] calldata votes) external override returns (uint32 institution) {
        _pass(admission.round, keccak256(abi.encode(ADMIT_TYPEHASH, admission)), votes, 0);
        return _add(admission.governor, admission.region, admission.exports, admission.round);
    }

    /// @inheritdoc IMembers
    function suspend(Suspend calldata suspension, Vote[] calldata votes) external override {
        uint32 institution = suspension.institution;
        if (!_institutions[institution].active) revert StatusUnchanged(institution, false);
        _pass(suspension.round, keccak256(abi.encode(SUSPEND_TYPEHASH, suspension)), votes, institution);
        _institutions[institution].active = false;
        --activeCount;
        emit Suspended(institution, suspension.round);
    }

    /// @inheritdoc IMembers
    function reinstate(Reinstate calldata reinstatement, Vote[] calldata votes) external override {
        uint32 institution = reinstatement.institution;
        _governorOf(institution);
        if (_institutions[institution].active) revert StatusUnchanged(institution, true);
        _pass(reinstatement.round, keccak256(abi.encode(REINSTATE_TYPEHASH, reinstatement)), votes, 0);
        _institutions[institution].active = true;
        ++activeCount;
        emit Reinstated(institution, reinstatement.round);
    }

    /// @inheritdoc IMembers
    function replaceGovernor(ReplaceGovernor calldata replacement, Vote[] calldata votes) external override {
        (uint32 institution, address governor) = (replacement.institution, replacement.governor);
        address former = _governorOf(institution);
        _pass(replacement.round, keccak256(abi.encode(REPLACE_TYPEHASH, replacement)), votes, institution);
        _requireFree(governor);
        delete governedBy[former];
        governedBy[governor] = institution;
        _institutions[institution].governor = governor;
        emit GovernorReplaced(institution, governor, replacement.round);
    }

    /// @inheritdoc IMembers
    function changeExports(ChangeExports calldata change, Vote[] calldata votes) external override {
        uint32 institution = change.institution;
        _governorOf(institution);
        _pass(change.round, keccak256(abi.encode(CHANGE_TYPEHASH, change)), votes, 0);
        _institutions[institution].exports = change.exports;
        _institutions[institution].exportsRound = change.round;
        emit ExportsChanged(institution, change.exports, change.round);
    }

    /// @inheritdoc IMembers
    function narrowExports(NarrowExports calldata narrowing, bytes calldata signature) external override {
        (uint32 institution, uint64 exports) = (narrowing.institution, narrowing.exports);
        _requireGovernor(institution, keccak256(abi.encode(NARROW_TYPEHASH, narrowing)), signature);
        Stored storage stored = _institutions[institution];
        if (narrowing.round <= stored.exportsRound || narrowing.round > round) {
            revert RoundMismatch(round, narrowing.round);
        }
        uint64 current = stored.exports;
        if (exports & ~current != 0) revert ExportsWidened(institution, current, exports);
        if (exports == current) return;
        stored.exports = exports;
        emit ExportsChanged(institution, exports, 0);
    }

    /// @inheritdoc IMembers
    function publish(
        Publish calldata publication,
        bytes calldata key,
        string calldata endpoint,
        bytes calldata signature
    ) external override {
        (uint32 institution, uint8 kind, bytes32 keyHash, uint64 notAfter) =
            (publication.institution, publication.kind, publication.keyHash, publication.notAfter);
        _requireGovernor(institution, keccak256(abi.encode(PUBLISH_TYPEHASH, publication)), signature);
        _requireKey(kind, keyHash, key);
        uint64 end = keyEnd[institution][kind][keyHash];
        // The end only ever moves earlier: whoever kept an older signature cannot bring an ended key back.
        if (notAfter == 0 || (end != 0 && notAfter > end)) revert KeyEndRefused(keyHash, end, notAfter);
        if (notAfter == end) return;
        if (end == 0 && !_institutions[institution].active) revert InstitutionInactive(institution);
        keyEnd[institution][kind][keyHash] = notAfter;
        emit Published(institution, kind, keyHash, notAfter, key, endpoint);
    }

    /// @inheritdoc IMembers
    function raiseBadgeEpoch(RaiseBadgeEpoch calldata raise, bytes calldata signature) external override {
        _requireGovernor(raise.institution, keccak256(abi.encode(RAISE_TYPEHASH, raise)), signature);
        uint32 current = _institutions[raise.institution].badgeEpoch;
        if (raise.epoch > current) revert BadgeEpochAhead(raise.institution, current, raise.epoch);
        if (raise.epoch < current) return;
        _institutions[raise.institution].badgeEpoch = current + 1;
        emit BadgeEpochRaised(raise.institution, current + 1);
    }

    /// @inheritdoc IMembers
    function withdrawPerson(WithdrawPerson calldata withdrawal, bytes calldata signature) external override {
        bytes32 person = withdrawal.person;
        uint32 institution = Ids.institutionOf(person);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(WITHDRAW_TYPEHASH, withdrawal)));
        address issuer = SignerCheck.recover(digest, signature);
        if (issuer == address(0)) revert SignatureInvalid(digest);
        bytes32 keyHash = SignerCheck.hashOf(issuer);
        if (block.timestamp >= keyEnd[institution][Kinds.ISSUER][keyHash]) {
            revert KeyNotLive(institution, Kinds.ISSUER, keyHash);
        }
        if (isWithdrawn[person]) return;
        isWithdrawn[person] = true;
        emit PersonWithdrawn(institution, person);
    }

    /// @inheritdoc IMembers
    function standingAndExports(
        Badge calldata badge,
        bytes calldata issuerSignature,
        bytes32 recipient,
        uint32 custodian
    ) external view override returns (Standing memory, uint64) {
        return (standing(badge, issuerSignature, recipient), _institutions[custodian].exports);
    }

    /// @inheritdoc IMembers
    function standing(Badge calldata badge, bytes calldata issuerSignature, bytes32 recipient)
        public
        view
        override
        returns (Standing memory)
    {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(BADGE_TYPEHASH, badge)));
        address issuer = SignerCheck.recover(digest, issuerSignature);
        return standingOf(badge.institution, issuer, badge.person, recipient);
    }

    /// @inheritdoc IMembers
    function institutionOf(uint32 institution) external view override returns (Institution memory) {
        Stored storage stored = _institutions[institution];
        return Institution(stored.governor, stored.region, stored.exports, stored.active, stored.badgeEpoch);
    }

    /// @inheritdoc IMembers
    function exportsOf(uint32 institution) external view override returns (uint64) {
        return _institutions[institution].exports;
    }

    /// @inheritdoc IMembers
    function isKey(uint32 institution, uint8 kind, bytes32 keyHash) external view override returns (bool) {
        return _institutions[institution].active && block.timestamp < keyEnd[institution][kind][keyHash];
    }

    /// @inheritdoc IMembers
    function standingOf(uint32 institution, address issuer, bytes32 person, bytes32 recipient)
        public
        view
        override
        returns (Standing memory facts)
    {
        Stored storage stored = _institutions[institution];
        (facts.active, facts.badgeEpoch, facts.region) = (stored.active, stored.badgeEpoch, stored.region);
        // The zero address stands for a malformed signature and is never anybody's key.
        if (issuer != address(0)) facts.issuerEnd = keyEnd[institution][Kinds.ISSUER][SignerCheck.hashOf(issuer)];
        facts.personWithdrawn = isWithdrawn[person];
        facts.recipientEnd = keyEnd[institution][Kinds.GATEWAY][recipient];
    }

    /// @dev Gives the next number to a new institution.
    function _add(address governor, uint8 region, uint64 exports, uint64 admittedIn) private returns (uint32 number) {
        _requireFree(governor);
        if (region > 63) revert RegionOutOfRange(region);
        number = ++institutionCount;
        ++activeCount;
        governedBy[governor] = number;
        _institutions[number] = Stored(governor, region, true, 1, exports, admittedIn);
        emit Admitted(number, governor, region, exports, admittedIn);
    }

    /// @dev Reverts unless the address can sign and governs nothing yet.
    function _requireFree(address governor) private view {
        if (governor == address(0)) revert GovernorZero();
        if (governedBy[governor] != 0) revert GovernorTaken(governor, governedBy[governor]);
    }

    /// @dev Counts the votes of active governors other than `excluded` and ends the round; reverts without a majority.
    function _pass(uint64 given, bytes32 structHash, Vote[] calldata votes, uint32 excluded) private {
        if (given != round) revert RoundMismatch(round, given);
        bytes32 digest = _hashTypedDataV4(structHash);
        uint32 previous = 0;
        for (uint256 i = 0; i < votes.length; ++i) {
            uint32 voter = votes[i].institution;
            if (voter <= previous) revert VotesUnsorted(previous, voter);
            previous = voter;
            Stored storage stored = _institutions[voter];
            bool entitled = stored.active && voter != excluded;
            if (!entitled || !SignerCheck.isSignedBy(stored.governor, digest, votes[i].signature)) {
                revert VoteInvalid(voter);
            }
        }
        uint256 electorate = _institutions[excluded].active ? activeCount - 1 : activeCount;
        if (votes.length * 2 <= electorate) revert MajorityMissing(votes.length, electorate);
        ++round;
    }

    /// @dev Reverts unless the institution's governor signed.
    function _requireGovernor(uint32 institution, bytes32 structHash, bytes calldata signature) private view {
        address governor = _governorOf(institution);
        bytes32 digest = _hashTypedDataV4(structHash);
        if (!SignerCheck.isSignedBy(governor, digest, signature)) revert SignatureInvalid(digest);
    }

    /// @dev The governor of an institution that exists.
    function _governorOf(uint32 institution) private view returns (address governor) {
        governor = _institutions[institution].governor;
        if (governor == address(0)) revert InstitutionUnknown(institution);
    }

    /// @dev Reverts unless the key has its kind's form and hash.
    function _requireKey(uint8 kind, bytes32 keyHash, bytes calldata key) private pure {
        if (kind < Kinds.REGISTRAR || kind > Kinds.LOG) revert KeyKindUnknown(kind);
        bool matches =
            Kinds.isAddress(kind) ? SignerCheck.isAccount(key) && keccak256(key) == keyHash : sha256(key) == keyHash;
        if (!matches) revert KeyMismatch(keyHash, kind);
    }
}
