"""The one class in a module that is a check type, and what keeps a class from being one."""

from __future__ import annotations

from contextlib import suppress
from types import ModuleType

import msgspec

from agent.api import Check
from agent.config.sections.check import COMMON
from agent.config.words.wording import members_of
from agent.plugin.units import SettingValue


class CatalogError(Exception):
    """There is no such type, or it cannot be used: its text says why."""


def check_class(module: ModuleType) -> type[Check]:
    """Return the one class in a module that is a check type; CatalogError says why there is none that works."""
    own = (module.__name__, module.__name__ + ".")
    classes = {
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Check) and f"{value.__module__}.".startswith(own[1])
    }
    if not classes:
        raise CatalogError("no class in it is a Check: write `class Name(Check):`")
    if len(classes) > 1:
        raise CatalogError(
            f"more than one Check in it, write a file for each: {', '.join(sorted(cls.__name__ for cls in classes))}"
        )
    cls = classes.pop()
    if cls.run is Check.run:
        raise CatalogError(f"{cls.__name__} has no `run`: write `def run(self, ctx):`")
    if text := _run_fault(cls) or _default_fault(cls):
        raise CatalogError(f"{cls.__name__}: {text}")
    if duplicates := [field.encode_name for field in msgspec.structs.fields(cls) if field.encode_name in COMMON]:
        raise CatalogError(f"every check has the setting '{duplicates[0]}' already: name this type's own differently")
    with suppress(msgspec.ValidationError):
        # Only a setting is missing, perhaps; a TypeError says that a setting has a type that none can have.
        msgspec.convert({}, cls)
    return cls


def _run_fault(cls: type[Check]) -> str:
    """Say how `run` is written where the agent cannot call it; '' where it can."""
    code = getattr(cls.run, "__code__", None)
    if code is None or code.co_flags & _TAKES_ANY:
        return ""
    least = code.co_argcount - len(cls.run.__defaults__ or ())
    return "" if least <= 2 <= code.co_argcount else "`run` is called with one argument: write `def run(self, ctx):`"


_TAKES_ANY = 0x04  # *arguments


def _default_fault(cls: type[Check]) -> str:
    """Say which default is not of its setting's type: nothing converts it, so the check would trip over it."""
    for field in msgspec.structs.fields(cls):
        kinds = [one for one in members_of(field.type) if isinstance(one, type) and issubclass(one, SettingValue)]
        default = field.default
        if not kinds or default is msgspec.NODEFAULT or default is None or isinstance(default, tuple(kinds)):
            continue
        plain_number = isinstance(default, int | float) and issubclass(kinds[0], int | float)
        if len(kinds) == len(members_of(field.type)) - (type(None) in members_of(field.type)) and not plain_number:
            kind = kinds[0].__name__
            return f"the default of '{field.encode_name}' is no {kind}: write {kind}.parse({default!r})"
    return ""
