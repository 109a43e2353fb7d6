"""Staff sign in with a hospital account: a badge of the session's own, which the ledger takes; and who does not."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fiducia.core.rules import Action, Purpose, Role, mask
from fiducia.errors import DeniedError, InputError, LedgerUnreachableError, ProofError
from fiducia.journeys.sign_in.badges import WithdrawStaff
from fiducia.journeys.sign_in.oidc_sign_in import AT_PROVIDER_S, ProviderAnswer
from fiducia.journeys.sign_in.sign_in import SHIFT_S, SIGNED_IN, SIGNED_OUT, SignedIn
from fiducia.journeys.sign_in.staff_directory import StaffMember
from tests.support.consortium import DAY_S, HOSPITAL_B, Consortium
from tests.support.gateway import SEE, sessions_of
from tests.support.hospital import CALLBACK, ISSUER, SUBJECT, Staff, b64, jwks, key


@pytest.fixture
def world() -> Consortium:
    return Consortium()


@pytest.fixture
def staff(world: Consortium) -> Staff:
    return Staff(world)


def signed_in(staff: Staff, purpose: Purpose = Purpose.TREAT) -> SignedIn:
    begun = staff.oidc.begin(purpose, CALLBACK)
    return staff.oidc.finish(begun.handle, staff.answer(begun.url))


def test_the_ledger_takes_the_sessions_own_badge(world: Consortium, staff: Staff) -> None:
    world.add_series(2)
    study_id = world.run_register().studies[0].study_id
    world.run_grant(study_id, actions=SEE)
    session = signed_in(staff).session
    assert session.badge.badge.person == world.badge.badge.person
    assert session.badge.badge.session != world.badge.badge.session
    viewing = world.viewing(Purpose.TREAT, session.requester(world.gateway.seed))
    assert viewing.refresh() == ()
    assert [held.offer.study_id for held in viewing.listed()] == [study_id]
    assert viewing.opened(study_id)


def test_each_session_has_a_key_of_its_own_until_the_end_of_the_shift(world: Consortium, staff: Staff) -> None:
    first, second = signed_in(staff).session, signed_in(staff).session
    assert first.key != second.key
    for session in (first, second):
        badge = session.badge.badge
        assert badge.not_after == session.not_after == world.clock.now() + SHIFT_S
        assert (badge.roles, badge.institution) == (mask(Role.PHYSICIAN), HOSPITAL_B)
        assert badge.trained_until == staff.member.trained_until


def test_no_session_outlasts_the_training(world: Consortium, staff: Staff) -> None:
    badge = world.badge.badge
    staff.directory.add(StaffMember("clinician", badge.person, badge.roles, world.clock.now() + 600))
    assert signed_in(staff).session.not_after == world.clock.now() + 600
    world.clock.advance(600)
    with pytest.raises(DeniedError) as caught:
        signed_in(staff)
    assert caught.value.reason == "TRAINING_LAPSED"


def test_no_session_outlasts_the_issuer(world: Consortium, staff: Staff) -> None:
    world.clock.advance(365 * DAY_S - 900)
    badge = world.badge.badge
    staff.directory.add(StaffMember("clinician", badge.person, badge.roles, world.clock.now() + DAY_S))
    assert signed_in(staff).session.not_after == world.clock.now() + 900
    world.clock.advance(900)
    with pytest.raises(DeniedError) as caught:
        signed_in(staff)
    assert caught.value.reason == "ISSUER_UNPUBLISHED"


def test_who_was_withdrawn_signs_in_no_more_and_sees_nothing_more(world: Consortium, staff: Staff) -> None:
    world.add_series(1)
    study_id = world.run_register().studies[0].study_id
    world.run_grant(study_id, actions=SEE)
    session = signed_in(staff).session
    viewing = world.viewing(Purpose.TREAT, session.requester(world.gateway.seed))
    viewing.refresh()
    (held,) = viewing.listed()
    WithdrawStaff(ledger=world.ledger, domains=world.domains).run(world.badge.badge.person, world.issuer)
    viewing.check(world.mirror.catch_up())
    assert held.gone.is_set()
    with pytest.raises(DeniedError):
        viewing.opened(study_id)
    with pytest.raises(DeniedError) as caught:
        signed_in(staff)
    assert caught.value.reason == "PERSON_WITHDRAWN"


def test_a_session_that_ended_finds_nothing(world: Consortium, staff: Staff) -> None:
    done = signed_in(staff)
    assert sessions_of(world).find(done.token) == done.session
    world.clock.advance(SHIFT_S)
    assert sessions_of(world).find(done.token) is None


def test_a_purpose_of_no_role_is_refused_before_a_badge_is_issued(world: Consortium, staff: Staff) -> None:
    with pytest.raises(DeniedError) as caught:
        signed_in(staff, Purpose.HRESCH)
    assert caught.value.reason == "PURPOSE_NOT_FOR_ROLE"
    assert world.gateway_vault.names("gateway/session/") == ()


def test_the_journal_names_the_pseudonym_alone(world: Consortium, staff: Staff) -> None:
    done = signed_in(staff)
    sessions_of(world).end(done.token)
    entries = list(world.gateway_journal.entries())
    assert [entry.kind for entry in entries] == [SIGNED_IN, SIGNED_OUT]
    assert {entry.subject_id for entry in entries} == {world.badge.badge.person}
    assert '"way":"oidc"' in entries[0].body
    assert SUBJECT not in entries[0].body


def test_names_in_the_vault_are_of_nobody(world: Consortium, staff: Staff) -> None:
    staff.directory.new_code("clinician")
    signed_in(staff)
    names = " ".join(world.gateway_vault.names(""))
    assert "clinician" not in names
    assert SUBJECT not in names
    assert not any(SUBJECT.encode() in world.gateway_vault.get(name) for name in world.gateway_vault.names(""))
    other = Staff(Consortium())  # whose names are others, since they are keyed
    other.world.gateway_vault.remove(["gateway/directory-key"])
    other.directory.add_account("clinician", ISSUER, SUBJECT)
    assert not set(other.world.gateway_vault.names("gateway/account/")) <= set(names.split())


def test_who_was_removed_signs_in_no_more(world: Consortium, staff: Staff) -> None:
    done = signed_in(staff)
    code = staff.directory.new_code("clinician")
    assert staff.directory.remove("clinician")
    assert sessions_of(world).sign_out("clinician") == 1
    assert sessions_of(world).find(done.token) is None
    for refused in (lambda: signed_in(staff), lambda: staff.directory.of_code(code)):
        with pytest.raises(DeniedError) as caught:
            refused()
        assert caught.value.reason == "NOT_STAFF"
    assert not staff.directory.remove("clinician")
    assert staff.directory.everybody() == ()


def test_an_account_leads_to_one_person(staff: Staff) -> None:
    with pytest.raises(InputError):
        staff.directory.add_account("nurse", ISSUER, SUBJECT)
    staff.directory.add_account("clinician", ISSUER, SUBJECT)
    (listed,) = staff.directory.everybody()
    assert (listed.member.profile, listed.accounts, listed.passkeys) == ("clinician", 1, 0)


# -- hostile answers


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://login.elsewhere.test"},
        {"aud": "another"},
        {"nonce": "of-another-sign-in"},
        {"exp": 1},
        {"sub": None},
    ],
)
def test_what_the_provider_did_not_say_for_us_signs_nobody_in(
    world: Consortium, staff: Staff, changes: dict[str, Any]
) -> None:
    begun = staff.oidc.begin(Purpose.TREAT, CALLBACK)
    with pytest.raises(ProofError):
        staff.oidc.finish(begun.handle, staff.answer(begun.url, **changes))
    assert world.gateway_vault.names("gateway/session/") == ()
    assert list(world.gateway_journal.entries()) == []


def test_another_key_signs_nobody_in_and_a_rolled_one_does(staff: Staff) -> None:
    begun = staff.oidc.begin(Purpose.TREAT, CALLBACK)
    with pytest.raises(ProofError):
        staff.oidc.finish(begun.handle, staff.answer(begun.url, by=key(kid="two")))
    staff.provider.rolled = jwks(key(kid="two"))
    begun = staff.oidc.begin(Purpose.TREAT, CALLBACK)
    staff.oidc.finish(begun.handle, staff.answer(begun.url, by=key(kid="two")))
    assert len(staff.world.gateway_vault.names("gateway/session/")) == 1


def test_somebody_unknown_is_told_so(staff: Staff) -> None:
    begun = staff.oidc.begin(Purpose.TREAT, CALLBACK)
    with pytest.raises(DeniedError) as caught:
        staff.oidc.finish(begun.handle, staff.answer(begun.url, sub="somebody-else"))
    assert caught.value.reason == "NOT_STAFF"


def test_an_answer_counts_once_in_the_browser_that_asked(world: Consortium, staff: Staff) -> None:
    mine, theirs = (staff.oidc.begin(Purpose.TREAT, CALLBACK) for _ in range(2))
    with pytest.raises(InputError):  # theirs, laid under my browser
        staff.oidc.finish(mine.handle, staff.answer(theirs.url))
    with pytest.raises(InputError):  # and mine is used up by that
        staff.oidc.finish(mine.handle, staff.answer(mine.url))
    with pytest.raises(InputError):
        staff.oidc.finish("", staff.answer(theirs.url))
    answer = staff.answer(theirs.url, "once")
    staff.oidc.finish(theirs.handle, answer)
    staff.answer(theirs.url, "once")
    with pytest.raises(InputError):
        staff.oidc.finish(theirs.handle, answer)
    assert len(world.gateway_vault.names("gateway/session/")) == 1
    assert [code for code, *_ in staff.provider.redeemed] == ["once"]


def test_it_may_not_take_for_ever(world: Consortium, staff: Staff) -> None:
    begun = staff.oidc.begin(Purpose.TREAT, CALLBACK)
    answer = staff.answer(begun.url)
    world.clock.advance(AT_PROVIDER_S)
    with pytest.raises(InputError):
        staff.oidc.finish(begun.handle, answer)


@pytest.mark.parametrize("issuer", ["https://login.elsewhere.test", ""])
def test_another_providers_answer_is_not_redeemed(staff: Staff, issuer: str) -> None:
    begun = staff.oidc.begin(Purpose.TREAT, CALLBACK)
    answer = staff.answer(begun.url)
    with pytest.raises(InputError):
        staff.oidc.finish(begun.handle, ProviderAnswer(answer.state, answer.code, issuer, ""))
    assert staff.provider.redeemed == []


def test_a_provider_that_does_not_name_itself_may_be_silent_about_it(staff: Staff) -> None:
    staff.provider.named = False
    begun = staff.oidc.begin(Purpose.TREAT, CALLBACK)
    answer = staff.answer(begun.url)
    staff.oidc.finish(begun.handle, ProviderAnswer(answer.state, answer.code, "", ""))
    assert len(staff.world.gateway_vault.names("gateway/session/")) == 1


@pytest.mark.parametrize(("code", "error"), [("", "access_denied"), ("a-code", "server_error"), ("", "")])
def test_a_refusal_signs_nobody_in(staff: Staff, code: str, error: str) -> None:
    begun = staff.oidc.begin(Purpose.TREAT, CALLBACK)
    answer = staff.answer(begun.url)
    with pytest.raises(DeniedError) as caught:
        staff.oidc.finish(begun.handle, ProviderAnswer(answer.state, code, ISSUER, error))
    assert caught.value.reason == "PROVIDER_REFUSED"
    assert error not in str(caught.value) or not error


def test_the_verifier_is_the_one_of_the_challenge(staff: Staff) -> None:
    begun = staff.oidc.begin(Purpose.TREAT, CALLBACK)
    staff.oidc.finish(begun.handle, staff.answer(begun.url))
    asked = parse_qs(urlsplit(begun.url).query)
    ((_, verifier, redirect_uri),) = staff.provider.redeemed
    assert asked["code_challenge"] == [b64(hashlib.sha256(verifier.encode()).digest())]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [redirect_uri] == [CALLBACK]
    assert (asked["scope"], asked["prompt"]) == (["openid"], ["login"])
    assert verifier not in begun.url


def test_nothing_secret_is_shown(staff: Staff) -> None:
    begun = staff.oidc.begin(Purpose.TREAT, CALLBACK)
    answer = staff.answer(begun.url)
    shown = repr(begun) + repr(answer)
    assert begun.handle not in shown
    assert answer.state not in shown
    assert answer.code not in shown


def test_without_a_ledger_nobody_signs_in(world: Consortium, staff: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent() -> None:
        raise LedgerUnreachableError("nobody answers")

    monkeypatch.setattr(world.mirror, "catch_up", silent)
    with pytest.raises(LedgerUnreachableError):
        signed_in(staff)
    assert world.gateway_vault.names("gateway/session/") == ()


def test_a_grant_of_retaining_is_no_viewing(world: Consortium, staff: Staff) -> None:
    world.add_series(1)
    study_id = world.run_register().studies[0].study_id
    world.run_grant(study_id, actions=mask(Action.METADATA))
    session = signed_in(staff).session
    viewing = world.viewing(Purpose.TREAT, session.requester(world.gateway.seed))
    with pytest.raises(DeniedError):
        viewing.opened(study_id)
