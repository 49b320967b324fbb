"""All forms, by the command that prints them."""

from __future__ import annotations

import msgspec

from agent.view.forms.check import CheckForm
from agent.view.forms.events import EventsForm
from agent.view.forms.explain import ExplainForm
from agent.view.forms.history import HistoryForm
from agent.view.forms.status import StatusForm

FORMS: dict[str, type[msgspec.Struct]] = {
    "status": StatusForm,
    "explain": ExplainForm,
    "events": EventsForm,
    "check": CheckForm,
    "history": HistoryForm,
}
