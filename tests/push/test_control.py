"""Requests to the running agent: who may ask, what is answered, and that nothing holds up either side."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.answers.asking import START_SECONDS
from agent.cli.main import main
from agent.push.control import FILE, MOST_REQUEST, ControlServer, NoAnswer, ask
from agent.service.lifetime import obey
from agent.store.lock import lock
from agent.system.signals import Order
from tests.host import needs
from tests.processes.agent_process import AgentProcess, agent_process

Obey = Callable[[Order], None]


@pytest.fixture
def served(open_folder: Path) -> Iterator[Callable[[Obey], Path]]:
    servers = []

    def serve(obey: Obey) -> Path:
        servers.append(ControlServer(open_folder, obey))
        servers[-1].start()
        return open_folder

    yield serve
    for server in servers:
        server.close()


def echo(order: Order) -> None:
    order.answer({"done": order.name})


def test_a_request_is_obeyed_and_its_answer_comes_back(served: Callable[[Obey], Path]) -> None:
    state = served(echo)
    assert ask(state, "reload") == {"done": "reload"}
    assert ask(state, "wake") == {"done": "wake"}


def test_an_answer_of_many_problems_comes_whole(served: Callable[[Obey], Path]) -> None:
    problems = ["x" * 400] * 20_000
    state = served(lambda order: order.answer({"problems": problems}))
    assert ask(state, "reload")["problems"] == problems


def test_what_is_no_request_is_answered_with_the_reason(served: Callable[[Obey], Path]) -> None:
    state = served(echo)
    with pytest.raises(NoAnswer, match="no request is called 'stop'"):
        ask(state, "stop")


@pytest.mark.parametrize("arguments", [{}, {"check": "a", "later": "b"}, {"other": "a"}])
def test_a_request_of_another_version_is_no_bug(
    arguments: dict[str, str | None], caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Mapping[str, object]] = []
    obey(Order("run", answers.append, arguments), {"run": lambda check: {"done": check}})
    obey(Order("run", answers.append, {"check": "a"}), {"run": lambda check: {"done": check}})
    assert "Restart the agent" in str(answers[0])
    assert (answers[1], caplog.records) == ({"done": "a"}, [])


def test_whoever_says_nothing_or_rubbish_holds_nobody_up(served: Callable[[Obey], Path]) -> None:
    state = served(echo)
    for said in (b"", b"\n", b"\xff\n", b"[1]\n", b"{}\n", b'{"request": []}\n', b"x" * (MOST_REQUEST + 1)):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(state / FILE))
            client.sendall(said)
            client.shutdown(socket.SHUT_WR)
            assert b"error" in client.recv(65_536)
    assert ask(state, "reload") == {"done": "reload"}


@given(said=st.binary(max_size=200))
def test_any_bytes_are_answered(said: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(said)
        ours.shutdown(socket.SHUT_WR)
        answer = ControlServer(Path("/nonexistent"), echo)._answer(theirs)
    assert set(answer) <= {"error", "done"}


def test_without_an_agent_there_is_no_answer_but_a_reason(open_folder: Path, served: Callable[[Obey], Path]) -> None:
    for state in (open_folder, open_folder / "gone"):
        with pytest.raises(NoAnswer, match="no agent is running"):
            ask(state, "reload")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(open_folder / FILE))
    dead.close()
    with pytest.raises(NoAnswer, match="no agent is running"):
        ask(open_folder, "reload")
    served(echo)  # takes the place of a dead agent's
    assert ask(open_folder, "wake")


@pytest.mark.parametrize("planted", ["link to a socket", "file", "pipe", "folder", "link to nowhere"])
def test_nothing_but_a_socket_in_the_directory_itself_is_spoken_to(planted: str, tmp_path: Path) -> None:
    """Root asks, and the agent's user may have put anything there: no link leads root's words elsewhere."""
    state, elsewhere = tmp_path / "state", tmp_path / "other.sock"
    state.mkdir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(elsewhere))
        other.listen()
        make: dict[str, Callable[[], object]] = {
            "link to a socket": lambda: (state / FILE).symlink_to(elsewhere),
            "file": lambda: (state / FILE).write_text("x"),
            "pipe": lambda: os.mkfifo(state / FILE),
            "folder": lambda: (state / FILE).mkdir(),
            "link to nowhere": lambda: (state / FILE).symlink_to("gone"),
        }
        make[planted]()
        with pytest.raises(NoAnswer, match="no agent is running"):
            ask(state, "reload")
        other.settimeout(0.05)
        with pytest.raises(TimeoutError):
            other.accept()


def test_an_agent_that_takes_too_long_is_given_up(served: Callable[[Obey], Path]) -> None:
    state = served(lambda order: None)
    begun = time.monotonic()
    with pytest.raises(NoAnswer, match=r"did not answer within 0\.2s"):
        ask(state, "reload", 0.2)
    assert time.monotonic() - begun < 5


def test_only_root_and_the_agents_user_may_ask(served: Callable[[Obey], Path]) -> None:
    needs.root()
    state = served(echo)
    (state / FILE).chmod(0o666)  # as if the mode did not guard it
    assert asked_by(65534, state) == "only root and the agent's user may ask"
    (state / FILE).chmod(0o600)
    assert asked_by(65534, state).startswith("only root and the agent's user may ask the agent of")
    assert asked_by(0, state) == "answered"


def asked_by(user: int, state: Path) -> str:
    """Ask as another user, in a child."""
    read, write = os.pipe()
    if not (child := os.fork()):
        try:
            os.setuid(user)
            ask(state, "reload")
            os.write(write, b"answered")
        except NoAnswer as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        os.waitpid(child, 0)
        return answer.read()


# --- for real

GOOD = "checks:\n  good: {type: script, command: ['true'], interval: 1s, timeout: 900ms}\n"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", GOOD)
        agent.start()
        agent.wait_for_socket(FILE)
        yield agent


def test_reload_says_what_the_agent_took_over(agent: AgentProcess) -> None:
    done = agent.call("reload")
    assert (done.returncode, done.stdout) == (0, "1 check at work\n")
    elsewhere = agent.call("reload", "--config", str(agent.state))
    assert elsewhere.stdout == f"1 check at work, from {agent.config}\n"
    agent.write(
        "b.yaml", GOOD.replace("good", "more") + "  bad: {type: nothing}\n  off: {type: load, enabled: false}\n"
    )
    done = agent.call("reload")
    assert done.returncode == 1
    assert "b.yaml:3:15: bad: unknown type 'nothing'" in done.stdout
    assert done.stdout.endswith("2 checks at work; what is wrong stays as it was\n")


def test_reload_tells_what_the_agent_cannot_read_though_we_can(agent: AgentProcess, tmp_path: Path) -> None:
    """The command's own environment has what the agent's lacks."""
    agent.write("b.yaml", "checks:\n  more: {type: load, description: '${env:ONLY_HERE}'}\n")
    agent._environ["ONLY_HERE"] = "x"
    assert agent.call("validate").returncode == 0
    done = agent.call("reload")
    assert done.returncode == 1
    assert "${env:ONLY_HERE} is not set in the environment of the agent" in done.stdout


def test_no_process_that_a_file_names_is_signalled(agent: AgentProcess, tmp_path: Path) -> None:
    """The lock's file may say anything: it is the agent's user who writes it."""
    agent.stop()
    child = os.fork()
    if not child:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.pause()
        os._exit(0)
    try:
        (agent.state / "agent.lock").write_text(json.dumps({"pid": child, "since": 0}))
        assert agent.call("reload").returncode == 2
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_reload_waits_for_an_agent_that_is_starting(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        agent.write("a.yaml", "checks:\n  a: {type: load, interval: 1h}\n")
        agent.start()
        done = agent.call("reload")
        assert (done.returncode, done.stdout) == (0, "1 check at work\n"), done.stderr


def test_a_reload_waits_for_as_long_as_somebody_holds_the_lock(
    served: Callable[[Obey], Path], open_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = lock(open_folder)
    listening = threading.Timer(START_SECONDS + 0.5, served, (lambda order: order.answer({"checks": 3}),))
    listening.start()
    assert main(["reload", "--state", str(open_folder)]) == 0
    listening.join()
    os.close(held)
    assert "3 checks at work" in capsys.readouterr().out


@pytest.mark.parametrize("last_words", [b"", b'{"error": "the agent was told to end", "ends": true}\n'])
def test_a_reload_that_an_ending_agent_does_not_do_goes_to_the_next(
    last_words: bytes, open_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(open_folder / FILE))
        server.listen()

        def serve() -> None:
            for words in (last_words, b'{"checks": 2}\n'):
                with server.accept()[0] as connection:
                    connection.recv(1000)
                    connection.sendall(words)

        thread = threading.Thread(target=serve)
        thread.start()
        assert main(["reload", "--state", str(open_folder)]) == 0
        thread.join()
    assert capsys.readouterr().out.startswith("2 checks at work")


def test_reloads_asked_for_at_once_are_all_answered(agent: AgentProcess) -> None:
    answers: list[dict[str, object]] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(agent.state, "reload"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert agent.process is not None
    agent.process.send_signal(signal.SIGHUP)
    for thread in threads:
        thread.join(20)
    assert answers == [{"checks": 1, "problems": [], "directory": str(agent.config)}] * 5


@pytest.mark.parametrize(
    "answer", ["{}", '{"checks": "all", "problems": 3}', '{"subjects": [1]}', '{"problems": ["\\u001b[2J"]}', "[]", "7"]
)
@pytest.mark.parametrize("command", ["reload", "ack"])
def test_whatever_answers_in_an_agents_place_a_command_says_it_in_words(
    command: str, answer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / FILE))
        server.listen()

        def say() -> None:
            with server.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(answer.encode() + b"\n")

        thread = threading.Thread(target=say)
        thread.start()
        code = main([command, *(["b"] if command == "ack" else []), "--state", str(tmp_path)])
        thread.join()
    said = capsys.readouterr()
    assert code in (0, 1, 2)
    assert "\x1b" not in said.out + said.err
    assert code != 2 or said.err.startswith(("hostvigil: the ", "hostvigil: no check is called 'b'"))
