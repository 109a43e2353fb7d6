"""What the world must offer: small protocols with their duties, durability and errors.

Adapters implement them, journeys use them, `app.wiring` joins the two. Every port has an in-memory
version in `adapters.memory` that passes the same test suite as the real ones (tests/ports). Errors are
only those named; anything else out of an adapter is a defect.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Protocol

from fiducia.core.dicom.examination import Examined
from fiducia.core.dicom.picture import Picture
from fiducia.core.dicom.spooled import Spooled, Taken
from fiducia.core.dicom.view import View
from fiducia.core.dicom.window import Seekable
from fiducia.core.replay import State
from fiducia.core.tlog.note import Note
from fiducia.core.tlog.tiles import Tile
from fiducia.records.copies import Change, Reached
from fiducia.records.events import LedgerEvent
from fiducia.records.images import (
    HandOver,
    IntakeProblem,
    JournalEntry,
    PatientIdentity,
    Release,
    StoredObject,
    StudyEntry,
    StudyState,
    SubjectEntry,
)
from fiducia.records.intake import Defect
from fiducia.records.journal import AnchoredNote, Disclosed, KeptCheckpoint
from fiducia.records.ledger import Act, Facts, Head, Receipt
from fiducia.records.provenance import ReceiptProof, SignedCheckpoint, VouchAsk, Vouched
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
from fiducia.records.typed import Access, KeyRequest

Piece = bytes | bytearray | memoryview


class Clock(Protocol):
    """Civil time; the chain's own time comes with each `Head`."""

    def now(self) -> int:
        """Return UTC Unix seconds."""
        ...

    def pause(self, seconds: float) -> None:
        """Let time pass, for what needs a moment elsewhere."""
        ...


class Entropy(Protocol):
    """The source of keys, salts and nonces."""

    def token(self, size_bytes: int) -> bytes:
        """Return that many bytes from the operating system's generator."""
        ...


class Steps(Protocol):
    """Where a journey stands; called between any two steps that leave a trace in the world."""

    def reached(self, point: str) -> None:
        """Note a named point, such as "register.keys-deposited". Must not raise in production."""
        ...


class Progress(Protocol):
    """Long work as people watch it."""

    def start(self, what: str, total_bytes: int) -> None:
        """Begin a stretch of work."""
        ...

    def advance(self, size_bytes: int) -> None:
        """Report more bytes done."""
        ...


