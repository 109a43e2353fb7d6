"""Staff sign in with a passkey: registered with a code of the institution's, once per shift, and never by a copy."""

from __future__ import annotations

import pytest

from fiducia.core.passkey_sign_in import CHALLENGE_BYTES, Place
from fiducia.core.rules import Purpose
from fiducia.errors import DeniedError, InputError, SignatureError
from fiducia.journeys.sign_in.passkey_sign_in import CHALLENGE_S
from fiducia.journeys.sign_in.sign_in import SHIFT_S, SIGNED_IN, SignedIn
from fiducia.journeys.sign_in.staff_directory import CODE_S
from tests.support.consortium import Consortium
from tests.support.gateway import SEE, sessions_of
from tests.support.hospital import Staff
from tests.support.staff_passkeys import PLACE, StaffPasskey, client_data


@pytest.fixture
def world() -> Consortium:
    return Consortium()


@pytest.fixture
def staff(world: Consortium) -> Staff:
    return Staff(world)


def register(staff: Staff, code: str, passkey: StaffPasskey | None = None) -> StaffPasskey:
    passkey = passkey or StaffPasskey()
    asked = staff.passkeys.begin_making(code)
    passkey.user_handle = asked.user_handle
    said = client_data("webauthn.create", asked.challenge)
    assert staff.passkeys.finish_making(asked.handle, PLACE, passkey.made(), said).profile == asked.profile
    return passkey


def sign_in(staff: Staff, passkey: StaffPasskey, place: Place = PLACE) -> SignedIn:
    asked = staff.passkeys.begin(Purpose.TREAT)
    assert len(asked.challenge) == CHALLENGE_BYTES
    return staff.passkeys.finish(asked.handle, place, passkey.answer(asked.challenge))


@pytest.fixture
def passkey(staff: Staff) -> StaffPasskey:
    return register(staff, staff.directory.new_code("clinician"))


def test_a_shift_with_a_passkey(world: Consortium, staff: Staff, passkey: StaffPasskey) -> None:
    world.add_series(1)
    study_id = world.run_register().studies[0].study_id
    world.run_grant(study_id, actions=SEE)
    session = sign_in(staff, passkey).session
    assert session.not_after == world.clock.now() + SHIFT_S
    viewing = world.viewing(Purpose.TREAT, session.requester(world.gateway.seed))
    viewing.refresh()
    assert [held.offer.study_id for held in viewing.listed()] == [study_id]
    (entry,) = world.gateway_journal.entries(SIGNED_IN)
    assert '"way":"passkey"' in entry.body
    world.clock.advance(SHIFT_S)
    assert sign_in(staff, passkey).session.key != session.key


def test_a_code_registers_one_passkey_however_it_is_typed(world: Consortium, staff: Staff) -> None:
    code = staff.directory.new_code("clinician")
    assert len(code.replace("-", "")) == 20
    assert code.encode() not in b"".join(world.gateway_vault.get(name) for name in world.gateway_vault.names(""))
    register(staff, f" {code.lower().replace('-', ' ')}\n")
    for wrong in (code, "", "-", "A" * 20):
        with pytest.raises(DeniedError):
            staff.passkeys.begin_making(wrong)
    (listed,) = staff.directory.everybody()
    assert listed.passkeys == 1


def test_a_code_ends(world: Consortium, staff: Staff) -> None:
    first = staff.directory.new_code("clinician")
    second = staff.directory.new_code("clinician")
    with pytest.raises(DeniedError):  # the newer one counts
        staff.passkeys.begin_making(first)
    asked = staff.passkeys.begin_making(second)
    world.clock.advance(CODE_S)
    with pytest.raises(DeniedError):
        staff.passkeys.begin_making(second)
    with pytest.raises(InputError):
        said = client_data("webauthn.create", asked.challenge)
        staff.passkeys.finish_making(asked.handle, PLACE, StaffPasskey().made(), said)


def test_a_code_that_is_used_twice_at_once_registers_one(staff: Staff) -> None:
    code = staff.directory.new_code("clinician")
    mine, theirs = (staff.passkeys.begin_making(code) for _ in range(2))
    said = client_data("webauthn.create", mine.challenge)
    staff.passkeys.finish_making(mine.handle, PLACE, StaffPasskey().made(), said)
    said = client_data("webauthn.create", theirs.challenge)
    other = StaffPasskey(8, b"another")
    with pytest.raises(DeniedError):
        staff.passkeys.finish_making(theirs.handle, PLACE, other.made(), said)


def test_a_known_passkey_is_not_registered_again(staff: Staff, passkey: StaffPasskey) -> None:
    with pytest.raises(InputError, match="known"):
        register(staff, staff.directory.new_code("clinician"), StaffPasskey(8, passkey.credential_id))
    assert sign_in(staff, passkey).session.profile == "clinician"


def test_a_challenge_counts_once_and_not_for_long(world: Consortium, staff: Staff, passkey: StaffPasskey) -> None:
    asked = staff.passkeys.begin(Purpose.TREAT)
    answer = passkey.answer(asked.challenge)
    staff.passkeys.finish(asked.handle, PLACE, answer)
    for handle in (asked.handle, "", "0" * 64):
        with pytest.raises(InputError):
            staff.passkeys.finish(handle, PLACE, answer)
    asked = staff.passkeys.begin(Purpose.TREAT)
    world.clock.advance(CHALLENGE_S)
    with pytest.raises(InputError):
        staff.passkeys.finish(asked.handle, PLACE, passkey.answer(asked.challenge))


def test_an_answer_to_another_challenge_uses_this_one_up(staff: Staff, passkey: StaffPasskey) -> None:
    asked, other = (staff.passkeys.begin(Purpose.TREAT) for _ in range(2))
    with pytest.raises(SignatureError):
        staff.passkeys.finish(asked.handle, PLACE, passkey.answer(other.challenge))
    with pytest.raises(InputError):
        staff.passkeys.finish(asked.handle, PLACE, passkey.answer(asked.challenge))


def test_a_copy_is_noticed(staff: Staff, passkey: StaffPasskey) -> None:
    copy = StaffPasskey(user_handle=passkey.user_handle, counter=passkey.counter)
    sign_in(staff, passkey)
    with pytest.raises(SignatureError, match="copy"):
        sign_in(staff, copy)


def test_a_stranger_or_another_host_is_nobody(staff: Staff, passkey: StaffPasskey) -> None:
    stranger = StaffPasskey(8, b"another", passkey.user_handle)
    mistaken = StaffPasskey(user_handle=b"x" * 32)
    for wrong in (stranger, mistaken):
        with pytest.raises(DeniedError) as caught:
            sign_in(staff, wrong)
        assert caught.value.reason == "NOT_STAFF"
    with pytest.raises(DeniedError):
        sign_in(staff, passkey, Place("http://elsewhere.test", "elsewhere.test"))


def test_who_was_removed_has_no_passkey_any_more(world: Consortium, staff: Staff, passkey: StaffPasskey) -> None:
    token = sign_in(staff, passkey).token
    staff.directory.remove("clinician")
    sessions_of(world).sign_out("clinician")
    assert sessions_of(world).find(token) is None
    with pytest.raises(DeniedError):
        sign_in(staff, passkey)
