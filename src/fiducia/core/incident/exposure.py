"""What somebody else has: the published keys, persons, signers, shares and directories behind one name.

Errors: InputError for what the ledger does not know.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.core import ids
from fiducia.core.answers import Answers
from fiducia.core.entries import PublishedKey
from fiducia.errors import EncodingError, InputError
from fiducia.records.ledger import KeyKind

SHARES_KEYS = (KeyKind.BROKER_KEM, KeyKind.BROKER_SIGN)
OWN_KEYS = (KeyKind.REGISTRAR, KeyKind.ISSUER, KeyKind.GATEWAY)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What whoever has it can use.

    Attributes:
        what: what was named, in words that name no person's identity.
        keys: published keys, ended ones too.
        persons: staff members (32 bytes) whose session key it is.
        signers: hashes (32 bytes) of patients' or representatives' signers.
        governors: institutions whose governor it is.
        trustees: institutions whose brokers' shares it opens.
        homes: institutions whose whole custody it opens: vault, directory, journal.
    """

    what: str
    keys: tuple[PublishedKey, ...] = ()
    persons: tuple[bytes, ...] = ()
    signers: tuple[bytes, ...] = ()
    governors: tuple[int, ...] = ()
    trustees: tuple[int, ...] = ()
    homes: tuple[int, ...] = ()

    def has(self, kind: KeyKind, institution: int) -> bool:
        """Tell whether a published key of a kind and an institution is among it."""
        return any(key.kind == kind and key.institution == institution for key in self.keys)

    @property
    def institutions(self) -> tuple[int, ...]:
        """Whose institutions' keys or people it is, by number."""
        named = {key.institution for key in self.keys} | {ids.institution_of(person) for person in self.persons}
        return tuple(sorted(named | {*self.governors, *self.trustees, *self.homes}))


def of_kind(state: Answers, institution: int, kind: KeyKind, since: int) -> Exposure:
    """Return an institution's keys of one kind that lived at `since` or later. Raises: InputError (none did)."""
    keys = _keys(state, institution, (kind,), since)
    if not keys:
        raise InputError(
            f"institution {institution} had no live {kind.name} key since then; see `fiducia key list --all`"
        )
    trustees = (institution,) if kind is KeyKind.BROKER_KEM else ()
    return Exposure(f"{kind.name} key of institution {institution}", keys, trustees=trustees)


def of_governor(state: Answers, institution: int) -> Exposure:
    """Return an institution's governor. Raises: InputError (no such institution)."""
    _require(state, institution)
    return Exposure(f"governor of institution {institution}", governors=(institution,))


def of_trustee(state: Answers, institution: int, since: int) -> Exposure:
    """Return a member's broker with its shares. Raises: InputError (no such institution)."""
    _require(state, institution)
    keys = _keys(state, institution, SHARES_KEYS, since)
    return Exposure(f"trustee: broker of institution {institution}", keys, trustees=(institution,))


def of_home(state: Answers, institution: int, since: int) -> Exposure:
    """Return all that a member's key-encryption key seals. Raises: InputError (no such institution)."""
    _require(state, institution)
    return Exposure(
        f"key-encryption key of institution {institution}",
        _keys(state, institution, tuple(KeyKind), since),
        governors=(institution,),
        trustees=(institution,),
        homes=(institution,),
    )


def of_institution(state: Answers, institution: int, since: int) -> Exposure:
    """Return an institution's own profile: governor, registrar, issuer, gateway. Raises: InputError (unknown)."""
    _require(state, institution)
    keys = _keys(state, institution, OWN_KEYS, since)
    return Exposure(f"profile of institution {institution}", keys, governors=(institution,))


def of_staff(state: Answers, person: bytes, since: int) -> Exposure:
    """Return a staff member's profile: its session key, and the gateway's seed beside it."""
    institution = ids.institution_of(person)
    _require(state, institution)
    keys = _keys(state, institution, (KeyKind.GATEWAY,), since)
    return Exposure(f"staff profile of institution {institution}", keys, persons=(person,))


def of_signer(state: Answers, signer_hash: bytes) -> Exposure:
    """Return a patient's or representative's signer (its hash). Raises: InputError (nobody's)."""
    if not subjects_of_signer(state, signer_hash):
        raise InputError("this signer serves no patient of this ledger and represents none")
    return Exposure("patient's or representative's signer", signers=(signer_hash,))


def of_subject(state: Answers, subject: bytes) -> Exposure:
    """Return every signer that a patient (20 bytes) had. Raises: InputError."""
    signers = tuple(signer.signer_hash for signer in state.signers(subject))
    if not signers:
        raise InputError("no such patient on this ledger, or one without a signer; see `fiducia patient list`")
    return Exposure("patient's signer", signers=signers)


def of_hash(state: Answers, value: bytes) -> Exposure:
    """Return what 32 bytes name: a published key's hash, a signer's hash, or a person. Raises: InputError."""
    published = state.keys()
    keys = tuple(key for key in published if key.key_hash == value)
    if keys:
        trustees = tuple(sorted({key.institution for key in keys if key.kind == KeyKind.BROKER_KEM}))
        what = ", ".join(f"{KeyKind(key.kind).name} key of institution {key.institution}" for key in keys)
        return Exposure(what, keys, trustees=trustees)
    if subjects_of_signer(state, value):
        return of_signer(state, value)
    try:
        institution = ids.institution_of(value)
    except EncodingError:
        institution = 0
    if state.member(institution) is None or ids.is_institution(value):
        raise InputError("these 32 bytes are no published key's hash, no signer's hash and no person on this ledger")
    return Exposure(f"session key of a person of institution {institution}", persons=(value,))


def subjects_of_signer(state: Answers, signer_hash: bytes) -> tuple[bytes, ...]:
    """Return the patients that a signer serves, served, or represents or represented."""
    served = state.signer_serves(signer_hash)
    found = [served] if served is not None else []
    for entry in state.subjects():
        if entry.subject not in found and state.representative(entry.subject, signer_hash) is not None:
            found.append(entry.subject)
    return tuple(found)


def _keys(state: Answers, institution: int, kinds: tuple[KeyKind, ...], since: int) -> tuple[PublishedKey, ...]:
    return tuple(key for key in state.keys(institution) if key.kind in kinds and key.not_after > since)


def _require(state: Answers, institution: int) -> None:
    if state.member(institution) is None:
        raise InputError("no such institution on this ledger; see `fiducia member list`")
