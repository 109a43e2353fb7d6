"""Moving a study's keys to other trustees, or to another threshold: two revisions in which no image changes.

    1. a revision whose custody document says where the keys move: its registrar's word, for everybody to see
    2. the custodian's broker collects t shares on that word (`giving_up`), combines, deals anew (`dealing`)
    3. a revision whose custody document is the new deal's; from here on the new trustees open the study
    4. the trustees of before destroy their shares and attest it; who does not answer is told again (`TellDestroy`)

Packs, indexes, keys and series lines stay what they are. A crash anywhere is finished by the same call: what was
announced is collected again, what was dealt and not anchored opens nothing. Also how the custodian of a patient who was
transferred gets to hold keys. Source: design section 6, "Shares".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from fiducia.core.entries import Study
from fiducia.core.formats.context import SeriesKeys
from fiducia.core.formats.manifest import Manifest, manifest_digest
from fiducia.core.keys.custody import Custody, CustodyRule, custody_digest, deal_randomness_bytes, deal_series
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError
from fiducia.journeys.custody.gathering import GatherKeys
from fiducia.journeys.shared.at_once import AskAtOnce, ask_at_once
from fiducia.journeys.shared.objects import put_document, read_custody, read_manifest
from fiducia.journeys.shared.subjects import known_study
from fiducia.journeys.trustees.dealing import Deal, DealShares
from fiducia.journeys.trustees.destroying import TellDestroy
from fiducia.ports import Broker, Clock, Entropy, Ledger, Mirror, Signer, Steps, Store, Studies
from fiducia.records.images import StudyEntry
from fiducia.records.ledger import ReviseAct
from fiducia.records.typed import Revise


@dataclass(frozen=True, slots=True)
class MovedCustody:
    """What a move came to: the revision that holds now, and who destroyed their shares of before, or has yet to."""

    study_id: bytes
    revision: int
    rule: CustodyRule
    changed: bool
    destroyed: tuple[int, ...] = ()
    waiting: tuple[int, ...] = ()


class MoveCustody:
    """Deal a study's keys anew.

    Example:
        ``MoveCustody(..., custodian=1).run(study_id, CustodyRule(2, (1, 2, 3)), registrar)``
    """

    def __init__(
        self,
        *,
        broker_of: Callable[[int], Broker],
        ledger: Ledger,
        mirror: Mirror,
        store: Store,
        studies: Studies,
        clock: Clock,
        entropy: Entropy,
        domains: Domains,
        steps: Steps,
        deal: DealShares,
        tell: TellDestroy,
        signer: Signer,
        seed: bytes,
        custodian: int,
        at_once: AskAtOnce = ask_at_once,
    ) -> None:
        """Take the ports; `signer` and `seed` are the custodian's BROKER_SIGN key and its BROKER_KEM key's seed."""
        self._ledger = ledger
        self._mirror = mirror
        self._store = store
        self._studies = studies
        self._entropy = entropy
        self._domains = domains
        self._steps = steps
        self._deal = deal
        self._tell = tell
        self._custodian = custodian
        self._gather = GatherKeys(
            broker_of=broker_of,
            mirror=mirror,
            clock=clock,
            domains=domains,
            signer=signer,
            seed=seed,
            custodian=custodian,
            at_once=at_once,
        )

    def run(self, study_id: bytes, rule: CustodyRule, registrar: Signer, *, anew: bool = False) -> MovedCustody:
        """Move the keys, or finish a move that was interrupted.

        Args:
            study_id: 32 bytes.
            rule: by which they are dealt from now on.
            registrar: a REGISTRAR key that the custodian published.
            anew: deal them anew although the rule is the present one.

        Raises:
            InputError: an unknown study, or another hospital's. DeniedError: too many trustees refuse. ShareError: too
            many handed over what they should not. TrusteeError (too few answered, old ones or new ones), StoreError,
            LedgerError, VaultError: a part failed; the same call goes on later.
        """
        with self._claimed(study_id) as entry:
            study = self._settled(study_id, entry, registrar)
            manifest = read_manifest(self._store, study.manifest)
            custody = read_custody(self._store, manifest)
            if custody.moves_to is None and custody.rule == rule and not anew:
                return self._told(study_id, study.revision, rule, changed=False)
            if custody.moves_to != rule:
                manifest, custody = self.announce(manifest, custody, rule, entry, registrar)
            keys = self.gather(manifest, custody, answers=custody.threshold)
            moved = self._dealt(manifest, custody, rule, keys, self._subject(study_id))
            self._tell.order(custody, self._custodian)
            self._steps.reached("custody.dealt")
            revision = self._revise(manifest, moved, entry, registrar).revision
            self._steps.reached("custody.moved")
            return self._told(study_id, revision, rule, changed=True)

    # -- what re-keying does, too, which holds the study claimed itself

    def announce(
        self, manifest: Manifest, custody: Custody, rule: CustodyRule, entry: StudyEntry | None, registrar: Signer
    ) -> tuple[Manifest, Custody]:
        """Anchor, for everybody to see, that the keys are dealt anew by a rule; returns that revision's documents."""
        announced = replace(custody, moves_to=rule)
        manifest = self._revise(manifest, announced, entry, registrar)
        self._steps.reached("custody.announced")
        return manifest, announced

    def gather(self, manifest: Manifest, custody: Custody, *, answers: int) -> dict[int, SeriesKeys]:
        """Collect what was announced; see `GatherKeys.run`."""
        keys = self._gather.run(manifest, custody, answers=answers)
        self._steps.reached("custody.collected")
        return keys

    # -- the directory, where it knows the study: a patient who was transferred is in another's

    def _claimed(self, study_id: bytes) -> AbstractContextManager[StudyEntry | None]:
        return ClaimedStudy(self._studies, study_id)

    def _settled(self, study_id: bytes, entry: StudyEntry | None, registrar: Signer) -> Study:
        """The study as anchored, after finishing a revision that an interrupted run had proposed."""
        study = known_study(self._mirror.catch_up(), study_id)
        if study.custodian != self._custodian:
            raise InputError("keys are moved by the study's own hospital; choose another --as")
        pending = self._studies.find(entry.study_instance_uid).pending if entry else None
        if pending is not None:
            self._submit(pending.study_id, pending.revision, pending.manifest, registrar)
            self._studies.confirm(pending)
            study = known_study(self._mirror.catch_up(), study_id)
        return study

    def _revise(self, manifest: Manifest, custody: Custody, entry: StudyEntry | None, registrar: Signer) -> Manifest:
        """Anchor the next revision: the lines of before, another custody document."""
        document = custody.to_bytes()
        following = replace(
            manifest, revision=manifest.revision + 1, custodian=self._custodian, custody=custody_digest(document)
        )
        data = following.to_bytes()
        put_document(self._store, document)
        put_document(self._store, data)
        digest = manifest_digest(data)
        proposed = None
        if entry is not None:
            anchored = self._studies.find(entry.study_instance_uid).anchored or entry
            proposed = replace(anchored, revision=following.revision, manifest=digest)
            self._studies.propose(proposed)
            self._steps.reached("custody.proposed")
        self._submit(following.study_id, following.revision, digest, registrar)
        self._steps.reached("custody.anchored")
        if proposed is not None:
            self._studies.confirm(proposed)
        return following

    def _submit(self, study_id: bytes, revision: int, manifest: bytes, registrar: Signer) -> None:
        revise = Revise(study_id, revision, manifest)
        self._ledger.submit(ReviseAct(revise, registrar.sign(self._domains.digest(revise))))

    def _subject(self, study_id: bytes) -> bytes:
        return known_study(self._mirror.catch_up(), study_id).subject

    # -- dealing

    def _dealt(
        self,
        manifest: Manifest,
        custody: Custody,
        rule: CustodyRule,
        keys: Mapping[int, SeriesKeys],
        subject: bytes,
    ) -> Custody:
        needed = deal_randomness_bytes(rule.threshold)
        dealt = [
            deal_series(
                manifest.place(line),
                keys[line.number],
                threshold=rule.threshold,
                holders=len(rule.trustees),
                randomness=self._entropy.token(needed) if needed else b"",
            )
            for line in manifest.series
        ]
        moved = Custody(custody.study_id, rule.threshold, rule.trustees, tuple(entry for entry, _ in dealt))
        document = moved.to_bytes()
        put_document(self._store, document)
        self._deal.run(Deal(subject, moved, custody_digest(document), [shares for _, shares in dealt]))
        return moved

    def _told(self, study_id: bytes, revision: int, rule: CustodyRule, *, changed: bool) -> MovedCustody:
        destroyed, waiting = self._tell.tell(study_id)
        return MovedCustody(study_id, revision, rule, changed, destroyed, waiting)


class ClaimedStudy(AbstractContextManager["StudyEntry | None"]):
    """A study held alone in the custodian's directory, by its UID where the directory knows it."""

    def __init__(self, studies: Studies, study_id: bytes) -> None:
        self._entry = next((entry for entry in studies.all() if entry.study_id == study_id), None)
        self._claim = studies.claim(self._entry.study_instance_uid if self._entry else study_id.hex())

    def __enter__(self) -> StudyEntry | None:
        self._claim.__enter__()
        return self._entry

    def __exit__(self, *error: object) -> None:
        self._claim.__exit__(*error)  # type: ignore[arg-type]
