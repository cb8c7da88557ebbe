"""Of each test of this folder the first case is for every change; the others are marked `further`, which `make check` leaves to
`make test`. Coverage is measured in the first cases only: it makes a simulation twice as long."""

from pathlib import Path


def pytest_collection_modifyitems(items):
    seen = set()
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        test = (item.path, getattr(item, "originalname", item.name))
        if test in seen:
            item.add_marker("no_cover")
            item.add_marker("further")
        seen.add(test)
