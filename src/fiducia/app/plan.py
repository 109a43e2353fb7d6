"""The plan of a development stack: its chain, its ports and its store, chosen once and kept.

Owns run/plan.json, and which chain a home has: Anvil, or a lab of validators. Ports stay the same from start to
start as long as nobody else took them, because keys are published with their broker's address; everything
listens on loopback only.
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

MORE_MEMBERS = ("hospital-c", "hospital-d", "hospital-e")
"""Those that join them where keys are dealt to more trustees."""

LAB_CHAIN_ID = 262_144
"""The only chain id that the lab's node knows; signatures name the contracts' addresses as well."""

ANVIL = "anvil"
"""The name of Anvil's process."""

_FORMAT = "fiducia/v1/plan"


@dataclass(frozen=True, slots=True)
class ValidatorPorts:
    """Where one validator of a lab answers clients, and where it speaks to the other validators."""

    rpc: int
    peer: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What the stack starts, and where.

    Attributes:
        chain_id: of the chain.
        genesis_at: the time of the chain's first block, UTC Unix seconds.
        store: which store.
        chain_port: Anvil's; 0 in a lab.
        kubo_port: of Kubo's RPC.
        broker_ports: by member.
        validators: of the lab, in order; empty where the chain is Anvil.
        custody: how many of how many trustees open a key; None: every hospital is the only trustee of its own.
    """

    chain_id: int
    genesis_at: int
    store: StoreKind
    chain_port: int
    kubo_port: int
    broker_ports: dict[str, int]
    validators: tuple[ValidatorPorts, ...] = ()
    custody: tuple[int, int] | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """The members, by their institution numbers: 1 is the founder."""
        return members_of(self.custody)

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """The chain's endpoints, to be tried in this order."""
        ports = [validator.rpc for validator in self.validators] or [self.chain_port]
        return tuple(f"http://127.0.0.1:{port}" for port in ports)

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
        validators = tuple(ValidatorPorts(**ports) for ports in fields.pop("validators", ()))
        custody = fields.pop("custody", None)
        plan = Plan(**fields, validators=validators, custody=custody and (int(custody[0]), int(custody[1])))
        if plan.store not in ("kubo", "embedded") or set(plan.broker_ports) != set(plan.members):
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


def new_plan(
    entropy: Entropy,
    now: int,
    store: StoreKind,
    *,
    validators: int = 0,
    custody: tuple[int, int] | None = None,
) -> Plan:
    """Choose everything anew, for a chain that begins at `now` (UTC Unix seconds).

    Args:
        entropy: for the chain id. Anvil's is the home's own, so no signature fits another consortium.
        now: the time of the chain's first block.
        store: which store.
        validators: how many a lab has; 0 for Anvil.
        custody: how many of how many trustees open a key.
    """
    members = members_of(custody)
    kubo_port, *ports = free_ports(1 + len(members) + max(1, 2 * validators))
    brokers, chain = dict(zip(members, ports, strict=False)), ports[len(members) :]
    if validators:
        pairs = tuple(ValidatorPorts(*pair) for pair in zip(chain[::2], chain[1::2], strict=True))
        return Plan(LAB_CHAIN_ID, now, store, 0, kubo_port, brokers, pairs, custody)
    chain_id = (1 << 30) + int.from_bytes(entropy.token(3), "big")
    return Plan(chain_id, now, store, chain[0], kubo_port, brokers, custody=custody)


def members_of(custody: tuple[int, int] | None) -> tuple[str, ...]:
    """Return the members of a consortium by its custody: two at least."""
    return MEMBERS + MORE_MEMBERS[: max(0, custody[1] - len(MEMBERS))] if custody else MEMBERS


def with_free_ports(plan: Plan, running: set[str]) -> Plan:
    """Return the plan with another port for each stopped part whose port somebody else has taken."""
    wanted = _ports_of(plan)
    moved = [part for part, port in wanted.items() if part[0] not in running and not _is_free(port)]
    wanted |= dict(zip(moved, free_ports(len(moved)), strict=True))
    return replace(
        plan,
        chain_port=wanted.get((ANVIL, "rpc"), 0),
        kubo_port=wanted["kubo", "rpc"],
        broker_ports={member: wanted[broker_name(member), "http"] for member in plan.broker_ports},
        validators=tuple(
            ValidatorPorts(wanted[validator_name(number), "rpc"], wanted[validator_name(number), "peer"])
            for number, _ in enumerate(plan.validators, 1)
        ),
    )


def _ports_of(plan: Plan) -> dict[tuple[str, str], int]:
    """Return every port by the process that listens there and what for."""
    ports = {("kubo", "rpc"): plan.kubo_port}
    ports |= {(broker_name(member), "http"): port for member, port in plan.broker_ports.items()}
    if not plan.validators:
        return ports | {(ANVIL, "rpc"): plan.chain_port}
    for number, validator in enumerate(plan.validators, 1):
        ports |= {(validator_name(number), "rpc"): validator.rpc, (validator_name(number), "peer"): validator.peer}
    return ports


def broker_name(member: str) -> str:
    """Return the name of a member's broker process."""
    return f"broker-{member}"


def validator_name(number: int) -> str:
    """Return the name of a validator's process; they are numbered from 1."""
    return f"validator-{number}"


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections still linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
