"""One member of a simulated world: its disk, its way to the chain, its broker, its gateway, its desks.

How its journeys are put together is the in-memory consortium's (`tests.support.consortium`); the ports are this house's
own. What a process knows ends with it; what lies on the disk stays.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from fiducia.adapters.memory.entropy import SeededEntropy
from fiducia.adapters.memory.mirror import MemoryMirror
from fiducia.adapters.memory.patients import MemoryPatients
from fiducia.adapters.memory.progress import MemoryProgress
from fiducia.adapters.memory.spool import MemorySpool
from fiducia.adapters.memory.studies import MemoryStudies
from fiducia.adapters.memory.vault import MemoryVault
from fiducia.core.keys.custody import CustodyRule
from fiducia.errors import VaultError
from fiducia.journeys.grants.revoke import RelayTaken, TakeRevoke
from fiducia.journeys.reading.asking import Requester
from fiducia.journeys.reading.release import HandOverKeys, RecordRelease
from fiducia.journeys.reading.viewing import Viewing
from fiducia.ports import Broker
from tests.simulation.chain import Chain, Clock, Endpoint
from tests.simulation.material import MemberKeys, Reader
from tests.simulation.network import Wire, begin
from tests.simulation.places import Place
from tests.simulation.ports import Disk, InTurn, Journal, in_turn
from tests.support.consortium import Consortium, DirectBroker

if TYPE_CHECKING:
    from tests.simulation.world import World


class House(Consortium):
    """A member: `server` is what its broker does, `wire` how others reach it."""

    def __init__(self, world: World, chain: Chain, institution: int, keys: MemberKeys, rule: CustodyRule) -> None:
        self.world, self.institution, self.rule = world, institution, rule
        self.at_once = in_turn(world)
        self.entropy = SeededEntropy(f"{world.seed} of {institution}".encode())
        self.disk = Disk(world)
        self._on_disk()
        own: dict[str, Any] = {"clock": Clock(world), "steps": world.steps, "store": world.store}
        vars(self).update(own)
        self.endpoint = Endpoint(world, chain, own["clock"])
        self._take_keys(keys)
        to_chain: dict[str, Any] = {"ledger": self.endpoint, "gateway_ledger": self.endpoint}
        vars(self).update(to_chain)
        self.domains = chain.ledger.domains
        self.mirror = MemoryMirror(self.ledger)
        self.examiner, self.progress, self.files = Reader(), MemoryProgress(), {}
        self.held_until = 0
        self.broker_process, self.gateway_process = begin("broker", institution), begin("gateway", institution)
        self.server, self.wire = DirectBroker(self), Wire(world, self)
        self.viewings: dict[bytes, Viewing] = {}
        self.places: dict[tuple[bytes, bytes, int], Place] = {}

    def _on_disk(self) -> None:
        disk = self.disk
        journal = Journal(self.world, self.institution, disk, self.entropy)
        vaults = [disk.holding(MemoryVault(), ("put", "remove"), VaultError) for _ in range(3)]
        self.vault, self.gateway_vault, self.patient_vault = vaults
        self.journal, self.gateway_journal = journal, journal
        self.patients = disk.holding(MemoryPatients(), ("add", "remove"), VaultError)
        studies = MemoryStudies(claim_timeout_s=0)
        self.studies = disk.holding(studies, ("propose", "confirm", "remove"), VaultError)
        self.spool = MemorySpool()

    def _take_keys(self, keys: MemberKeys) -> None:
        self.registrar, self.issuer, self.broker_sign = keys.registrar, keys.issuer, keys.broker_sign
        self.gateway, self.broker_kem, self.log_key = keys.gateway, keys.broker_kem, keys.log

    def workers(self, count: int) -> InTurn:
        """Return an executor without threads."""
        return InTurn()

    # -- processes

    def broker_killed(self) -> None:
        """Forget what the broker's process knew; it is down until it is begun again."""
        self.broker_process.alive = False

    def begin_broker(self) -> None:
        """Begin the broker again where it is down: it knows what its disk says."""
        if not self.broker_process.alive:
            self.restart_keeping_mirror()
            self.broker_process = begin("broker", self.institution)

    def restart_keeping_mirror(self) -> None:
        """Forget what a process would; see `Consortium`."""
        for name in ("taken", "record_release", "hand_over", "take_revoke", "relay_taken"):
            vars(self).pop(name, None)

    def gateway_killed(self) -> None:
        """Forget who was signed in at the gateway and what was open; it begins again at once."""
        self.gateway_process.alive = False
        self.viewings.clear()
        self.gateway_process = begin("gateway", self.institution)

    # -- what lives as long as the broker's process

    @cached_property
    def record_release(self) -> RecordRelease:
        """See `Consortium.record_release`."""
        return super().record_release

    @cached_property
    def hand_over(self) -> HandOverKeys:
        """See `Consortium.hand_over`."""
        return super().hand_over

    @cached_property
    def take_revoke(self) -> TakeRevoke:
        """See `Consortium.take_revoke`."""
        return super().take_revoke

    @cached_property
    def relay_taken(self) -> RelayTaken:
        """See `Consortium.relay_taken`."""
        return super().relay_taken

    # -- others

    @property
    def broker(self) -> Broker:
        """This house's own broker, as its desks and patients reach it."""
        return self.broker_of(self.institution)

    def broker_of(self, institution: int) -> Broker:
        """Return an institution's broker, at the other end of a wire."""
        wire: Any = self.world.houses[institution].wire
        return wire  # type: ignore[no-any-return]

    def view_of(self, requester: Requester) -> Viewing:
        """Return somebody's view at this gateway; it lasts until they sign out, or the gateway's process ends."""
        assert requester.badge is not None
        person = requester.badge.badge.person
        found = self.viewings.get(person)
        if found is None:
            found = self.viewings[person] = self.viewing(requester=requester)
        return found

    def background(self) -> None:
        """Do once what a broker does beside its door, again and again."""
        self.mirror.catch_up()
        self.relay_taken.run()
        self.deliver_rest.run()
        self.tell_destroy.run()

    def follow(self) -> None:
        """Do once what a gateway does with every block: look whether what is held still stands."""
        state = self.mirror.catch_up()
        for viewing in self.viewings.values():
            viewing.check(state)
