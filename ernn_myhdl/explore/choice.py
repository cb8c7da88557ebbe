"""What a search chooses of a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Choice:
    """cell: "lstm", "gru" or "rnn". block: size of the blocks; input_block: that of the matrices of x."""

    cell: str
    block: int
    input_block: int

    @property
    def name(self) -> str:
        """For folders."""
        own = f"-input{self.input_block}" if self.input_block != self.block else ""
        return f"{self.cell}-k{self.block}{own}"

    @property
    def text(self) -> str:
        own = f", {self.input_block} for x" if self.input_block != self.block else ""
        return f"{self.cell.upper()}, k = {self.block}{own}"

    def as_dict(self) -> dict:
        return asdict(self)
