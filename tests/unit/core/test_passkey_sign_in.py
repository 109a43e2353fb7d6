"""Passkeys that sign in: which are taken, and which answers count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fiducia.core import passkey_sign_in, passkeys
from fiducia.core.passkey_sign_in import CHALLENGE_BYTES, Place
from fiducia.errors import SignatureError
from tests.support.passkeys import BACKED_UP, PRESENT, VERIFIED
from tests.support.staff_passkeys import ATTESTED, EXTENDED, PLACE, StaffPasskey, client_data

CHALLENGE = bytes(range(CHALLENGE_BYTES))
MADE = client_data("webauthn.create", CHALLENGE)


def key_of(passkey: StaffPasskey) -> bytes:
    return passkey_sign_in.made(PLACE, CHALLENGE, passkey.made(), MADE).key


def test_a_passkey_is_made_and_answers() -> None:
    passkey = StaffPasskey()
    found = passkey_sign_in.made(PLACE, CHALLENGE, passkey.made(), MADE)
    assert (found.credential_id, found.counter) == (passkey.credential_id, 0)
    assert repr(found.key) not in repr(found)
    assert passkey_sign_in.answered(found.key, 0, PLACE, CHALLENGE, passkey.answer(CHALLENGE)) == 1


def test_extensions_may_follow_when_they_are_announced() -> None:
    passkey = StaffPasskey()
    flags = PRESENT | VERIFIED | ATTESTED | EXTENDED
    assert passkey_sign_in.made(PLACE, CHALLENGE, passkey.made(flags=flags, more=b"\xa0"), MADE).key == key_of(passkey)


COSE = StaffPasskey().cose


@pytest.mark.parametrize(
    "changes",
    [
        {"flags": VERIFIED | ATTESTED},
        {"flags": PRESENT | ATTESTED},
        {"flags": PRESENT | VERIFIED},
        {"flags": PRESENT | VERIFIED | ATTESTED | BACKED_UP},
        {"flags": PRESENT | VERIFIED | ATTESTED | EXTENDED},
        {"host": "elsewhere.test"},
        {"more": b"\xa0"},
        {"cose": COSE[:-1]},
        {"cose": b""},
        {"cose": COSE.replace(bytes.fromhex("0326"), bytes.fromhex("0327"))},  # EdDSA
        {"cose": COSE.replace(bytes.fromhex("2001"), bytes.fromhex("2002"))},  # P-384
        {"cose": COSE[:10] + bytes(32) + COSE[42:]},  # no point of the curve
        {"cose": COSE[:10] + b"\xff" * 32 + COSE[42:]},
    ],
)
def test_what_is_no_passkey_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SignatureError):
        passkey_sign_in.made(PLACE, CHALLENGE, StaffPasskey().made(**changes), MADE)


@pytest.mark.parametrize("size", [0, 36, 37, 54, 55, 60])
def test_a_passkey_that_is_cut_short_is_refused(size: int) -> None:
    with pytest.raises(SignatureError):
        passkey_sign_in.made(PLACE, CHALLENGE, StaffPasskey().made()[:size], MADE)


@pytest.mark.parametrize(
    "said",
    [
        client_data("webauthn.get", CHALLENGE),
        client_data("webauthn.create", CHALLENGE[:-1]),
        client_data("webauthn.create", CHALLENGE, origin="http://elsewhere.test"),
        client_data("webauthn.create", CHALLENGE, crossOrigin=True),
        client_data("webauthn.create", CHALLENGE, origin=None),
        b"{}",
        b"[]",
        b"no JSON",
        b'{"type":"webauthn.get",' + MADE[1:],
    ],
)
def test_a_passkey_of_another_page_or_challenge_is_refused(said: bytes) -> None:
    with pytest.raises(SignatureError):
        passkey_sign_in.made(PLACE, CHALLENGE, StaffPasskey().made(), said)


@pytest.mark.parametrize(
    "changes",
    [
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"host": "elsewhere.test"},
        {"origin": "https://gateway.test"},
        {"origin": "http://gateway.test:81"},
        {"origin": "http://gateway.test.elsewhere.test"},
        {"origin": None},
        {"crossOrigin": True},
        {"crossOrigin": "false"},
        {"topOrigin": "http://elsewhere.test"},
        {"kind": "webauthn.create"},
        {"kind": "payment.get"},
        {"challenge": "another"},
    ],
)
def test_an_answer_from_elsewhere_or_to_something_else_is_refused(changes: dict[str, Any]) -> None:
    passkey = StaffPasskey()
    key = key_of(passkey)
    with pytest.raises(SignatureError):
        passkey_sign_in.answered(key, 0, PLACE, CHALLENGE, passkey.answer(CHALLENGE, **changes))


def test_another_passkeys_answer_is_refused() -> None:
    with pytest.raises(SignatureError, match="somebody else"):
        passkey_sign_in.answered(key_of(StaffPasskey(7)), 0, PLACE, CHALLENGE, StaffPasskey(8).answer(CHALLENGE))
    answer = StaffPasskey().answer(CHALLENGE)
    for broken in (replace(answer, signature=b""), replace(answer, signature=answer.signature[:-1])):
        with pytest.raises(SignatureError):
            passkey_sign_in.answered(key_of(StaffPasskey()), 0, PLACE, CHALLENGE, broken)


@pytest.mark.parametrize(("before", "now"), [(0, 0), (0, 1), (5, 6), (5, 9)])
def test_a_counter_that_grows_or_is_not_there_is_taken(before: int, now: int) -> None:
    passkey = StaffPasskey(counter=now, step=0)
    assert passkey_sign_in.answered(key_of(passkey), before, PLACE, CHALLENGE, passkey.answer(CHALLENGE)) == now


@pytest.mark.parametrize(("before", "now"), [(5, 5), (5, 4), (5, 0), (1, 1)])
def test_a_counter_that_does_not_grow_is_a_copys(before: int, now: int) -> None:
    passkey = StaffPasskey(counter=now, step=0)
    with pytest.raises(SignatureError, match="copy"):
        passkey_sign_in.answered(key_of(passkey), before, PLACE, CHALLENGE, passkey.answer(CHALLENGE))


def test_a_sign_in_is_no_act_on_the_ledger_and_an_act_no_sign_in() -> None:
    passkey = StaffPasskey()
    key = key_of(passkey)
    answer = passkey.answer(CHALLENGE)
    signature = passkeys.from_browser(answer.authenticator_data, answer.client_data, answer.signature)
    for digest in (CHALLENGE, CHALLENGE[:32]):
        with pytest.raises(SignatureError):
            passkeys.verify(key, digest, signature, PLACE.rp_id_hash)
    digest = bytes(32)
    with pytest.raises(SignatureError, match="48"):
        passkey_sign_in.answered(key, 0, PLACE, digest, passkey.answer(digest))


def test_a_place_is_its_host() -> None:
    assert Place("https://a.test", "a.test").rp_id_hash != Place("https://b.test", "b.test").rp_id_hash
