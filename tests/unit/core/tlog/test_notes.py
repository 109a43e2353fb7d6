"""Signed notes, checkpoints and their signatures: C2SP's examples, and messages built here from its definitions."""

from __future__ import annotations

import base64
import hashlib
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from fiducia.core.tlog.checkpoint import Checkpoint, parse_checkpoint
from fiducia.core.tlog.note import ED25519, Note, key_id, parse_note, vkey
from fiducia.core.tlog.signing import (
    PUBLIC_BYTES,
    LogKey,
    keys_in,
    require_cosigned,
    require_plainly_signed,
    require_signed,
    split,
    vkeys,
)
from fiducia.core.tlog.witness import AddCheckpoint, parse_add_checkpoint
from fiducia.errors import EncodingError, SignatureError

EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
"""The example of C2SP signed-note."""
KEY, OTHER = LogKey(b"k" * 32), LogKey(b"o" * 32)
CHECKPOINT = Checkpoint("example.com/log", 5, bytes(range(32)))
AT = 1_800_000_000


def test_the_specifications_example_is_read_written_and_verified() -> None:
    note = parse_note(EXAMPLE.encode())
    assert bytes(note) == EXAMPLE.encode()
    (signed,) = note.signatures
    public = base64.b64decode(EXAMPLE_KEY.rpartition("+")[2])[1:]
    assert signed.name == "example.com/foo"
    assert signed.key_id == key_id("example.com/foo", ED25519, public)
    assert vkey("example.com/foo", ED25519, public) == EXAMPLE_KEY
    Ed25519PublicKey.from_public_bytes(public).verify(signed.signature, note.text.encode())


def test_a_note_may_hold_empty_lines() -> None:
    text = "one\n\ntwo\n"
    assert parse_note(EXAMPLE.replace("This is an example message.\n", text).encode()).text == text


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"no signature\n",
        b"no signature\n\n",
        EXAMPLE.encode()[:-1],
        EXAMPLE.replace("— ", "- ").encode(),
        EXAMPLE.replace("example.com/foo", "").encode(),
        EXAMPLE.replace("example.com/foo", "a+b").encode(),
        EXAMPLE.replace("aQM=", "aQN=").encode(),  # the same bytes in another spelling
        EXAMPLE.replace("aQM=", "aQM").encode(),
        EXAMPLE.replace("an example", "an\texample").encode(),
        EXAMPLE.encode() + b"\xff",
        b"text\n\n\xe2\x80\x94 name AAAA\n",
    ],
)
def test_what_is_no_note_is_refused(bad: bytes) -> None:
    with pytest.raises(EncodingError):
        parse_note(bad)


def test_a_checkpoint_is_three_lines() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    found = parse_checkpoint(text)
    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20852163)
    assert found.text == text
    for bad in (text + "extension\n", text.replace("2085", "02085"), text.replace("q2I=", ""), "\n" + text, text[:-1]):
        with pytest.raises(EncodingError):
            parse_checkpoint(bad)


def test_a_log_signs_with_both_its_keys_what_the_specifications_say() -> None:
    note = KEY.sign(CHECKPOINT, AT)
    plain, timed = note.signatures
    keys = split(KEY.public)
    Ed25519PublicKey.from_public_bytes(keys.log).verify(plain.signature, CHECKPOINT.text.encode())
    name = CHECKPOINT.origin.encode()
    opaque = struct.pack(">B", len(name)) + name
    message = b"subtree/v1\n\0" + opaque + struct.pack(">Q", AT) + opaque + struct.pack(">QQ", 0, 5) + CHECKPOINT.root
    assert timed.signature[:8] == struct.pack(">Q", AT)
    MLDSA44PublicKey.from_public_bytes(keys.mldsa).verify(timed.signature[8:], message)
    assert timed.key_id == hashlib.sha256(name + b"\n\x06" + keys.mldsa).digest()[:4]
    assert require_signed(parse_note(bytes(note)), CHECKPOINT, KEY.public) == AT
    require_plainly_signed(note, CHECKPOINT, KEY.public)


