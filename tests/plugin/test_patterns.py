"""Patterns: what is found is what Python's `re` finds, and no search outlasts its time or keeps the lock."""

from __future__ import annotations

import pickle
import re
import threading
import time
import warnings

import pytest
import regex
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.api import CheckError, Context, Regex
from agent.plugin.pattern_characters import Untranslatable
from agent.plugin.pattern_cost import MOST_CHARACTERS, MOST_STEPS, longest_text, steps
from agent.plugin.pattern_translation import translate
from agent.plugin.patterns import processor_share, searching_until
from tests.examples import TIMES, examples

parse = re._parser.parse


def found(match: object) -> object:
    """All that a match says of the text."""
    return match and (match.span(), match.groups(), match.groupdict())  # type: ignore[attr-defined]


def by_regex(pattern: str, *, for_ascii: bool = False) -> regex.Pattern[str]:
    return regex.compile(translate(parse(pattern), for_ascii=for_ascii), regex.VERSION1)


LETTERS = "aAbBsSkKiIſKİıßẞéÉΣσςµμǅ_09²½٣ .-{}<>=+*&|~[]:\n\r\x1c\x85\u2028\u0301中\U0001d7d8\U0010ffff\ud800"
PIECES = [
    *(re.escape(letter) for letter in "abAiksß_0 \n-é"),
    *(r"\d", r"\D", r"\s", r"\S", r"\w", r"\W", ".", "[a-k]", "[^a-k]", "[a-zß]", r"[\w.-]", r"[^\W\d]", "[İ-ſ]"),
    *("[[:alpha:]]", "[a&&b]", "[a--b]", "[a||b]", "[a~~b]", "a{e}", "a{e<=1}", "a{1", "{", "a{,b}", "[^]a]", "[]a]"),
    *("^", "$", r"\A", r"\Z", r"\b", r"\B", "", r"\x41", r"\u00e9", "(?:)", "(?!)", "(?=a)"),
]
REPEATS = ["*", "+", "?", "{2}", "{1,2}", "{,2}", "{2,}", "*?", "+?", "??", "{1,2}?", "*+", "++", "?+", "{1,2}+"]
GROUPS = [
    *("({})", "(?:{})", "(?P<n>{})", "(?={})", "(?!{})", "(?<={})", "(?<!{})", "(?>{})", "(?i:{})", "(?a:{})"),
    *("(?m:{})", "(?s:{})", "(?-i:{})", "(?ai:{})", "(?x: {} # {{e}}\n)"),
]


def patterns() -> st.SearchStrategy[str]:
    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, inner).map("|".join),
            st.tuples(inner, st.sampled_from(REPEATS)).map(lambda two: f"(?:{two[0]}){two[1]}"),
            st.tuples(st.sampled_from(PIECES), st.sampled_from(REPEATS)).map("".join),
            st.tuples(st.sampled_from(GROUPS), inner).map(lambda two: two[0].format(two[1])),
            inner.map(lambda one: rf"({one})x?\1"),
            inner.map(lambda one: rf"({one})?b(?(1)c|{one})"),
        )

    flags = st.sampled_from(["", "(?i)", "(?m)", "(?s)", "(?x)", "(?a)", "(?ai)", "(?im)", "(?u)"])
    return st.tuples(flags, st.recursive(st.sampled_from(PIECES), larger, max_leaves=6)).map("".join)


TEXTS = st.text(st.sampled_from(LETTERS), max_size=12) | st.text(
    st.sampled_from("aAbkisS_0 .-\n\r\x1c{}["), max_size=12
)


@examples(60)
@given(patterns(), st.lists(TEXTS, min_size=1, max_size=8))
def test_what_is_searched_under_a_deadline_finds_what_re_finds(pattern: str, texts: list[str]) -> None:
    with warnings.catch_warnings(action="ignore"):
        try:
            wanted = re.compile(pattern)
        except (re.error, OverflowError):
            assume(False)
        try:
            got, in_ascii = by_regex(pattern), by_regex(pattern, for_ascii=True)
        except Untranslatable:
            assume(False)
        for text in texts:
            assert found(got.search(text, timeout=5)) == found(wanted.search(text)), (pattern, text, got.pattern)
            if text.isascii():
                assert found(in_ascii.search(text, timeout=5)) == found(wanted.search(text)), (pattern, text)


