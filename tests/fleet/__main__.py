"""python -m tests.fleet [NAME ...]: the long series, each printed with its figures; exits 1 where one is not good."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.fleet.network import Network
from tests.fleet.relay_process import RelayProcess
from tests.fleet.simulator import Box, Figures, killing, storm, unplugging
from tests.fleet.steady import Fallen, Steady, fallen, steady

FAST = ", rate_limit: 6000/min, workspace_limit: 6000/min"


def outage(keys: int, within: float) -> Callable[[Path], Figures]:
    """10,000 hosts, one change each within 10 s."""
    return lambda folder: asyncio.run(Box(folder, keys).run(storm(10_000, 10.0), within))


def kills(folder: Path) -> Figures:
    """20,000 changes, 50 kills of relays, 20 of the broker, 5 cuts, and once its disk is lost."""
    box = Box(folder, 10, limits=FAST, per_key=6000, per_workspace=6000)
    return asyncio.run(box.run(killing(20_000, 50, 20, forget=True, seed=7, cuts=5), 300.0))


def cluster(folder: Path) -> Figures:
    """Three brokers: 3,000 changes, 10 kills of relays, 10 of brokers one at a time, 5 cuts."""
    box = Box(folder, 10, limits=FAST, cluster=True, per_key=6000, per_workspace=6000)
    return asyncio.run(box.run(killing(3_000, 10, 10, forget=False, seed=3, cuts=5), 300.0))


def well(folder: Path) -> Steady:
    """10,000 hosts with a sign of life a minute each."""
    return steady(10_000, 60.0, 120.0, folder)


def cables(folder: Path) -> Figures:
    """Three brokers and two relays on a network of their own: 2,000 changes, 20 pulls of 3 to 9 s."""
    with Network("broker-0", "broker-1", "broker-2", "relay-0", "relay-1") as network:
        box = Box(folder, 10, limits=FAST, network=network, per_key=6000, per_workspace=6000)
        try:
            return asyncio.run(box.run(unplugging(network, 1_600, 20, seed=11), 300.0))
        finally:
            network.hang_up()


def silence_falls(folder: Path) -> Fallen:
    """10,000 hosts with a sign of life every 20 s, which all stop at once, and begin again."""
    return fallen(10_000, 20.0, folder)


SERIES: dict[str, Callable[[Path], Figures | Steady | Fallen]] = {
    "outage-ten-keys": outage(10, 120.0),
    "outage-one-key": outage(1, 600.0),
    "steady": well,
    "silence-falls": silence_falls,
    "kills": kills,
    "cluster": cluster,
    "cables": cables,
}


def main(names: list[str]) -> int:
    RelayProcess.measured, good = True, True
    for name in names or SERIES:
        with tempfile.TemporaryDirectory(prefix="hostvigil-fleet-") as folder:
            figures = SERIES[name](Path(folder))
        good &= figures.good
        print(f"{name}: {'good' if figures.good else 'NOT GOOD'} {msgspec.json.encode(figures).decode()}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
