"""Auditing: replay the chain from its contracts' first block, with no key and no trust in any operator.

Needs a chain endpoint and the public manifests from any store; what the store answers is held against the
ledger's digests. A report can be made again at its block by anybody, byte for byte. Source: design section 7.
"""

from __future__ import annotations

from dataclasses import dataclass

from fiducia.core.finding import Finding
from fiducia.core.formats.cid import cid_of_digest
from fiducia.core.formats.manifest import MANIFEST_MAX_BYTES
from fiducia.core.report import Report, report, to_json
from fiducia.core.report_text import read_claims, to_text, verify
from fiducia.core.typed_data import Domains
from fiducia.errors import InputError, StoreCorruptError, StoreMissingError
from fiducia.ports import Ledger, Store
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import Head


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit found up to a head; no findings is the good outcome."""

    head: Head
    report: Report

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that should not be, in order."""
        return self.report.findings


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """One report in its two forms."""

    report: Report
    json: bytes
    text: str


class AuditLedger:
    """Audit the ledger, write reports and check them.

    Example:
        ``AuditLedger(ledger=ledger, store=store, domains=domains, first_block=1).run()``
    """

    def __init__(self, *, ledger: Ledger, store: Store, domains: Domains, first_block: int) -> None:
        self._ledger = ledger
        self._store = store
        self._domains = domains
        self._first_block = first_block

    def run(self, study_id: bytes | None = None) -> AuditResult:
        """Replay up to the newest final head and return what was found.

        Args:
            study_id: report and judge one study; its subject's and the ledger's findings are kept too.

        Raises:
            InputError: no such study. LedgerError, StoreError: a part cannot be asked.
        """
        head = self._ledger.head()
        return AuditResult(head, self._report(head.number, study_id, with_manifests=True))

    def write(self, study_id: bytes | None = None) -> WrittenReport:
        """Make a report at the newest final head, as JSON and as text. Raises: as `run`."""
        made = self.run(study_id).report
        return WrittenReport(made, to_json(made), to_text(made))

    def check(self, written: bytes) -> Report:
        """Make a written report again at its own block and compare every byte.

        Args:
            written: a report in either form.

        Raises:
            ProofError: it is not what the ledger says. InputError: not a report, or of a block to come.
            LedgerError, StoreError: a part cannot be asked.
        """
        claims = read_claims(written)
        if claims.block_number > self._ledger.head().number:
            raise InputError("the report is of a block that this chain does not have; check the network")
        made = self._report(claims.block_number, claims.study_id, with_manifests=claims.manifests_checked)
        verify(written, made)
        return made

    def _report(self, block_number: int, study_id: bytes | None, *, with_manifests: bool) -> Report:
        events = tuple(self._ledger.events(self._first_block, block_number))
        manifests = self._manifests(events) if with_manifests else None
        return report(self._domains, events, block_number=block_number, study_id=study_id, manifests=manifests)

    def _manifests(self, events: tuple[LedgerEvent, ...]) -> dict[bytes, bytes]:
        """Read every manifest that was ever anchored; one that cannot be had is left out, and found missing."""
        found: dict[bytes, bytes] = {}
        for digest in _digests(events):
            cid = cid_of_digest(digest)
            try:
                size = min(self._store.size(cid), MANIFEST_MAX_BYTES + 1)
                found[digest] = self._store.read(cid, 0, size)
            except StoreMissingError:
                continue
            except StoreCorruptError:
                found[digest] = b""  # there, but other bytes
        return found


def _digests(events: tuple[LedgerEvent, ...]) -> tuple[bytes, ...]:
    return tuple(
        dict.fromkeys(manifest for event in events if isinstance(manifest := getattr(event, "manifest", None), bytes))
    )
