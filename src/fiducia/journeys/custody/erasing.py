"""Erasing a study for good, as its custodian: nothing that is left anywhere opens it, and anyone can check that.

    1. the study is withdrawn on the ledger           nothing is released or dealt from here on
    2. orders to destroy, to everybody who was ever dealt a share of it, lie in the vault; each is sent (`TellDestroy`)
    3. each trustee destroys its shares, has its store forget the objects, and attests it (`giving_up`)
    4. the custodian does the same, destroys its salts and the directory's entries, and attests it
    5. the certificate, with all attestations, is kept when it holds; the ledger gets its digest

It goes on as long as fewer than t trustees of every deal have not attested; the broker tells those again and again. A
crash anywhere is finished by the same call. Withdrawing is refused while a hold stands or retention runs: what must be
kept is not made unusable first. Source: docs/formats.md, "Certificate of erasure"; ADR 30.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fiducia.core import wire
from fiducia.core.attesting import require_attested_by
from fiducia.core.entries import Study
from fiducia.core.erasing import ALL_SHARES, deals_of, prove_erasure, require_erasable, still_open, verify_erasure
from fiducia.core.formats.erasure import ErasureCertificate, parse_erasure
from fiducia.core.keys.custody import Custody
from fiducia.core.replay import State
from fiducia.core.tlog.attestation import Cleared, parse_attested, parse_destroyed
from fiducia.core.tlog.checkpoint import origin_of
from fiducia.core.tlog.note import Note
from fiducia.core.typed_data import Contract, Domains
from fiducia.errors import EncodingError, InputError, KeyMissingError, SignatureError, TrusteeError, VerificationError
from fiducia.journeys.custody.moving_custody import ClaimedStudy
from fiducia.journeys.logs.own_log_key import OwnLogKey
from fiducia.journeys.shared.objects import read_custody, read_manifest
from fiducia.journeys.shared.subjects import known_study
from fiducia.journeys.studies.erasure import RecordErasure
from fiducia.journeys.studies.withdrawal import WithdrawStudy
from fiducia.journeys.trustees.destroying import DESTROYING, TellDestroy
from fiducia.journeys.trustees.forgetting import drop_objects, forget_entries, forget_key_material
from fiducia.journeys.trustees.giving_up import DESTROYED
from fiducia.ports import Clock, Journal, Ledger, Mirror, Patients, Signer, Steps, Store, Studies, Vault
from fiducia.records.images import JournalEntry, StudyEntry
from fiducia.records.ledger import StudyStatus
from fiducia.records.statements import Destroy, SignedDestroy

CLEARED = "study_cleared"
CERTIFICATES = "erasure/"
"""Where a custodian's vault keeps certificates of erasure, by study."""


@dataclass(frozen=True, slots=True)
class ErasedStudy:
    """What an erasure came to.

    Attributes:
        study_id: 32 bytes.
        certificate: the file that proves it.
        changed: whether this call recorded it.
        destroyed: trustees whose attestations the certificate has.
        waiting: trustees who have not attested yet; they are told again and again.
        held_until: from then on no copy holds what was destroyed (UTC Unix seconds); 0: no copies are made.
    """

    study_id: bytes
    certificate: bytes
    changed: bool
    destroyed: tuple[int, ...]
    waiting: tuple[int, ...]
    held_until: int


