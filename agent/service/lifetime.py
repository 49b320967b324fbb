"""One agent process: from its first look at the configuration until it is told to end."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.config.diff import running
from agent.config.drop_ins import NO_CHECK
from agent.config.settings import Config
from agent.engine.destinations import selects
from agent.engine.self_check import stand_ins
from agent.plugin.ownership import weak_spot
from agent.push.control import ControlServer
from agent.service.kept import bounds, with_known_sender
from agent.service.reader import READ_AGAIN, Reader, Shutdown
from agent.service.service import Service
from agent.service.state_directory import WRITER_LOOK_SECONDS, WriterWatch, comes_back, require_own_way
from agent.store import Store
from agent.store.connection import FILE
from agent.system.heap import give_back
from agent.system.redactor import Redactor
from agent.system.sd_notify import ALIVE, READY, STOPPING, Notify
from agent.system.signals import Order, Signals

log = logging.getLogger("hostvigil")

Actions = Mapping[str, Callable[..., Mapping[str, object] | None]]
"""What is done, by the name of the order."""


class ConfigError(Exception):
    """There is nothing to run. Its text says why."""


def run(config_dir: Path, state_dir: Path, at_once: bool, ready: Callable[[Config], None], hide: Redactor) -> None:
    """Run the agent until SIGTERM or SIGINT; SIGHUP reloads. `ready` is called when it is at work.

    `hide` takes secrets out of texts, and is kept up to date here.
    StoreError when the state directory cannot be used, ConfigError when there is not one check to run.
    """
    signals, systemd = Signals(), Notify(os.environ)
    reader = Reader(config_dir, signals)
    if not comes_back(state_dir, signals.to_end_within):
        return
    try:
        config = first_look(reader, config_dir, hide, worked_before=(state_dir / FILE).exists())
    except Shutdown:
        return
    require_own_way(state_dir)
    store = Store.open(state_dir, bounds(config), selects)
    config = with_known_sender(config, store)
    store.set_bounds(bounds(config))
    service = Service(config, store, state_dir, hide, lambda: signals.put(Order("renew keys")))
    # Before the first check runs: who has seen a result may ask for something at once.
    control = ControlServer(state_dir, signals.put)
    control.start()
    service.start(at_once)
    look_after_recorder(service, systemd, state_dir)
    systemd(READY)
    ready(config)
    give_back()  # of what came and went with the modules and the files
    obey_until_end(signals, actions_of(service, reader))
    systemd(STOPPING)
    control.close()
    service.stop()


def look_after_recorder(service: Service, systemd: Notify, state_dir: Path) -> None:
    """Ask the recorder for signs of life: for systemd's watchdog, and for the log when the disk hangs."""
    if systemd.beat_seconds:
        service.every(systemd.beat_seconds, lambda: service.ping(lambda: systemd(ALIVE)))
    service.every(WRITER_LOOK_SECONDS, WriterWatch(state_dir, service.ping).look)


def first_look(reader: Reader, config_dir: Path, hide: Redactor, worked_before: bool) -> Config:
    """Return the configuration at the start; ConfigError when there is not one check to run.

    What does not answer may hold checks: then the agent begins without them, and reads it when it answers. So it does
    with files that are broken, where it worked before: somebody counts on being told.
    """
    config = reader.load()
    hide.apply(config, config)
    if os.geteuid() == 0 and not config.silent and (weak := weak_spot(str(config_dir))):
        log.warning("%s; who can change the configuration can run commands as root", weak)
    waits = config.silent or (worked_before and has_unread_files(config))
    if not config.checks and not stand_ins(config) and not waits:
        raise ConfigError("\n".join(map(str, config.problems)) or f"{config_dir}: no checks to run")
    return config


def has_unread_files(config: Config) -> bool:
    """Tell whether checks may be written in what cannot be read."""
    return any(not problem.check and not problem.aside and problem.text != NO_CHECK for problem in config.problems)


def actions_of(service: Service, reader: Reader) -> Actions:
    """Return what the agent does when it is asked to, by a signal or over its socket."""

    def reload() -> dict[str, object]:
        at_work = service.reload(reader.load())
        give_back()
        problems = list(map(str, at_work.problems))
        return {"checks": len(running(at_work)), "problems": problems, "directory": at_work.directory}

    return {
        "acknowledge": service.steering.acknowledge,
        "reload": reload,
        READ_AGAIN: reload,
        "renew keys": lambda: service.renew_keys(reader.agent()),
        "restate": service.restate,
        "run": service.steering.run,
        "wake": service.wake,
    }


def obey_until_end(signals: Signals, actions: Actions) -> None:
    """Do what is asked for, one after the other, until the agent is told to end."""
    for order in signals:
        obey(order, actions)


def obey(order: Order, actions: Actions) -> None:
    """Do what is asked for and answer; a bug in it ends nothing but this order."""
    try:
        order.answer(actions[order.name](**order.arguments) or {})
    except Shutdown:
        order.answer({"error": "the agent was told to end before it had read the configuration", "ends": True})
    except Exception as error:
        if not takes(actions[order.name], order.arguments):
            order.answer({"error": "the agent does not understand this: was hostvigil upgraded? Restart the agent"})
            return
        log.exception("a bug of ours, the order to %s is lost", order.name)
        order.answer({"error": f"a bug of hostvigil, see its log: {type(error).__name__}"})


def takes(action: Callable[..., object], arguments: Mapping[str, object]) -> bool:
    """Tell whether an action has these parameters: a command of another version may ask with others."""
    import inspect

    try:
        inspect.signature(action).bind(**arguments)
    except TypeError:
        return False
    return True
