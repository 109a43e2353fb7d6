"""Granting on other bases than consent: staff decide, in the open, and the patient is told.

    PAPER      two of the custodian's staff vouch for the document that the patient signed
    CARE, LAW  an officer of the custodian
    EMERGENCY  two of the requester's staff who may use ETREAT (`journeys.grants.emergency` opens these)

Everybody signs the same words; the custodian's broker carries the grant, and the ledger judges who signed. As with a
patient's grant, it is kept before it is sent, so the same call after a crash sends the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fiducia.core import ids
from fiducia.core.rules import Basis
from fiducia.core.typed_data import Domains
from fiducia.core.wording import describe, document_digest, with_terms
from fiducia.errors import InputError
from fiducia.journeys.grants.drafting import DraftGrant, GrantOrder
from fiducia.journeys.grants.grant import GrantResult, Show
from fiducia.journeys.patients.approving import Approver
from fiducia.ports import Broker, Clock, Entropy, Mirror, Vault
from fiducia.records.ledger import GrantAct
from fiducia.records.typed import Grant

_SIGNATURES = {Basis.PAPER: 2, Basis.CARE: 1, Basis.LAW: 1, Basis.EMERGENCY: 2}


class GiveByStaff:
    """Show, sign and send one grant on a basis other than CONSENT.

    Example:
        ``GiveByStaff(broker=broker, mirror=mirror, vault=vault, clock=clock, entropy=entropy, domains=domains).run(
        order, Basis.CARE, [officer], show=print)``
    """

    def __init__(
        self, *, broker: Broker, mirror: Mirror, vault: Vault, clock: Clock, entropy: Entropy, domains: Domains
    ) -> None:
        self._broker = broker
        self._draft = DraftGrant(mirror=mirror, vault=vault, clock=clock, entropy=entropy)
        self._domains = domains

    def run(
        self,
        order: GrantOrder,
        basis: Basis,
        staff: Sequence[Approver],
        *,
        document: bytes = b"",
        label: str = "",
        show: Show = lambda words: None,
    ) -> GrantResult:
        """Give the grant.

        Args:
            order: what was decided.
            basis: on what: anything but CONSENT.
            staff: who signs, as many as the basis asks for.
            document: the signed document's bytes, for PAPER: the grant's terms are its salted hash.
            label: what tells this decision from others where the order's times do not; the order's own when empty.
            show: gets the words made from exactly the bytes that are about to be signed.

        Raises:
            InputError: not a basis for staff, other signatures than it asks for, no document, or the ledger refuses the
            terms. SignatureError: the ledger refuses who signed. DeniedError, LedgerError: as `GiveGrant.run` does.
        """
        wanted = _SIGNATURES.get(basis)
        if wanted is None:
            raise InputError("consent is the patient's to give: they sign it themselves")
        if len(staff) != wanted or len({each.person for each in staff if each.person}) != wanted:
            raise InputError(f"a grant on basis {basis.name} is signed by {wanted} of the staff, each another person")
        if bool(document) != (basis is Basis.PAPER):
            raise InputError("a grant on paper needs the signed document, and no other basis has one")
        kept = f"kept/grant/{basis.name.lower()}-{label or order.label()}"
        grant = self._draft.resume(kept) or self._draft.run(order, basis)
        words = describe(grant, study_id=order.study_id, series=order.series, names={order.grantee: order.grantee_name})
        terms = _with_document(grant, document) if document else with_terms(grant, words)
        show(words)
        self._draft.keep(kept, terms)
        approvals = tuple(each.approve(self._domains, terms) for each in staff)
        receipt = self._broker.relay(GrantAct(terms, approvals))
        self._draft.forget(kept)
        return GrantResult(ids.grant_id(terms), terms, receipt)


def _with_document(grant: Grant, document: bytes) -> Grant:
    return replace(grant, terms=document_digest(grant, document))
