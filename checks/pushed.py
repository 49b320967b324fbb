"""Check type `pushed`: results come from outside."""

from collections.abc import Iterator

from agent.api import CheckError, Context, Host, PushedCheck, Result, Suggestion
from checks._cron_jobs import job

CRONTABS = {"/etc/crontab": 1, "/etc/cron.d/*": 1, "/var/spool/cron/crontabs/*": 0, "/var/spool/cron/*": 0}
"""And how many words with the user's name stand before the command."""
DISTRIBUTION = ("e2scrub_all", "anacron", "popularity-contest", "sysstat", "php", "mdadm", "certbot", "0hourly")
"""Files in /etc/cron.d that an update would write anew, and nobody waits for."""


class Pushed(PushedCheck, frozen=True):
    """Waits for results that a cron job, a backup or a deploy step hands in: a dead man's switch.

    `hostvigil report NAME STATUS "summary"` hands one in; `hostvigil wrap NAME -- command` runs a command and hands in
    what became of it. Without a result for `ttl` the check is nodata; with `max_run`, a command under `wrap` that runs
    longer is critical while it still runs. Who pushed it is in the details; `from` names who may. What waited in the
    spool counts as pushed by the owner of its file, for root that is the agent's user.

    ```yaml
    checks:
      backup: {type: pushed, ttl: 25h, max_run: 3h}
      deploy: {type: pushed, ttl: 30d, from: [root]}
    ```
    """

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        for pattern, users in CRONTABS.items():
            for file in host.glob(pattern):
                if file.rpartition("/")[2] in DISTRIBUTION:
                    continue
                for number, line in enumerate(host.read(file).splitlines(), 1):
                    if entry := job(line, users):
                        yield _suggest(*entry, f"{file}, line {number}")

    def problems(self) -> Iterator[tuple[str, str]]:
        if not self.ttl:
            yield "ttl", "0s is over at once: write the longest time between two results, for example 25h"
        if self.max_run is not None and not self.max_run:
            yield "max_run", "0s is over at once: write the longest time of a run, for example 3h, or null for none"

    def run(self, ctx: Context) -> Iterator[Result]:
        raise CheckError("its results are pushed (hostvigil report, hostvigil wrap); see hostvigil status")
        yield


def _suggest(program: str, ttl: str, where: str) -> Suggestion:
    name = program.rpartition("/")[2]
    off = f"write `hostvigil wrap {name} --` before its command, then take away the # here."
    return Suggestion(name=name, settings={"ttl": ttl}, why=f"{where} runs {program}.", about=None, off=off)
