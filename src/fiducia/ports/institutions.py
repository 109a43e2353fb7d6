"""Others who answer: an identity provider, a key's holder, a member's broker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from fiducia.core.tlog.note import Note
from fiducia.records.images import (
    HandOver,
    Release,
)
from fiducia.records.ledger import Act, Receipt
from fiducia.records.provenance import SignedCheckpoint, VouchAsk, Vouched
from fiducia.records.statements import (
    EmergencyKeys,
    LateEmergency,
    LookedUp,
    SignedAsk,
    SignedAskList,
    SignedCollect,
    SignedDecline,
    SignedDeposit,
    SignedDestroy,
    SignedKeeping,
    SignedLookUp,
    StalledEmergency,
    WaitingAsks,
)
from fiducia.records.typed import Access


class IdentityProvider(Protocol):
    """A hospital's OpenID provider, found by its discovery document. What it says is believed by nobody unverified."""

    @property
    def issuer(self) -> str:
        """Its issuer identifier."""
        ...

    @property
    def client_id(self) -> str:
        """Who we are there."""
        ...

    def authorize_url(self, **asked: str) -> str:
        """Return where a browser begins a sign-in, with these parameters. Raises: ProviderError."""
        ...

    def names_itself(self) -> bool:
        """Tell whether its answers in a browser name their issuer (RFC 9207). Raises: ProviderError."""
        ...

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> str:
        """Return the ID token for an authorization code, unverified.

        Raises:
            DeniedError: it does not take the code. ProviderError: it does not answer, or not as a provider does.
        """
        ...

    def keys(self, *, anew: bool = False) -> Mapping[str, Any]:
        """Return its JWK Set, as last read, or read `anew` if that was a while ago. Raises: ProviderError."""
        ...


class Signer(Protocol):
    """A key that signs EIP-712 digests."""

    @property
    def address(self) -> bytes:
        """The signer bytes: a 20-byte address; a patient's may be a passkey's 84."""
        ...

    def sign(self, digest: bytes) -> bytes:
        """Return the 65-byte low-s signature (r, s, v in 27..28) over a 32-byte digest; a passkey's its assertion."""
        ...


class Broker(Protocol):
    """What a member's broker offers to others. Callers prove themselves by what they sign.

    Every method may raise LedgerError (the broker or its chain cannot be reached) and what the journeys
    behind it raise, rebuilt from the broker's problem answer.
    """

    def relay(self, act: Act) -> Receipt:
        """Have a signed grant relayed to the chain."""
        ...

    def carry(self, act: Act) -> Receipt:
        """Have a signed act about a patient of its own carried to the chain (`journeys.members.carry.CarriedAct`)."""
        ...

    def revoke(self, act: Act) -> bool:
        """Have a signed revoke or restriction taken: durable and denied from now on; True when already on chain."""
        ...

    def release(self, access: Access) -> Release:
        """Have a request decided and recorded. Raises: DeniedError."""
        ...

    def hand_over(self, access: Access) -> HandOver:
        """Collect the sealed keys of a recorded request. Raises: DeniedError, KeyMissingError."""
        ...

    def emergency(self, asked: StalledEmergency) -> EmergencyKeys:
        """Have the custodian hand over while the chain stalls. Raises: DeniedError, SignatureError, InputError."""
        ...

    def emergency_share(self, shown: LateEmergency) -> HandOver:
        """Have another trustee hand over while the chain stalls, on the custodian's word. Raises: as `emergency`,
        LimitError."""
        ...

    def deposit(self, signed: SignedDeposit) -> SignedKeeping:
        """Have a trustee keep shares, durably. Raises: DeniedError, SignatureError, InputError, DecryptionError."""
        ...

    def collect(self, signed: SignedCollect) -> HandOver:
        """Have a trustee give its shares to a custodian that moves them. Raises: DeniedError, SignatureError."""
        ...

    def destroy(self, signed: SignedDestroy) -> Note:
        """Have a trustee destroy what was dealt anew, and attest it (`core.tlog.attestation.Destroyed`), signed.

        Raises: DeniedError, SignatureError.
        """
        ...

    def keeps_for(self, trustee: int) -> bool:
        """Tell whether deposits for a trustee wait at the broker that it has not acknowledged."""
        ...

    def look_up(self, asked: SignedLookUp) -> LookedUp:
        """Learn, as an emergency team, which subject a patient ID is. Raises: DeniedError (UNKNOWN_PATIENT, ...)."""
        ...

    def ask(self, signed: SignedAsk) -> None:
        """Leave an access request for a patient of the broker's hospital. Raises: LimitError."""
        ...

    def asks(self, asked: SignedAskList) -> WaitingAsks:
        """Return what waits for a patient's answer, to the patient's side."""
        ...

    def decline(self, signed: SignedDecline) -> None:
        """Have an access request dropped, by the patient's side."""
        ...

    def checkpoint(self, block_number: int) -> SignedCheckpoint:
        """Return the member's word for the ledger up to a final block. Raises: NotThereError (a block to come)."""
        ...

    def vouch(self, ask: VouchAsk) -> Vouched:
        """Return the custodian's signatures over instances that the caller was given."""
        ...
