"""Check type `pushed`: results come from outside."""

from collections.abc import Iterator

from agent.api import CheckError, Context, PushedCheck, Result


class Pushed(PushedCheck, frozen=True):
    """Waits for results that a cron job, a backup or a deploy step hands in: a dead man's switch.

    `hostvigil report NAME STATUS "summary"` hands one in; `hostvigil wrap NAME -- command` runs a command and hands in
    what became of it. Without a result for `ttl` the check is nodata; with `max_run`, a command under `wrap` that runs
    longer is critical while it still runs.

        backup: {type: pushed, ttl: 25h, max_run: 3h}
    """

    def run(self, ctx: Context) -> Iterator[Result]:
        raise CheckError("its results are pushed (hostvigil report, hostvigil wrap); see hostvigil status")
        yield
