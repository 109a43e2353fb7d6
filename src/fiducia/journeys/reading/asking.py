"""Drawing up a request for keys: which revision, under which grant, sealed to which key."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fiducia.core import ids
from fiducia.core.entries import Study
from fiducia.core.keys.kem import KemKey
from fiducia.core.keys.sealing import key_hash
from fiducia.core.replay import State
from fiducia.core.rules import Basis, purposes_in
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError, KeyMissingError
from fiducia.ports import Clock, Entropy, Mirror, Signer
from fiducia.records.typed import (
    Access,
    Approval,
    Grant,
    KeyRequest,
    OwnAccess,
    SignedBadge,
    StaffAccess,
)

ASK_FOR_S = 8 * 3600


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks.

    Attributes:
        signer: the badge's session key, or the patient's signer for own access.
        seed: the secret of the HPKE key pair to seal to: the gateway's, or any for own access.
        badge: the staff member's badge; None for own access.
        former_seed: that of the pair which `seed` replaced, while a rotation is under way; empty without.
    """

    signer: Signer
    seed: bytes = field(repr=False)
    badge: SignedBadge | None = None
    former_seed: bytes = field(default=b"", repr=False)

    def seed_of(self, recipient: bytes) -> bytes | None:
        """Return the secret of the key pair that a request names as its recipient; None when it is not here."""
        for seed in filter(None, (self.seed, self.former_seed)):
            if key_hash(KemKey.from_seed(seed).public) == recipient:
                return seed
        return None

    def require_seed_of(self, recipient: bytes) -> bytes:
        """As `seed_of`. Raises: KeyMissingError."""
        seed = self.seed_of(recipient)
        if seed is None:
            raise KeyMissingError("the key pair that the request names is not here any more; fetch again")
        return seed


class DrawUpRequest:
    """Make and sign a request for the newest revision of a study.

    Example:
        ``DrawUpRequest(mirror=mirror, clock=clock, entropy=entropy, domains=domains).run(study_id, 0,
        Purpose.TREAT, Action.RETAIN, requester)``
    """

    def __init__(self, *, mirror: Mirror, clock: Clock, entropy: Entropy, domains: Domains) -> None:
        self._mirror = mirror
        self._clock = clock
        self._entropy = entropy
        self._domains = domains

    def run(self, study_id: bytes, series: int, purpose: int, action: int, requester: Requester) -> Access:
        """Return the signed request, under the grant that fits best.

        Where no grant fits, the request goes out all the same, under the nearest grant or one that was
        never given: refusing, and saying why, is the ledger's to do.

        Raises:
            InputError: no such study. LedgerError: the ledger cannot be read.
        """
        return self.draw(self._mirror.catch_up(), study_id, series, purpose, action, requester)

    def draw(
        self, state: State, study_id: bytes, series: int, purpose: int, action: int, requester: Requester
    ) -> Access:
        """Return the signed request as of a state, without asking the chain; see `run`. Raises: InputError."""
        study = state.study(study_id)
        if study is None:
            raise InputError("no such study on this ledger; see `fiducia study list`")
        person = requester.badge.badge.person if requester.badge else ids.NO_PERSON
        grant = self._grant(state, study, series, purpose, action, person) if requester.badge else None
        request = self._request(study, series, grant, purpose, action, requester)
        signature = requester.signer.sign(self._domains.digest(request))
        if requester.badge is None or grant is None:
            key = KemKey.from_seed(requester.seed)
            return OwnAccess(request, Approval(requester.signer.address, signature), key.public)
        return StaffAccess(request, grant, requester.badge, signature)

    def under(self, grant: Grant, study: Study, series: int, action: int, requester: Requester) -> StaffAccess:
        """Return the signed request under a grant for one purpose that no ledger shows yet, until that ends at most.

        Raises:
            InputError: the requester has no badge.
        """
        if requester.badge is None:
            raise InputError("only staff ask under a grant: act as a staff member (--as clinician)")
        (purpose,) = purposes_in(grant.purposes)
        request = self._request(study, series, grant, purpose, action, requester)
        request = replace(request, not_after=min(request.not_after, grant.not_after))
        signature = requester.signer.sign(self._domains.digest(request))
        return StaffAccess(request, grant, requester.badge, signature)

    def _request(
        self, study: Study, series: int, grant: Grant | None, purpose: int, action: int, requester: Requester
    ) -> KeyRequest:
        return KeyRequest(
            study_id=study.study_id,
            revision=study.revision,
            series=series,
            grant_id=ids.grant_id(grant) if grant else ids.NO_GRANT,
            purpose=purpose,
            action=action,
            person=requester.badge.badge.person if requester.badge else ids.NO_PERSON,
            recipient=key_hash(KemKey.from_seed(requester.seed).public),
            not_after=self._clock.now() + ASK_FOR_S,
            salt=self._entropy.token(32),
        )

    def _grant(self, state: State, study: Study, series: int, purpose: int, action: int, person: bytes) -> Grant:
        now = self._clock.now()
        offers = [
            entry
            for entry in state.grants_of_study(study.study_id, (series,))
            if entry.grant and entry.grant.grantee in (person, ids.institution_grantee(ids.institution_of(person)))
        ]
        if not offers:
            return _never_given(study, person)

        def fit(position: int) -> tuple[int, ...]:
            grant = offers[position].grant
            assert grant is not None
            return (
                state.is_live(offers[position], now),
                grant.purposes >> purpose & 1,
                grant.actions >> action & 1,
                grant.not_after,
                position,
            )

        best = offers[max(range(len(offers)), key=fit)].grant
        assert best is not None
        return best


def _never_given(study: Study, person: bytes) -> Grant:
    """A grant that nobody signed: a request under it is refused by the ledger as GRANT_UNKNOWN."""
    return Grant(
        basis=Basis.CONSENT,
        subject=study.subject,
        scope=study.study_id,
        anchored_by=0,
        grantee=person,
        purposes=0,
        actions=0,
        not_before=0,
        not_after=0,
        epoch=0,
        relay_by=0,
        terms=bytes(32),
        salt=bytes(32),
    )