class Store(Protocol):
    """Where encrypted objects lie. Trusted with availability only: callers verify what they read."""

    def put(self, cid: Callable[[], str], pieces: Iterable[Piece]) -> StoredObject:
        """Store `pieces` as one object, durable (synced and pinned) when this returns.

        `cid` is asked once, after the last piece: our own computation. Pieces may share one reused
        buffer: consume each before asking for the next.

        Raises:
            StoreCorruptError: the store names another CID; the object is removed again.
            StoreError: not stored.
        """
        ...

    def read(self, cid: str, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`.

        Raises:
            StoreMissingError: absent, short, or no answer in time.
            StoreCorruptError: more bytes, or the store itself finds them altered.
        """
        ...

    def size(self, cid: str) -> int:
        """Return the object's size in bytes. Raises: StoreMissingError, StoreError."""
        ...

    def remove(self, cid: str) -> None:
        """Forget an object; absent is done. Raises: StoreError."""
        ...

    def health(self) -> None:
        """Return when reads and writes can be expected to work. Raises: StoreError."""
        ...


class Ledger(Protocol):
    """The chain as fiducia sees it: facts at one block, acts, events.

    Every method may raise LedgerUnreachableError; ones that read the present raise LedgerStaleError when
    the head's time is further from this machine's clock than the network's profile allows.
    """

    def head(self) -> Head:
        """Return the newest final head."""
        ...

    def block(self, number: int) -> Head:
        """Return one block, not newer than a head that was seen: whether a chain is still the same one.

        Raises:
            LedgerInconsistencyError: the chain has no such block.
        """
        ...

    def facts(self, access: Access) -> Facts:
        """Return all facts about one request, read at one final block."""
        ...

    def are_open(self, requests: Sequence[KeyRequest]) -> tuple[Head, tuple[bool, ...]]:
        """Ask the ledger's own `isOpen` for each request at one final block."""
        ...

    def submit(self, act: Act) -> Receipt:
        """Carry an act to the chain and wait until it is final. Simulated first.

        Raises:
            DeniedError: a RecordAct that the contract refuses; `.reason` is its first reason.
            InputError, SignatureError: the contract refuses the act for what it says or who signed it.
            LedgerNotFinalError: sent, not final in time; submitting the same act again is safe.
            UnexpectedRevertError: anything else the contract said.
        """
        ...

    def events(self, first_block: int, last_block: int) -> Iterator[LedgerEvent]:
        """Yield the five contracts' events in order, both ends inclusive.

        Raises:
            LedgerInconsistencyError: an event that does not decode, or out of order.
        """
        ...


class Receipts(Protocol):
    """Receipts proved to their block's hash, where the chain's blocks let them be."""

    def has_receipt_proofs(self) -> bool:
        """Tell whether blocks' hashes are those of Ethereum headers. Raises: LedgerUnreachableError."""
        ...

    def receipt_proof(self, event: LedgerEvent) -> ReceiptProof | None:
        """Return the proof of the receipt that has an event; None where blocks have other hashes.

        Raises:
            LedgerInconsistencyError: the block's receipts are not those that its header commits to.
            LedgerUnreachableError: no endpoint answers, or none has receipts.
        """
        ...


class Mirror(Protocol):
    """A member's own copy of the ledger's events, replayed: the last facts seen, chain up or down."""

    def catch_up(self) -> State:
        """Read new final blocks, keep them durably, and return the state; it does not change afterwards.

        Raises:
            LedgerError: the chain cannot be asked; `state` still answers.
            LedgerInconsistencyError: another chain than before, a rewritten one, or impossible events.
            VaultError: the mirror's file cannot be read or written.
        """
        ...

    def state(self) -> State:
        """Return the state as last seen, without asking the chain."""
        ...

    def records(self, first_block: int, last_block: int) -> Iterator[tuple[int, bytes]]:
        """Yield what is kept of a stretch of blocks: each event's block number and canonical record, in order.

        Both ends are inclusive; `last_block` is not later than a state's head. Raises: VaultError.
        """
        ...


class Vault(Protocol):
    """Secrets by name, sealed at rest. Names carry no identity; `/` separates their parts."""

    def put(self, secrets: Mapping[str, bytes]) -> None:
        """Keep all of them or none, durable when this returns. An existing name is replaced.

        Raises: VaultError, VaultLockedError.
        """
        ...

    def get(self, name: str) -> bytes:
        """Return one secret. Raises: KeyMissingError, VaultLockedError."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Destroy secrets; absent ones are done. Overwritten on disk where the medium allows."""
        ...

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the names that start with `prefix`, sorted."""
        ...


class Patients(Protocol):
    """The directory's first half: identity <-> subject, at the custodian only, sealed at rest."""

    def subject_of(self, identity: PatientIdentity) -> SubjectEntry | None:
        """Return the entry of an identity, if it is known."""
        ...

    def add(self, entry: SubjectEntry) -> SubjectEntry:
        """Add a patient durably; when the identity is known already, return that entry unchanged."""
        ...

    def all(self) -> tuple[SubjectEntry, ...]:
        """Return every patient."""
        ...

    def remove(self, identity: PatientIdentity) -> None:
        """Destroy the entry of an identity, durably; an absent one is done."""
        ...


class Studies(Protocol):
    """The directory's second half: UID <-> study_id and numbers, at the custodian only, sealed at rest."""

    def claim(self, study_instance_uid: str) -> AbstractContextManager[None]:
        """Hold a study alone, across processes; a crash lets go. Raises: LimitError after a while."""
        ...

    def find(self, study_instance_uid: str) -> StudyState:
        """Return what is anchored and what is pending; an unknown study is an empty state."""
        ...

    def propose(self, entry: StudyEntry) -> None:
        """Keep the entry as pending (all that is needed to finish after a crash), replacing an older one."""
        ...

    def confirm(self, entry: StudyEntry) -> None:
        """Make the entry the anchored one and clear the pending one, in one transaction."""
        ...

    def all(self) -> tuple[StudyEntry, ...]:
        """Return the newest anchored entry of every study."""
        ...

    def states(self) -> Iterator[StudyState]:
        """Yield what is anchored and what is pending of every study, in the order they became known, some at a time."""
        ...

    def remove(self, study_instance_uid: str) -> None:
        """Destroy what is anchored and what is pending of a study, durably; an unknown one is done."""
        ...


class Journal(Protocol):
    """A broker's durable, append-only record of its acts. No durable journal, no release."""

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Append all in one durable write. Raises: JournalError."""
        ...

    def entries(self, kind: str | None = None) -> Iterator[JournalEntry]:
        """Yield entries in order, all or of one kind. Raises: JournalError."""
        ...

    def size(self) -> int:
        """Return how many entries there are. Raises: JournalError."""
        ...

    def leaves(self, start: int, end: int) -> Sequence[bytes]:
        """Return what stands in the log for the entries from `start` up to `end`, counted from 0 (`core.tlog.leaf`).

        Raises:
            JournalError: unreadable, or one of them is not there.
        """
        ...

    def disclose(self, index: int) -> Disclosed:
        """Return an entry with the salt that opens its leaf; the two agree. Raises: JournalError."""
        ...

    def since(self, reached: int, kinds: Collection[str]) -> tuple[int, Sequence[JournalEntry]]:
        """Return how far the journal reaches, and its entries of some kinds after a place in it, in order.

        Args:
            reached: an earlier answer's first half; 0 for all. That nothing came since is found out cheaply.
            kinds: what is wanted.

        Raises: JournalError (unreadable, or shorter than it was).
        """
        ...

    def health(self) -> None:
        """Return when an append can be expected to succeed. Raises: JournalError."""
        ...


class CopySource(Protocol):
    """One part of a home as copies hold it: whatever adapter keeps it, and under whatever key."""

    @property
    def grows(self) -> bool:
        """Whether changes add up: then what is told ends with what was there at the first step.

        Of other parts the last change to one thing counts, however often it is told.
        """
        ...

    def dump(self) -> Iterator[Change]:
        """Yield changes that give an empty part the present content. Raises: VaultError, JournalError."""
        ...

    def apply(self, changes: Sequence[Change]) -> None:
        """Take changes, in order, all of them durable when this returns; those that were taken before change nothing.

        Raises:
            VaultError, JournalError: not taken, or the part holds something else.
            EncodingError: not a change of this part.
        """
        ...


class SecondPlace(Protocol):
    """Where copies of a home lie: named, never replaced, whole or not there. Trusted with availability only.

    Every method raises BackupError when the place cannot be read or written.
    """

    def alone(self) -> AbstractContextManager[None]:
        """Hold the place alone, across threads, processes and machines; a crash lets go.

        Raises: BackupError (also when it is held for too long).
        """
        ...

    def put(self, name: str, pieces: Iterable[Piece]) -> None:
        """Keep `pieces` under a new name, durable when this returns; what `pieces` raises leaves nothing.

        Raises: BackupError (also when the name is taken).
        """
        ...

    def size(self, name: str) -> int | None:
        """Return an object's size in bytes; None when there is none."""
        ...

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`."""
        ...

    def names(self) -> tuple[str, ...]:
        """Return all names, sorted."""
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Forget objects in this order; absent ones are done."""
        ...

    def mark(self, unfinished: bool) -> None:
        """Note, durably, that something is being written that is not here yet; or that it is."""
        ...

    def marked(self) -> bool:
        """Tell whether that was noted and never taken back."""
        ...


class CopyMemory(Protocol):
    """What a home remembers of the copies that it wrote to its second place, so that it notices when they are cut off.

    It may remember less than is there, never more.
    """

    def last(self) -> Reached | None:
        """Return how far they reach; None when nothing is remembered."""
        ...

    def note(self, reached: Reached) -> None:
        """Remember it; called alone at the place, after what it names is there."""
        ...


class Logbook(Protocol):
    """What somebody remembers of logs: the newest checkpoint of each, its own among them; and who was caught lying."""

    def newest(self, origin: str) -> KeptCheckpoint | None:
        """Return the newest checkpoint kept of a log. Raises: JournalError."""
        ...

    def all(self) -> tuple[KeptCheckpoint, ...]:
        """Return the newest checkpoint of every log, by origin. Raises: JournalError."""
        ...

    def keep(self, kept: KeptCheckpoint, old_size: int) -> None:
        """Keep a checkpoint instead of the newest one of its log; durable when this returns.

        Args:
            kept: not smaller than the newest one; of the same size only with the same root.
            old_size: the newest one's size, 0 when there is none: looked at and replaced in one step.

        Raises:
            LogConflictError: the newest one has another size, or another root; nothing was kept.
            JournalError: not kept.
        """
        ...

    def accuse(self, evidence: bytes) -> None:
        """Keep evidence for good; the same again changes nothing. Raises: JournalError."""
        ...

    def evidence(self) -> tuple[bytes, ...]:
        """Return all evidence, oldest first. Raises: JournalError."""
        ...


class LogDoor(Protocol):
    """A member's log, and the member as a witness, as others reach them. Nothing of what it says is verified.

    Every method may raise LedgerUnreachableError: the member does not answer.
    """

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint, a signed note. Raises: NotThereError (none was signed yet)."""
        ...

    def tile(self, tile: Tile) -> bytes:
        """Return a tile's or a bundle's content. Raises: NotThereError."""
        ...

    def add_checkpoint(self, request: bytes) -> bytes:
        """Have a checkpoint cosigned; return the signature lines (`core.tlog.witness`).

        Raises:
            LogConflictError: the witness knows another size than the request names; `.size` is it.
            NotThereError: it does not know the log. SignatureError: not signed by the log. ProofError: inconsistent.
            EncodingError: not such a request.
        """
        ...

    def witnessed(self, origin_hash: bytes) -> bytes:
        """Return the newest checkpoint that the witness cosigned of a log. Raises: NotThereError."""
        ...


class Anchors(Protocol):
    """Checkpoints on chain. Anybody can put anything there: a note counts when its signatures do."""

    def anchor(self, origin_hash: bytes, note: bytes) -> AnchoredNote:
        """Put a note on chain and wait until it is final. Raises: LedgerError, ConfigError."""
        ...

    def anchored(self, origin_hash: bytes, first_block: int, last_block: int) -> tuple[AnchoredNote, ...]:
        """Return the notes of a log in a stretch of blocks, both ends inclusive, oldest first. Raises: LedgerError."""
        ...


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


class InstanceSource(Protocol):
    """One candidate instance; may be opened more than once."""

    @property
    def where(self) -> str:
        """Where it was found, for the person who gave it."""
        ...

    @property
    def size_bytes(self) -> int:
        """Its size when it was found."""
        ...

    def open(self) -> BinaryIO:
        """Open it for reading. Raises: DicomError (unreadable, changed, gone)."""
        ...


class Intake(Protocol):
    """Where instances come from."""

    def find(self, paths: Sequence[str]) -> Iterator[InstanceSource | IntakeProblem]:
        """Yield candidates and what was not taken, in a stable order, without reading whole files.

        Raises: InputError (a path that does not exist, or nothing at all to read).
        """
        ...


class Examiner(Protocol):
    """Reads what instances say of themselves; nobody vouches for the bytes, which may be hostile.

    Whatever a source holds, the caller's process does nothing but open it, waits no longer than agreed, and
    keeps its memory. Every method raises DicomError for a source that is refused; the message says what to do.
    """

    def sort(self, source: InstanceSource) -> Examined:
        """Return who and what an instance is, without `dicom_json` and `ranges`."""
        ...

    def describe(self, source: InstanceSource) -> Examined:
        """Return everything that the index says about an instance."""
        ...

    def directory(self, source: InstanceSource) -> tuple[tuple[str, ...], ...]:
        """Return the file IDs that a media directory (DICOMDIR) refers to, in its order."""
        ...


class Pixels(Protocol):
    """Decodes and shows single frames, and converts instances; nobody vouches for their bytes, which may be hostile.

    `frame` is one frame's bytes as its transfer syntax codes them: a bare codestream (fragments joined, without their
    item headers) where pixels are encapsulated, its native bytes otherwise; bits of single-bit images from a byte's
    lowest bit on. Whatever they are, the caller's process hands them over, waits no longer than agreed, and keeps its
    memory. All methods raise DicomError for what cannot be decoded; the message says why.
    """

    def decode(self, picture: Picture, frame: bytes) -> bytes:
        """Return the frame in Explicit VR Little Endian's form: `picture.decoded_bytes` bytes, colour-by-pixel.

        Native frames keep their samples. Colours that were compressed come as RGB (`picture.decoded_photometric`).
        """
        ...

    def render(self, picture: Picture, frame: bytes, view: View) -> bytes:
        """Return the frame as it is to be seen, 8 bits: a file of `view.media_type`.

        Raises: InputError (the viewport's region has nothing of the image).
        """
        ...

    def convert(self, stream: Seekable, size_bytes: int) -> Iterator[bytes]:
        """Return an instance's file as one in Explicit VR Little Endian, piece by piece: the same instance.

        Whether it can be read and outlined, and its first frame decoded, is known when this returns; a later frame may
        still raise DicomError, and then what was taken must be thrown away. `core.dicom.conversion` says what changes.

        Args:
            stream: the file; read in ranges, also while pieces are taken. What it raises is raised.
            size_bytes: its size. More than `passages.CONVERTED_MAX_BYTES`, as it is or converted, is refused.
        """
        ...


class Spool(Protocol):
    """Instances between a door and their registration, at the custodian only: sealed at rest, durable, in order.

    Every method raises VaultError when it cannot be written or read.
    """

    def take(self, pieces: Iterable[Piece]) -> Taken:
        """Seal an instance's file, whole; durable when it returns, but not among `all` before it is kept.

        Raises: what `pieces` raises; nothing stays then.
        """
        ...

    def keep(
        self, taken: Taken, examined: Examined, *, waiting: bool, door: str, at: int, defects: Sequence[Defect]
    ) -> Spooled:
        """Make a taken instance count; durable when it returns."""
        ...

    def find(self, spool_id: bytes) -> Spooled | None:
        """Return one, by its id (16 bytes)."""
        ...

    def all(self) -> tuple[Spooled, ...]:
        """Return all, in the order in which they came, as `Spooled.listed` has them; cheap enough to ask often."""
        ...

    def open(self, spool_id: bytes) -> BinaryIO:
        """Open a taken or kept instance's file, seekable.

        Raises: DicomError (it is not there any more); VaultError (altered).
        """
        ...

    def release(self, spool_id: bytes) -> bool:
        """Let an instance out of quarantine, to be registered; False when it is not in quarantine."""
        ...

    def remove(self, spool_ids: Sequence[bytes]) -> None:
        """Destroy instances; those that are not there are none. Afterwards nothing on the disk opens them."""
        ...


class Destination(Protocol):
    """Where fetched instances go. Nothing is visible at the final place before `publish`."""

    def staged(self, series: int, instance: int) -> BinaryIO | None:
        """Open what an earlier, interrupted run staged, or None."""
        ...

    def stage(self, series: int, instance: int, pieces: Iterable[Piece]) -> None:
        """Stage one instance whole; when `pieces` raises, nothing of it stays. Raises: InputError (disk full)."""
        ...

    def publish(self) -> None:
        """Show everything staged at its final place, durable; a crash leaves whole series or none.

        Raises:
            InputError: the place holds other files under those names.
        """
        ...

    def discard(self) -> None:
        """Remove everything staged, leaving no trace."""
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
        """Have a signed act about a patient of its own carried to the chain (`journeys.carry.CarriedAct`)."""
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
