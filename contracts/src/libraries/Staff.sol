// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import { IErrors } from "../interfaces/IErrors.sol";
import { Badge, IMembers, Standing } from "../interfaces/IMembers.sol";
import { Approval } from "../interfaces/ISubjects.sol";
import { Ids } from "./Ids.sol";
import { Rules } from "./Rules.sol";
import { SignerCheck } from "./SignerCheck.sol";

/// @title Who approves as staff: a badge, and its session's signature.
/// @notice Three strengths. Towards more access everything about the badge must be good now. Towards less neither
/// training nor an active institution is needed: nothing members do to an institution keeps its staff from taking
/// access away. What was done in the past is judged by what cannot be taken back since. A credential that does not
/// decode reverts without data.
library Staff {
    /// @dev The badge of whoever approved, good for more access. Reverts with SignatureInvalid or NoStanding.
    function requireActing(IMembers members, Approval calldata approval, bytes32 digest, bytes20 subject)
        internal
        view
        returns (Badge memory badge)
    {
        Standing memory standing;
        (badge, standing) = _signed(members, approval, digest, subject);
        bool good = _stands(badge, standing, block.timestamp) && _isCurrent(badge, standing) && standing.active
            && block.timestamp < badge.trainedUntil;
        if (!good) revert IErrors.NoStanding(subject, badge.person);
    }

    /// @dev The same, and the badge has the OFFICER role.
    function requireOfficer(IMembers members, Approval calldata approval, bytes32 digest, bytes20 subject)
        internal
        view
        returns (Badge memory badge)
    {
        badge = requireActing(members, approval, digest, subject);
        if (!isOfficer(badge)) revert IErrors.NoStanding(subject, badge.person);
    }

    /// @dev The badge of whoever approved, good enough to take access away. Reverts as above.
    function requireLeaving(IMembers members, Approval calldata approval, bytes32 digest, bytes20 subject)
        internal
        view
        returns (Badge memory badge)
    {
        Standing memory standing;
        (badge, standing) = _signed(members, approval, digest, subject);
        bool good = _stands(badge, standing, block.timestamp) && _isCurrent(badge, standing);
        if (!good) revert IErrors.NoStanding(subject, badge.person);
    }

    /// @dev The badge of whoever approved at a time in the past. Reverts as above.
    function requireThen(IMembers members, Approval calldata approval, bytes32 digest, bytes20 subject, uint256 time)
        internal
        view
        returns (Badge memory badge)
    {
        Standing memory standing;
        (badge, standing) = _signed(members, approval, digest, subject);
        bool good = _stands(badge, standing, time) && time < badge.trainedUntil;
        if (!good) revert IErrors.NoStanding(subject, badge.person);
    }

    /// @dev Whether the badge has the OFFICER role.
    function isOfficer(Badge memory badge) internal pure returns (bool) {
        return badge.roles & Rules.OFFICER != 0;
    }

    /// @dev Decodes the credential and verifies the session's signature.
    function _signed(IMembers members, Approval calldata approval, bytes32 digest, bytes20 subject)
        private
        view
        returns (Badge memory badge, Standing memory standing)
    {
        bytes memory issuerSignature;
        (badge, issuerSignature) = abi.decode(approval.credential, (Badge, bytes));
        address signer = SignerCheck.accountOf(approval.signer);
        // Anything but an account is the zero address here: a badge whose session that is, is nobody's.
        if (signer == address(0) || signer != badge.session) revert IErrors.NoStanding(subject, badge.person);
        if (!SignerCheck.isSignedBy(signer, digest, approval.signature)) revert IErrors.SignatureInvalid(digest);
        standing = members.standing(badge, issuerSignature, 0);
    }

    /// @dev Whether a published issuer vouched for a person of its own institution, for that time.
    function _stands(Badge memory badge, Standing memory standing, uint256 time) private pure returns (bool) {
        return time < standing.issuerEnd && badge.notBefore <= time && time < badge.notAfter
            && Ids.institutionOf(badge.person) == badge.institution;
    }

    /// @dev Whether nobody took the badge back.
    function _isCurrent(Badge memory badge, Standing memory standing) private pure returns (bool) {
        return badge.epoch == standing.badgeEpoch && !standing.personWithdrawn;
    }
}
