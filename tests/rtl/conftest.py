"""Of each test of this folder the first case is for every change; the others are marked `further`, which `make check` leaves to
`make test`. Coverage is measured in the first cases only: it makes a simulation twice as long."""

from functools import cache
from pathlib import Path


@cache
def is_here(file: Path) -> bool:
    return Path(__file__).parent in file.parents


def pytest_collection_modifyitems(items):
    seen = set()
    for item in items:
        if not is_here(item.path):
            continue
        test = (item.path, getattr(item, "originalname", item.name))
        if test in seen:
            item.add_marker("no_cover")
            item.add_marker("further")
        seen.add(test)
