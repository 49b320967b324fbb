"""What the recorder needs of everybody else, made anew for each configuration."""

from __future__ import annotations

import msgspec

from agent.config.diff import running
from agent.config.settings import Config
from agent.delivery.emitters import destinations
from agent.engine.composer import Composer
from agent.engine.destinations import Targets
from agent.engine.recorder.commands import Observe, OnAdoption, RecorderConfig, Suppress
from agent.engine.self_check import OWN_NAME, own_check, stand_ins
from agent.engine.suppression.reasons import Suppression
from agent.engine.suppression.silences import Silences
from agent.engine.suppression.windows import Windows


class RecorderWiring(msgspec.Struct, frozen=True):
    """Whom the recorder works with; `config_of` adds what one configuration wants."""

    composer: Composer
    silences: Silences
    take_over: OnAdoption
    observe: Observe

    def config_of(self, config: Config) -> RecorderConfig:
        """Return what the recorder is to know of a configuration. Any thread."""
        at_work = running(config)
        return RecorderConfig(
            {**at_work, **stand_ins(config), OWN_NAME: own_check()},
            self.composer.of_change,
            suppressor(config, self.silences),
            retire=config.complete,
            off=config.checks.keys() - at_work.keys(),
            targets=Targets(destinations(config.agent), config.agent_readable),
            compose_standing=self.composer.of_standing,
            on_adoption=self.take_over,
            tags=config.agent.tags,
            observe=self.observe,
        )


def suppressor(config: Config, silences: Silences) -> Suppress:
    """Return what gathers all that may suppress at a moment."""
    agent, checks, ends = config.agent, config.checks, Windows().ends
    return lambda states: Suppression.at_work(agent, checks, silences(), ends, states)
