"""The journeys about members' logs: proofs for whoever they are about, audits, and the keys that are believed."""

from __future__ import annotations

from fiducia.app.profiles import Profile
from fiducia.app.wiring.parts import Parts
from fiducia.core.log_keys import believed
from fiducia.journeys.logs.log_audit import AuditLog
from fiducia.journeys.logs.proving import ProveEntries


class LogSide(Parts):
    """What members and auditors do with logs; see `House`."""

    def prove_entries(self, institution: Profile) -> ProveEntries:
        """Return the journey at a member."""
        return ProveEntries(
            journal=self.journal(institution.member),
            logbook=self.logbook(institution.member),
            domains=self.domains,
            institution=institution.institution,
        )

    def log_keys(self, acting: str | None) -> tuple[tuple[str, bytes], ...]:
        """Return every published LOG key with its log's name, as last seen: nobody is asked."""
        return believed(self.domains, self.mirror(self.reader(acting)).state())

    def audit_log(self, acting: str | None) -> AuditLog:
        """Return the journey; what it saw before is the reader's own memory."""
        reader = self.reader(acting)
        return AuditLog(
            logbook=self.logbook(reader),
            mirror=self.mirror(reader),
            anchors=self.anchors(reader),
            clock=self.clock,
            domains=self.domains,
            first_block=self.consortium.network.first_block,
            doors=self.log_doors,
        )
