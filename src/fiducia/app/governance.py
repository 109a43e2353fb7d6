"""Acts of governors in a development consortium: votes on members, and keys published.

Owns which governors of the home vote, the round they vote in, and that every act is skipped when the ledger
shows it already, so that setting up may be interrupted anywhere. The acts themselves are journeys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from fiducia.app.profiles import BROKER_KEM, BROKER_LOG, BROKER_SIGN, RELAYER, KeyName, Kind, Profile, new_profile
from fiducia.core import ids
from fiducia.core.entries import Member
from fiducia.core.replay import State
from fiducia.core.rules import YEAR_S
from fiducia.core.signatures import EoaKey
from fiducia.errors import ConfigError, InputError
from fiducia.journeys.members.members import Vote
from fiducia.records.ledger import KeyKind, Receipt
from fiducia.records.typed import Admit, ChangeExports, ReplaceGovernor

if TYPE_CHECKING:
    from fiducia.app.wiring import House

KEY_LIFE_S = 5 * YEAR_S
"""How long a published development key lives."""


def create_institution(house: House, name: str) -> Profile:
    """Return an institution's profile, made with all its keys when there is none; its broker's lie in its own vault.

    Raises:
        ConfigError: the name is taken by another kind of actor. VaultError: it cannot be kept.
    """
    profiles = house.new_profiles()
    profile = profiles.find(name) or profiles.save(new_profile(name, Kind.INSTITUTION, house.entropy, member=name))
    if profile.kind is not Kind.INSTITUTION:
        raise ConfigError(f"the profile {name} is a {profile.kind.value}, not an institution")
    vault = house.vault(name)
    missing = {BROKER_SIGN, BROKER_KEM, BROKER_LOG, RELAYER} - set(vault.names(""))
    if missing:
        vault.put({key: house.entropy.token(32) for key in sorted(missing)})
    return profile


def governor_of(profile: Profile) -> bytes:
    """Return the address of an institution's governor (20 bytes). Raises: KeyMissingError."""
    return profile.signer(KeyName.GOVERNOR).address


def governed_by(state: State, governor: bytes) -> int:
    """Return the institution that an address governs, or 0."""
    return state.governed_by(governor)


def regions_in(exports: int) -> Iterator[int]:
    """Yield the regions of a mask."""
    return (region for region in range(64) if exports >> region & 1)


def admit(house: House, carrier: str, governor: bytes, *, region: int, exports: int) -> tuple[int, Receipt | None]:
    """Admit an institution with the votes of every governor in this home.

    Args:
        house: the home.
        carrier: the member whose relayer carries the vote, and whose mirror is read.
        governor: the new institution's governor, 20 bytes.
        region: 0..63.
        exports: mask of regions.

    Returns:
        Its number, and the receipt; None when it was a member already.

    Raises:
        InputError: too few governors vote. LedgerError: not carried.
    """
    mirror = house.mirror(carrier)
    state = mirror.catch_up()
    if known := governed_by(state, governor):
        return known, None
    admission = Admit(governor, region, exports, state.round)
    receipt = house.admit_member(carrier).run(admission, voters(house, state))
    institution = governed_by(mirror.catch_up(), governor)
    if not institution:
        raise ConfigError("the ledger took the vote but shows no new member: is another chain behind the endpoint?")
    return institution, receipt


def vote(house: House, carrier: str, institution: int, make: Callable[[int], Vote]) -> Receipt:
    """Decide about a member with the votes of every governor in this home that may vote.

    Args:
        house: the home.
        carrier: the member whose relayer carries the vote, and whose mirror is read.
        institution: whom it is about.
        make: the vote, by the current round.

    Raises:
        InputError: no such institution, too few governors vote, or nothing would change. LedgerError: not carried.
    """
    state = house.mirror(carrier).catch_up()
    require_member(state, institution)
    decided = make(state.round)
    everybody = voters(house, state)
    if not isinstance(decided, ChangeExports):
        everybody.pop(institution, None)  # a member does not vote on itself
    return house.vote_on_member(carrier).run(decided, everybody)


