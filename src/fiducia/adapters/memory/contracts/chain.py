"""What every contract in miniature can ask: the state at the newest block, and who signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fiducia.core import ids
from fiducia.core.approvals import require_approved
from fiducia.core.entries import Subject
from fiducia.core.replay import State
from fiducia.core.signatures import recover, verify
from fiducia.core.typed_data import Domains, Struct
from fiducia.errors import InputError, SignatureError
from fiducia.records.events import LedgerEvent
from fiducia.records.ledger import KeyKind
from fiducia.records.typed import Approval

Draft = Callable[..., LedgerEvent]
"""An event that lacks only its place in the chain."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The contracts' storage and the block's time (UTC Unix seconds) in which an act is carried."""

    domains: Domains
    state: State
    now: int

    def require_signed(self, struct: Struct, signature: bytes, address: bytes) -> None:
        """Return when `address` signed `struct`. Raises: SignatureError."""
        verify(self.domains.digest(struct), signature, address)

    def require_approved(self, struct: Struct, approval: Approval) -> bytes:
        """Return the signer's hash when it signed `struct`. Raises: SignatureError."""
        require_approved(self.domains, self.domains.digest(struct), approval.signer, approval.signature)
        return ids.signer_hash(approval.signer)

    def require_registrar(self, custodian: int, struct: Struct, signature: bytes) -> None:
        """Return when a live REGISTRAR key of an active custodian signed. Raises: SignatureError."""
        registrar = ids.signer_hash(recover(self.domains.digest(struct), signature))
        member = self.state.member(custodian)
        if member is None or not member.active or not self.is_registrar(custodian, registrar):
            raise SignatureError(f"signed with a key that institution {custodian} never published, or that ended")

    def is_registrar(self, custodian: int, key_hash: bytes) -> bool:
        """Tell whether a REGISTRAR key is live, its institution active or not: enough to take access away."""
        return self.now < self.state.key_end(custodian, KeyKind.REGISTRAR, key_hash)

    def subject(self, subject: bytes) -> Subject:
        """Return a subject that was enrolled. Raises: InputError."""
        entry = self.state.subject(subject)
        if entry is None:
            raise InputError("the patient is not enrolled on this ledger")
        return entry
