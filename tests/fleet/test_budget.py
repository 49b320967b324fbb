"""The budget: never above a key's rate nor the workspace's, whatever the answers; a bad key stops only itself."""

from __future__ import annotations

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.delivery.answer import Answer, Verdict
from agent.fleet.budget import Budget, fingerprint

KEYS = ["one", "two", "three"]
VERDICTS = st.sampled_from(
    [Verdict.DELIVERED, Verdict.DELIVERED, Verdict.THROTTLED, Verdict.UNAVAILABLE, Verdict.BAD_KEY]
)


def most_in_a_minute(times: list[float]) -> int:
    return max((sum(start <= at < start + 60 for at in times) for start in times), default=0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(VERDICTS, st.floats(0, 3)), max_size=150))
def test_no_answer_lets_a_key_or_the_workspace_pass_its_rate(answers: list[tuple[Verdict, float]]) -> None:
    budget, now = Budget(KEYS, 20, 30, random.Random(1)), 0.0
    made: dict[str, list[float]] = {fingerprint(key): [] for key in KEYS}
    running: list[tuple[float, str, Verdict]] = []
    for verdict, seconds in answers:
        while (wait := budget.wait(now)) > 0:
            running.sort()
            end = running[0][0] if running else math.inf
            if end <= now + wait:
                now = max(now, end)
                _, key, said = running.pop(0)
                budget.note_answer(key, Answer(said, "x"), now)
            else:
                now += wait + 1e-6
        key = budget.take(now)
        made[key].append(now)
        running.append((now + seconds, key, verdict))
    assert all(most_in_a_minute(times) <= 20 for times in made.values())
    assert most_in_a_minute([at for times in made.values() for at in times]) <= 30


def test_a_bad_key_rests_and_the_others_go_on() -> None:
    budget = Budget(KEYS, 20, 200, random.Random(1))
    bad = budget.take(0.0)
    budget.note_answer(bad, Answer(Verdict.BAD_KEY, "HTTP 403"), 0.1)
    used = set()
    for _ in range(10):
        key = budget.take(0.2)
        used.add(key)
        budget.note_answer(key, Answer(Verdict.DELIVERED, ""), 0.2)
    assert used == {fingerprint(key) for key in KEYS} - {bad}
    assert budget.keys[bad].problem == "HTTP 403"


def test_requests_of_the_relay_before_count() -> None:
    budget = Budget(["one"], 20, 200, random.Random(1))
    budget.remember([(fingerprint("one"), -10.0)] * 20)
    assert budget.free(0.0) == 0 and 0 < budget.wait(0.0) <= 50
    assert budget.wait(50.1) == 0


def test_an_outage_makes_all_wait_and_ends_with_the_first_that_gets_through() -> None:
    budget, now = Budget(KEYS, 20, 200, random.Random(1)), 0.0
    for _ in range(8):
        now += budget.wait(now)
        budget.note_answer(budget.take(now), Answer(Verdict.UNAVAILABLE, "down"), now)
    assert budget.wait(now) > 15
    now += budget.wait(now)
    budget.note_answer(budget.take(now), Answer(Verdict.DELIVERED, ""), now)
    assert budget.wait(now) == 0
