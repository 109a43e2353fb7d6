"""Which parts of a home copies hold, under which names, and the journeys of copying, restoring and drilling."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from fiducia.adapters.copied_logbook import LogbookSource
from fiducia.adapters.copy_sources import FilesSource, JournalSource, PatientsSource, StudiesSource, VaultSource
from fiducia.adapters.second_place_folder import FolderSecondPlace
from fiducia.app.copy_plan import CopyPlan
from fiducia.app.home import Home
from fiducia.app.wiring.parts import READER, Parts
from fiducia.app.wiring.shipping import segments_of
from fiducia.errors import EncodingError
from fiducia.journeys.backup.canaries import OpenCanaries
from fiducia.journeys.backup.catching_up import CatchUp, Standing
from fiducia.journeys.backup.copying import CreateCopy, PruneCopies
from fiducia.journeys.backup.restoring import HOME, RestoreHome, VerifyCopies
from fiducia.ports import CopySource, SecondPlace, Vault

SETTINGS_FILES = ("network.json", "run/plan.json", "run/set-up")
"""A home's settings: public pins, and how its development stack is laid out. Its plan of copies is made anew."""

SETTINGS = "settings"
MEMBER_PARTS = ("logbook", "studies", "patients", "journal", "vault")
"""In the order in which they are told: what refers to others before those."""


class CopySide(Parts):
    """Copies of a home; see `House`."""

    # -- what a copy holds

    def copy_sources(self) -> list[CopySource]:
        """Return every part that a copy of this home holds, in the order in which they are told."""
        owners = self.owners()
        names = [f"{part}/{owner}" for part in MEMBER_PARTS for owner in owners if self._is_kept(part, owner)]
        return [self.copy_source(name) for name in (*names, HOME, SETTINGS)]

    def copy_source(self, name: str) -> CopySource:
        """Return one part by its name in a copy; a missing one is made. Raises: EncodingError (no such part)."""
        if name == HOME:
            return VaultSource(name, self.plain_home_vault())
        if name == SETTINGS:
            return FilesSource(name, self.home.root, SETTINGS_FILES)
        part, _, owner = name.partition("/")
        match part:
            case "vault":
                return VaultSource(name, self.plain_vault(owner))
            case "patients":
                return PatientsSource(name, self.plain_patients(owner))
            case "studies":
                return StudiesSource(name, self.plain_studies(owner))
            case "journal":
                return JournalSource(name, self.plain_journal(owner))
            case "logbook":
                return LogbookSource(name, self.plain_logbook(owner))
        raise EncodingError("a copy has a part that this version does not know: update fiducia")

    def owners(self) -> tuple[str, ...]:
        """Return everybody who keeps something in this home, in whichever database. Raises: ConfigError, VaultError."""
        return tuple(sorted({*self.home.members(), *self.custody.versions()} - {""}))

    def _is_kept(self, part: str, owner: str) -> bool:
        file: Path = getattr(self.home.member(owner), part)
        return self.custody.is_kept(owner, file)

    # -- journeys

    def second_place(self, folder: Path) -> SecondPlace:
        """Return the second place in a folder. Raises: BackupError (it is not there)."""
        return FolderSecondPlace(folder)

    def create_copy(self, plan: CopyPlan) -> CreateCopy:
        """Return the journey that copies this home whole. Raises: ConfigError, BackupError, KeyMissingError."""
        return CreateCopy(segments=segments_of(self, plan), sources=self.copy_sources(), steps=self.steps)

    def prune_copies(self, plan: CopyPlan) -> PruneCopies:
        """Return the journey that removes what has expired. Raises: as `create_copy`."""
        return PruneCopies(
            place=self.second_place(Path(plan.place)),
            recovery=plan.recovery,
            copy_whole=self.create_copy(plan).run,
            clock=self.clock,
        )

    def verify_copies(self, folder: Path) -> VerifyCopies:
        """Return the journey of anyone who has the place before them."""
        return VerifyCopies(place=self.second_place(folder))

    def restore_home(self, folder: Path) -> RestoreHome:
        """Return the journey into this home, which is empty."""
        return RestoreHome(
            place=self.second_place(folder), source_of=self.copy_source, vault_of=self._vault_of, steps=self.steps
        )

    def catch_up(self, member: str) -> CatchUp:
        """Return the journey of a restored member."""
        return CatchUp(
            ledger=self.ledger(member),
            mirror=self.mirror(member),
            vault=self.plain_vault(member),
            studies=self.plain_studies(member),
            patients=self.plain_patients(member),
            journal=self.journal(member),
            clock=self.clock,
            steps=self.steps,
        )

    def open_canaries(self) -> OpenCanaries:
        """Return the journey over all members that this home holds."""
        owners = self.owners()
        return OpenCanaries(
            mirror=self.mirror(READER),
            store=self.store(),
            vaults=[self.plain_vault(owner) for owner in owners if self._is_kept("vault", owner)],
            studies=[self.plain_studies(owner) for owner in owners if self._is_kept("studies", owner)],
        )

    def standing_of_home(self) -> Standing:
        """Return whether a restore of this home was cut off."""
        return Standing(self.plain_home_vault())

    def _vault_of(self, owner: str) -> Vault:
        return self.plain_home_vault() if owner == HOME else self.plain_vault(owner)

    @contextlib.contextmanager
    def elsewhere(self) -> Iterator[Self]:
        """Give an empty home in a directory of its own, under a key that is in memory alone; it is gone afterwards."""
        root = Path(tempfile.mkdtemp(prefix="fiducia-drill-"))
        key = SecretStr(secrets.token_hex(32))
        settings = self.settings.model_copy(
            update={"home": root, "key": key, "passphrase": None, "database_url": None, "pkcs11_module": None}
        )
        try:
            home = Home(root)
            home.create()
            with type(self)(home, settings) as parts:
                yield parts
        finally:
            shutil.rmtree(root)
