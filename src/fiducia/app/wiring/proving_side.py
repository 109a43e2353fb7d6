"""The journeys that prove instances and check proofs."""

from __future__ import annotations

from fiducia.app.profiles import Profile
from fiducia.app.wiring.parts import READER, Parts
from fiducia.core.formats.trust import LedgerName, Trust
from fiducia.core.provenance import trust_of
from fiducia.errors import LedgerError
from fiducia.journeys.audit.at_hand import DigestInstance
from fiducia.journeys.audit.indexes import OpenGranted, OpenKept
from fiducia.journeys.audit.ledger_checkpoints import CollectLedgerCheckpoints, ViewLedger
from fiducia.journeys.audit.prove_instances import ProveInstances
from fiducia.journeys.reading.asking import DrawUpRequest
from fiducia.journeys.reading.collecting import CollectKeys


class ProvingSide(Parts):
    """What makes provenance files and what judges them; see `House`."""

    @property
    def ledger_name(self) -> LedgerName:
        """Which ledger this home is bound to. Raises: ConfigError."""
        network, domains = self.consortium.network, self.domains
        return LedgerName(network.chain_id, network.genesis_hash, domains.members, domains.studies)

    def open_granted(self, requester: Profile) -> OpenGranted:
        """Return the journey of whoever was granted a study."""
        mirror, clock = self.mirror(requester.reader), self.clock
        return OpenGranted(
            draw_up=DrawUpRequest(mirror=mirror, clock=clock, entropy=self.entropy, domains=self.domains),
            collect=CollectKeys(
                broker_of=self.broker, mirror=mirror, store=self.store(), clock=clock, domains=self.domains
            ),
        )

    def open_kept(self, custodian: Profile) -> OpenKept:
        """Return the journey of a custodian, with its own share. Raises: VaultError."""
        member = custodian.member
        return OpenKept(mirror=self.mirror(member), store=self.store(), vault=self.vault(member))

    def prove_instances(self, reader: str) -> ProveInstances:
        """Return the journey over a member's or another profile's replay of the ledger."""
        ledger, mirror, tree = self.ledger(reader), self.mirror(reader), self.event_tree(reader)
        view = ViewLedger(ledger=ledger, mirror=mirror, tree=tree)
        return ProveInstances(
            ledger_name=self.ledger_name,
            receipts=ledger,
            mirror=mirror,
            store=self.store(),
            tree=tree,
            collect=CollectLedgerCheckpoints(view=view, mirror=mirror, broker_of=self.broker, domains=self.domains),
            broker_of=self.broker,
        )

    def digest_instance(self) -> DigestInstance:
        """Return the journey; it needs no consortium."""
        return DigestInstance(intake=self.intake(), examiner=self.examiner())

    def export_trust(self, quorum: int | None) -> Trust:
        """Return what a verifier needs, from the newest state of the ledger. Raises: EncodingError, LedgerError."""
        state = self.mirror(READER).catch_up()
        receipts = self.ledger(READER).has_receipt_proofs()
        return trust_of(state, self.ledger_name, quorum=quorum, receipts=receipts)

    def own_trust(self) -> Trust:
        """Return what this home itself holds: the newest state, or the last one seen while the chain is away.

        Raises:
            EncodingError: no member's broker is known here: nothing of the ledger was ever read.
        """
        try:
            return self.export_trust(None)
        except LedgerError:
            return trust_of(self.mirror(READER).state(), self.ledger_name, quorum=None, receipts=False)
