"""The examples of docs/api.md: each is a whole program, and a test runs it."""

from __future__ import annotations

LEVELS = """
from agent.api import Check, {name}, judge
from agent.testing import ran


class Waiting(Check):
    level: {name}

    def run(self, ctx):
        yield judge("value", {value}, critical=self.level)


ran(Waiting(level={name}.parse("{level}"))).is_critical()
ran(Waiting(level={name}.parse("{range}"))).is_ok()
"""
VALUES = """
from agent.api import {name}

assert {name}.parse("{text}") == {value}  # as YAML writes it; the number is in base units
"""
STATUS = """
from agent.api import {name}

result = {name}("3 orders wait", subject="eu", details="the oldest: 17 minutes")
assert (result.status.name, result.subject) == ("{status}", "eu")
"""


def _level(name: str, value: str, level: str, outside: str) -> str:
    return LEVELS.format(name=name, value=value, level=level, range=outside).strip()


def _value(name: str, text: str, value: str) -> str:
    return VALUES.format(name=name, text=text, value=value).strip()


def _status(name: str) -> str:
    return STATUS.format(name=name, status=name.upper()).strip()


CHECK = """
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from agent.api import Check, CheckError, NumberAbove, judge
from agent.testing import ran


class Lines(Check):
    \"\"\"Counts the lines of a file.\"\"\"

    path: Annotated[str, Meta(description="The file.")]
    critical: Annotated[NumberAbove | None, Meta(description="Critical from this many.")] = None

    def run(self, ctx):
        try:
            count = len(Path(self.path).read_text().splitlines())
        except OSError as error:
            raise CheckError(f"{self.path}: {error.strerror}") from None
        yield judge("lines", count, critical=self.critical, summary=f"{count} lines")


ran(Lines(path="/etc/hostname")).is_ok("lines")
ran(Lines(path="/none")).is_nodata("No such file")
"""

CONTEXT = """
from agent.api import Check, ok
from agent.testing import ran


class Turns(Check):
    def run(self, ctx):
        ctx.memory["turns"] = ctx.memory.get("turns", 0) + 1  # kept until the next run, over restarts
        size = ctx.call("stat /etc", lambda: len("what may hang"))  # given up at the deadline
        table = ctx.shared("the table", dict)  # made once for all runs due together
        yield ok(f"turn {ctx.memory['turns']}, {size}, {table}, {ctx.remaining():.0f}s left")


first = ran(Turns())
ran(Turns(), memory=first.memory).is_ok("turn 2")
"""

HOST = """
from agent.api import Check, Host, Suggestion, ok


class Swap(Check):
    path: str = "/proc/swaps"

    def run(self, ctx):
        yield ok("here")

    @classmethod
    def discover(cls, host: Host):
        for path in host.glob("/proc/swap*"):
            yield Suggestion(name="swap", settings={"path": path}, why=f"{path} is there", about=("path",))


assert all(one.name == "swap" for one in Swap.discover(Host()))
"""

PUSHED = """
from typing import ClassVar

from agent.api import Duration, PushedCheck


class Nightly(PushedCheck):
    \"\"\"Waits for the nightly job: `hostvigil report NAME ok`, or `hostvigil wrap NAME -- command`.\"\"\"

    fail_after: ClassVar[int] = 1


assert Nightly(ttl=Duration.parse("25h")).ttl == 90000
"""

REGEX = """
from agent.api import Regex

found = Regex.parse(r"took (\\\\d+)ms").search("it took 12ms")
assert found and found[1] == "12"
"""

SETTING = """
from agent.api import Check, SettingValue, ok
from agent.testing import ran


class Color(str, SettingValue):
    \"\"\"A color of the traffic light.\"\"\"

    @classmethod
    def parse(cls, value: object) -> "Color":
        if value not in ("red", "green"):
            raise ValueError(f"{value!r} is no color, write red or green")
        return cls(value)


class Light(Check):
    color: Color

    def run(self, ctx):
        yield ok(f"it is {self.color}")


ran(Light(color=Color.parse("red"))).is_ok("it is red")
"""

JUDGE = """
from agent.api import PercentAbove, Status, judge

result = judge("used", 91.5, PercentAbove.parse("80%"), PercentAbove.parse("90%"), unit="%", subject="/")
assert result.status is Status.CRITICAL
assert result.metrics[0].value == 91.5
"""