# Told apart by something of the two engines that is easily overlooked.
TRICKY = [
    *(
        ("ab{e}c", "abc"),
        ("ab{e}c", "ab{e}c"),
        ("(?:ab){e<=1}", "ax"),
        ("(?:ab){e<=1}", "ab{e<=1}"),
        ("a{1,2", "a{1,2"),
    ),
    *(("[[:alpha:]]", "a]"), ("[[a]--[b]]", "a"), ("[a&&b]", "&"), ("[a||b]", "|"), ("[a~~b]", "~"), ("[[a]b]", "ab]")),
    *((r"\w", "²"), (r"\w", "\u0301"), (r"\w", "_"), (r"\w", "\u203f"), (r"\s", "\x1c"), (r"\s", "\x85"), (r"\d", "٣")),
    *(("(?i)i", "İ"), ("(?i)i", "ı"), ("(?i)I", "ı"), ("(?i)ss", "ß"), ("(?i)ß", "ẞ"), ("(?i)k", "K"), ("(?i)s", "ſ")),
    *(("(?i)σ", "ς"), ("(?i)[^σ]", "ς"), ("(?i)µ", "μ"), ("(?i)ǆ", "ǅ"), ("(?ai)k", "K"), ("(?i)[a-z]", "ſ")),
    *(
        ("a$", "a\n"),
        ("a$", "a\n\n"),
        (r"a\Z", "a\n"),
        ("(?m)a$", "a\nb"),
        ("(?m)^", "\r"),
        (".", "\r"),
        (".", "\u2028"),
    ),
    *((r"\B", ""), (r"\b", ""), (r"\bé", "é"), (r"(?a)\bé", "é"), (r"\b\u0301", "a\u0301"), ("(?s).", "\n")),
    *(("(?x) a b # {e}\n c", "abc"), ("(a)|b", "b"), ("(?:(a)|b)*", "ab"), ("(a?)*?$", "aab"), ("(?:a?)*b", "aab")),
    *(("((a)|b(?(2)c|d))", "bd"), (r"(?P<x>a)(?P=x)", "aa"), ("(?>a+)ab", "aaab"), ("a++ab", "aaab"), ("x{0}y", "y")),
    *(("(?:)*a", "a"), ("(?!)|a", "a"), ("(?i)[İ]", "i"), ("[^\\W\\d_]", "²"), ("[x\\-y]", "-"), ("(?i:a)b", "AB")),
]


def test_what_the_engines_read_differently_is_read_as_re_reads_it() -> None:
    for pattern, text in TRICKY:
        with warnings.catch_warnings(action="ignore"):
            assert found(by_regex(pattern).search(text)) == found(re.search(pattern, text)), (pattern, text)
            if text.isascii():
                in_ascii = by_regex(pattern, for_ascii=True)
                assert found(in_ascii.search(text)) == found(re.search(pattern, text)), (pattern, text)


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"\w", r"\W", r"\d", r"\s", r"(?a)\w", "(?i)s", "(?i)[^k]", "(?i)[a-zß]", r"(?i)[\W_i]", r"(?ai)[\W_i]"),
        *(r"(?i)\w", r"(?i)\D", r"(?i)\S", r"[^\W\d_]", r"[^\s\w]", r"(?i)[^\dk]", r"(?a)[^\s]"),
    ],
)
def test_each_character_of_unicode_belongs_to_a_set_as_re_says(pattern: str) -> None:
    every = "".join(map(chr, range(0x110000 if TIMES > 1 else 0x20000)))
    spans = [match.span() for match in re.finditer(f"{pattern}+", every)]
    assert [match.span() for match in by_regex(f"{pattern}+").finditer(every)] == spans
    in_ascii = by_regex(f"{pattern}+", for_ascii=True).finditer(every[:128])
    assert [match.span() for match in in_ascii] == [one.span() for one in re.finditer(f"{pattern}+", every[:128])]


