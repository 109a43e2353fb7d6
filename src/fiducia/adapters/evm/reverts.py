"""What a contract's refusal means: every custom error of every ABI, mapped to exactly one of our errors.

One table; tests/unit/adapters/test_evm_reverts.py walks all ABIs and fails on an error that is missing here
or on a line here that no ABI has. The sentences are for people: they say what to do, and quote numbers
only, never an address, a hash or a signature. A revert that is not in the table was predicted by no rule
of ours and is an UnexpectedRevertError.
"""

from __future__ import annotations

from typing import Any

from fiducia.adapters.evm import abi
from fiducia.core.decision import Reason
from fiducia.errors import ConfigError, DeniedError, FiduciaError, InputError, SignatureError, UnexpectedRevertError

REFUSED = "Refused"
"""IReleases' error: its reason becomes DeniedError's."""

TABLE: dict[str, tuple[type[FiduciaError], str]] = {
    # IErrors
    "SignatureInvalid": (SignatureError, "a signature is malformed, or is by somebody else than it should be"),
    "SignerUnsupported": (SignatureError, "the signer is of a kind that this ledger does not accept"),
    "KeyNotLive": (SignatureError, "signed with a key that institution {institution} never published, or that ended"),
    "InstitutionInactive": (InputError, "institution {institution} is suspended or was never admitted"),
    "SubjectUnknown": (InputError, "the patient is not enrolled on this ledger"),
    "NoStanding": (SignatureError, "whoever signed this has no standing in the matter"),
    # IMembers
    "GovernorZero": (InputError, "a governor must be an address that can sign"),
    "GovernorTaken": (InputError, "that governor already governs institution {institution}"),
    "RegionOutOfRange": (InputError, "regions are numbered 0 to 63, not {region}"),
    "RoundMismatch": (InputError, "the votes are for round {given}, the ledger is at {current}: collect them again"),
    "VotesUnsorted": (InputError, "votes must be sorted by institution, each once; {given} stands after {previous}"),
    "VoteInvalid": (SignatureError, "the vote of institution {institution} is not its governor's, or it has none here"),
    "MajorityMissing": (InputError, "{votes} of {electorate} governors voted for it: more than half are needed"),
    "InstitutionUnknown": (InputError, "there is no institution {institution}"),
    "StatusUnchanged": (InputError, "institution {institution} already is what the vote would make it"),
    "KeyKindUnknown": (InputError, "kinds of keys are numbered 1 to 6, not {kind}"),
    "KeyMismatch": (InputError, "the key is not the one whose hash was signed, or not of the form its kind has"),
    "KeyEndRefused": (InputError, "a key's end never moves later and is never 0: publish another key instead"),
    "BadgeEpochAhead": (InputError, "the badge epoch is {current}, not yet {given}"),
    # ISubjects
    "SubjectExists": (InputError, "the patient is enrolled already, with another signer"),
    "SignerTaken": (InputError, "the signer serves another pseudonym already; each has a signer of its own"),
    "SignerMismatch": (InputError, "the signer is not the one whose hash was signed"),
    "EpochAhead": (InputError, "the grant epoch is {current}, not yet {given}"),
    # IStudies
    "StudyExists": (InputError, "the study is anchored already, with other content"),
    "StudyUnknown": (InputError, "the study was never anchored"),
    "StudyClosed": (InputError, "the study is withdrawn or erased and takes no further revision"),
    "RevisionMismatch": (InputError, "the study is at revision {current}; {given} is not the next one"),
    "ManifestZero": (InputError, "a manifest's digest is never zero"),
    # IGrants
    "BasisUnsupported": (InputError, "this ledger takes no grant on basis {basis} yet"),
    "ApprovalsMismatch": (InputError, "the basis asks for {expected} approvals, {given} were given"),
    "PurposesRefused": (InputError, "a grant names at least one purpose, and only ones that its basis allows"),
    "ActionsRefused": (InputError, "a grant names at least one action, and only known ones"),
    "WindowRefused": (InputError, "the grant's time is empty, over, or longer than the {longest} s its basis allows"),
    "GranteeRefused": (InputError, "the grantee names no institution"),
    "RelayedLate": (InputError, "the signed grant arrived after the time it allows for that: sign it anew"),
    "EpochMismatch": (InputError, "signed for grant epoch {given}, it is {current}: all was revoked; sign it anew"),
    "GrantRevoked": (InputError, "the grant was revoked and never lives again: sign a new one"),
    # libraries; no rule of ours lets a value get that far
    "MissingPrecompile": (
        ConfigError,
        "this chain does not verify P-256 (EIP-7951): passkeys cannot sign on it; take a chain that does",
    ),
    "InvalidShortString": (UnexpectedRevertError, "a contract was deployed with a name that it cannot hold"),
    "StringTooLong": (UnexpectedRevertError, "a contract was deployed with a name that it cannot hold"),
    "SafeCastOverflowedUintDowncast": (UnexpectedRevertError, "a time does not fit the ledger's slot for it"),
}


def error_for(data: bytes) -> FiduciaError:
    """Return the error that a revert's return data mean.

    Args:
        data: what came back from the call or estimate; empty where a node keeps it to itself.
    """
    found = abi.error_of(data)
    if found is None:
        return UnexpectedRevertError(f"a contract refused without a reason that is known here ({_shape(data)})")
    if found.name == REFUSED:
        return DeniedError(reason_name(found.values["reason"]))
    kind, sentence = TABLE[found.name]
    return kind(sentence.format_map(_numbers(found.values)))


def reason_name(number: int) -> str:
    """Return a denial reason's name; a number that we do not know keeps its number."""
    try:
        return Reason(number).name
    except ValueError:
        return f"REASON_{number}"


def _numbers(values: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in values.items() if isinstance(value, int)}


def _shape(data: bytes) -> str:
    return f"selector 0x{data[:4].hex()}" if len(data) >= 4 else "no data"