def test_a_witness_cosigns_with_both_its_keys_what_the_specifications_say() -> None:
    lines = OTHER.cosign("example.com/witness", CHECKPOINT, AT)
    note = KEY.sign(CHECKPOINT, AT).with_more(lines)
    plain = lines[0]
    keys = split(OTHER.public)
    message = b"cosignature/v1\ntime 1800000000\n" + CHECKPOINT.text.encode()
    Ed25519PublicKey.from_public_bytes(keys.witness).verify(plain.signature[8:], message)
    assert plain.key_id == hashlib.sha256(b"example.com/witness\n\x04" + keys.witness).digest()[:4]
    assert require_cosigned(parse_note(bytes(note)), CHECKPOINT, "example.com/witness", OTHER.public) == AT
    assert len(note.with_more(OTHER.cosign("example.com/witness", CHECKPOINT, AT + 1)).signatures) == 4


def test_one_of_the_two_signatures_does_not_do() -> None:
    note = KEY.sign(CHECKPOINT, AT)
    for kept in range(2):
        with pytest.raises(SignatureError):
            require_signed(Note(note.text, note.signatures[kept : kept + 1]), CHECKPOINT, KEY.public)
    lines = OTHER.cosign("w", CHECKPOINT, AT)
    later = OTHER.cosign("w", CHECKPOINT, AT + 1)
    for some in (lines[:1], lines[1:], (lines[0], later[1])):
        with pytest.raises(SignatureError):
            require_cosigned(Note(note.text, some), CHECKPOINT, "w", OTHER.public)


def test_another_key_checkpoint_or_name_does_not_do() -> None:
    note = KEY.sign(CHECKPOINT, AT)
    with pytest.raises(SignatureError):
        require_signed(note, CHECKPOINT, OTHER.public)
    for other in (Checkpoint("example.com/log", 6, CHECKPOINT.root), Checkpoint("example.com/log", 5, bytes(32))):
        with pytest.raises(SignatureError):
            require_signed(Note(other.text, note.signatures), other, KEY.public)
    cosigned = Note(note.text, OTHER.cosign("w", CHECKPOINT, AT))
    with pytest.raises(SignatureError):
        require_cosigned(cosigned, CHECKPOINT, "x", OTHER.public)


def test_no_time_is_no_statement() -> None:
    with pytest.raises(SignatureError):
        require_signed(KEY.sign(CHECKPOINT, 0), CHECKPOINT, KEY.public)


def test_verifier_keys_are_written_and_read() -> None:
    lines = [*vkeys("a", KEY.public), *vkeys("b", OTHER.public)]
    assert keys_in("\n".join(lines) + "\n") == (("a", KEY.public), ("b", OTHER.public))
    assert keys_in("") == ()
    for bad in (lines[:2], [lines[1], lines[0], lines[2]], [lines[0], lines[4], lines[5]], ["text"]):
        with pytest.raises(EncodingError):
            keys_in("\n".join(bad))


def test_keys_have_their_lengths() -> None:
    assert len(KEY.public) == PUBLIC_BYTES == 1376
    for make in (lambda: LogKey(b"short"), lambda: split(b"short")):
        with pytest.raises(EncodingError):
            make()


def test_a_request_to_a_witness_is_read_as_written() -> None:
    note = KEY.sign(CHECKPOINT, AT)
    for asked in (AddCheckpoint(3, (bytes(32), bytes(range(32))), note), AddCheckpoint(0, (), note)):
        assert parse_add_checkpoint(bytes(asked)) == asked
    whole = bytes(AddCheckpoint(3, (bytes(32),), note))
    for bad in (
        whole.replace(b"old 3", b"new 3"),
        whole.replace(b"old 3", b"old 03"),
        whole.replace(b"old 3\n", b"old 3\nAAAA\n"),
        whole.replace(b"old 3\n", b"old 3\n" + (base64.b64encode(bytes(32)) + b"\n") * 64),
        whole.partition(b"\n\n")[0],
        b"",
    ):
        with pytest.raises(EncodingError):
            parse_add_checkpoint(bad)
