"""Setting up a development consortium: profiles, contracts, members, keys, a badge, a patient.

Owns what belongs to one, and that every step is skipped when it was done already: a run that was cut off
anywhere is completed by the next. Starting processes is `app.stack`'s; acts are journeys'.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from fiducia.app import governance, staff
from fiducia.app.consortium import Consortium, MemberAddress, StoreAddress
from fiducia.app.enrolment import Enrolment
from fiducia.app.plan import MEMBERS, MORE_MEMBERS, Plan
from fiducia.app.profiles import Kind, Profile, new_profile
from fiducia.app.wiring import READER, House, deploy_ledger
from fiducia.core import rules
from fiducia.core.keys.custody import CustodyRule
from fiducia.errors import ConfigError, LedgerInconsistencyError, LedgerStaleError
from fiducia.records.images import PatientIdentity
from fiducia.records.ledger import Founder, KeyKind

FOUNDER, SECOND = MEMBERS
REGIONS = {FOUNDER: 1, SECOND: 2} | dict.fromkeys(MORE_MEMBERS, 1)
EXPORTS = rules.mask(1, 2)
CLINICIAN, PATIENT = "clinician", "patient"
PATIENT_IDENTITY = PatientIdentity("", "SAMPLE-1")
"""The patient of generated sample studies, so that those need no --enrol-new."""

RP_ID = "localhost"
"""The relying party of passkeys in development; browsers make them on http://localhost:PORT, not on 127.0.0.1."""

APPOINTMENT_DELAY_S, RECOVERY_DELAY_S = 10, 20
"""How long appointments and recoveries wait for vetoes in development: short, so that people and tests see them pass.
The ledger's own defaults are days."""

BADGE_S = 12 * 3600
_BADGE_RENEWED_S = 3600
_FRESH_WITHIN_S = 30.0
_SET_UP = "set-up"
_OF_BROKERS = (KeyKind.BROKER_KEM, KeyKind.BROKER_SIGN, KeyKind.LOG)

Say = Callable[[str], None]


def create_profiles(house: House, members: Sequence[str]) -> None:
    """Make the profiles and the members' broker keys that are missing."""
    profiles = house.new_profiles()
    for name in members:
        governance.create_institution(house, name)
    if profiles.find(READER) is None:
        profiles.save(new_profile(READER, Kind.AUDITOR, house.entropy))


def bind_network(house: House, plan: Plan, say: Say) -> None:
    """Deploy the contracts of a new home and pin them, or check that the chain is the one that is pinned.

    Raises:
        ConfigError: the chain is not the pinned one any more.
    """
    if house.home.network_file.exists():
        known = house.home.load()
        network = replace(known.network, rpc_urls=plan.rpc_urls)
        house.rebind(_consortium(house, plan, replace(known, network=network)))
        try:
            house.ledger(FOUNDER).check()
            _wait_for_fresh_head(house)
            _check_mirrors(house, plan, say)
            return
        except ConfigError:
            # Cut off while it was being set up, before the chain had kept it: nothing hangs on it yet.
            if _is_set_up(house):
                raise
    say("deploying the contracts")
    founder = house.profiles().load(FOUNDER)
    network = deploy_ledger(
        plan.rpc_urls,
        house.broker_keys(FOUNDER).relayer,
        [Founder(governance.governor_of(founder), REGIONS[FOUNDER], EXPORTS)],
        rp_id=RP_ID,
        appointment_delay_s=APPOINTMENT_DELAY_S,
        recovery_delay_s=RECOVERY_DELAY_S,
    )
    governance.remember_institution(house, FOUNDER, 1)
    house.forget_mirrors()
    house.rebind(_consortium(house, plan, Consortium(network, (), StoreAddress("embedded", "-"))))


def provision(house: House, plan: Plan, say: Say) -> None:
    """Admit, publish, issue and enrol whatever the ledger does not show yet. Raises: FiduciaError."""
    for name in plan.members[1:]:
        governor = governance.governor_of(house.profiles().load(name))
        institution, receipt = governance.admit(house, FOUNDER, governor, region=REGIONS[name], exports=EXPORTS)
        if receipt:
            say(f"{name} is admitted")
        governance.remember_institution(house, name, institution)
    for name in plan.members:
        _publish_keys(house, house.profiles().load(name), plan, say)
    renew_badge(house, say)
    if house.profiles().find(PATIENT) is None or not house.profiles().load(PATIENT).subject:
        Enrolment(house, house.profiles().load(FOUNDER)).enrol(PATIENT_IDENTITY, PATIENT)
        say(f"a patient is enrolled at {FOUNDER}")
    for name in plan.members:
        house.mirror(name).catch_up()


def note_set_up(house: House) -> None:
    """Note that the consortium is complete: from now on a chain that lost it is an error."""
    (house.home.run / _SET_UP).touch(mode=0o600)


def renew_badge(house: House, say: Say) -> None:
    """Issue the clinician's badge when there is none that lasts another hour in the current epoch."""
    issuer = house.profiles().load(SECOND)
    holder = house.profiles().find(CLINICIAN)
    member = house.mirror(SECOND).catch_up().member(issuer.institution)
    badge = holder.badge.badge if holder and holder.badge else None
    fresh = badge is not None and badge.not_after > house.clock.now() + _BADGE_RENEWED_S
    if fresh and badge and member and badge.epoch == member.badge_epoch:
        return
    roles = badge.roles if badge else rules.mask(rules.Role.PHYSICIAN)
    staff.issue_badge(house, issuer, CLINICIAN, roles=roles, lasts_s=BADGE_S)
    say(f"a badge is issued to {CLINICIAN} of {SECOND}")


def _publish_keys(house: House, profile: Profile, plan: Plan, say: Say) -> None:
    for kind, key in governance.member_keys(house, profile):
        endpoint = plan.broker_url(profile.member) if kind in _OF_BROKERS else ""
        if governance.publish(house, profile, kind, key, endpoint=endpoint):
            say(f"{profile.name} publishes its {kind.name} key")


def _wait_for_fresh_head(house: House) -> None:
    """Wait for the first block after a stop: until then the newest one is as old as the stop was long."""
    deadline = time.monotonic() + _FRESH_WITHIN_S
    while True:
        try:
            house.ledger(FOUNDER).head()
            return
        except LedgerStaleError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _check_mirrors(house: House, plan: Plan, say: Say) -> None:
    """Drop the copies of a chain that was killed and has lost its last blocks; they are read again."""
    try:
        for name in (*plan.members, READER):
            house.mirror(name).catch_up()
    except (LedgerInconsistencyError, LedgerStaleError):
        say("the chain has lost its last blocks: the members' copies are read anew")
        house.forget_mirrors()


def _consortium(house: House, plan: Plan, known: Consortium) -> Consortium:
    """Return the pins with the plan's addresses."""
    members = tuple(MemberAddress(name, number, plan.broker_url(name)) for number, name in enumerate(plan.members, 1))
    store = (
        StoreAddress("kubo", plan.kubo_api)
        if plan.store == "kubo"
        else StoreAddress("embedded", str(house.home.embedded_store))
    )
    custody = CustodyRule(plan.custody[0], tuple(range(1, plan.custody[1] + 1))) if plan.custody else None
    return replace(known, members=members, store=store, custody=custody)


def _is_set_up(house: House) -> bool:
    return (house.home.run / _SET_UP).exists()
