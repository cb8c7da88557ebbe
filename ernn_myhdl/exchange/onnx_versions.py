"""What operators of ONNX mean in a file's version of the operator set, where that differs."""

from __future__ import annotations

from typing import Any

from ernn_myhdl.errors import DesignError

#: First version in which Softmax is over one axis, the last one where none is named.
_ONE_AXIS = 13
#: First version in which constants are broadcast from the last axis on, as NumPy does.
_BROADCAST = 7


def attributes_of_version(node: Any, attributes: dict, version: int) -> dict:
    """The attributes of a node, with what the version of the operator set says of those that it leaves out.

    flattened: whether a Softmax is over its axis and all behind it together, as before version 13. Raises DesignError where a
    constant begins at an axis, as before version 7.
    """
    if version < _BROADCAST and attributes.get("broadcast") and attributes.get("axis", -1) != -1:
        raise DesignError(
            f"node {node.name or (node.output or ['?'])[0]!r} ({node.op_type}): its second input begins at axis {attributes['axis']}, as before version "
            f"{_BROADCAST} of ONNX's operators; convert the file with onnx.version_converter.convert_version(model, {_ONE_AXIS})"
        )
    if node.op_type not in ("Softmax", "LogSoftmax"):
        return attributes
    flattened = version < _ONE_AXIS
    return {"axis": 1 if flattened else -1, "flattened": int(flattened)} | attributes
