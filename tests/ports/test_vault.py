"""What every vault does, in memory and at rest."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducia.adapters.memory.vault import MemoryVault
from fiducia.adapters.sql import SqlVault
from fiducia.errors import EncodingError, KeyMissingError
from fiducia.ports import Vault
from tests.support.custody import KEK, custody_place, digest


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Vault]:
    made = MemoryVault() if request.param == "memory" else SqlVault(custody_place(request, tmp_path), KEK)
    with made:
        yield made


@pytest.mark.parametrize("secret", [b"", b"\x00", digest(1), b"x" * (1 << 20)], ids=["empty", "zero", "key", "1 MiB"])
def test_a_secret_comes_back_as_it_was(vault: Vault, secret: bytes) -> None:
    vault.put({"a": secret, "b": b"other"})
    assert vault.get("a") == secret


def test_a_secret_is_replaced(vault: Vault) -> None:
    vault.put({"a": b"1", "b": b"1"})
    vault.put({"a": b"2"})
    assert (vault.get("a"), vault.get("b"), vault.names("")) == (b"2", b"1", ("a", "b"))


def test_an_unknown_name_is_missing(vault: Vault) -> None:
    vault.put({"ab": b"1", "Abc": b"1"})
    for name in ("a", "abc", "ab/"):
        with pytest.raises(KeyMissingError):
            vault.get(name)


def test_removed_secrets_are_missing_and_removing_again_is_done(vault: Vault) -> None:
    vault.put(dict.fromkeys(("a", "b", "c"), b"1"))
    for _ in range(2):
        vault.remove(["a", "b", "never"])
        assert vault.names("") == ("c",)
    with pytest.raises(KeyMissingError):
        vault.get("a")
    vault.remove([])
    vault.put({"a": b"new"})
    assert vault.get("a") == b"new"


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", ("A/1", "a", "a%1", "a*1", "a/1", "a/10", "a/2", "a_1", "a~", "b")),
        ("a", ("a", "a%1", "a*1", "a/1", "a/10", "a/2", "a_1", "a~")),
        ("a/", ("a/1", "a/10", "a/2")),
        ("a/1", ("a/1", "a/10")),
        ("a%", ("a%1",)),
        ("a_", ("a_1",)),
        ("a*", ("a*1",)),
        ("a~", ("a~",)),
        ("c", ()),
    ],
)
def test_names_are_those_with_the_prefix_sorted(vault: Vault, prefix: str, found: tuple[str, ...]) -> None:
    vault.put(dict.fromkeys(("b", "a/10", "a/2", "a/1", "a", "A/1", "a_1", "a%1", "a*1", "a~"), b"1"))
    assert vault.names(prefix) == found


@pytest.mark.parametrize("name", ["", " ", "a b", "a\n", "é", "a" * 257, "a\x00"])
def test_a_bad_name_is_refused_and_nothing_of_the_call_is_kept(vault: Vault, name: str) -> None:
    with pytest.raises(EncodingError):
        vault.put({"good": b"1", name: b"1"})
    with pytest.raises(EncodingError):
        vault.get(name)
    vault.put({"good2": b"1"})
    with pytest.raises(EncodingError):
        vault.remove(["good2", name])
    assert vault.names("") == ("good2",)


def test_a_secret_too_large_is_refused(vault: Vault) -> None:
    with pytest.raises(EncodingError):
        vault.put({"a": b"1", "b": bytes((1 << 20) + 1)})
    assert vault.names("") == ()


def test_many_threads_share_a_vault(vault: Vault) -> None:
    def use(number: int) -> bytes:
        vault.put({f"{number}/a": digest(number), "shared": digest("shared"), f"{number}/b": b"1"})
        vault.remove([f"{number}/b"])
        assert vault.get("shared") == digest("shared")
        return vault.get(f"{number}/a")

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(use, range(32))) == [digest(number) for number in range(32)]
    assert len(vault.names("")) == 33


NAMES = st.sampled_from(["a", "a/1", "a/2", "b"])
STEPS = st.one_of(
    st.tuples(st.just("put"), st.dictionaries(NAMES, st.binary(max_size=50), max_size=3)),
    st.tuples(st.just("remove"), st.lists(NAMES, max_size=3)),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(STEPS, max_size=8))
def test_both_vaults_do_what_a_dictionary_does(steps: list[tuple[str, dict[str, bytes] | list[str]]]) -> None:
    expected: dict[str, bytes] = {}
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        vaults: list[Vault] = [MemoryVault(), stack.enter_context(SqlVault(Path(directory) / "vault.db", KEK))]
        for _, names in steps:
            for each in vaults:
                each.put(names) if isinstance(names, dict) else each.remove(names)
            if isinstance(names, dict):
                expected |= names
            else:
                expected = {name: secret for name, secret in expected.items() if name not in names}
        for each in vaults:
            assert {name: each.get(name) for name in each.names("")} == expected
