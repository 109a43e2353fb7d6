"""`fiducia backup`: encrypted copies of a home at a second place, and getting the home back out of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fiducia.app.cli import parsing
from fiducia.app.cli.common import Call, command, noun
from fiducia.app.output import utc
from fiducia.records.copies import Contents

app = noun(
    "backup", "Copies of this home at a second place: made, verified, restored, and tried out before it matters."
)
key = noun("key", "The recovery key: only k of its n shares open a copy; the home keeps its public half alone.")
app.add_typer(key)

FromOption = Annotated[
    Path | None, typer.Option("--from", metavar="FOLDER", help="The second place. Default: the home's own.")
]
SharesOption = Annotated[
    list[Path] | None, typer.Option("--share", metavar="FILE", help="A share of the recovery key; repeat it for each.")
]


@command(key, "create")
def create_key(
    call: Call,
    shares: Annotated[str, typer.Option(metavar="KofN", help="How many shares open a copy, of how many.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the share files go; an existing folder.")],
    again: Annotated[
        bool, typer.Option("--again", help="Make another key; older copies keep needing the old shares.")
    ] = False,
) -> None:
    """Make the recovery key of this home's copies, and write its shares: one file for each person.

    Give each file to somebody else and delete it here: whoever has K of them and a copy has the home. What stays in
    the home (backup.json) opens nothing. Fewer than K shares are worth nothing, and nothing replaces them.

    \b
    Example:
      fiducia backup key create --shares 2of3 --out /media/usb
    """
    from fiducia.app import backup

    threshold, holders = backup.parse_shares(shares)
    paths = backup.create_key(call.house, threshold, holders, out, again=again)
    call.out.facts(
        {
            "home_id": backup.plan_of(call.house).recovery.home_id,
            "threshold": threshold,
            "holders": holders,
            "shares": [str(path) for path in paths],
        }
    )


@command(app, "create")
def create(
    call: Call,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The second place, from now on: an existing folder, best on another disk."),
    ] = None,
    follow: Annotated[
        bool | None,
        typer.Option(
            "--follow/--no-follow",
            help="From now on nothing is acknowledged before it is in the second place, too; or no longer so.",
            show_default=False,
        ),
    ] = None,
    keep_days: Annotated[
        int | None, typer.Option(min=1, max=36_500, metavar="DAYS", help="How long copies are kept; 30 by default.")
    ] = None,
) -> None:
    """Copy this home: every member's vault, directory and journal, the profiles, the settings. Brokers keep serving.

    A copy holds what was acknowledged when it was begun. With --follow, what is acknowledged afterwards is in the
    second place before anybody hears of it; a second place that is away then means that nothing is acknowledged.
    Images are not copied, they lie in the store; the copy of the ledger is not, the chain has it.

    \b
    Examples:
      fiducia backup create --to /mnt/second/hospital-a --follow
      fiducia backup create
    """
    from fiducia.app import backup

    plan, contents = backup.create(call.house, to, follow=follow, keep_days=keep_days)
    call.out.facts({"place": plan.place, "follow": plan.follow} | _row(contents))


@command(app, "verify")
def verify(call: Call, place: FromOption = None, share: SharesOption = None) -> None:
    """Verify the copies: signatures, order, every byte's digest; with enough shares everything in them as well.

    At the home's own second place also that the parts which the home wrote last are there.

    Exit code 1 means that a copy must not be relied on: make another one now. Without a home, a single share says
    whose copies they are, and K shares open them.

    \b
    Examples:
      fiducia backup verify
      fiducia backup verify --from /mnt/second/hospital-a --share share-1.json --share share-3.json
    """
    from fiducia.app import backup

    found = backup.verify(call.house, place, share or ())
    call.out.facts(
        {
            "opened": found.opened,
            "changes": found.changes if found.opened else None,
            "increments": found.increments,
            "held_until": utc(found.held_until),
            "copies": [_row(contents) for contents in found.bases],
        }
    )


@command(app, "restore")
def restore(
    call: Call,
    place: Annotated[Path, typer.Option("--from", metavar="FOLDER", help="The second place.")],
    share: SharesOption = None,
) -> None:
    """Restore this home, which is empty, from the newest copy and all that was acknowledged after it.

    Everything is sealed anew under this home's own key. Until a member's broker has caught up with the chain, it hands
    nothing over, records no release and registers nothing: what was erased since is destroyed again, what was revoked
    stays revoked. A restore that was cut off is finished by the same command. Then make a copy again (--follow).

    \b
    Example:
      fiducia backup restore --from /mnt/second/hospital-a --share share-1.json --share share-3.json --home new-home
    """
    from fiducia.app import backup

    done = backup.restore(call.house, place, share or ())
    call.out.facts(
        {
            "restored": str(call.home.root),
            "as_of": utc(done.at),
            "increments": done.increments,
            "parts": [{"part": part, "changes": count} for part, count in done.counts],
        }
    )
    call.out.say("start the brokers: they let nothing leave before they have caught up with the chain")


@command(app, "drill")
def drill(
    call: Call,
    place: FromOption = None,
    share: SharesOption = None,
    study: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A canary study to open; repeat it for each.")
    ] = None,
    newest: Annotated[int, typer.Option(min=1, metavar="N", help="Without --study: the newest N studies.")] = 3,
) -> None:
    """Try the copies out: restore into an empty home, open canary studies there, compare them with the ledger.

    The home that is restored lies in a directory of its own, under a key that is never written down, and is removed.
    Every instance of a canary is read and compared with what the ledger vouches for. Run it on a schedule: a copy that
    was never restored is a hope.

    \b
    Example:
      fiducia backup drill --share share-1.json --share share-2.json --newest 3
    """
    from fiducia.app import backup

    wanted = [parsing.study_id(each) for each in study or ()]
    done = backup.drill(call.house, place, share or (), wanted, newest)
    call.out.facts(
        {
            "as_of": utc(done.restored.at),
            "restored_s": round(done.restored_s, 2),
            "total_s": round(done.total_s, 2),
            "studies": sum(count for part, count in done.restored.counts if part.startswith("studies/")),
            "canaries": [
                {
                    "study_id": each.study_id,
                    "revision": each.revision,
                    "series": each.series,
                    "instances": each.instances,
                    "shares": each.shares,
                    "opened": each.opened,
                }
                for each in done.canaries
            ],
        }
    )


@command(app, "prune")
def prune(call: Call) -> None:
    """Remove copies that have expired, so that what was destroyed here is destroyed there, too.

    When every whole copy has expired, a new one is made first. `held_until` is the date after which no copy holds what
    is in one today, if this command runs on a schedule.

    \b
    Example:
      fiducia backup prune
    """
    from fiducia.app import backup

    plan = backup.plan_of(call.house)
    removed = call.house.prune_copies(plan).run()
    call.out.facts({"removed": list(removed), "held_until": utc(backup.held(call.house, plan))})


def _row(contents: Contents) -> dict[str, object]:
    return {
        "copy": contents.number,
        "at": utc(contents.at),
        "expires": utc(contents.expires_at),
        "bytes": contents.sealed_bytes,
        "changes": sum(count for _, count in contents.counts),
    }
