// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title The rules that never change: what each basis and each role may be used for, and for how long.
/// @notice A bit is a position in the lists that Grant and Badge document. There is no setter.
library Rules {
    uint8 internal constant CONSENT = 1;
    uint8 internal constant PAPER = 2;
    uint8 internal constant CARE = 3;
    uint8 internal constant LAW = 4;
    uint8 internal constant EMERGENCY = 5;

    uint32 internal constant TREAT = 1 << 0;
    uint32 internal constant ETREAT = 1 << 1;
    uint32 internal constant HPAYMT = 1 << 2;
    uint32 internal constant HOPERAT = 1 << 3;
    uint32 internal constant HRESCH = 1 << 4;
    uint32 internal constant CLINTRCH = 1 << 5;
    uint32 internal constant PUBHLTH = 1 << 6;
    uint32 internal constant PATRQT = 1 << 7;
    uint32 internal constant FAMRQT = 1 << 8;
    uint32 internal constant HLEGAL = 1 << 9;
    uint32 internal constant ALL_PURPOSES = (1 << 10) - 1;

    uint32 internal constant ALL_ACTIONS = (1 << 5) - 1; // METADATA VIEW RETAIN DERIVE COMPUTE

    uint32 internal constant PHYSICIAN = 1 << 0;
    uint32 internal constant RADIOLOGIST = 1 << 1;
    uint32 internal constant TECHNOLOGIST = 1 << 2;
    uint32 internal constant NURSE = 1 << 3;
    uint32 internal constant RESEARCHER = 1 << 4;
    uint32 internal constant REGISTRAR = 1 << 5;
    uint32 internal constant OFFICER = 1 << 6;
    uint32 internal constant AUDITOR = 1 << 7;

    uint8 internal constant RESTRICTED = 1 << 0; // a subject's flag

    uint32 internal constant MAY_GRANT = 1 << 0; // a representative's powers
    uint32 internal constant MAY_ACCESS = 1 << 1;
    uint32 internal constant ALL_POWERS = MAY_GRANT | MAY_ACCESS;

    /// @dev How long after an emergency was opened its review is due.
    uint64 internal constant REVIEW_WITHIN = 72 hours;

    /// @dev How far an emergency may begin ahead of its block: clocks differ. More, and its review could be over before.
    uint64 internal constant EMERGENCY_AHEAD = 60 seconds;

    /// @dev A year is 365 days, whatever the calendar says.
    uint64 internal constant TEN_YEARS = 3650 days;
    uint64 internal constant ONE_YEAR = 365 days;

    /// @dev No release outlives this, whatever the request, the badge and the grant say.
    uint64 internal constant LONGEST_RELEASE = 8 hours;

    /// @dev The purposes that a grant on this basis may name; none for an unknown basis.
    function purposesOf(uint8 basis) internal pure returns (uint32) {
        if (basis == CONSENT || basis == PAPER) return ALL_PURPOSES & ~(PUBHLTH | HLEGAL);
        if (basis == CARE) return TREAT;
        if (basis == LAW) return PUBHLTH | HLEGAL;
        if (basis == EMERGENCY) return ETREAT;
        return 0;
    }

    /// @dev The most seconds between notBefore and notAfter of a grant on this basis; 0 for an unknown basis.
    function longestOf(uint8 basis) internal pure returns (uint64) {
        if (basis == CONSENT || basis == PAPER) return TEN_YEARS;
        if (basis == CARE) return 30 days;
        if (basis == LAW) return ONE_YEAR;
        if (basis == EMERGENCY) return 24 hours;
        return 0;
    }

    /// @dev Whether a restriction blocks grants on this basis.
    function isBlockedByRestriction(uint8 basis) internal pure returns (bool) {
        return basis != LAW && basis != EMERGENCY;
    }

    /// @dev The purposes that at least one of the roles may use; unknown role bits give nothing.
    function purposesOfRoles(uint32 roles) internal pure returns (uint32 purposes) {
        if (roles & (PHYSICIAN | RADIOLOGIST | NURSE) != 0) purposes |= TREAT | ETREAT;
        if (roles & TECHNOLOGIST != 0) purposes |= TREAT | HOPERAT;
        if (roles & RESEARCHER != 0) purposes |= HRESCH | CLINTRCH;
        if (roles & REGISTRAR != 0) purposes |= HPAYMT | HOPERAT;
        if (roles & OFFICER != 0) purposes |= PUBHLTH | HLEGAL | PATRQT | FAMRQT;
    }
}