def test_python_s_own_table_of_patterns_is_read_as_re_reads_it() -> None:
    tables = pytest.importorskip("test.re_tests", reason="this Python came without its tests")
    compared = 0
    for pattern, text, *_ in tables.tests:
        with warnings.catch_warnings(action="ignore"):
            try:
                wanted = re.compile(pattern).search(text)
                assert found(by_regex(pattern).search(text)) == found(wanted), (pattern, text)
                if text.isascii():
                    assert found(by_regex(pattern, for_ascii=True).search(text)) == found(wanted), (pattern, text)
            except (re.error, Untranslatable):
                continue
        compared += 1
    assert compared > 300


LONG = 1 << 18
BAD = [
    (r"(\w+\s?)+failed", "user bob connected to the database server and everything went well today"),
    (r"^(\w+\s?)*$", "a" * 40 + "!"),
    (r"^(\w+\s?)*ERROR$", "a" * 66),
    (r"user=(\w+\s?)*;", f"login user={'a' * 40}!"),
    (r"\s+$", " " * LONG + "x"),
    (r"status.*ok", "status" * (LONG // 6)),
    (r"java .*-Dapp=shop .*-jar .*shop\.jar", "java -Dapp=shop -jar " * 4000),
    (r"(a+)b", "a" * LONG),
    (r"(a|aa)+$", "a" * LONG + "b"),
    (r"(x+x+)+y", "x" * LONG),
    (r"(a{2,})x?\1+$", "a" * LONG + "b"),
    (r"(?=(.*x))a", "a" * LONG),
    (r"(?:a?){30}a{30}c?$", "a" * 50 + "b"),
    (r"^(.*?,){11}P", "1," * LONG),
    (r"(?i)(?:ß|\w)+\d$", "ß" * LONG),
    (r"(?x) (?: a | b | ab )+ c", "ab" * LONG),
    ("(?:" + "(?:a|a)" * 40 + ")b", "a" * 60),
]


@pytest.mark.parametrize(("pattern", "text"), BAD)
def test_whatever_pattern_and_text_the_search_ends_in_time_and_the_others_go_on(pattern: str, text: str) -> None:
    search, ended = Regex(pattern).search, threading.Event()
    said: list[str] = []

    def work() -> None:
        with searching_until(time.monotonic() + 0.3):
            try:
                said.append(repr(search(text)))
            except CheckError as error:
                said.append(str(error))
        ended.set()

    # Time of the processor, for a busy machine may let neither thread run.
    began = time.process_time()
    threading.Thread(target=work, daemon=True).start()
    turns = 0
    while not ended.wait(0.001):
        turns += 1
        assert time.process_time() - began < 5
    assert turns >= int((time.process_time() - began) / 0.2), "this thread got the lock again and again"
    if said != ["None"]:
        assert said == [
            f"the pattern {shown(pattern)} took longer than the run has, on a text of {len(text)} characters"
        ]


def shown(pattern: str) -> str:
    return repr(pattern if len(pattern) <= 60 else pattern[:60] + "…")


@pytest.mark.parametrize(("pattern", "text"), BAD)
def test_re_gets_only_texts_that_it_must_be_done_with_at_once(pattern: str, text: str) -> None:
    longest = longest_text(parse(pattern))
    assert longest < len(text)
    began = time.thread_time()
    re.search(pattern, text[: max(0, longest)])
    assert time.thread_time() - began < 0.2


@pytest.mark.parametrize(
    "pattern", ["failed", "^ERROR: ", "error|failed|panic", r"\d{1,3}\.\d", "(?i)Out of memory", r"\bOOM\b", "^a.*b"]
)
def test_plain_patterns_stay_with_re_for_any_usual_text(pattern: str) -> None:
    assert longest_text(parse(pattern)) > 30_000


@examples(50)
@given(patterns())
def test_the_longest_text_is_where_the_steps_pass_the_bound(pattern: str) -> None:
    with warnings.catch_warnings(action="ignore"):
        try:
            tree = parse(pattern)
        except (re.error, OverflowError):
            assume(False)
    longest = longest_text(tree)
    assert longest < 0 or steps(tree, longest) <= MOST_STEPS
    assert longest >= MOST_CHARACTERS - 1 or steps(tree, longest + 1) > MOST_STEPS


def test_a_run_that_is_over_searches_no_more_however_short_the_text() -> None:
    with searching_until(time.monotonic() - 1), pytest.raises(CheckError, match="took longer than the run has"):
        Regex("a").search("a")
    assert Regex("a").search("a"), "outside of a run each search has its own time"


@pytest.mark.parametrize(
    ("load", "processors", "share"), [(0.0, 2, 1.0), (1.5, 2, 1.0), (4.0, 2, 0.5), (80.0, 2, 0.25), (80.0, 64, 0.8)]
)
def test_on_a_busy_host_a_search_gets_less_of_the_processor_s_time(load: float, processors: int, share: float) -> None:
    assert processor_share(load, processors) == share


def test_a_caller_may_give_one_text_less_time_than_the_run_has() -> None:
    began = time.monotonic()
    with searching_until(began + 60), pytest.raises(CheckError):
        Regex(r"(a|aa)+$").search("a" * LONG + "b", 0.05)
    assert time.monotonic() - began < 20


def test_the_deadline_holds_in_the_calls_that_a_run_makes() -> None:
    def run(ctx: Context) -> object:
        return ctx.call("search", lambda: Regex(r"(a|aa)+$").search("a" * LONG + "b"))

    with searching_until(time.monotonic() + 0.2), pytest.raises(CheckError, match="took longer than the run has"):
        run(Context(timeout=30))


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(?i)(\w+) \1", "a reference to a group cannot be searched for without case under a deadline"),
        ("a" * 10_001, "it has 10001 characters, 10000 are the most"),
        ("(?:(?:a{1000}){1000}){1000}.*x", "its repeats come to more than 20000 parts that must be there"),
        (r"\bfoo\b.*" * 100, "it has too many sets of characters and ends of words"),
    ],
)
def test_what_cannot_be_bounded_is_refused_with_a_reason(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"is refused: {reason}"):
        Regex.parse(pattern)


