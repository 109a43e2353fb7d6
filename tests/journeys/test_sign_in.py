"""Signing in at a gateway: whose session, for what, until when; and what a copy of the vault is worth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducia.core import wire
from fiducia.core.rules import Purpose
from fiducia.errors import InputError, JournalError
from fiducia.journeys.sign_in.sign_in import SHIFT_S, SIGNED_IN, SIGNED_OUT, SignedIn, SignInNote
from tests.support.consortium import DAY_S, Consortium
from tests.support.gateway import sessions_of


@pytest.fixture
def world() -> Consortium:
    return Consortium()


def sign_in(world: Consortium, profile: str = "clinician", purpose: Purpose = Purpose.TREAT) -> SignedIn:
    return sessions_of(world).sign_in(profile, world.badge, world.session_secret, purpose)


def test_a_token_names_its_session_in_any_process(world: Consortium) -> None:
    signed_in = sign_in(world)
    assert sessions_of(world).find(signed_in.token) == signed_in.session
    assert (signed_in.session.profile, signed_in.session.purpose) == ("clinician", Purpose.TREAT)
    assert signed_in.session.not_after == world.clock.now() + SHIFT_S
    for other in ("", "0" * 64, signed_in.token[:-1], signed_in.token.upper(), f"{signed_in.token}/"):
        assert sessions_of(world).find(other) is None


def test_the_vault_has_no_token(world: Consortium) -> None:
    token = sign_in(world).token
    for name in world.gateway_vault.names(""):
        assert token.encode() not in world.gateway_vault.get(name)
        assert token not in name
    assert token not in repr(sign_in(world))


def test_it_ends_with_the_shift_or_the_badge(world: Consortium) -> None:
    token = sign_in(world).token
    world.clock.advance(SHIFT_S - 1)
    assert sessions_of(world).find(token) is not None
    world.clock.advance(1)
    assert sessions_of(world).find(token) is None
    world.clock.advance(DAY_S - SHIFT_S - 10)
    last = sign_in(world)
    assert last.session.not_after == world.badge.badge.not_after
    assert len(world.gateway_vault.names("gateway/session/")) == 1  # the ended one is forgotten


def test_signing_out_ends_all_of_ones_own(world: Consortium) -> None:
    sessions = sessions_of(world)
    mine = [sign_in(world).token for _ in range(2)]
    other = sign_in(world, "nurse").token
    assert sessions.sign_out("clinician") == 2
    assert [sessions.find(token) is None for token in (*mine, other)] == [True, True, False]


def test_what_another_process_ends_or_changes_is_seen_at_once(world: Consortium) -> None:
    here, token = sessions_of(world), sign_in(world).token
    found = here.find(token)
    assert found is not None
    assert here.find(token) is found  # decoded once
    (name,) = world.gateway_vault.names("gateway/session/")
    world.gateway_vault.put({name: wire.encode(replace(found, purpose=Purpose.ETREAT))})
    changed = here.find(token)
    assert changed is not None
    assert changed.purpose == Purpose.ETREAT
    world.gateway_vault.put({name: b"no session"})
    assert here.find(token) is None
    world.gateway_vault.put({name: wire.encode(found)})
    assert here.find(token) == found
    sessions_of(world).end(token)
    assert here.find(token) is None


@pytest.mark.parametrize("purpose", [Purpose.HRESCH, Purpose.PATRQT, Purpose.PUBHLTH])
def test_a_purpose_that_the_badge_may_not_have_is_refused(world: Consortium, purpose: Purpose) -> None:
    with pytest.raises(InputError, match="roles"):
        sign_in(world, purpose=purpose)


def test_an_ended_badge_signs_nobody_in(world: Consortium) -> None:
    world.clock.advance(2 * DAY_S)
    with pytest.raises(InputError, match="badge"):
        sign_in(world)


def test_a_session_shows_neither_token_nor_key(world: Consortium) -> None:
    signed_in = sign_in(world)
    shown = repr(signed_in) + str(signed_in.session)
    assert repr(world.session_secret) not in shown
    assert world.session_secret.hex() not in shown
    assert signed_in.token not in shown


def test_a_badge_for_another_key_signs_nobody_in(world: Consortium) -> None:
    with pytest.raises(InputError, match="another session key"):
        sessions_of(world).sign_in("clinician", world.badge, b"\7" * 32, Purpose.TREAT)


def test_both_ways_are_in_the_journal_by_pseudonym(world: Consortium) -> None:
    token = sign_in(world).token
    sessions_of(world).end(token)
    sessions_of(world).end(token)  # there is none any more
    sign_in(world)
    sessions_of(world).sign_out("clinician")
    said = [(entry.kind, entry.subject_id) for entry in world.gateway_journal.entries()]
    assert said == [(kind, world.badge.badge.person) for kind in (SIGNED_IN, SIGNED_OUT) * 2]
    entry = next(world.gateway_journal.entries(SIGNED_IN))
    assert wire.decode(SignInNote, entry.body.encode()) == SignInNote("token", Purpose.TREAT)
    assert "clinician" not in entry.body


def test_nobody_signs_in_unseen_and_everybody_out(world: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    token = sign_in(world).token

    def full(_: object) -> None:
        raise JournalError("the disk is full")

    monkeypatch.setattr(world.gateway_journal, "append", full)
    with pytest.raises(JournalError):
        sign_in(world)
    assert len(world.gateway_vault.names("gateway/session/")) == 1
    with pytest.raises(JournalError):
        sessions_of(world).end(token)
    assert sessions_of(world).find(token) is None
