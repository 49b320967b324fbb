"""The datasets of a ZFS pool share its space: a full pool is one problem, not one a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from checks.disk.place import Place
from checks.disk.usage import Usage

SHARED = 0.9
"""What has less than this part of the pool's free space has a quota of its own, what has as much more a reservation."""


def merge_pools(places: Iterable[Place], answers: Mapping[str, Usage | Exception]) -> dict[str, Usage | Exception]:
    """Return the answers that are told: of each pool one, with all that its datasets hold; and those with a quota."""
    by_pool: dict[str, list[Place]] = {}
    answers_by_space: dict[str, Usage | Exception] = {}
    for place in places:
        answer = answers.get(place.path)
        if place.mount and place.mount.type == "zfs" and isinstance(answer, Usage) and answer.total:
            by_pool.setdefault(place.mount.device.partition("/")[0], []).append(place)
        elif answer is not None:
            answers_by_space[place.path] = answer
    for datasets in by_pool.values():
        answers_by_space |= _of_one_pool({place.path: answers[place.path] for place in datasets})
    return answers_by_space


def _of_one_pool(answers: Mapping[str, Usage | Exception]) -> dict[str, Usage | Exception]:
    usages = {path: answer for path, answer in answers.items() if isinstance(answer, Usage)}
    # Most have what the pool has; a quota leaves one less, a reservation more.
    amounts = sorted(usage.free for usage in usages.values())
    free = amounts[(len(amounts) - 1) // 2]  # `statistics` and what it imports take 0.3 MB
    shared = {path: usage for path, usage in usages.items() if SHARED * free <= usage.free <= free / SHARED}
    own: dict[str, Usage | Exception] = {path: usage for path, usage in usages.items() if path not in shared}
    used = sum(usage.used for usage in shared.values())
    first = min(shared, key=lambda path: (len(path), path))
    whole = msgspec.structs.replace(shared[first], total=used + free, used=used, free=free)
    return {**own, first: whole}
