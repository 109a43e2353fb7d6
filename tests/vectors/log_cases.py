"""Cases of journals as logs: leaves, LOG keys, names, anchors, and a file that proves an entry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from fiducia.adapters.evm.anchors import creation
from fiducia.core.formats.merkle_proofs import inclusion, root_of
from fiducia.core.tlog.checkpoint import Checkpoint, origin_of
from fiducia.core.tlog.leaf import leaf_of
from fiducia.core.tlog.proof import EntryProof, check_proof, parse_proofs
from fiducia.core.tlog.signing import LogKey, vkeys
from fiducia.core.tlog.tiles import nodes_of
from fiducia.core.tlog.witness import origin_hash
from fiducia.core.typed_data import Domains
from fiducia.errors import FiduciaError
from fiducia.records.images import JournalEntry
from fiducia.records.journal import Disclosed
from tests.vectors.material import material
from tests.vectors.object_cases import Case

DOMAINS = Domains(31337, *(bytes([number]) * 20 for number in range(0xC1, 0xC6)))
LOG, WITNESS = LogKey(material("log seed")), LogKey(material("witness seed"))
ORIGIN, WITNESS_NAME = origin_of(DOMAINS, 1), origin_of(DOMAINS, 2)
AT = 1_800_000_000
ENTRIES = {
    "handed-over": JournalEntry("handed_over", AT, material("request_id")),
    "with-a-body": JournalEntry("denied", AT + 1, material("other request"), 'GRANT_REVOKED, "é 山"\n'),
    "about-nothing": JournalEntry("gateway_signed_out", 0, b""),
}
SALTS = {name: material(f"salt of {name}") for name in ENTRIES}


def log_cases(folder: Path) -> Iterator[Case]:
    """Yield (name, case); the proof, whose signatures are randomized, is kept from `folder` as long as it holds."""
    for name, entry in ENTRIES.items():
        yield (
            f"log/leaf-{name}",
            {
                "kind": entry.kind,
                "at": entry.at,
                "subject_id": entry.subject_id.hex(),
                "body": entry.body,
                "salt": SALTS[name].hex(),
                "leaf": leaf_of(entry, SALTS[name]).hex(),
            },
        )
    yield (
        "log/key",
        {
            "chain_id": DOMAINS.chain_id,
            "members": DOMAINS.members.hex(),
            "institution": 1,
            "origin": ORIGIN,
            "origin_hash": origin_hash(ORIGIN).hex(),
            "seed": material("log seed").hex(),
            "public": LOG.public.hex(),
            "vkeys": list(vkeys(ORIGIN, LOG.public)),
        },
    )
    yield (
        "log/anchor",
        {
            "origin_hash": origin_hash(ORIGIN).hex(),
            "note": "a note\n",
            "creation": creation(origin_hash(ORIGIN), b"a note\n").hex(),
        },
    )
    made = _kept(folder / "log/proof.json") or _proof()
    keys = [*vkeys(ORIGIN, LOG.public), *vkeys(WITNESS_NAME, WITNESS.public)]
    yield "log/proof", {"file": bytes(made).decode(), "vkeys": keys, "witnesses": [WITNESS_NAME], "index": 1}


def _proof() -> EntryProof:
    leaves = [leaf_of(entry, SALTS[name]) for name, entry in ENTRIES.items()]
    nodes = nodes_of(leaves)
    checkpoint = Checkpoint(ORIGIN, len(leaves), root_of(nodes, len(leaves)))
    note = LOG.sign(checkpoint, AT + 5).with_more(WITNESS.cosign(WITNESS_NAME, checkpoint, AT + 6))
    disclosed = Disclosed(1, ENTRIES["with-a-body"], SALTS["with-a-body"])
    return EntryProof(disclosed, tuple(inclusion(nodes, 1, len(leaves))), note)


def _kept(path: Path) -> EntryProof | None:
    """The proof that stands in the file, if it still says and shows the same."""
    fresh = _proof()
    try:
        (proof,) = parse_proofs(json.loads(path.read_bytes())["file"].encode())
        proved = check_proof(proof, [(ORIGIN, LOG.public), (WITNESS_NAME, WITNESS.public)])
    except (OSError, ValueError, KeyError, FiduciaError):
        return None
    same = (proof.disclosed, proof.path, proof.note.text) == (fresh.disclosed, fresh.path, fresh.note.text)
    return proof if same and proved.witnesses == (WITNESS_NAME,) else None
