"""When the chain stalls in an emergency: keys are handed over first, and the ledger is told when it is back.

    custodian:  the chain is stalled by our own clock -> two badges and every check of a release against the last facts
                seen (`late_checks`) -> sealed keys -> journal, durably (from then on the patient's notice is owed) ->
                the signed word for it, which the ledger is told with afterwards (`late_records`)
    trustees:   the same checks, each by its own clock and facts, and the custodian's word -> sealed keys -> journal

The one exception from "no record, no keys", for basis EMERGENCY alone. What a team does with both is
`late_collecting`. Source: design section 7, ADR 35.
"""

from __future__ import annotations

from fiducia.core import ids, wire
from fiducia.core.typed_data import Domains
from fiducia.journeys.patients.notices import HANDED_OVER_LATE
from fiducia.journeys.reading.handing import SealKeys
from fiducia.journeys.stalls.late_checks import Admit, JudgeEmergency, as_custodian, as_trustee
from fiducia.journeys.stalls.late_records import SHARE_HANDED_OVER_LATE
from fiducia.ports import Journal, Signer, Steps
from fiducia.records.images import HandOver, JournalEntry
from fiducia.records.statements import EmergencyKeys, LateEmergency, LateHandOver, SignedLate, StalledEmergency
from fiducia.records.typed import Late


class EmergencyHandOver:
    """Hand keys over to an emergency team while the chain stalls, as the custodian or as another trustee.

    Example:
        ``EmergencyHandOver(judge=judge, journal=journal, seal=seal, domains=domains, steps=steps, institution=1,
        signer=broker_sign).run(StalledEmergency(grant_act, access))``
    """

    def __init__(
        self,
        *,
        judge: JudgeEmergency,
        journal: Journal,
        seal: SealKeys,
        domains: Domains,
        steps: Steps,
        institution: int,
        signer: Signer,
    ) -> None:
        """Take the ports; `signer` is the institution's BROKER_SIGN key."""
        self._judge = judge
        self._journal = journal
        self._seal = seal
        self._domains = domains
        self._steps = steps
        self._institution = institution
        self._signer = signer

    def run(self, asked: StalledEmergency) -> EmergencyKeys:
        """Answer as the custodian: verify, seal, journal, sign.

        The same again is another hand-over, journalled as such; the ledger is told of the first.

        Raises:
            DeniedError: NOT_STALLED, NOT_OWN_SUBJECT, REVIEW_OVERDUE, or why a release would be refused.
            InputError: terms that the ledger would not take afterwards. SignatureError: not a team.
            JournalError, KeyMissingError, StoreError: not handed over.
        """
        now = self._judge.run(asked, as_custodian(self._institution))
        request_id = ids.request_id(asked.access.request)
        sealed = self._seal.run(asked.access) if self._seal.is_trustee(asked.access) else None
        self._steps.reached("late.sealed")
        handed = LateHandOver(asked.grant, asked.access, now)
        self._journal.append([JournalEntry(HANDED_OVER_LATE, now, request_id, wire.encode(handed).decode())])
        self._steps.reached("late.journalled")
        # Signed only now: whoever has this word can have the other trustees hand over, so the notice is owed first.
        late = Late(request_id, now)
        return EmergencyKeys(SignedLate(late, self._signer.sign(self._domains.digest(late))), sealed)

    def share(self, shown: LateEmergency, admit: Admit = lambda team: None) -> HandOver:
        """Answer as another trustee, whom the custodian's word is shown: verify, seal, journal.

        Args:
            shown: what the custodian was asked, and its answer's word.
            admit: counts the team once it is proved; raises LimitError.

        Raises:
            SignatureError: not the custodian's word, too. InputError: its word is old, or for another request, too.
            LimitError: from `admit`. Else as `run`.
        """
        asked = shown.emergency
        now = self._judge.run(asked, as_trustee(self._institution, shown.late, self._domains), admit)
        sealed = self._seal.run(asked.access)
        self._steps.reached("late.share-sealed")
        entry = JournalEntry(SHARE_HANDED_OVER_LATE, now, sealed.request_id, wire.encode(shown).decode())
        self._journal.append([entry])
        self._steps.reached("late.share-journalled")
        return sealed