@pytest.mark.parametrize(
    "pattern", [r"\bfoo\b.*" * 20, "^.{5000,}x.*$", "|".join(f"w{n}" for n in range(1500)) + "x.*"]
)
def test_large_patterns_that_people_write_are_compiled_in_reasonable_time(pattern: str) -> None:
    began = time.process_time()
    Regex.parse(pattern)
    assert time.process_time() - began < 5


def test_a_pattern_s_mistakes_are_said_as_re_says_them() -> None:
    with pytest.raises(ValueError, match=r"'\(a' is not a regular expression: missing \), unterminated subpattern"):
        Regex.parse("(a")


def test_a_pattern_may_travel_to_a_process_of_its_own() -> None:
    pattern = Regex(r"(\w+)$")
    copy = pickle.loads(pickle.dumps(pattern))  # noqa: S301 - our own
    assert copy == pattern
    assert copy.search("a b")[1] == "b"


@given(st.lists(st.tuples(st.integers(0, 0x2FFFF), st.integers(0, 40)), min_size=1, max_size=200), st.booleans())
def test_a_set_of_many_characters_holds_what_re_says(spans: list[tuple[int, int]], negated: bool) -> None:
    members = "".join(f"\\U{first:08x}-\\U{first + more:08x}" for first, more in spans)
    pattern = f"[{'^' if negated else ''}{members}]"
    near = "".join(
        chr(code) for first, more in spans for code in (first - 1, first, first + more, first + more + 1) if code > 0
    )
    assert [one.start() for one in by_regex(pattern).finditer(near)] == [
        one.start() for one in re.finditer(pattern, near)
    ]


def test_a_set_of_thousands_of_characters_is_searched_about_as_fast_as_a_small_one() -> None:
    """The time limit is looked at between loops, and one loop over a long text looks each character up."""
    many = by_regex("[" + "".join(chr(code) for code in range(0x400, 0x2000, 3)) + "]+$")
    few = by_regex("[\u0400-\u1fff]+$")
    text = "\u1ffe" * 20_000 + "!"

    def seconds(pattern: regex.Pattern[str]) -> float:
        begun = time.process_time()
        for start in range(10):
            pattern.match(text, start)
        return time.process_time() - begun

    assert min(seconds(many) for _ in range(3)) < 20 * min(seconds(few) for _ in range(3)) + 0.005
