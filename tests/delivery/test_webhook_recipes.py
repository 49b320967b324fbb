"""Each recipe makes what the service documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from agent.config.drop_ins import load
from agent.config.sections.destination import WebhookSettings
from agent.delivery.answer import Verdict
from agent.delivery.digest import digest
from agent.delivery.sinks.webhook.webhook import Webhook
from agent.model import EventStatus
from tests.config.sample_types import sample_catalog
from tests.delivery.deliveries import NOW, critical, no_news
from tests.delivery.webhooks import PROBLEM
from tests.stand_ins.web_service import Post, WebService

DOCUMENT = Path(__file__).parents[2] / "docs/destinations.md"


RECIPES = dict(re.findall(r"<!-- recipe: (\w+) -->\n```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL))


RECOVERY = msgspec.structs.replace(PROBLEM, id="e2", status=EventStatus.OK, previous=EventStatus.CRITICAL, at=NOW + 9)


def settings(text: str, folder: Path, url: str) -> WebhookSettings:
    """Load a recipe as a drop-in, its address replaced by the stand-in's; what it reads from files is made up."""
    text = re.sub(r"url: \$\{file:\S+\}", f"url: {url}/hook", text)
    text = re.sub(r"\$\{file:\S+?\}", "made-up-key", text)
    text = re.sub(r"url: https?://[^/\s]+", f"url: {url}", text)
    folder.mkdir()
    (folder / "0.yaml").write_text(text + "checks: {a: {type: volume, path: /}}\n")
    config = load(folder, sample_catalog(), {})
    assert [problem for problem in config.problems if not problem.check] == []
    return next(iter(config.agent.destinations.values()))


# --- the forms that the services document -----------------------------------------------------------------------------


def is_ntfy(post: Post) -> None:
    assert post.path == "/"
    assert isinstance(post.json["topic"], str)
    assert isinstance(post.json["title"], str)
    assert all(isinstance(tag, str) for tag in post.json["tags"])


def is_slack(post: Post) -> None:
    assert post.json.keys() <= {"text", "blocks", "attachments"}
    assert post.json["text"].startswith("*")


def is_teams(post: Post) -> None:
    assert post.json["type"] == "message"
    (card,) = post.json["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["type"] == "AdaptiveCard"
    assert all(block["type"] == "TextBlock" and block["text"] for block in card["content"]["body"])


def is_dingtalk(post: Post) -> None:
    assert post.json["msgtype"] == "text"
    assert post.json["text"]["content"].startswith("hostvigil: ")
    assert len(post.body) <= 20_000


def is_wecom(post: Post) -> None:
    assert post.json["msgtype"] == "text"
    assert 0 < len(post.json["text"]["content"].encode()) <= 2048


def is_feishu(post: Post) -> None:
    assert post.json["msg_type"] == "text"
    assert post.json["content"]["text"].startswith("hostvigil: ")
    assert len(post.body) <= 20_000


def is_pagerduty(post: Post) -> None:
    assert post.path == "/v2/enqueue"
    assert post.json["routing_key"] == "made-up-key"
    assert post.json["event_action"] in ("trigger", "resolve")
    assert 0 < len(post.json["dedup_key"]) <= 255
    payload = post.json["payload"]
    assert payload["severity"] in ("critical", "error", "warning", "info")
    assert 0 < len(payload["summary"]) <= 1024
    assert payload["source"]


def is_alertmanager(post: Post) -> None:
    assert post.path == "/api/v2/alerts"
    (alert,) = post.json
    assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) for name in alert["labels"])
    for name in ("startsAt", "endsAt"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", alert[name])
    assert alert["startsAt"] <= alert["endsAt"]


def is_healthchecks(post: Post) -> None:
    assert re.fullmatch(r"/[0-9a-f-]{36}/(fail|0)", post.path)


FORMS: dict[str, Callable[[Post], None]] = {
    "ntfy": is_ntfy,
    "slack": is_slack,
    "teams": is_teams,
    "dingtalk": is_dingtalk,
    "wecom": is_wecom,
    "feishu": is_feishu,
    "pagerduty": is_pagerduty,
    "alertmanager": is_alertmanager,
    "healthchecks": is_healthchecks,
}


TAKEN = {
    "dingtalk": b'{"errcode":0,"errmsg":"ok"}',
    "wecom": b'{"errcode":0,"errmsg":"ok"}',
    "feishu": b'{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}',
}
"""What a service says that is not content with a status."""


def test_each_recipe_has_its_form() -> None:
    assert RECIPES.keys() == FORMS.keys()


@pytest.mark.parametrize("recipe", FORMS)
@pytest.mark.parametrize("status", EventStatus)
def test_a_recipe_makes_what_the_service_documents(recipe: str, status: EventStatus, tmp_path: Path) -> None:
    with WebService(lambda post: (200, TAKEN.get(recipe, b"ok"))) as service:
        sink = Webhook(settings(RECIPES[recipe], tmp_path / "conf.d", service.url))
        for told in (PROBLEM, RECOVERY, msgspec.structs.replace(PROBLEM, status=status)):
            assert sink.post(sink.render(told)).verdict is Verdict.DELIVERED
        assert sink.post(sink.bundle(digest([[PROBLEM, RECOVERY], [critical("web-1")]]))).verdict is Verdict.DELIVERED
        for post in service.posts[:3]:
            FORMS[recipe](post)


@pytest.mark.parametrize("recipe", FORMS)
def test_news_of_the_agent_have_their_form_too(recipe: str, tmp_path: Path) -> None:
    """They are of no incident, and still no service gets an empty key or moment; a digest is of many."""
    with WebService() as service:
        sink = Webhook(settings(RECIPES[recipe], tmp_path / "conf.d", service.url))
        sink.post(sink.render(no_news("outbox", "3 changes are lost", EventStatus.WARNING)))
        sink.post(sink.bundle(digest([[PROBLEM], [critical("web-1")]])))
    assert len(service.posts) == 2
    for post in service.posts:
        FORMS[recipe](post)


def test_a_problem_and_its_recovery_are_told_apart_in_the_words_of_the_service(tmp_path: Path) -> None:
    with WebService() as service:
        sink = Webhook(settings(RECIPES["pagerduty"], tmp_path / "p", service.url))
        pings = Webhook(settings(RECIPES["healthchecks"], tmp_path / "h", service.url))
        for told in (PROBLEM, RECOVERY):
            sink.post(sink.render(told))
            pings.post(pings.render(told))
    actions = [post.json["event_action"] for post in service.posts[::2]]
    assert actions == ["trigger", "resolve"]
    assert [post.path.rpartition("/")[2] for post in service.posts[1::2]] == ["fail", "0"]
