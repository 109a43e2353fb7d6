"""Acts of governors in a development consortium: votes on admission, and keys published.

Owns which governors of the home vote, the round they vote in, and that every act is skipped when the ledger
shows it already, so that setting up may be interrupted anywhere. The acts themselves are journeys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from fiducia.app.profiles import BROKER_KEM, BROKER_SIGN, RELAYER, KeyName, Kind, Profile, new_profile
from fiducia.core import ids
from fiducia.core.replay import State
from fiducia.core.rules import YEAR_S
from fiducia.errors import ConfigError
from fiducia.records.events import MemberAdmitted, MemberReinstated, MemberSuspended
from fiducia.records.ledger import KeyKind, Receipt
from fiducia.records.typed import Admit

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
    missing = {BROKER_SIGN, BROKER_KEM, RELAYER} - set(vault.names(""))
    if missing:
        vault.put({key: house.entropy.token(32) for key in sorted(missing)})
    return profile


def governor_of(profile: Profile) -> bytes:
    """Return the address of an institution's governor (20 bytes). Raises: KeyMissingError."""
    return profile.signer(KeyName.GOVERNOR).address


def governed_by(state: State, governor: bytes) -> int:
    """Return the institution that an address governs, or 0."""
    return next((member.institution for member in state.members() if member.governor == governor), 0)


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
    voters = {
        number: profile.signer(KeyName.GOVERNOR)
        for profile in house.profiles().all()
        if profile.kind is Kind.INSTITUTION and (number := governed_by(state, governor_of(profile)))
    }
    admission = Admit(governor, region, exports, voting_round(house, carrier))
    receipt = house.admit_member(carrier).run(admission, voters)
    institution = governed_by(mirror.catch_up(), governor)
    if not institution:
        raise ConfigError("the ledger took the vote but shows no new member: is another chain behind the endpoint?")
    return institution, receipt


def voting_round(house: House, reader: str) -> int:
    """Return the round that the next vote must name: one more than the votes that passed."""
    ledger = house.ledger(reader)
    passed = 0
    founding: bytes | None = None
    for event in ledger.events(house.consortium.network.first_block, ledger.head().number):
        if isinstance(event, MemberAdmitted):
            founding = founding or event.transaction_hash  # founders come with the contract, in one transaction
            passed += event.transaction_hash != founding
        elif isinstance(event, (MemberSuspended, MemberReinstated)):
            passed += 1
    return passed + 1


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