METRIC = """
from agent.api import Check, Metric, ok
from agent.testing import ran


class Users(Check):
    def run(self, ctx):
        yield ok("3 users")
        yield Metric("users", 3)  # a number that no level judges
        yield Metric("idle", 1.5, "s")  # base units: s, B, %


assert ran(Users()).metrics["idle"].value == 1.5
"""

RANGE = """
from agent.api import Range

assert Range.parse("10:20").alerts(25)  # bad outside
assert Range.parse("@10:20").alerts(15)  # bad inside
assert not Range.parse("~:10").alerts(-5)  # bad above 10
"""

RESULT = """
from agent.api import Result, Status

result = Result(Status.WARNING, "3 orders wait", subject="eu")
assert result.metrics == ()
"""

FILES = """
import tempfile
from pathlib import Path

from agent.testing import files

root = files(Path(tempfile.mkdtemp()), {"proc/loadavg": "0.1 0.2 0.3 1/2 3"})
assert (root / "proc/loadavg").read_text().startswith("0.1")
"""

SERVING = """
import urllib.request

from agent.testing import serving

with serving({"/health": (200, "fine")}) as server:
    assert urllib.request.urlopen(f"{server.url}/health").read() == b"fine"
    assert server.requests == ["GET /health"]
"""

TYPE = """
import tempfile
from pathlib import Path

from agent.testing import check_type, ran

file = Path(tempfile.mkdtemp()) / "always_ok.py"
file.write_text('''
"\\\\""Always ok."\\\\""
from agent.api import Check, ok


class AlwaysOk(Check):
    "\\\\""Is ok."\\\\""

    def run(self, ctx):
        yield ok("fine")
''')
ran(check_type(file)()).is_ok("fine")
"""

EXAMPLES = {
    "Check": CHECK,
    "CheckError": CHECK,
    "Context": CONTEXT,
    "Duration": _value("Duration", "5m", "300"),
    "DurationAbove": _level("DurationAbove", "400", "5m", "1m:10m"),
    "DurationBelow": _level("DurationBelow", "200", "5m", "1m:10m"),
    "Host": HOST,
    "Level": _level("NumberAbove", "25", "20", "20:30"),
    "Metric": METRIC,
    "Number": _value("Number", "2.5", "2.5"),
    "NumberAbove": _level("NumberAbove", "25", "20", "20:30"),
    "NumberBelow": _level("NumberBelow", "5", "10", "1:10"),
    "Percent": _value("Percent", "80%", "80"),
    "PercentAbove": _level("PercentAbove", "95", "90%", "90%:100%"),
    "PercentBelow": _level("PercentBelow", "5", "10%", "1%:10%"),
    "PushedCheck": PUSHED,
    "Range": RANGE,
    "Regex": REGEX.replace("\\\\", "\\"),
    "Result": RESULT,
    "SettingValue": SETTING,
    "Size": _value("Size", "5GiB", "5 * 1024**3"),
    "SizeAbove": _level("SizeAbove", "6 * 1024**3", "5GiB", "5GiB:7GiB"),
    "SizeBelow": _level("SizeBelow", "1024**3", "5GiB", "1MiB:5GiB"),
    "Status": RESULT,
    "Suggestion": HOST,
    "critical": _status("critical"),
    "duration_text": 'from agent.api import duration_text\n\nassert duration_text(125) == "2m 5s"',
    "host_path": '''import os

from agent.api import host_path

os.environ["HOST_PROC"] = "/proc"  # as in a container that has the host's /proc elsewhere
assert host_path("/proc/loadavg").read_text()
assert str(host_path("/etc/fstab")) == "/etc/fstab"''',
    "judge": JUDGE,
    "nodata": _status("nodata"),
    "ok": _status("ok"),
    "size_text": 'from agent.api import size_text\n\nassert size_text(1536) == "1.5 KiB"',
    "warning": _status("warning"),
    "weak_spot": 'from agent.api import weak_spot\n\nassert weak_spot("/none") == ""',
    "ran": METRIC,
    "check_type": TYPE.replace('"\\\\""', '"""'),
    "Ran": CONTEXT,
    "files": FILES,
    "serving": SERVING,
    "HttpServer": SERVING,
}
"""By name. The same example may stand for two names: then it stands at the first, and the second refers to it."""


def example(name: str) -> str:
    """Return the example as Markdown, or a link to where it stands already."""
    text = EXAMPLES[name]
    first = next(other for other, found in EXAMPLES.items() if found == text)
    if first != name:
        return f"Example: see [{first}](#{first.lower()}).\n"
    return f"```python\n{text.strip()}\n```\n"
