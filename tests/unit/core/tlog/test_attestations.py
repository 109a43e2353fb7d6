"""Attestations as signed notes: one spelling, both of a member's signatures, and never to be taken for a checkpoint."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from fiducia.core.tlog.attestation import (
    ATTESTATION_MAX_BYTES,
    Attestation,
    Cleared,
    Destroyed,
    parse_attestation,
    parse_attested,
    parse_cleared,
    parse_destroyed,
)
from fiducia.core.tlog.checkpoint import Checkpoint, origin_of, parse_checkpoint
from fiducia.core.tlog.note import ED25519, MLDSA44, Note, NoteSignature, key_id, parse_note
from fiducia.core.tlog.signing import LogKey, require_attested, require_cosigned, require_plainly_signed, require_signed
from fiducia.core.tlog.signing import split as keys_of
from fiducia.core.typed_data import Contract, Domains
from fiducia.errors import EncodingError, SignatureError

DOMAINS = Domains(31337, *(bytes([number]) * 20 for number in range(0xC1, 0xC6)))
STUDIES, NAME = DOMAINS.of(Contract.STUDIES), origin_of(DOMAINS, 2)
KEY, OTHER = LogKey(b"k" * 32), LogKey(b"o" * 32)
DESTROYED = Destroyed(STUDIES, bytes(range(32)), 2, b"\xcd" * 32, 1_800_000_000, 1_802_592_000)
CLEARED = Cleared(STUDIES, bytes(range(32)), 2, 1_800_000_001, 0)
BOTH: tuple[Attestation, ...] = (DESTROYED, CLEARED)
TEXT = """fiducia/v1/destroyed
chain 31337
studies c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3
study 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
trustee 2
custody cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
destroyed_at 1800000000
held_until 1802592000
"""
CLEARED_TEXT = """fiducia/v1/cleared
chain 31337
studies c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3
study 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
custodian 2
cleared_at 1800000001
held_until 0
"""


def test_they_are_written_and_read_line_by_line() -> None:
    assert (DESTROYED.text, CLEARED.text) == (TEXT, CLEARED_TEXT)
    assert (parse_destroyed(TEXT), parse_cleared(CLEARED_TEXT)) == BOTH
    assert (parse_attestation(TEXT), parse_attestation(CLEARED_TEXT)) == BOTH
    for read, text in ((parse_destroyed, CLEARED_TEXT), (parse_cleared, TEXT)):
        with pytest.raises(EncodingError):
            read(text)


@pytest.mark.parametrize("text", [TEXT, CLEARED_TEXT])
def test_a_line_more_or_less_or_in_another_place_is_refused(text: str) -> None:
    lines = text.splitlines(keepends=True)
    bad = [text + "note more\n", text + "\n", "\n" + text, text[:-1], text + lines[-1], ""]
    bad += ["".join(lines[:at] + lines[at + 1 :]) for at in range(len(lines))]
    bad += ["".join([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]) for at in range(len(lines) - 1)]
    bad += ["".join([*lines[:at], "\n", *lines[at:]]) for at in range(len(lines))]
    bad += ["".join([*lines[:at], lines[at].upper(), *lines[at + 1 :]]) for at in range(2)]
    for each in bad:
        with pytest.raises(EncodingError):
            parse_attestation(each)


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("fiducia/v1/destroyed", "fiducia/v2/destroyed"),
        ("chain 31337", "chain 031337"),
        ("chain 31337", "chain 0x7a69"),
        ("chain 31337", "chain  31337"),
        ("chain 31337", "chain 31337 "),
        ("chain 31337", "chain"),
        ("chain 31337", "chain "),
        ("studies c3", "studies C3"),
        ("studies c3", "studies 0xc3"),
        ("studies c3", "studies "),
        ("study 00", "study "),
        ("custody cd", "custody cdcd"),
        ("trustee 2", "trustee 0"),
        ("trustee 2", "trustee 4294967296"),
        ("trustee 2", "trustee -2"),
        ("trustee 2", "custodian 2"),
        ("destroyed_at 1800000000", "destroyed_at 1800000000.0"),
        ("destroyed_at 1800000000", "destroyed_at ١٨"),
        ("held_until 1802592000", "held_until 9223372036854775808"),
        ("held_until 1802592000", "held_until 18446744073709551616"),
        ("held_until 1802592000", "held_until never"),
        ("\n", "\r\n"),
    ],
)
def test_another_spelling_is_refused(line: str, other: str) -> None:
    assert line in TEXT
    with pytest.raises(EncodingError):
        parse_attestation(TEXT.replace(line, other, 1))


@pytest.mark.parametrize("said", BOTH)
def test_a_member_signs_the_text_with_both_its_keys(said: Attestation) -> None:
    note = KEY.attest(NAME, said)
    assert parse_attested(bytes(note)) == note
    plain, quantum = note.signatures
    keys = keys_of(KEY.public)
    Ed25519PublicKey.from_public_bytes(keys.log).verify(plain.signature, said.text.encode())
    MLDSA44PublicKey.from_public_bytes(keys.mldsa).verify(quantum.signature, said.text.encode())
    name = NAME.encode()
    assert plain.key_id == hashlib.sha256(name + b"\n\x01" + keys.log).digest()[:4]
    label = b"fiducia/v1/attestation/ml-dsa-44"
    assert quantum.key_id == hashlib.sha256(name + b"\n\xff" + label + keys.mldsa).digest()[:4]
    require_attested(parse_attested(bytes(note)), NAME, KEY.public)


@pytest.mark.parametrize("said", BOTH)
def test_one_of_the_two_another_members_or_anothers_name_does_not_do(said: Attestation) -> None:
    note, theirs = KEY.attest(NAME, said), OTHER.attest(NAME, said)
    ours, others = note.signatures, theirs.signatures
    for signatures in ((), ours[:1], ours[1:], others, (ours[0], others[1]), (others[0], ours[1])):
        with pytest.raises(SignatureError):
            require_attested(Note(note.text, signatures), NAME, KEY.public)
    for name in (origin_of(DOMAINS, 3), "fiducia/v1/destroyed"):
        with pytest.raises(SignatureError):
            require_attested(KEY.attest(name, said), NAME, KEY.public)
    for at in range(2):  # each of the two must hold, not only be there
        forged = [dataclasses.replace(each, signature=each.signature[::-1]) for each in ours]
        with pytest.raises(SignatureError):
            require_attested(Note(note.text, (*ours[:at], forged[at], *ours[at + 1 :])), NAME, KEY.public)
    require_attested(note.with_more(OTHER.attest("another", said).signatures), NAME, KEY.public)


def test_no_field_can_be_changed_after_it_was_signed() -> None:
    note = KEY.attest(NAME, DESTROYED)
    changes: tuple[dict[str, object], ...] = (
        {"domain": dataclasses.replace(STUDIES, chain_id=1)},
        {"domain": dataclasses.replace(STUDIES, contract=b"c" * 20)},
        {"study_id": b"s" * 32},
        {"trustee": 3},
        {"custody": bytes(32)},
        {"destroyed_at": 1},
        {"held_until": 0},
    )
    assert {name for change in changes for name in change} == {field.name for field in dataclasses.fields(DESTROYED)}
    for change in changes:
        other = dataclasses.replace(DESTROYED, **change)  # type: ignore[arg-type]
        with pytest.raises(SignatureError):
            require_attested(Note(other.text, note.signatures), NAME, KEY.public)


def test_what_would_not_be_read_back_is_not_signed() -> None:
    for said in (dataclasses.replace(DESTROYED, trustee=0), dataclasses.replace(DESTROYED, study_id=b"short")):
        with pytest.raises(EncodingError):
            KEY.attest(NAME, said)


def test_a_checkpoint_is_no_attestation_and_an_attestation_no_checkpoint() -> None:
    for said in BOTH:
        with pytest.raises(EncodingError):
            parse_checkpoint(said.text)
        first, second, *_ = said.text.split("\n")
        assert not second[0].isdigit(), "nobody who takes extension lines reads a size there either"
        assert first != NAME, "and no log has its first line as origin"
    for origin in (NAME, "fiducia/v1/destroyed", "fiducia/v1/cleared", "fiducia/v1/destroyed\nchain 31337"):
        note = KEY.sign(Checkpoint(origin, 5, bytes(32)), 5)
        for taken in (lambda note=note: parse_attested(bytes(note)), lambda note=note: parse_attestation(note.text)):
            with pytest.raises(EncodingError):
                taken()
        with pytest.raises(EncodingError):
            require_attested(note, origin, KEY.public)


def test_no_signature_of_one_kind_holds_for_the_other() -> None:
    """Whatever key id somebody puts before it."""
    keys, checkpoint = keys_of(KEY.public), Checkpoint(NAME, 5, bytes(32))
    signed, attested = KEY.sign(checkpoint, 5), KEY.attest(NAME, DESTROYED)
    cosigned = KEY.cosign(NAME, checkpoint, 5)
    ed25519, tree = key_id(NAME, ED25519, keys.log), key_id(NAME, MLDSA44, keys.mldsa)
    wanted = [each.key_id for each in attested.signatures]
    for plain in (signed.signatures[0].signature, cosigned[0].signature, cosigned[0].signature[8:]):
        for quantum in (signed.signatures[1].signature, signed.signatures[1].signature[8:]):
            made = tuple(NoteSignature(NAME, *pair) for pair in zip(wanted, (plain, quantum), strict=True))
            with pytest.raises(SignatureError):
                require_attested(Note(DESTROYED.text, made), NAME, KEY.public)
    plain, quantum = (each.signature for each in attested.signatures)
    for timed in (quantum, (5).to_bytes(8, "big") + quantum):
        note = Note(
            checkpoint.text, (NoteSignature(NAME, ed25519, plain), NoteSignature(NAME, tree, timed), *cosigned[:1])
        )
        for judge in (
            lambda note=note: require_signed(note, checkpoint, KEY.public),
            lambda note=note: require_plainly_signed(note, checkpoint, KEY.public),
            lambda note=note: require_cosigned(note, checkpoint, NAME, KEY.public),
        ):
            with pytest.raises(SignatureError):
                judge()
    with pytest.raises(InvalidSignature):
        MLDSA44PublicKey.from_public_bytes(keys.mldsa).verify(signed.signatures[1].signature[8:], TEXT.encode())


def test_a_longer_note_than_any_is_not_read() -> None:
    note = KEY.attest(NAME, DESTROYED)
    lines = note.with_more(tuple(NoteSignature(f"{n}", b"1234", b"s" * 3000) for n in range(3)))
    assert parse_note(bytes(lines)) == lines
    assert len(bytes(note)) < ATTESTATION_MAX_BYTES / 2
    with pytest.raises(EncodingError, match="longer"):
        parse_attested(bytes(note.with_more(tuple(NoteSignature(f"{n}", b"1234", b"s" * 3000) for n in range(4)))))