def replace_governor(house: House, carrier: str, profile: Profile) -> tuple[bytes, Receipt | None]:
    """Give an institution of this home a fresh governor key, by the votes of the others.

    The key is kept before the vote and becomes the profile's once the ledger shows it, so that a run that was cut off
    anywhere is completed by the next.

    Returns:
        the new governor's address, and the receipt; None when an earlier run's vote had passed already.

    Raises: as `vote` does.
    """
    fresh = profile
    if not profile.has_key(KeyName.NEXT_GOVERNOR):
        fresh = house.profiles().save(profile.with_key(KeyName.NEXT_GOVERNOR, house.entropy.token(32)))
    address, receipt = fresh.signer(KeyName.NEXT_GOVERNOR).address, None
    if governed_by(house.mirror(carrier).catch_up(), address) != profile.institution:
        receipt = vote(
            house, carrier, profile.institution, lambda now: ReplaceGovernor(profile.institution, address, now)
        )
    house.profiles().save(fresh.with_next_governor())
    return address, receipt


def voters(house: House, state: State) -> dict[int, EoaKey]:
    """Return the governors' keys of this home, by the active institution that each speaks for."""
    found = {
        governed_by(state, governor_of(profile)): profile.signer(KeyName.GOVERNOR)
        for profile in house.profiles().all()
        if profile.kind is Kind.INSTITUTION
    }
    return {
        member.institution: found[member.institution]
        for member in state.members()
        if member.active and member.institution in found
    }


def require_member(state: State, institution: int) -> Member:
    """Return an institution. Raises: InputError (no such number)."""
    member = state.member(institution)
    if member is None:
        raise InputError(f"institution {institution} is not a member; see `fiducia member list`")
    return member


def remember_institution(house: House, name: str, institution: int) -> None:
    """Note in the profiles of a member and its staff which number it has."""
    profiles = house.profiles()
    for profile in profiles.all():
        if profile.member == name and profile.institution != institution:
            profiles.save(replace(profile, institution=institution))


def member_keys(house: House, profile: Profile) -> tuple[tuple[KeyKind, bytes], ...]:
    """Return the public keys of an institution in this home, by kind: addresses for those that sign."""
    custody = house.broker_keys(profile.member)
    return (
        (KeyKind.REGISTRAR, profile.signer(KeyName.REGISTRAR).address),
        (KeyKind.ISSUER, profile.signer(KeyName.ISSUER).address),
        (KeyKind.GATEWAY, profile.gateway().public),
        (KeyKind.BROKER_KEM, custody.kem.public),
        (KeyKind.BROKER_SIGN, custody.sign.address),
        (KeyKind.LOG, custody.log.public),
    )


def publish(
    house: House, profile: Profile, kind: KeyKind, key: bytes, *, endpoint: str = "", not_after: int | None = None
) -> Receipt | None:
    """Publish a key of an institution of this home, unless the ledger shows it with that end.

    Args:
        house: the home.
        profile: the institution; its governor signs.
        kind: what the key is for.
        key: a 20-byte address, or the raw public key.
        endpoint: where its holder answers.
        not_after: UTC Unix seconds; None keeps the end it has, or gives a new key five years.

    Raises:
        InputError: the ledger refuses it. LedgerError: not carried.
    """
    state = house.mirror(profile.member).catch_up()
    end_at = state.key_end(profile.institution, kind, ids.key_hash(kind, key))
    if end_at and not_after in (None, end_at):
        return None
    wanted = house.clock.now() + KEY_LIFE_S if not_after is None else not_after
    governor = profile.signer(KeyName.GOVERNOR)
    return house.publish_key(profile.member).run(profile.institution, kind, key, endpoint, wanted, governor)
