"""What a host must know of the memories of a core that loads its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ernn_myhdl.errors import DesignError
from ernn_myhdl.host.weight_image import MemoryShape, check_structure, shapes_of


@dataclass(frozen=True)
class LoadableWeights:
    """banks: 1 or 2. structure: digest of the structure, 64 digits. memories: those that load, by their numbers."""

    banks: int
    structure: str
    memories: tuple[MemoryShape, ...]

    def record(self) -> dict[str, Any]:
        """As `system.json` holds it."""
        memories = [memory.record() for memory in self.memories]
        return {"banks": self.banks, "structure": self.structure, "memories": memories}


def weights_of(record: object, where: str) -> LoadableWeights | None:
    """The entry `weights` of a `system.json`, which has none where they are fixed; DesignError naming `where`."""
    if record is None:
        return None
    if not isinstance(record, Mapping) or record.get("banks") not in (1, 2):
        raise DesignError(
            f"{where}: weights = {record!r}: must have banks (1 or 2), structure and memories; convert the design again"
        )
    structure = check_structure(record.get("structure"), f"{where}: weights")
    return LoadableWeights(record["banks"], structure, shapes_of(record.get("memories"), where))
