"""The nouns that travel between the rooms: frozen values without behaviour.

Those that are kept by the thousand have `gc=False`: no circle is in them, so the garbage collector need not look at
them, and each takes 16 bytes less.
"""

from agent.model.notification import Destination, Notification
from agent.model.policy import Count, FailAfter, Flapping, Policy
from agent.model.results import LONG_GONE_SECONDS, Metric, Outcome, Pushed, Result, RunStarted
from agent.model.state import Report, State
from agent.model.status import SEVERITY, URGENCY, EventStatus, Status
from agent.model.suppression import LONGEST_SILENCE_SECONDS, Moment, Reason, ReasonKind, Silence

__all__ = [
    "LONGEST_SILENCE_SECONDS",
    "LONG_GONE_SECONDS",
    "SEVERITY",
    "URGENCY",
    "Count",
    "Destination",
    "EventStatus",
    "FailAfter",
    "Flapping",
    "Metric",
    "Moment",
    "Notification",
    "Outcome",
    "Policy",
    "Pushed",
    "Reason",
    "ReasonKind",
    "Report",
    "Result",
    "RunStarted",
    "Silence",
    "State",
    "Status",
]
