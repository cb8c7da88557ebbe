"""Coverage is measured in the first case of each test of this folder only: it makes a simulation twice as long."""

from pathlib import Path


def pytest_collection_modifyitems(items):
    seen = set()
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        test = (item.path, getattr(item, "originalname", item.name))
        if test in seen:
            item.add_marker("no_cover")
        seen.add(test)
