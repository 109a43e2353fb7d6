"""ID tokens: the one that is proper is believed, and every other one is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fiducia.core import id_tokens
from fiducia.core.id_tokens import Expected
from fiducia.errors import ProofError
from tests.support.hospital import (
    CLIENT,
    ISSUER,
    SUBJECT,
    b64,
    claims_at,
    jwks,
    key,
    signed,
    signed_with_public_key,
    unsigned,
)

NOW = 1_800_000_000
NONCE = "n" * 43
EXPECTED = Expected(ISSUER, CLIENT, NONCE, NOW)


def proper(**changes: Any) -> dict[str, Any]:
    return claims_at(NOW, **{"nonce": NONCE, **changes})


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_three_algorithms_are_believed(algorithm: str) -> None:
    keys = jwks(key("RS256", "r"), key("ES256", "e"), key("EdDSA", "d"))
    (by,) = (key(algorithm, kid) for kid in "red" if key(algorithm, kid).public in keys["keys"])
    assert id_tokens.subject_of(signed(proper(), by), keys, EXPECTED) == SUBJECT
    assert id_tokens.subject_of(signed(proper(), by, kid=None), keys, EXPECTED) == SUBJECT


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "another"], "azp": CLIENT},
        {"azp": CLIENT},
        {"exp": NOW - 59},
        {"iat": NOW + 60},
        {"iat": NOW - 600},
        {"nbf": NOW + 60},
        {"exp": NOW + 0.5},
        {"auth_time": NOW - 660},
    ],
)
def test_what_the_standard_allows_is_believed(changes: dict[str, Any]) -> None:
    assert id_tokens.subject_of(signed(proper(**changes), key()), jwks(key()), EXPECTED) == SUBJECT


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://login.elsewhere.test"},
        {"iss": ISSUER + "/"},
        {"iss": None},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"aud": {CLIENT: 1}},
        {"aud": None},
        {"aud": CLIENT + "-2"},
        {"nonce": "m" * 43},
        {"nonce": None},
        {"nonce": [NONCE]},
        {"nonce": "ñ"},
        {"exp": NOW - 60},
        {"exp": None},
        {"exp": str(NOW + 300)},
        {"exp": True},
        {"iat": NOW - 601},
        {"iat": NOW + 61},
        {"iat": None},
        {"nbf": NOW + 61},
        {"auth_time": NOW - 661},
        {"auth_time": "now"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "s" * 256},
    ],
)
def test_what_says_something_else_is_not(changes: dict[str, Any]) -> None:
    with pytest.raises(ProofError) as caught:
        id_tokens.subject_of(signed(proper(**changes), key()), jwks(key()), EXPECTED)
    assert SUBJECT not in str(caught.value)


def swapped(token: str, **changes: Any) -> str:
    """The token with other claims under the same signature."""
    head, _, signature = token.split(".")
    return f"{head}.{b64(json.dumps(proper(**changes)).encode())}.{signature}"


@pytest.mark.parametrize(
    "token",
    [
        unsigned(proper()),
        unsigned(proper(), "None"),
        unsigned(proper(), "ES256"),
        signed_with_public_key(proper(), key()),
        signed(proper(), key(kid="two")),
        signed(proper(), key("ES256", "two"), kid="one"),
        signed(proper(), key("RS256")),
        signed(proper(), key("EdDSA"), alg="ES256"),
        signed(proper(), key(), alg="ES384"),
        signed(proper(), key(), crit=["b64"], b64=False),
        signed(proper(), key(), crit=["unknown"]),
        swapped(signed(proper(sub="somebody-else"), key())),
        signed(proper(), key())[:-2],
        signed(proper(), key()) + "A",
        signed(b"[]", key()),
        signed(b'{"sub":', key()),
        signed(json.dumps(proper()).encode().replace(b'"sub"', b'"sub": "x", "sub"'), key()),
        signed(b"[" * 10_000, key()),
        signed(proper(filling="x" * 40_000), key()),
        "",
        ".",
        "..",
        "a.b.c",
        "a.b.c.d.e",
        "ü.ü.ü",
    ],
)
def test_what_is_not_signed_so_is_not(token: str) -> None:
    with pytest.raises(ProofError):
        id_tokens.subject_of(token, jwks(key()), EXPECTED)


def test_keys_that_do_not_fit_are_none() -> None:
    token = signed(proper(), key())
    public = key().public
    for keys in (
        {},
        {"keys": None},
        {"keys": ["x"]},
        {"keys": [{**public, "use": "enc"}]},
        {"keys": [{**public, "alg": "RS256"}]},
        {"keys": [{**public, "crv": "P-384"}]},
        {"keys": [{**public, "x": "AA"}]},
        {"keys": [{**public, "x": 7}]},
        {"keys": [public, {**key(kid="two").public, "kid": "one"}]},  # two that could be meant
        {"keys": [{"kty": "oct", "k": "AA", "kid": "one", "alg": "ES256"}]},
    ):
        with pytest.raises(ProofError):
            id_tokens.subject_of(token, keys, EXPECTED)


def test_a_short_rsa_key_is_none() -> None:
    public = {**key("RS256").public, "n": key("RS256").public["n"][:171]}  # 1024 bits
    with pytest.raises(ProofError):
        id_tokens.subject_of(signed(proper(), key("RS256")), {"keys": [public]}, EXPECTED)


def test_whether_a_key_is_known_is_told_of_anything() -> None:
    assert id_tokens.knows_key(signed(proper(), key()), jwks(key()))
    assert not id_tokens.knows_key(signed(proper(), key(kid="two")), jwks(key()))
    assert not id_tokens.knows_key("no token", jwks(key()))
