"""What an institution's gateway is made of."""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fiducia.adapters.store_cache import CachedStore
from fiducia.adapters.store_directory import DirectoryStore
from fiducia.app.gateway.parts import GatewayParts
from fiducia.app.gateway.views import Views
from fiducia.app.profiles import KeyName, Profile
from fiducia.journeys.reading.asking import DrawUpRequest
from fiducia.journeys.reading.collecting import CollectKeys
from fiducia.journeys.reading.opening import OpenOffers
from fiducia.journeys.reading.viewing import Viewing
from fiducia.journeys.shared.fresh import Fresh
from fiducia.journeys.sign_in.oidc_sign_in import OidcSignIn
from fiducia.journeys.sign_in.passkey_sign_in import PasskeySignIn
from fiducia.journeys.sign_in.sign_in import Session
from fiducia.journeys.trustees.blame import KeptBlames
from fiducia.ports import IdentityProvider, Store

if TYPE_CHECKING:
    from fiducia.app.wiring.house import House


def gateway_parts(
    house: House, institution: Profile, cache_bytes: int, provider: IdentityProvider | None = None
) -> GatewayParts:
    """Return the gateway of one institution. Raises: ConfigError, VaultError, StoreError (the cache)."""
    member, profiles = institution.member, house.profiles()
    seed = Fresh(lambda: profiles.load(institution.name).key(KeyName.GATEWAY), bytes)
    mirror, journal = house.mirror(member), house.watched_journal(member)
    store = _near(house.store(), house.home.member(member).cache, cache_bytes)
    open_offers = OpenOffers(
        draw_up=DrawUpRequest(mirror=mirror, clock=house.clock, entropy=house.entropy, domains=house.domains),
        collect=CollectKeys(
            broker_of=house.broker,
            mirror=mirror,
            store=store,
            clock=house.clock,
            domains=house.domains,
            blame=KeptBlames(house.vault(member)).keep,
        ),
    )

    def viewing_of(session: Session) -> Viewing:
        requester = session.requester(seed.now())
        return Viewing(
            requester=lambda: replace(requester, seed=seed.now()),
            purpose=session.purpose,
            open_offers=open_offers,
            mirror=mirror,
            write_down=journal.begin,
            clock=house.clock,
        )

    def ready() -> None:
        mirror.catch_up()
        store.health()
        journal.health()

    sign_in, directory = house.sign_in_staff(institution), house.staff_directory(member)
    on: dict[str, Any] = {"directory": directory, "sign_in": sign_in, "clock": house.clock, "entropy": house.entropy}
    return GatewayParts(
        views=Views(sessions=house.gateway_sessions(member), viewing_of=viewing_of, catch_up=mirror.catch_up),
        pixels=house.pixels(),
        boundary=partial(secrets.token_hex, 24),
        ready=ready,
        oidc=OidcSignIn(provider=provider, **on) if provider is not None else None,
        passkeys=PasskeySignIn(**on),
    )


def _near(store: Store, place: Path, cache_bytes: int) -> Store:
    """Return a store whose objects are near; a directory's are as near as anything kept of them would be."""
    return store if isinstance(store, DirectoryStore) else CachedStore(store, place, limit_bytes=cache_bytes)
