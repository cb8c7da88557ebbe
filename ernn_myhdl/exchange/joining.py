"""The order of the modules of a state dict, which the dict itself does not tell.

It is the order in which the sizes fit, linear layers last where they can be. Where several fit, it is
the order of a .pt file; a .safetensors file has none, so `--order` must name it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ernn_myhdl.design.dense import DenseLayer, check_chain
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.state_dict import Module

#: With more modules the orders are not tried.
MOST_TRIED = 8


def joined(
    modules: Sequence[Module],
    order: Sequence[str] | None,
    ordered: bool,
    checked: bool = False,
) -> list[Module]:
    """The modules one after the other.

    order: their names, or None. ordered: whether the given order may decide between several that fit. checked:
    whether their outputs are compared with the model's afterwards, so that a guess does no harm.
    """
    if order is not None:
        chain = named_modules(modules, order)
        check_chain(layers_of(chain))
        return chain
    chain = _found(modules, ordered)
    if checked:
        return chain
    _check_embeddings(chain)
    for this, following in zip(chain, chain[1:], strict=False):
        if not (this.recurrent or following.recurrent):
            raise DesignError(
                f"modules {this} and {following} follow each other: a state dict does not tell the "
                "function between them; import an ONNX file, which does, or join them without one "
                f"with --order {_names(chain)}"
            )
    return chain


def _check_embeddings(chain: Sequence[Module]) -> None:
    """DesignError where a matrix may be a linear layer or a table of vectors that a recurrent one takes."""
    recurrent = next((m for m in chain if m.recurrent), None)
    for module in chain:
        if (
            recurrent
            and not module.recurrent
            and not module.bias
            and module.inputs == recurrent.inputs
        ):
            raise DesignError(
                f"module {module}: has no bias, and rows as long as the inputs of {recurrent}, so it may be an "
                "embedding, which the core does not hold; if it is a linear layer, name the order with --order "
                f"{_names(chain)}, or give outputs of the model with --reference; else save the state dict without it, "
                "and give the embedded vectors to the core"
            )


def layers_of(modules: Sequence[Module]) -> list[DenseLayer]:
    """The layers of all modules."""
    return [layer for module in modules for layer in module.layers]


def _names(modules: Sequence[Module]) -> str:
    return ",".join(m.name for m in modules)


def named_modules(modules: Sequence[Module], order: Sequence[str]) -> list[Module]:
    """The modules with these names.

    The last part of a name is enough, or its kind (a linear layer's is "linear" or "head"), where it is
    the only such.
    """
    chain = []
    for name in order:
        found = [m for m in modules if m.name == name]
        found = found or [m for m in modules if m.name.rpartition(".")[2] == name]
        found = found or [m for m in modules if m.kind == {"head": "linear"}.get(name, name)]
        if len(found) != 1:
            count = "several modules" if found else "no module"
            raise DesignError(
                f"--order names {name!r}, which is {count} of this file; its modules are "
                f"{_names(modules)}"
            )
        chain += found
    left = [m for m in modules if m not in chain]
    if left or len(chain) != len(modules):
        what = f"leaves out {_names(left)}" if left else "names a module twice"
        raise DesignError(f"--order {','.join(order)}: {what}; name each of {_names(modules)} once")
    return chain


def _found(modules: Sequence[Module], ordered: bool) -> list[Module]:
    advice = f"name the order with --order, for example --order {_names(modules)}"
    if len(modules) > MOST_TRIED:
        raise DesignError(f"modules {_names(modules)}: too many to find their order; {advice}")
    for tried in (_chains(modules, linear_last=True), _chains(modules)):
        first = next(tried, None)
        if first is None:
            continue
        if next(tried, None) is None:
            return first
        if ordered and _fits(modules):
            return list(modules)
        raise DesignError(f"modules {', '.join(map(str, modules))} fit in several orders; {advice}")
    listed = ", ".join(map(str, modules))
    raise DesignError(
        f"modules {listed}: in no order do the outputs of each fit the inputs of the next; a "
        "model with branches, concatenations or attention is no chain of layers"
    )


def _fits(modules: Sequence[Module]) -> bool:
    return all(a.outputs == b.inputs for a, b in zip(modules, modules[1:], strict=False))


def _chains(modules: Sequence[Module], linear_last: bool = False) -> Iterator[list[Module]]:
    """Every order in which the sizes fit; linear_last: linear layers come after all others."""

    def extend(chain: list[Module], left: list[Module]) -> Iterator[list[Module]]:
        if not left:
            yield chain
        recurrent = any(m.recurrent for m in left)
        for i, module in enumerate(left):
            early = linear_last and recurrent and not module.recurrent
            if not early and (not chain or chain[-1].outputs == module.inputs):
                yield from extend([*chain, module], left[:i] + left[i + 1 :])

    return extend([], list(modules))
