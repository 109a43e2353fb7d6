"""The certificate of erasure's form: one encoding, nothing unknown, nothing that is not read back."""

from __future__ import annotations

import dataclasses

import orjson
import pytest

from fiducia.core.formats.canonical import canonical_json
from fiducia.core.formats.erasure import ErasureCertificate, parse_erasure
from fiducia.core.tlog.attestation import Cleared, Destroyed
from fiducia.core.tlog.checkpoint import Checkpoint
from fiducia.core.tlog.signing import LogKey
from fiducia.core.typed_data import Domain
from fiducia.errors import EncodingError

STUDY, STUDIES, KEY = b"s" * 32, Domain(31337, b"c" * 20), LogKey(b"k" * 32)
CERTIFICATE = ErasureCertificate(
    study_id=STUDY,
    custodian=1,
    manifests=(b'{"a":1}',),
    custodies=(b'{"b":2}', b'{"c":3}'),
    destroyed=tuple(KEY.attest("member", Destroyed(STUDIES, STUDY, number, bytes(32), 5, 9)) for number in (1, 3)),
    cleared=KEY.attest("member", Cleared(STUDIES, STUDY, 1, 6, 0)),
)
CLEARED, DESTROYED = bytes(CERTIFICATE.cleared).decode(), bytes(CERTIFICATE.destroyed[0]).decode()
CHECKPOINT = bytes(KEY.sign(Checkpoint("member", 5, bytes(32)), 5)).decode()


def test_it_comes_back_as_it_was() -> None:
    assert parse_erasure(CERTIFICATE.to_bytes()) == CERTIFICATE


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "fiducia/v2/erasure"},
        {"unknown": 1},
        {"custodian": 0},
        {"study_id": "0x00"},
        {"manifests": [1]},
        {"custodies": "text"},
        {"destroyed": ["{}"]},
        {"destroyed": [CLEARED]},
        {"destroyed": [CHECKPOINT]},
        {"cleared": "{}"},
        {"cleared": DESTROYED},
        {"cleared": CHECKPOINT},
        {"cleared": CLEARED[:-1]},
    ],
)
def test_another_form_is_refused(changes: dict[str, object]) -> None:
    document = orjson.loads(CERTIFICATE.to_bytes())
    with pytest.raises(EncodingError):
        parse_erasure(canonical_json({**document, **changes}))


def test_every_field_is_needed() -> None:
    document = orjson.loads(CERTIFICATE.to_bytes())
    for name in document:
        with pytest.raises(EncodingError):
            parse_erasure(canonical_json({key: value for key, value in document.items() if key != name}))


def test_a_trustee_counts_once() -> None:
    first, second = CERTIFICATE.destroyed
    for destroyed in ((first, first), (second, first)):
        with pytest.raises(EncodingError, match="ascending"):
            dataclasses.replace(CERTIFICATE, destroyed=destroyed).to_bytes()


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(EncodingError):
        dataclasses.replace(CERTIFICATE, manifests=(b"\xff",)).to_bytes()
