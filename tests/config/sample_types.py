"""Check types made for the tests of the configuration: every kind of setting, and one that is broken."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from agent.api import Check, Context, DurationAbove, PercentAbove, PercentBelow, Regex, Result, Size, ok
from agent.config.types.catalog import Catalog


class Filter(Struct, frozen=True, forbid_unknown_fields=True):
    """What to leave out."""

    mount: str | tuple[str, ...] = ()
    type: list[Regex] = []


class Volume(Check):
    """Watches a volume."""

    path: Annotated[str | tuple[str, ...], Meta(description="What to look at | or where.")]
    warning: Annotated[PercentAbove | None, Meta(description="Bad from here.")] = PercentAbove.parse("80%")
    critical: PercentAbove | None = PercentAbove.parse("90%")
    free_warning: PercentBelow | None = None
    free_critical: PercentBelow | None = None
    at_least: Size = Size.parse("1GiB")
    exclude: Filter = Filter()
    count: Annotated[int, Meta(ge=1, le=9)] = 1
    writable: bool | None = None

    def problems(self) -> Iterable[tuple[str, str]]:
        if isinstance(self.path, str) and not self.path.startswith("/"):
            yield "path", f"{self.path!r} does not begin with /, write the whole path"

    def run(self, ctx: Context) -> Iterable[Result]:
        yield ok("fine")


class Web(Check):
    """Asks a URL."""

    fail_after: ClassVar[int] = 2

    url: Annotated[str, Meta(pattern="^https?://", description="What to ask.")]
    method: Literal["GET", "HEAD", "POST"] = "GET"
    ip_version: Literal[4, 6] | None = None
    expect_status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - msgspec copies it
    matches: Regex | None = None
    warning: DurationAbove | None = None
    critical: DurationAbove | None = None

    def problems(self) -> Iterable[tuple[str, str]]:
        if "@" in self.url:
            yield "url", f"{self.url!r} has a user in it, which belongs elsewhere"
        if self.method == "HEAD" and self.matches:
            yield "matches", f"nothing to find in the answer to HEAD of {self.url}"

    def run(self, ctx: Context) -> Iterable[Result]:
        yield ok("fine")


class Samples:
    """The source of these types; `broken` cannot be imported."""

    def names(self) -> Iterable[str]:
        return ("broken", "volume", "web")

    def module(self, name: str) -> ModuleType:
        module = ModuleType(__name__ + "." + name)
        kind = {"volume": Volume, "web": Web}[name]
        setattr(module, kind.__name__, kind)
        module.__name__ = kind.__module__
        assert kind.__module__ in sys.modules
        return module


def sample_catalog() -> Catalog:
    return Catalog([Samples()])
