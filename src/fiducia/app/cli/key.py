"""`fiducia key`: the keys that speak for an institution, published by its governor, and the one its home is under."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from fiducia.app import governance
from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.output import utc
from fiducia.app.profiles import KeyName, Profile
from fiducia.core import ids
from fiducia.core.keys.kem import Kem, kem_of_public
from fiducia.errors import TrusteeError
from fiducia.journeys.members.rotating import KEMS, RotatedKey
from fiducia.records.ledger import KeyKind

app = noun("key", "Published keys of an institution, and the key-encryption key of a home.")


def _kem(text: str) -> Kem:
    try:
        return Kem[text.upper().replace("-", "_")]
    except KeyError:
        raise typer.BadParameter(f"a KEM is one of {', '.join(Kem.__members__)}") from None


def _kind(text: str) -> KeyKind:
    try:
        return KeyKind[text.upper().replace("-", "_")]
    except KeyError:
        raise typer.BadParameter(f"a kind is one of {', '.join(KeyKind.__members__)}") from None


@command(app, "list")
def list_keys(
    call: Call,
    institution: Annotated[int | None, typer.Option(min=1, help="Only this institution's keys.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only keys of this kind.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Ended keys, too.")] = False,
) -> None:
    """List published keys.

    \b
    Example:
      fiducia key list --kind GATEWAY
    """
    wanted = _kind(kind) if kind else None
    state = call.house.mirror(call.house.reader(call.acting)).catch_up()
    now = call.house.clock.now()
    rows = [
        {
            "institution": key.institution,
            "kind": KeyKind(key.kind),
            "key_hash": key.key_hash,
            "until": utc(key.not_after),
            "live": now < key.not_after,
            "endpoint": key.endpoint or None,
        }
        for key in state.keys(institution, wanted)
        if every or now < key.not_after
    ]
    call.out.rows(rows, empty="no key is published")


@command(app, "publish")
def publish(
    call: Call,
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="REGISTRAR, ISSUER, GATEWAY, BROKER_KEM, BROKER_SIGN or LOG.")
    ],
    key: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="The address or raw public key (0x…). Default: the profile's own key."),
    ] = None,
    endpoint: Annotated[str, typer.Option(metavar="URL", help="Where the key's holder answers.")] = "",
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="When it ends; an end never moves later. Default: five years.")
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="End the key now; it never returns.")] = False,
) -> None:
    """Publish a key of the institution that you act as, or end one.

    \b
    Examples:
      fiducia key publish GATEWAY --as hospital-b
      fiducia key publish ISSUER --end --as hospital-b
    """
    if end and until:
        raise typer.BadParameter("--end and --until exclude each other")
    profile = call.house.institution(call.profile("hospital-a"))
    chosen = _kind(kind)
    public = _public_key(key) if key else dict(governance.member_keys(call.house, profile)).get(chosen)
    if public is None:
        raise typer.BadParameter(f"the profile {profile.name} has no {chosen.name} key of its own: give --key")
    # 1 is the earliest end there is: long past, whatever the chain's clock says.
    not_after = 1 if end else parsing.until(until) if until else None
    receipt = governance.publish(call.house, profile, chosen, public, endpoint=endpoint, not_after=not_after)
    state = call.house.mirror(profile.member).catch_up()
    key_hash = ids.key_hash(chosen, public)
    call.out.facts(
        {
            "institution": profile.institution,
            "kind": chosen,
            "key_hash": key_hash,
            "until": utc(state.key_end(profile.institution, chosen, key_hash)),
            "changed": receipt is not None,
            "gas": receipt.gas_used if receipt else 0,
        }
    )


@command(app, "rotate")
def rotate(
    call: Call,
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="REGISTRAR, ISSUER, GATEWAY, BROKER_KEM, BROKER_SIGN or LOG.")
    ],
    finish: Annotated[bool, typer.Option("--finish", help="End the key of before, once nothing needs it.")] = False,
    now: Annotated[
        bool, typer.Option("--now", help="With --finish: although an open release or a deposit needs it still.")
    ] = False,
    kem: Annotated[
        Kem | None,
        typer.Option(metavar="KEM", parser=_kem, help="GATEWAY, BROKER_KEM: MLKEM768_X25519 or MLKEM1024_P384."),
    ] = None,
) -> int:
    """Replace a published key of the institution that you act as, while everything runs: begin, then finish.

    Beginning makes a new key, publishes it with the governor's signature, and puts it in the place of the one before,
    which is believed still. Servers that run take the new one within seconds. Finishing (--finish) ends the one of
    before on the ledger and forgets it. Cut off at any point, run the same again.

    Of GATEWAY it first waits for open releases to the key of before (eight hours at most; it says until when), of
    BROKER_KEM for deposits that are on their way under it, of ISSUER wait for a shift yourself: badges that the key of
    before signed lapse with it. --now waits for none.

    With --kem the new key is of another KEM. Shares at rest are under no published key, so none is touched; no image
    and no study is. `fiducia study refresh` deals an archive's shares anew under the trustees' new keys.

    Exits with 0; 4 when --finish has to wait, the same command goes on.

    \b
    Examples:
      fiducia key rotate ISSUER --as hospital-b
      fiducia key rotate ISSUER --finish --as hospital-b
      fiducia key rotate BROKER_KEM --kem MLKEM1024_P384 --as hospital-a
    """
    if finish and kem is not None:
        raise typer.BadParameter("--kem is for beginning: leave --finish out")
    if now and not finish:
        raise typer.BadParameter("--now goes with --finish")
    profile, chosen = call.house.institution(call.profile("hospital-a")), _kind(kind)
    rotation, governor = call.house.rotate_key(profile), profile.signer(KeyName.GOVERNOR)
    began = time.monotonic()
    if finish:
        done = rotation.finish(chosen, profile.institution, governor, at_once=now)
    else:
        done = rotation.begin(chosen, profile.institution, governor, kem)
    _tell_rotation(call, profile, done, time.monotonic() - began)
    waits = finish and done.former is not None
    return TrusteeError.exit_code if waits else 0


def _tell_rotation(call: Call, profile: Profile, done: RotatedKey, took_s: float) -> None:
    facts: dict[str, Any] = {"kind": done.kind, "present": done.present, "former": done.former}
    if done.kind in KEMS:
        published = call.house.mirror(profile.member).catch_up().keys(profile.institution, done.kind)
        facts["kem"] = next(kem_of_public(key.key).name for key in published if key.key_hash == done.present)
    if done.kind is KeyKind.GATEWAY:
        facts["open_until"] = utc(done.open_until) if done.open_until else None
    if done.kind is KeyKind.BROKER_KEM:
        facts["awaited"] = done.awaited
        facts["shares_kept"] = len(call.house.vault(profile.member).names("share/"))
    call.out.facts(facts | {"took_s": round(took_s, 3), "finished": done.former is None})


@command(app, "rotate-kek")
def rotate_kek(
    call: Call,
    finish: Annotated[bool, typer.Option("--finish", help="End the keys of before, once nobody needs them.")] = False,
) -> None:
    """Change the home's key-encryption key while everything runs: begin, then finish.

    Beginning makes a new key (a new key file; or one wrapped by the token) and lets it open every database of the home
    beside the present one; then the home holds the new one. Where the environment names the key, name the new one by
    FIDUCIA_NEXT_KEY or FIDUCIA_NEXT_PASSPHRASE, then set FIDUCIA_KEY or FIDUCIA_PASSPHRASE to it. Give it to every
    machine that shares the database. Processes that run need not be stopped; they read the key when they start.

    Finishing (--finish) ends every key but the present one in every database. Rows are not sealed anew: they are under
    a data key that the key-encryption key wraps. Cut off at any point, run the same again. Exits with 0; 2 when a key
    does not open a database, with nothing ended.

    \b
    Examples:
      fiducia key rotate-kek
      fiducia key rotate-kek --finish
      FIDUCIA_NEXT_KEY=$(openssl rand -hex 32) fiducia key rotate-kek
    """
    from fiducia.app.wiring.key_rotation import KeyRotation  # loads what opens databases

    house = call.house
    rotation = KeyRotation(home=house.home, settings=house.settings, custody=house.custody, steps=house.steps)
    done = rotation.finish() if finish else rotation.begin()
    call.out.facts({"databases": done.databases, "changed": done.changed, "finished": finish})


def _public_key(text: str) -> bytes:
    digits = text.removeprefix("0x")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise typer.BadParameter("a key is 0x and hex digits") from None
