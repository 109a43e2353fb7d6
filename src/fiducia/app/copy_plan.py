"""What a home knows of its copies: the recovery key's public half, the second place, how long copies are kept.

Owns backup.json. It is public: nothing in it opens a copy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fiducia.app.home import Home, write_private
from fiducia.core.copies.contents import HOME_ID_BYTES
from fiducia.core.formats.canonical import Fields, to_hex
from fiducia.core.keys.sealing import PUBLIC_KEY_BYTES
from fiducia.core.keys.shares import SHARES_MAX
from fiducia.errors import ConfigError, EncodingError
from fiducia.records.copies import RecoveryKey

_FORMAT = "fiducia/v1/copy-plan"
KEEP_DAYS, KEEP_DAYS_MAX = 30, 36_500


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """One home's plan.

    Attributes:
        recovery: whom copies are sealed to.
        place: the second place, an absolute path; empty until one was named.
        keep_days: how long a copy may be kept.
        follow: whether every change is in the second place before it is acknowledged.
    """

    recovery: RecoveryKey
    place: str = ""
    keep_days: int = KEEP_DAYS
    follow: bool = False


def load_copy_plan(home: Home) -> CopyPlan | None:
    """Read the plan; None where there is none. Raises: ConfigError (not what fiducia writes)."""
    try:
        return _parse(json.loads(home.backup_file.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EncodingError) as error:
        raise ConfigError(f"{home.backup_file} is not what fiducia writes: restore it, or remove it") from error


def save_copy_plan(home: Home, plan: CopyPlan) -> CopyPlan:
    """Keep the plan. Raises: ConfigError."""
    recovery = plan.recovery
    body: dict[str, Any] = {
        "format": _FORMAT,
        "home_id": to_hex(recovery.home_id),
        "recovery": to_hex(recovery.public),
        "signer": to_hex(recovery.signer),
        "threshold": recovery.threshold,
        "holders": recovery.holders,
        "place": plan.place,
        "keep_days": plan.keep_days,
        "follow": "yes" if plan.follow else "no",
    }
    write_private(home.backup_file, json.dumps(body, indent=2) + "\n")
    return plan


def _parse(value: object) -> CopyPlan:
    fields = Fields(value, "a home's plan of its copies")
    fields.constant("format", _FORMAT)
    holders = fields.integer("holders", 1, SHARES_MAX)
    recovery = RecoveryKey(
        home_id=fields.hex_bytes("home_id", HOME_ID_BYTES),
        public=fields.hex_bytes("recovery", PUBLIC_KEY_BYTES),
        signer=fields.hex_bytes("signer", 32),
        threshold=fields.integer("threshold", 1, holders),
        holders=holders,
    )
    place, keep_days = fields.text("place"), fields.integer("keep_days", 1, KEEP_DAYS_MAX)
    plan = CopyPlan(recovery, place, keep_days, fields.text("follow") == "yes")
    fields.close()
    return plan
