"""Cases of attestations as signed notes: some that hold, and what must be refused, each for one reason."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from fiducia.core.tlog.attestation import Cleared, Destroyed
from fiducia.core.tlog.checkpoint import Checkpoint
from fiducia.core.tlog.note import Note, NoteSignature, parse_note
from fiducia.core.tlog.signing import LogKey, split, vkeys
from fiducia.core.typed_data import Contract
from fiducia.errors import FiduciaError
from tests.vectors.log_cases import AT, DOMAINS, LOG, ORIGIN, WITNESS, WITNESS_NAME
from tests.vectors.material import material
from tests.vectors.object_cases import Case

STUDIES = DOMAINS.of(Contract.STUDIES)
DESTROYED = Destroyed(STUDIES, material("study_id"), 1, bytes(32), AT, AT + 30 * 86_400)
CLEARED = Cleared(STUDIES, material("study_id"), 1, AT + 1, 0)
A_DEAL = dataclasses.replace(DESTROYED, custody=material("custody document"))
ELSEWHERE = dataclasses.replace(DESTROYED, domain=dataclasses.replace(STUDIES, chain_id=1))


def attestation_cases(folder: Path) -> Iterator[Case]:
    """Yield (name, case); a note's signatures, one of which is randomized, are kept from `folder` while they hold."""

    def signed(name: str, text: str, key: LogKey = LOG, member: str = ORIGIN) -> Note:
        return _signed(folder / f"attestation/{name}.json", text, key, member)

    text = DESTROYED.text
    whole = signed("destroyed-all-shares", text)
    yield _case("destroyed-all-shares", whole, "accepted")
    for name, said in (("destroyed-a-deal", A_DEAL), ("cleared", CLEARED)):
        yield _case(name, signed(name, said.text), "accepted")
    lines = text.splitlines(keepends=True)
    for name, other in (
        ("line-more", text + "held_until 0\n"),
        ("line-missing", "".join(lines[:-1])),
        ("lines-in-another-order", "".join([lines[0], lines[2], lines[1], *lines[3:]])),
        ("another-first-line", text.replace("/destroyed\n", "/cleared\n")),
        ("hex-in-capitals", text.replace("studies c3", "studies C3")),
        ("number-with-a-zero", text.replace("trustee 1", "trustee 01")),
        ("of-another-ledger", ELSEWHERE.text),
        ("checkpoint", Checkpoint(ORIGIN, 3, material("root")).text),
    ):
        yield _case(name, signed(name, other), "refused")
    theirs = signed("of-another-institution", text, WITNESS, WITNESS_NAME)
    yield _case("of-another-institution", theirs, "refused")
    edited = text.replace(f"held_until {DESTROYED.held_until}", "held_until 0")
    yield _case("edited", Note(edited, whole.signatures), "refused")
    for at, name in enumerate(("without-ed25519", "without-ml-dsa")):
        yield _case(name, Note(text, whole.signatures[1 - at : 2 - at]), "refused")


def _case(name: str, note: Note, outcome: str) -> Case:
    """What a verifier is given: which ledger it means, whose attestation it expects, and the note."""
    expected = {"chain_id": STUDIES.chain_id, "studies": STUDIES.contract.hex(), "name": ORIGIN}
    keys = list(vkeys(ORIGIN, LOG.public))
    return f"attestation/{name}", {**expected, "vkeys": keys, "note": bytes(note).decode(), "outcome": outcome}


def _signed(path: Path, text: str, key: LogKey, member: str) -> Note:
    """Any text with the signatures of an attestation: the key itself signs no text that is none."""
    ids = [each.key_id for each in key.attest(member, DESTROYED).signatures]
    data = text.encode()
    ed25519, mldsa = key._log.sign(data), _kept(path, data, split(key.public).mldsa) or key._mldsa.sign(data)
    return Note(text, tuple(NoteSignature(member, *each) for each in zip(ids, (ed25519, mldsa), strict=True)))


def _kept(path: Path, data: bytes, public: bytes) -> bytes | None:
    try:
        signature = parse_note(json.loads(path.read_bytes())["note"].encode()).signatures[1].signature
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, data)
    except (OSError, ValueError, LookupError, FiduciaError, InvalidSignature):
        return None
    return signature
