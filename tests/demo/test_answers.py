"""The rules answer what people ask a demo, and always something."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livekit_avatar.demo.answers import ABILITIES, ABOUT, HOW, JOKES, TONGUE_TWISTERS, Answers


@pytest.fixture
def answers() -> Answers:
    return Answers(clock=lambda: datetime(2026, 3, 9, 15, 5))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Who are you?", ABOUT),
        ("what can you do", ABILITIES),
        ("How does this work?", HOW),
        ("what time is it?", "It is 3:05 p.m."),
        ("What's the date today?", "Today is Monday, March 9, 2026."),
        ("repeat after me: I am a teapot.", "I am a teapot."),
        ("say 'hello world'", "hello world"),
        ("count to 5", "1, 2, 3, 4, 5."),
        ("count from 7 to 9", "7, 8, 9."),
        ("count backwards from 3", "3, 2, 1."),
        ("count to ten", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."),
        ("what is 3 plus 4", "3 plus 4 is 7."),
        ("1 / 8", "1 divided by 8 is 0.125."),
        ("2 x 2.5", "2 times 2.5 is 5."),
        ("1/0", "Nobody can divide by zero, and I do not dare to start."),
        ("how are you today?", "I feel well lit, thank you. And you?"),
        ("", "I did not catch that."),
        (" \n ", "I did not catch that."),
    ],
)
def test_a_question_gets_its_answer(answers: Answers, text: str, answer: str) -> None:
    assert answers.reply(text) == answer


def test_the_greeting_knows_the_hour_and_the_name(answers: Answers) -> None:
    assert answers.reply("hello").startswith("Good afternoon!")
    answers.reply("my name is grace hopper")
    assert answers.reply("hello").startswith("Good afternoon, Grace Hopper!")
    assert "Grace Hopper" in answers.reply("what is my name?")


@pytest.mark.parametrize(("text", "lines"), [("a joke!", JOKES), ("a tongue twister", TONGUE_TWISTERS)])
def test_every_line_is_told_before_one_comes_again(
    answers: Answers, text: str, lines: tuple[str, ...]
) -> None:
    told = [answers.reply(text) for _ in range(len(lines) + 1)]
    assert told[:-1] == list(lines)
    assert told[-1] == lines[0]


def test_long_counting_is_cut_short(answers: Answers) -> None:
    assert "20. That is far enough" in answers.reply("count to 9999")


def test_what_is_not_understood_is_repeated_and_shortened(answers: Answers) -> None:
    assert "abracadabra" in answers.reply("abracadabra")
    assert len(answers.reply("word " * 1000)) < 500


@given(st.lists(st.text(max_size=80), max_size=8))
def test_any_text_gets_an_answer(texts: list[str]) -> None:
    answers = Answers()
    assert all(answers.reply(text).strip() for text in texts)