class EraseStudy:
    """Erase a study.

    Example:
        ``EraseStudy(..., custodian=1).run(study_id, registrar)``
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        mirror: Mirror,
        store: Store,
        vault: Vault,
        studies: Studies,
        patients: Patients,
        journal: Journal,
        clock: Clock,
        domains: Domains,
        steps: Steps,
        tell: TellDestroy,
        signer: Signer,
        log: OwnLogKey,
        custodian: int,
        held_until: Callable[[], int],
    ) -> None:
        """Take the ports.

        Args:
            signer: the custodian's BROKER_SIGN key, which orders.
            log: its LOG key, which attests.
            custodian: its number.
            held_until: from when on no copy of this member holds what is in one now; 0 where it makes none.
        """
        self._mirror = mirror
        self._store = store
        self._vault = vault
        self._studies = studies
        self._patients = patients
        self._journal = journal
        self._clock = clock
        self._domains = domains
        self._steps = steps
        self._tell = tell
        self._signer = signer
        self._log = log
        self._custodian = custodian
        self._held_until = held_until
        self._withdraw = WithdrawStudy(ledger=ledger, domains=domains)
        self._record = RecordErasure(ledger=ledger, domains=domains)

    def run(self, study_id: bytes, registrar: Signer) -> ErasedStudy:
        """Erase it, or finish what was interrupted; what is erased already is shown, and who waits told again.

        Args:
            study_id: 32 bytes.
            registrar: a REGISTRAR key that the custodian published.

        Raises:
            InputError: an unknown study, or another hospital's; a legal hold stands, or its retention runs and the
            patient did not ask: nothing was changed. TrusteeError: as many as open it have not attested yet.
            VerificationError: what was attested does not hold, a LOG key not being published; nothing is recorded.
            StoreError, VaultError, JournalError, LedgerError, BackupError: a part failed; the same call goes on.
        """
        with ClaimedStudy(self._studies, study_id) as entry:
            study = self._own(self._mirror.catch_up(), study_id)
            certificate = self._kept(study)
            changed = study.status != StudyStatus.ERASED
            if changed:
                require_erasable(study, self._mirror.state().head.time_at)
                if certificate is None:
                    certificate = self._destroyed(study, entry, registrar)
                self._record.run(study_id, hashlib.sha256(certificate).digest(), registrar)
                self._steps.reached("erase.recorded")
            elif certificate is None:
                raise InputError("this study is erased; its certificate is not in this home")
            self._tell.tell(study_id)
            proven = verify_erasure(certificate, self._mirror.catch_up(), self._domains)
            return ErasedStudy(
                study_id, certificate, changed, proven.destroyed, self._waiting(study_id), proven.held_until
            )

    def _own(self, state: State, study_id: bytes) -> Study:
        study = known_study(state, study_id)
        if study.custodian != self._custodian:
            raise InputError("a study is erased by its own hospital; choose another --as")
        return study

    def _kept(self, study: Study) -> bytes | None:
        """The certificate, when one was made; what was recorded by other means is not ours, nor what proves nothing."""
        try:
            data = self._vault.get(CERTIFICATES + study.study_id.hex())
        except KeyMissingError:
            return None
        if study.status == StudyStatus.ERASED:
            return data if study.certificate == hashlib.sha256(data).digest() else None
        try:
            self._prove(data, study)
        except (EncodingError, VerificationError):
            return None  # a key that vouched was ended for good since
        return data

    def _prove(self, data: bytes, study: Study) -> None:
        """Before its digest stands on the ledger for good."""
        prove_erasure(parse_erasure(data), study, self._mirror.catch_up(), self._domains)

    def _destroyed(self, study: Study, entry: StudyEntry | None, registrar: Signer) -> bytes:
        """Destroy everything, and return the certificate about it."""
        study_id = study.study_id
        if study.status == StudyStatus.ANCHORED:
            self._withdraw.run(study_id, 0, registrar)
            self._steps.reached("erase.withdrawn")
            study = self._own(self._mirror.catch_up(), study_id)
            require_erasable(study, self._mirror.state().head.time_at)  # a hold may have come in between
        pending = self._studies.find(entry.study_instance_uid).pending if entry else None
        proposed = [pending.manifest] if pending and pending.manifest else []
        manifests = [read_manifest(self._store, revision.manifest) for revision in study.revisions]
        custodies = {each.custody: read_custody(self._store, each) for each in manifests}
        self._order(study_id, list(custodies.values()))
        self._steps.reached("erase.ordered")
        self._tell.tell(study_id)
        attested = self._attested(study_id)
        if still_open(deals_of(custodies.values()), attested):
            waiting = ", ".join(map(str, self._waiting(study_id)))
            raise TrusteeError(
                f"the study is withdrawn, and not erased yet: institutions {waiting} have not attested that their "
                "shares are destroyed, and could open it; the same command goes on when they answer"
            )
        self._steps.reached("erase.attested")
        drop_objects(self._store, study, *proposed)
        self._steps.reached("erase.objects-dropped")
        forget_key_material(self._vault, study_id)
        self._steps.reached("erase.shares-forgotten")
        forget_entries(self._studies, self._patients, self._mirror.state(), {study_id}, self._steps)
        self._steps.reached("erase.forgotten")
        certificate = ErasureCertificate(
            study_id=study_id,
            custodian=self._custodian,
            manifests=tuple(each.to_bytes() for each in manifests),
            custodies=tuple(each.to_bytes() for each in custodies.values()),
            destroyed=tuple(attested[trustee] for trustee in sorted(attested)),
            cleared=self._cleared(study_id),
        ).to_bytes()
        self._prove(certificate, study)
        self._steps.reached("erase.cleared")
        self._vault.put({CERTIFICATES + study_id.hex(): certificate})
        self._steps.reached("erase.certified")
        return certificate

    def _order(self, study_id: bytes, custodies: Sequence[Custody]) -> None:
        """Keep an order for everybody who has not attested; a move's own are comprised in it."""
        attested = self._attested(study_id)
        trustees = {trustee for rule in deals_of(custodies) for trustee in rule.trustees}
        orders = {}
        for trustee in sorted(trustees - set(attested)):
            destroy = Destroy(study_id, self._custodian, trustee, ALL_SHARES)
            signed = SignedDestroy(destroy, self._signer.sign(self._domains.digest(destroy)))
            orders[f"{_orders(study_id)}{trustee}"] = wire.encode(signed)
        self._vault.put(orders)
        earlier = [name for name in self._vault.names(f"{DESTROYING}{study_id.hex()}/") if name not in orders]
        self._vault.remove(earlier)

    def _attested(self, study_id: bytes) -> dict[int, Note]:
        """Who attested that all it had is destroyed, as the journal has it.

        What does not hold any more is asked for again: a key that was ended for good since makes no certificate.
        """
        found = {}
        for noted in self._journal.entries(DESTROYED):
            if noted.subject_id == study_id and (note := self._holding(noted.body)) is not None:
                found[parse_destroyed(note.text).trustee] = note
        return found

    def _holding(self, body: str) -> Note | None:
        """The attestation about all shares in a journal's entry, if it holds."""
        try:
            note = parse_attested(body.encode())
            said = parse_destroyed(note.text)
            if said.custody == ALL_SHARES:
                require_attested_by(note, said.trustee, said.destroyed_at, self._mirror.state(), self._domains)
                return note
        except (EncodingError, SignatureError):
            pass
        return None

    def _waiting(self, study_id: bytes) -> tuple[int, ...]:
        names = self._vault.names(_orders(study_id))
        return tuple(sorted(int(name.rsplit("/", 1)[1]) for name in names))

    def _cleared(self, study_id: bytes) -> Note:
        domain, at = self._domains.of(Contract.STUDIES), self._clock.now()
        cleared = Cleared(domain, study_id, self._custodian, at, self._held_until())
        note = self._log.attest(origin_of(self._domains, self._custodian), cleared)
        self._journal.append([JournalEntry(CLEARED, at, study_id, bytes(note).decode())])
        return note


def _orders(study_id: bytes) -> str:
    return f"{DESTROYING}{study_id.hex()}/{ALL_SHARES.hex()}/"
