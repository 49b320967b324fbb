"""Tags that the cloud tells of this host: asked once, by a thread of its own, and never waited for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.config.settings import Config

log = logging.getLogger("hostvigil")

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
"""Seconds between tries; each pause is twice the last."""


class CloudTags:
    """What is known so far. Any thread may call it; `apply` is for the main thread, `_look` is a thread's own."""

    def __init__(self, ask: Callable[[str], dict[str, str]] | None = None) -> None:
        self._ask = ask or _ask_cloud
        self._answers: list[dict[str, str]] = []
        """One answer, or none yet: of the choice that holds, and no other thread writes there."""
        self._over = threading.Event()
        """Ends the thread that looks for what was chosen before."""

    def __call__(self) -> dict[str, str]:
        return self._answers[0] if self._answers else {}

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration; what the cloud says is looked for aside."""
        cloud = new.agent.cloud_tags
        if cloud == old.agent.cloud_tags:
            return
        self._over.set()
        self._over, self._answers = threading.Event(), []
        if cloud != "none":
            threading.Thread(
                target=self._look, args=(cloud, self._answers, self._over), name="cloud-tags", daemon=True
            ).start()

    def _look(self, cloud: str, answers: list[dict[str, str]], over: threading.Event) -> None:
        pause, has_warned = FIRST_PAUSE, False
        while not over.is_set():
            try:
                answers.append(self._ask(cloud))
                return
            except OSError as error:
                if not has_warned:
                    log.warning("agent.cloud_tags: %s; events go without these tags, asked again later", error)
                has_warned = True
                over.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)


def _ask_cloud(cloud: str) -> dict[str, str]:
    # Late: who has no cloud does not pay for the client.
    from agent.system.clouds import cloud_tags

    return cloud_tags(cloud)
