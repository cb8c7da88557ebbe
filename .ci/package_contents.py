"""The sdist and the wheel hold every file of the package, those behind its two links too, and nothing else.

python .ci/package_contents.py dist
"""

import os
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

CHECKOUT = Path(__file__).resolve().parents[1]
LEFT_OUT = {"ernn_myhdl/synth/README.md"}
"""Files beside the package's that are not installed."""
BESIDE = {"LICENSE", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg"}
"""What an sdist holds beside the package."""


def package_files() -> set[str]:
    """Files below ernn_myhdl in the checkout, by their path from there; links are followed."""
    found = set()
    for folder, folders, names in os.walk(CHECKOUT / "ernn_myhdl", followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found |= {(Path(folder) / name).relative_to(CHECKOUT).as_posix() for name in names}
    return found - LEFT_OUT


def sdist_files(path: Path) -> tuple[set[str], set[str]]:
    """Files of the package in an sdist, and others; metadata that setuptools adds is left out."""
    with tarfile.open(path) as archive:
        names = {member.name.split("/", 1)[1] for member in archive.getmembers() if member.isfile()}
        links = [member.name for member in archive.getmembers() if member.issym()]
    if links:
        sys.exit(f"{path.name} holds links, which not every system can unpack: {links}")
    names = {name for name in names if ".egg-info/" not in name}
    return parted(names)


def wheel_files(path: Path) -> tuple[set[str], set[str]]:
    """Files of the package in a wheel, and others; the name of the metadata's folder is left out."""
    with ZipFile(path) as archive:
        names = set(archive.namelist())
    return parted({name.split(".dist-info/")[-1] for name in names})


def parted(names: set[str]) -> tuple[set[str], set[str]]:
    package = {name for name in names if name.startswith("ernn_myhdl/")}
    return package, names - package


def main(folder: Path) -> None:
    wanted = package_files()
    faults = []
    for pattern, read, beside in [
        ("*.tar.gz", sdist_files, BESIDE),
        (
            "*.whl",
            wheel_files,
            {
                "METADATA",
                "RECORD",
                "WHEEL",
                "entry_points.txt",
                "licenses/LICENSE",
                "top_level.txt",
            },
        ),
    ]:
        files = sorted(folder.glob(pattern))
        if len(files) != 1:
            sys.exit(f"{folder} holds {len(files)} files {pattern}, not one")
        package, others = read(files[0])
        for what, names in [
            ("lacks", wanted - package),
            ("holds, unlike the checkout,", package - wanted),
            ("lacks", beside - others),
            ("holds, beside the package,", others - beside),
        ]:
            if names:
                faults.append(f"{files[0].name} {what} {', '.join(sorted(names))}")
    if faults:
        sys.exit("\n".join(faults))
    print(f"sdist and wheel: each all {len(wanted)} files of the package")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
