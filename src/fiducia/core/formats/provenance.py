"""The provenance file: one instance, and everything that shows offline when it was anchored, and by whom.

Owns its JSON (RFC 8785): one spelling per content, bounded in every part. What its parts prove together is judged by
`core.provenance`. It has digests and pseudonyms, no UID and nothing of an image; but its salt lets whoever holds it
recognise the instance. Source: docs/formats.md, "Provenance".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from fiducia.core.formats.canonical import SAFE_INTEGER_MAX, Fields, parse_hex, to_hex
from fiducia.core.formats.context import U32_MAX
from fiducia.core.formats.manifest import MANIFEST_MAX_BYTES
from fiducia.core.formats.trust import LedgerName
from fiducia.errors import EncodingError
from fiducia.records.ledger import Head
from fiducia.records.provenance import InstancePlace, MemberSignature, ReceiptProof

PROVENANCE_FORMAT = "fiducia/v1/provenance"
PROVENANCE_MAX_BYTES = 4 << 20
SIGNATURE_BYTES = 65

_PATH_MAX = 64
_EVENT_MAX_CHARS = 4096
_MEMBERS_MAX = 255
_NODES_MAX = 64
_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class AnchoredEvent:
    """The event that anchored the manifest, and its way to the checkpoint's root.

    Attributes:
        record: the event's canonical JSON (`core.wire`): the leaf.
        position: its place among all events, from 0.
        path: RFC 9162's, nearest first.
    """

    record: bytes
    position: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """What members say about the anchoring block, and who signed it, ascending by institution, each once."""

    block: Head
    events: int
    root: bytes
    signatures: tuple[MemberSignature, ...]


@dataclass(frozen=True, slots=True)
class ProvenanceFile:
    """A provenance file's content.

    Attributes:
        ledger: which ledger.
        series: the instance's series in the manifest.
        instance: its leaf, opened, and its way to the series' root.
        manifest: the revision's manifest, its very bytes.
        event: what anchored it.
        checkpoint: the members' word for the block.
        receipt: the transaction's receipt, where the chain's blocks let it be proved.
        custodian: the custodian's signature over the claim (`records.provenance.Provenance`).
    """

    ledger: LedgerName
    series: int
    instance: InstancePlace
    manifest: bytes
    event: AnchoredEvent
    checkpoint: Checkpointed
    receipt: ReceiptProof | None
    custodian: MemberSignature

    def to_bytes(self) -> bytes:
        """Return the canonical JSON. Raises: EncodingError (it would not be read back)."""
        place, checkpoint = self.instance, self.checkpoint
        document = {
            "format": PROVENANCE_FORMAT,
            "ledger": self.ledger.to_json(),
            "instance": {
                "series": self.series,
                "number": place.number,
                "offset": place.offset,
                "length": place.length,
                "identity_digest": to_hex(place.identity),
                "header_digest": to_hex(place.header),
                "salt": to_hex(place.salt),
                "position": place.position,
                "instances": place.instances,
                "path": list(map(to_hex, place.path)),
            },
            "manifest": self.manifest.decode(),
            "event": {
                "record": self.event.record.decode(),
                "position": self.event.position,
                "path": list(map(to_hex, self.event.path)),
            },
            "checkpoint": {
                "block_number": checkpoint.block.number,
                "block_hash": to_hex(checkpoint.block.hash),
                "block_at": checkpoint.block.time_at,
                "events": checkpoint.events,
                "root": to_hex(checkpoint.root),
                "signatures": list(map(_signature_to_json, checkpoint.signatures)),
            },
            "receipt": _receipt_to_json(self.receipt),
            "custodian": _signature_to_json(self.custodian),
        }
        data = _canonical(document)
        parse_provenance(data)
        return data


def parse_provenance(data: bytes) -> ProvenanceFile:
    """Read a provenance file. Raises: EncodingError (names the part and field)."""
    if len(data) > PROVENANCE_MAX_BYTES:
        raise EncodingError(f"the provenance file is longer than {PROVENANCE_MAX_BYTES} bytes")
    try:
        value = orjson.loads(data)
    except ValueError as error:
        raise EncodingError("the provenance file is not JSON") from error
    fields = Fields(value, "the provenance file")
    # The fields below are texts, integers, lists and objects with ASCII names: for these it is RFC 8785's form.
    if _canonical(value) != data:
        raise EncodingError("the provenance file is not canonical JSON (RFC 8785)")
    fields.constant("format", PROVENANCE_FORMAT)
    series, place = _place(fields.value("instance"))
    found = ProvenanceFile(
        ledger=LedgerName.from_json(fields.value("ledger")),
        series=series,
        instance=place,
        manifest=_text(fields, "manifest", MANIFEST_MAX_BYTES),
        event=_event(fields.value("event")),
        checkpoint=_checkpoint(fields.value("checkpoint")),
        receipt=_receipt(fields.value("receipt")),
        custodian=_signature(fields.value("custodian"), "custodian"),
    )
    fields.close()
    return found


def _canonical(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:  # a number beyond 64 bits
        raise EncodingError("the provenance file is not canonical JSON (RFC 8785)") from error


def _text(fields: Fields, name: str, most: int) -> bytes:
    data = fields.text(name).encode()
    if len(data) > most:
        raise EncodingError(f"the provenance file: {name} is longer than {most} bytes")
    return data


def _hashes(fields: Fields, what: str) -> tuple[bytes, ...]:
    items = fields.items("path")
    if len(items) > _PATH_MAX:
        raise EncodingError(f"{what}: path is longer than {_PATH_MAX}")
    return tuple(_hex(item, 32, f"{what}: path") for item in items)


def _hex(value: object, length: int, what: str) -> bytes:
    if not isinstance(value, str):
        raise EncodingError(f"{what} is not hex")
    return parse_hex(value, length, what=what)


def _blob(value: object, what: str) -> bytes:
    if not isinstance(value, str) or len(value) > 2 * _BYTES_MAX:
        raise EncodingError(f"{what} is not hex within its bound")
    return parse_hex(value, max(len(value) - 2, 0) // 2, what=what)


def _place(value: object) -> tuple[int, InstancePlace]:
    fields = Fields(value, "instance")
    series = fields.integer("series", 1, U32_MAX)
    place = InstancePlace(
        number=fields.integer("number", 1, U32_MAX),
        offset=fields.integer("offset", 0, SAFE_INTEGER_MAX),
        length=fields.integer("length", 1, SAFE_INTEGER_MAX),
        identity=fields.hex_bytes("identity_digest", 32),
        header=fields.hex_bytes("header_digest", 32),
        salt=fields.hex_bytes("salt", 32),
        position=fields.integer("position", 0, U32_MAX),
        instances=fields.integer("instances", 1, U32_MAX),
        path=_hashes(fields, "instance"),
    )
    fields.close()
    return series, place


def _event(value: object) -> AnchoredEvent:
    fields = Fields(value, "event")
    event = AnchoredEvent(
        record=_text(fields, "record", _EVENT_MAX_CHARS),
        position=fields.integer("position", 0, SAFE_INTEGER_MAX),
        path=_hashes(fields, "event"),
    )
    fields.close()
    return event


def _checkpoint(value: object) -> Checkpointed:
    fields = Fields(value, "checkpoint")
    items = fields.items("signatures")
    if len(items) > _MEMBERS_MAX:
        raise EncodingError(f"checkpoint: there are more than {_MEMBERS_MAX} signatures")
    found = Checkpointed(
        block=Head(
            number=fields.integer("block_number", 0, SAFE_INTEGER_MAX),
            hash=fields.hex_bytes("block_hash", 32),
            time_at=fields.integer("block_at", 0, SAFE_INTEGER_MAX),
        ),
        events=fields.integer("events", 1, SAFE_INTEGER_MAX),
        root=fields.hex_bytes("root", 32),
        signatures=tuple(_signature(item, "checkpoint") for item in items),
    )
    fields.close()
    names = [each.institution for each in found.signatures]
    if names != sorted(set(names)):
        raise EncodingError("checkpoint: signatures are not ascending by institution, each once")
    return found


def _signature_to_json(signed: MemberSignature) -> dict[str, Any]:
    return {
        "institution": signed.institution,
        "signed_at": signed.signed_at,
        "signature": to_hex(signed.signature),
    }


def _signature(value: object, what: str) -> MemberSignature:
    fields = Fields(value, what)
    signed = MemberSignature(
        institution=fields.integer("institution", 1, U32_MAX),
        signed_at=fields.integer("signed_at", 0, SAFE_INTEGER_MAX),
        signature=fields.hex_bytes("signature", SIGNATURE_BYTES),
    )
    fields.close()
    return signed


def _receipt_to_json(receipt: ReceiptProof | None) -> dict[str, Any] | None:
    if receipt is None:
        return None
    return {"header": to_hex(receipt.header), "index": receipt.index, "nodes": list(map(to_hex, receipt.nodes))}


def _receipt(value: object) -> ReceiptProof | None:
    if value is None:
        return None
    fields = Fields(value, "receipt")
    nodes = fields.items("nodes")
    if len(nodes) > _NODES_MAX:
        raise EncodingError(f"receipt: there are more than {_NODES_MAX} nodes")
    found = ReceiptProof(
        header=_blob(fields.value("header"), "receipt: header"),
        index=fields.integer("index", 0, U32_MAX),
        nodes=tuple(_blob(node, "receipt: nodes") for node in nodes),
    )
    fields.close()
    return found
