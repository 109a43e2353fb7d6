"""The plan of a development stack: its chain id, its ports and its store, chosen once and kept.

Owns run/plan.json. Ports stay the same from start to start as long as nobody else took them, because keys are
published with their broker's address; everything listens on loopback only.
"""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass, replace
from typing import Literal

from fiducia.app.home import Home, write_private
from fiducia.app.processes import free_ports
from fiducia.errors import ConfigError
from fiducia.ports import Entropy

StoreKind = Literal["kubo", "embedded"]

MEMBERS = ("hospital-a", "hospital-b")
"""The members of a new development consortium: a founder, and one that the founder admits."""

_FORMAT = "fiducia/v1/plan"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the stack starts, and where."""

    chain_id: int
    genesis_at: int
    store: StoreKind
    chain_port: int
    kubo_port: int
    broker_ports: dict[str, int]

    @property
    def rpc_url(self) -> str:
        """The chain's endpoint."""
        return f"http://127.0.0.1:{self.chain_port}"

    @property
    def kubo_api(self) -> str:
        """The multiaddr of Kubo's RPC."""
        return f"/ip4/127.0.0.1/tcp/{self.kubo_port}"

    def broker_url(self, member: str) -> str:
        """The address of a member's broker."""
        return f"http://127.0.0.1:{self.broker_ports[member]}"


def load_plan(home: Home) -> Plan | None:
    """Return the plan, or None in a new home. Raises: ConfigError (not what fiducia writes)."""
    path = home.run / "plan.json"
    try:
        fields = json.loads(path.read_bytes())
        if fields.pop("format") != _FORMAT:
            raise ValueError
        plan = Plan(**fields)
        if plan.store not in ("kubo", "embedded") or set(plan.broker_ports) != set(MEMBERS):
            raise ValueError
        return plan
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path} is not what fiducia writes: restore it, or remove the home") from error


def save_plan(home: Home, plan: Plan) -> Plan:
    """Keep the plan. Raises: ConfigError."""
    write_private(home.run / "plan.json", json.dumps({"format": _FORMAT, **asdict(plan)}, indent=2) + "\n")
    return plan


def new_plan(entropy: Entropy, now: int, store: StoreKind) -> Plan:
    """Choose everything anew, for a chain that begins at `now` (UTC Unix seconds).

    The chain id is the home's own, so no signature fits another consortium.
    """
    chain_port, kubo_port, *brokers = free_ports(2 + len(MEMBERS))
    chain_id = (1 << 30) + int.from_bytes(entropy.token(3), "big")
    return Plan(chain_id, now, store, chain_port, kubo_port, dict(zip(MEMBERS, brokers, strict=True)))


def with_free_ports(plan: Plan, running: set[str]) -> Plan:
    """Return the plan with another port for each stopped part whose port somebody else has taken."""
    wanted = {"anvil": plan.chain_port, "kubo": plan.kubo_port}
    wanted |= {broker_name(member): port for member, port in plan.broker_ports.items()}
    moved = {name: port for name, port in wanted.items() if name not in running and not _is_free(port)}
    wanted |= dict(zip(moved, free_ports(len(moved)), strict=True))
    return replace(
        plan,
        chain_port=wanted["anvil"],
        kubo_port=wanted["kubo"],
        broker_ports={member: wanted[broker_name(member)] for member in plan.broker_ports},
    )


def broker_name(member: str) -> str:
    """Return the name of a member's broker process."""
    return f"broker-{member}"


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections still linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
