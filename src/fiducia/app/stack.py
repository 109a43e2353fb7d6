"""The development stack: chain, store and brokers on this machine, brought up, watched, shown and taken down.

Owns which processes there are and in which order, and that none outlives a failed or interrupted start. Every
step is skipped when it stands already, so `up` completes what an earlier one began. How a process is started
and stopped is `app.processes`' and `app.starting`'s; what is set up on the ledger is `app.provision`'s; a chain
of several validators is `app.lab`'s.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx2

from fiducia.app import kubo_daemon
from fiducia.app.anvil import anvil_program, find_anvil, set_time
from fiducia.app.home import no_consortium
from fiducia.app.interruptions import undisturbed
from fiducia.app.lab import Lab
from fiducia.app.plan import (
    ANVIL,
    Plan,
    StoreKind,
    broker_name,
    load_plan,
    new_plan,
    save_plan,
    with_free_ports,
)
from fiducia.app.processes import Child, Program, port_is_open, recorded, stop_recorded
from fiducia.app.provision import bind_network, create_profiles, note_set_up, provision
from fiducia.app.settings import Settings
from fiducia.app.stack_parts import Part, look
from fiducia.app.starting import Starting
from fiducia.app.wiring import READER, House
from fiducia.errors import ConfigError, LedgerUnreachableError, LimitError, StoreError

READY_S = 60.0
UP_LOCK = "up"
_PROBE_S = 5.0
_WATCH_S = 0.25
_NOTED_S = 1.0
_STATE_EVERY_S = 1
# Transactions cost nothing on the local chain, so no account needs funds and none can be stolen from.
_ANVIL_EXTRA = ("--gas-price", "0", "--block-base-fee-per-gas", "0", "--accounts", "1", "--no-cors")
# -I: nothing of this user's Python settings or of the working directory gets into a broker.
_PYTHON = (sys.executable, "-I", "-u", "-m", "fiducia.app.cli")

Say = Callable[[str], None]


class DevelopmentStack:
    """The stack of one home."""

    def __init__(self, house: House, settings: Settings, say: Say) -> None:
        self._house = house
        self._home = house.home
        self._settings = settings
        self._say = say
        self._is_up = False

    @contextlib.contextmanager
    def foreground(self) -> Iterator[None]:
        """Stop everything when the block ends, if `up` was done in it: Ctrl-C is then the way in which it ends.

        A start that is interrupted stops what it started by itself, and is interrupted for its caller, too.
        """
        try:
            yield
        except KeyboardInterrupt:
            if not self._is_up:
                raise
        finally:
            if self._is_up:
                self.down(wait_s=0.0)

    def up(
        self,
        store: StoreKind | None,
        *,
        detach: bool,
        validators: int | None = None,
        custody: tuple[int, int] | None = None,
    ) -> None:
        """Bring everything up and set up what is missing.

        Args:
            store: which store; the home's own, or Kubo where it is installed, when None.
            detach: leave the processes running when this process ends.
            validators: how many the chain has; None for the home's own chain, which is Anvil in a new home.
            custody: how many of how many trustees open a key; None for the home's own, which is one in a new home.

        Raises:
            ConfigError, LedgerError, StoreError: a part does not start; what was started here is stopped again.
            LimitError: another `up` is at work.
        """
        self._home.create()
        with self._home.lock(UP_LOCK), Starting(self._home, detach) as starting:
            known = load_plan(self._home)
            if starting.running and ANVIL not in starting.running and not (known and known.validators):
                # The chain ended, perhaps without writing its last second down: what had seen that starts anew, too.
                stop_recorded(self._home.run)
                starting.running.clear()
            self._house.custody.create()
            plan = self._plan(known, store, validators, custody, set(starting.running))
            create_profiles(self._house, plan.members)
            self._chain(plan, starting)
            kubo = self._kubo(plan, starting)
            bind_network(self._house, plan, self._say)
            provision(self._house, plan, self._say)
            self._wait_for_store(kubo)
            self._brokers(plan, starting)
            self._wait_until_kept(plan)
            note_set_up(self._house)
            self._is_up = True  # before anything is kept: whoever is in the foreground stops it from here on
            starting.keep()

    def watch(self) -> None:
        """Stay until a signal comes or `down` was called elsewhere.

        Raises:
            LedgerUnreachableError: a part ended by itself.
        """
        children = list(recorded(self._home.run))
        while children:
            time.sleep(_WATCH_S)
            ended = [child for child in children if not child.alive()]
            for child in ended:
                if not self._was_stopped(child):
                    raise LedgerUnreachableError(f"{child.program.name} ended by itself\n{child.log_tail()}".rstrip())
            children = [child for child in children if child not in ended]

    def _was_stopped(self, child: Child) -> bool:
        """Tell whether somebody stopped a process on purpose, and so removes its pid file right afterwards."""
        deadline = time.monotonic() + _NOTED_S
        while (self._home.run / f"{child.program.name}.pid").exists():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def down(self, *, wait_s: float = READY_S) -> list[str]:
        """Stop every process of the home, and return the names of those that ran. Idempotent."""
        if not self._home.run.is_dir():
            return []
        with contextlib.ExitStack() as held:
            # An `up` that is at work would start what is stopped here; one that hangs must not prevent it.
            with contextlib.suppress(LimitError):
                held.enter_context(self._home.lock(UP_LOCK, wait_s=wait_s))
            with undisturbed():
                return stop_recorded(self._home.run)

    def status(self) -> list[Part]:
        """Return every part, running or not. Raises: ConfigError (no consortium here)."""
        plan = load_plan(self._home)
        if plan is None:
            raise no_consortium(self._home)
        pids = {child.program.name: child.pid for child in recorded(self._home.run)}
        parts = [look("chain", pids.get(ANVIL), plan.rpc_urls[0], self._house_head)]
        if plan.validators:
            parts += self._lab(plan).parts()
        address = plan.kubo_api if plan.store == "kubo" else str(self._home.embedded_store)
        parts.append(look(f"store ({plan.store})", pids.get("kubo"), address, self._store_health))
        for member in plan.members:
            url = plan.broker_url(member)
            parts.append(look(broker_name(member), pids.get(broker_name(member)), url, partial(_ask_ready, url)))
        return parts

    # -- validators

    def validators(self) -> list[Part]:
        """Return every validator of a lab. Raises: ConfigError (no consortium here, or its chain is Anvil)."""
        return self._lab().parts()

    def stop_validator(self, number: int, *, kill: bool) -> bool:
        """Stop one validator of a lab; False when it did not run. See `Lab.stop_one`."""
        with self._home.lock(UP_LOCK):
            return self._lab().stop_one(number, kill=kill)

    def start_validator(self, number: int) -> bool:
        """Start one validator of a lab again; False when it runs. See `Lab.start_one`."""
        with self._home.lock(UP_LOCK):
            return self._lab().start_one(number)

    # -- parts

    def _lab(self, plan: Plan | None = None) -> Lab:
        plan = plan or load_plan(self._home)
        if plan is None:
            raise no_consortium(self._home)
        return Lab(self._home, self._settings, plan, self._say)

    def _plan(
        self,
        known: Plan | None,
        store: StoreKind | None,
        validators: int | None,
        custody: tuple[int, int] | None,
        running: set[str],
    ) -> Plan:
        if known is None:
            now, kind = self._house.clock.now(), self._choose_store(store)
            plan = new_plan(self._house.entropy, now, kind, validators=validators or 0, custody=custody)
            return save_plan(self._home, plan)
        if validators not in (None, len(known.validators)):
            chain = f"a lab of {len(known.validators)} validators" if known.validators else "Anvil"
            raise ConfigError(f"this home's chain is {chain}, and stays so: `fiducia up`, or another --home")
        if custody not in (None, known.custody):
            own = "{} of {} trustees".format(*known.custody) if known.custody else "one trustee a hospital"
            raise ConfigError(f"this home has {own}: leave --trustees out, or use another --home")
        if store not in (None, known.store):
            raise ConfigError(
                f"this home keeps its objects in the {known.store} store: leave --store out, or use another --home"
            )
        return save_plan(self._home, with_free_ports(known, running))

    def _choose_store(self, store: StoreKind | None) -> StoreKind:
        if store is not None:
            return store
        if self._find_kubo() is not None:
            return "kubo"
        self._say(
            f"no Kubo {kubo_daemon.KUBO_VERSION} here (scripts/install builds it where Go is): "
            "objects go to the embedded directory store"
        )
        return "embedded"

    def _find_kubo(self) -> Path | None:
        return kubo_daemon.find_kubo(self._settings.search_environment(), self._settings.cache_directory())

    def _chain(self, plan: Plan, starting: Starting) -> None:
        if plan.validators:
            return self._lab(plan).start(starting)
        if ANVIL in starting.running:
            return
        program = anvil_program(
            find_anvil(self._settings.search_environment(), _project()),
            port=plan.chain_port,
            chain_id=plan.chain_id,
            log=self._home.logs / "anvil.log",
            state=self._home.chain_state,
            state_interval_s=_STATE_EVERY_S,
            genesis_at=plan.genesis_at,
            extra=_ANVIL_EXTRA,
        )
        self._say("starting the chain")
        child = starting.start(program)
        child.wait_ready(lambda: port_is_open(plan.chain_port), READY_S, error=LedgerUnreachableError)
        set_time(plan.rpc_urls[0], self._house.clock.now())

    def _kubo(self, plan: Plan, starting: Starting) -> Child | None:
        if plan.store != "kubo" or "kubo" in starting.running:
            return None
        binary = self._find_kubo()
        if binary is None:
            raise ConfigError(
                f"this home keeps its objects in Kubo, and no Kubo {kubo_daemon.KUBO_VERSION} is here: "
                "run scripts/install"
            )
        self._say("starting Kubo")
        kubo_daemon.init_repository(binary, self._home.kubo_repository, api_port=plan.kubo_port)
        return starting.start(
            kubo_daemon.kubo_program(binary, self._home.kubo_repository, self._home.logs / "kubo.log")
        )

    def _wait_for_store(self, kubo: Child | None) -> None:
        if kubo is not None:
            kubo.wait_ready(self._house.store().health, READY_S, error=StoreError)
        else:
            self._house.store().health()

    def _brokers(self, plan: Plan, starting: Starting) -> None:
        missing = [member for member in plan.members if broker_name(member) not in starting.running]
        if missing:
            self._say(f"starting the brokers of {' and '.join(missing)}")
        children = {member: starting.start(self._broker_program(member, plan)) for member in missing}
        for member, child in children.items():
            probe = partial(_ask_ready, plan.broker_url(member))
            child.wait_ready(probe, READY_S, error=LedgerUnreachableError)

    def _broker_program(self, member: str, plan: Plan) -> Program:
        port = str(plan.broker_ports[member])
        return Program(
            name=broker_name(member),
            command=(*_PYTHON, "--home", str(self._home.root), "broker", "serve", "--member", member, "--port", port),
            log=self._home.logs / f"{broker_name(member)}.log",
            environment=self._settings.child_environment(),
            directory=self._home.root,
        )

    def _wait_until_kept(self, plan: Plan) -> None:
        """Wait until the chain wrote down what was set up: a kill must not take the consortium away again."""
        if plan.validators:
            return  # each wrote every block down before it voted for the next
        done_at = time.time()
        deadline = time.monotonic() + READY_S
        while not self._home.chain_state.exists() or self._home.chain_state.stat().st_mtime <= done_at:
            if time.monotonic() > deadline:
                raise LedgerUnreachableError("the chain does not write its state; is the disk full?")
            time.sleep(0.05)

    def _house_head(self) -> str:
        return f"block {self._house.ledger(READER).head().number}"

    def _store_health(self) -> str:
        self._house.store().health()
        return ""


def _ask_ready(url: str) -> str:
    """Ask a broker whether it is ready. Raises: LedgerUnreachableError (it names what is not)."""
    try:
        answer = httpx2.get(f"{url}/readyz", timeout=_PROBE_S, trust_env=False)
        parts = answer.json()["parts"]
    except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
        raise LedgerUnreachableError("it does not answer") from error
    if answer.status_code != 200:
        wanting = [f"{name}: {state}" for name, state in parts.items() if state != "ok"]
        raise LedgerUnreachableError(f"not ready: {', '.join(wanting)}")
    return ", ".join(f"{name} {state}" for name, state in parts.items())


def _project() -> Path | None:
    """Return the repository's root when fiducia runs from one."""
    root = Path(__file__).resolve().parents[3]
    return root if (root / "contracts" / "package.json").is_file() else None
