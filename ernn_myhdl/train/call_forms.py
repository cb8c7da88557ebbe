"""Calls with arguments that a function does not have, told with the form that it has."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ernn_myhdl.errors import DesignError

T = TypeVar("T", bound=Callable[..., Any])


def checked_call(function: T) -> T:
    """The function, or the class, with a DesignError that tells its form where a call does not fit it."""
    name = function.__name__
    signature = inspect.signature(function)

    def check(arguments: tuple, keywords: Mapping[str, object]) -> None:
        try:
            signature.bind(*arguments, **keywords)
        except TypeError as error:
            raise DesignError(f"{name}: {error}; its form is {name}{form_of(signature)}") from None

    if not isinstance(function, type):

        @functools.wraps(function)
        def call(*arguments, **keywords):
            check(arguments, keywords)
            return function(*arguments, **keywords)

        return call  # type: ignore[return-value]  # of the same form

    own = function.__init__  # type: ignore[misc]  # of the class itself

    @functools.wraps(own)
    def create(self, *arguments, **keywords):
        if type(self) is function:
            check(arguments, keywords)
        own(self, *arguments, **keywords)

    function.__init__ = create  # type: ignore[misc]  # of the class itself
    return function


def form_of(signature: inspect.Signature) -> str:
    """The arguments in brackets, with what they are where they are left out."""
    parts = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            parts.append(f"**{parameter.name}")
        elif parameter.default is parameter.empty:
            parts.append(parameter.name)
        else:
            default = getattr(parameter.default, "__name__", None) or repr(parameter.default)
            parts.append(f"{parameter.name}={default}")
    return f"({', '.join(parts)})"
