"""What a check remembers from run to run, and that nothing is kept of what is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.api import Context, Result, Status, critical, ok
from agent.config.settings import CheckConfig, Place
from agent.model import Outcome
from agent.plugin.context import SharedWork
from agent.running.memories import SecondTries
from agent.running.memory_text import MARK
from agent.running.runs import Runs
from tests.running.runs import Bench, Scripted, wait_until


def test_memory_is_given_back_at_the_next_run_and_handed_on_only_when_it_changed() -> None:
    def body(ctx: Context) -> Iterator[Result]:
        ctx.memory["runs"] = min(2, ctx.memory.get("runs", 0) + 1)
        yield ok(str(ctx.memory["runs"]))

    bench = Bench(memories={"web": {"runs": 1}})
    assert [bench.run(body).memory for _ in range(2)] == [{"runs": 2}, None]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=2), inner, max_size=2)),
    max_leaves=4,
)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.sampled_from(["lasting", "x"]), JSON, max_size=2))
def test_whatever_an_earlier_life_remembered_a_check_is_well_at_once(memory: dict[str, Any]) -> None:
    """Another version, or a damaged file, may have left anything: the check begins anew, and nobody is told."""

    def body(ctx: Context) -> Iterator[Result]:
        ctx.memory["lasting"] = {name: first + 0.5 for name, first in ctx.memory.get("lasting", {}).items()}
        yield ok("fine")

    bench = Bench(memories={"web": memory})
    assert bench.run(body).results[0].status is Status.OK


def test_a_bug_in_a_later_run_leaves_the_memory_as_it_is() -> None:
    looks: list[object] = []

    def body(ctx: Context) -> Iterator[Result]:
        looks.append(ctx.memory.get("runs"))
        ctx.memory["runs"] = ctx.memory.get("runs", 0) + 1
        if len(looks) == 2:
            raise KeyError("bug")
        yield ok("fine")

    bench = Bench(memories={"web": {"runs": 7}})
    assert [bench.run(body).results[0].status for _ in range(3)] == [Status.OK, Status.NODATA, Status.OK]
    assert looks == [7, 8, 8]


ODD = st.text(st.sampled_from("a\0\ud800\udcff:é"), max_size=5) | st.just(f"{MARK}zz")
MEMORIES = st.dictionaries(ODD, ODD | st.lists(ODD, max_size=2) | st.dictionaries(ODD, st.integers(0, 9), max_size=2))


@given(MEMORIES)
def test_names_of_any_bytes_can_be_remembered_and_are_the_same_in_the_next_life(memory: dict[str, Any]) -> None:
    looks: list[object] = []

    def body(ctx: Context) -> Iterator[Result]:
        looks.append(dict(ctx.memory))
        ctx.memory.update(memory)
        yield ok("fine")

    bench = Bench()
    first = bench.run(body)
    assert first.results[0].summary == "fine"
    bench.run(body)
    msgspec.json.encode(first.memory)
    Bench(memories={"web": first.memory or {}}).run(body)
    assert looks == [{}, memory, memory]


def test_memory_that_is_not_json_is_a_bug_of_the_check() -> None:
    def body(ctx: Context) -> Iterator[Result]:
        ctx.memory["file"] = object()
        yield ok("fine")

    outcome = Bench().run(body)
    assert "ctx.memory" in outcome.results[-1].summary
    assert outcome.memory is None


# --- nothing is kept of what is gone ----------------------------------------------------------------------------------


def remembering(ctx: Context) -> Iterator[Result]:
    ctx.memory["place"] = 7
    yield critical("seen")


def test_a_run_that_noted_its_memory_is_believed_though_the_agent_stood_still() -> None:
    """What it has noted as told already would be lost if it were run again."""
    tries = SecondTries()
    run = Runs().new(CheckConfig("web", "scripted", Scripted(), Place("x.yaml"), timeout=1.0), 0.0)
    run.context.begin({})
    late = Outcome("web", 1, 0, 100.0, (critical("late"),))
    assert tries.wants(run, late)
    assert not tries.wants(run, late), "not twice in a row"
    assert not tries.wants(run, msgspec.structs.replace(late, memory={"place": 7}))
    assert not tries.wants(run, msgspec.structs.replace(late, results=(ok("fine"),)))


def test_the_memory_of_a_removed_check_does_not_come_back_by_a_run_that_was_still_going_on() -> None:
    bench, begun, go_on = Bench(), threading.Event(), threading.Event()

    def slow(ctx: Context) -> Iterator[Result]:
        begun.set()
        go_on.wait(10)
        return remembering(ctx)

    bench.start(slow)
    assert begun.wait(10)
    bench.runner.forget(["web"])
    go_on.set()
    wait_until(lambda: not len(bench.runner._runs))
    found = bench.run(lambda ctx: iter([ok(str(ctx.memory))]))
    assert (found.results[0].summary, found.memory) == ("{}", None)


def test_after_reloads_the_runner_keeps_nothing_of_what_is_gone() -> None:
    bench = Bench(memories={f"web{number}": {"old": number} for number in range(50)})
    for number in range(50):
        bench.run(remembering, name=f"web{number}")
        bench.runner._second_tries._tries.add(f"web{number}")
        bench.runner.forget([f"web{number}"])
    wait_until(lambda: not len(bench.runner._runs))
    assert (len(bench.runner._memories), len(bench.runner._second_tries)) == (0, 0)


def test_of_shared_work_only_what_was_made_lately_is_kept() -> None:
    shared = SharedWork()
    for number in range(1000):
        shared._making[f"realpath /{number}"] = threading.Lock()
        shared._keep(f"realpath /{number}", number * 10.0, "x")
    assert len(shared._cache) <= 110
    assert len(shared._making) <= 110
