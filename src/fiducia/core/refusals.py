"""What the contracts answer when they refuse an act: each custom error, once, in words that say what to do.

Keyed by the error's Solidity name; placeholders are the names of its Solidity parameters. The chain adapter
makes these errors of reverts, the ledger in memory raises them itself, so both say the same. Sentences quote
numbers only, never an address, a hash or a signature. `Refused` is not here: its reason is a `DeniedError`.
Source: contracts/src/interfaces.
"""

from __future__ import annotations

from collections.abc import Mapping

from fiducia.errors import FiduciaError, InputError, SignatureError

SENTENCES: Mapping[str, tuple[type[FiduciaError], str]] = {
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
    "RoundMismatch": (InputError, "signed for round {given}, the ledger is at {current}: collect the signatures again"),
    "VotesUnsorted": (InputError, "votes must be sorted by institution, each once; {given} stands after {previous}"),
    "VoteInvalid": (SignatureError, "the vote of institution {institution} is not its governor's, or it has none here"),
    "MajorityMissing": (InputError, "{votes} of {electorate} governors voted for it: more than half are needed"),
    "InstitutionUnknown": (InputError, "there is no institution {institution}"),
    "StatusUnchanged": (InputError, "institution {institution} already is what the vote would make it"),
    "KeyKindUnknown": (InputError, "kinds of keys are numbered 1 to 6, not {kind}"),
    "KeyMismatch": (InputError, "the key is not the one whose hash was signed, or not of the form its kind has"),
    "KeyEndRefused": (InputError, "a key's end never moves later and is never 0: publish another key instead"),
    "BadgeEpochAhead": (InputError, "the badge epoch is {current}, not yet {given}"),
    "ExportsWidened": (InputError, "a governor only takes regions out; adding some takes a vote of the governors"),
    # ISubjects
    "SubjectExists": (InputError, "the patient is enrolled already, with another signer"),
    "SignerTaken": (InputError, "the signer serves another pseudonym already, or served this one; each has its own"),
    "SignerMismatch": (InputError, "the signer is not the one whose hash was signed"),
    "EpochAhead": (InputError, "the grant epoch is {current}, not yet {given}"),
    "SerialMismatch": (InputError, "signed for serial {given} of the patient, it is {current}: look again, sign anew"),
    "ApprovalsRefused": (InputError, "{given} approvals are not what this act needs from those who gave them"),
    "RepresentativeExists": (InputError, "the representative is appointed already: dismiss the appointment first"),
    "RepresentativeUnknown": (InputError, "there is no such representative to dismiss"),
    "AppointmentRefused": (
        InputError,
        "the appointment has unknown powers, purposes that no patient may give, or ends before it could begin",
    ),
    "RecoveryRefused": (InputError, "a recovery waits already, or it is not attempt {attempt} that may be made now"),
    "NothingWaits": (InputError, "nothing of that kind waits: it was vetoed or completed, or it never began"),
    "RecoveryWaits": (InputError, "the recovery waits until {readyAt} (Unix seconds) for those who may veto it"),
    "CustodianUnchanged": (InputError, "institution {custodian} is the patient's custodian already"),
    # IStudies
    "StudyExists": (InputError, "the study is anchored already, with other content"),
    "StudyUnknown": (InputError, "the study was never anchored"),
    "StudyClosed": (InputError, "the study is withdrawn or erased and takes no further revision"),
    "RevisionMismatch": (InputError, "the study is at revision {current}; {given} is not the next one"),
    "ManifestZero": (InputError, "a manifest's digest is never zero"),
    "RetentionShortened": (InputError, "the study is kept until day {current}; retention never ends earlier"),
    "HoldMismatch": (InputError, "signed for hold {given} of the study, it is {current}: look again and sign anew"),
    "HoldApprovalsRefused": (InputError, "a hold is lifted by officers of two institutions, the custodian's first"),
    "StudyHeld": (InputError, "a legal hold stands: it must be lifted before the study is erased"),
    "StudyNotWithdrawn": (InputError, "only a withdrawn study is erased: withdraw it first"),
    "RetentionRuns": (InputError, "the study is kept until day {retainUntilDay}, and the patient did not ask"),
    "CertificateZero": (InputError, "a certificate's digest is never zero"),
    # IGrants
    "BasisUnknown": (InputError, "there is no basis {basis}"),
    "DocumentMissing": (InputError, "a grant on paper names the hash of the signed document"),
    "PersonRepeated": (InputError, "two different persons must approve it"),
    "ReviewOverdue": (InputError, "institution {institution} owes a review that is overdue: file it first"),
    "ReviewUnknown": (InputError, "no review of that grant was ever owed"),
    "OutcomeUnknown": (InputError, "a review finds 1 (justified) or 2 (not justified), not {outcome}"),
    "ApprovalsMismatch": (InputError, "the basis asks for {expected} approvals, {given} were given"),
    "PurposesRefused": (InputError, "a grant names at least one purpose, and only ones that its basis allows"),
    "ActionsRefused": (InputError, "a grant names at least one action, and only known ones"),
    "WindowRefused": (
        InputError,
        "the grant's time is empty, over, or longer than the {longest} s its basis allows; an emergency begins now",
    ),
    "GranteeRefused": (InputError, "the grantee names no institution"),
    "RelayedLate": (InputError, "the signed grant arrived after the time it allows for that: sign it anew"),
    "EpochMismatch": (InputError, "signed for grant epoch {given}, it is {current}: all was revoked; sign it anew"),
    "GrantRevoked": (InputError, "the grant was revoked and never lives again: sign a new one"),
}


def refusal(name: str, /, **numbers: int) -> FiduciaError:
    """Return the error that a contract's custom error means.

    Args:
        name: the error's Solidity name; one of `SENTENCES`.
        numbers: its integer parameters by their Solidity names; more than the sentence quotes may be given.
    """
    kind, sentence = SENTENCES[name]
    return kind(sentence.format_map(numbers))
