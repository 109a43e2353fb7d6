"""Which viewer is taken: one version of one package, by its digest. Source: npm, package.json's `dist.integrity`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """A package as npm has it.

    Attributes:
        title: how people call it.
        name, version: as npm has them.
        sha512: of its tarball, base64; what has another digest is never opened.
    """

    title: str
    name: str
    version: str
    sha512: str

    @property
    def spec(self) -> str:
        """How npm is asked for it."""
        return f"{self.name}@{self.version}"


OHIF = Package(
    "OHIF",
    "@ohif/app",
    "3.13.2",
    "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA==",
)
