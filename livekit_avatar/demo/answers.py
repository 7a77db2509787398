"""Answers by rule, so that the demo can hold a small conversation without a network or a model."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime

FARTHEST_COUNT = 20
"""Longer counting is refused: nobody wants to listen to it."""

GREETING = (
    "Hello! I am a face made from one picture, and I speak with you from this very machine. "
    "Ask me for a joke, a tongue twister, or the time."
)

JOKES = (
    "Why did the painter go to prison? She was framed.",
    "I told my mirror a secret. Now it keeps reflecting on it.",
    "Parallel lines have so much in common. It is a pity that they will never meet.",
    "Why do portraits make poor spies? Everybody recognises their face.",
    "I would tell you a joke about silence, but this is the wrong demo for it.",
)

TONGUE_TWISTERS = (
    "She sells sea shells by the sea shore. The shells she sells are surely sea shells.",
    "Peter Piper picked a peck of pickled peppers. A peck of pickled peppers Peter Piper picked.",
    "How much wood would a woodchuck chuck, if a woodchuck could chuck wood?",
    "Big brown bears make very merry friends for five funny foxes.",
)

POEMS = (
    "A painter looked, and looked once more, and left me hanging by the door. "
    "I watched the room for years, unheard. Today, at last, I say a word.",
)

UNKNOWN = (
    "I heard: {text}. I answer by simple rules, so that is a little beyond me. Try asking for a joke.",
    "You said: {text}. My wit is made of a handful of rules. Ask what I can do.",
    "{text}. I can say it, but I cannot think about it. Connect a language model and I will.",
)

ABOUT = (
    "I am a demonstration of livekit avatar: one picture that is drawn twenty five times a second, "
    "with lips that follow my voice. Everything runs on this computer."
)

HOW = (
    "My voice is cut into pieces of forty milliseconds. A small network hears the mouth in each piece, "
    "and the picture is bent to show it. Sound and picture then travel together to you."
)

ABILITIES = (
    "I can tell the time, a joke, a poem or a tongue twister. I can count, do a little arithmetic, and "
    "repeat after you. Just say: repeat after me, and then anything you like."
)

Rule = Callable[["Answers", re.Match[str]], str]


class Answers:
    """Answers to one person, in turn. The same questions in the same order get the same answers.

    Args:
        clock: tells the local time.
    """

    def __init__(self, clock: Callable[[], datetime] = datetime.now) -> None:
        self.clock = clock
        self.person = ""
        self._told: dict[tuple[str, ...], int] = {}

    def reply(self, text: str) -> str:
        """What to say to `text`; never empty."""
        words = " ".join(text.split())
        if not words:
            return "I did not catch that."
        for pattern, rule in _RULES:
            found = pattern.search(words)
            if found:
                return rule(self, found)
        return self.next_of(UNKNOWN).format(text=words[:200].rstrip(".!?"))

    def next_of(self, lines: tuple[str, ...]) -> str:
        """The next of `lines`, from the first again after the last."""
        turn = self._told.get(lines, 0)
        self._told[lines] = turn + 1
        return lines[turn % len(lines)]


def _fixed(line: str) -> Rule:
    return lambda answers, found: line


def _one_of(lines: tuple[str, ...]) -> Rule:
    return lambda answers, found: answers.next_of(lines)


def _greet(answers: Answers, found: re.Match[str]) -> str:
    hour = answers.clock().hour
    part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    return f"Good {part}{_comma(answers.person)}! It is nice to see you. What shall we talk about?"


def _meet(answers: Answers, found: re.Match[str]) -> str:
    answers.person = found["name"].strip().title()
    return f"Nice to meet you, {answers.person}. I shall try to remember that until you close the page."


def _recall(answers: Answers, found: re.Match[str]) -> str:
    if not answers.person:
        return "You have not told me yet. What is your name?"
    return f"You are {answers.person}. I was listening."


def _time(answers: Answers, found: re.Match[str]) -> str:
    now = answers.clock()
    return f"It is {now.hour % 12 or 12}:{now.minute:02d} {'a.m.' if now.hour < 12 else 'p.m.'}"


def _date(answers: Answers, found: re.Match[str]) -> str:
    now = answers.clock()
    return f"Today is {now:%A}, {now:%B} {now.day}, {now.year}."


def _repeat(answers: Answers, found: re.Match[str]) -> str:
    return found["line"].strip().strip("\"'") or "Say what?"


def _count(answers: Answers, found: re.Match[str]) -> str:
    last = int(found["last"])
    first = int(found["first"] or (last if found["back"] else 1))
    if found["back"] and not found["first"]:
        last = 1
    if abs(last - first) >= FARTHEST_COUNT:
        return f"Let us stop at {FARTHEST_COUNT}. {_spell(1, FARTHEST_COUNT)}. That is far enough."
    return _spell(first, last) + "."


def _spell(first: int, last: int) -> str:
    step = 1 if last >= first else -1
    return ", ".join(str(number) for number in range(first, last + step, step))


_OPERATORS: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "+": ("plus", operator.add),
    "-": ("minus", operator.sub),
    "*": ("times", operator.mul),
    "/": ("divided by", operator.truediv),
}
_SIGNS = {"plus": "+", "minus": "-", "times": "*", "x": "*", "divided by": "/", "over": "/"}


def _calculate(answers: Answers, found: re.Match[str]) -> str:
    left, right = float(found["left"]), float(found["right"])
    sign = found["sign"].lower()
    name, apply = _OPERATORS[_SIGNS.get(sign, sign)]
    if name == "divided by" and not right:
        return "Nobody can divide by zero, and I do not dare to start."
    return f"{left:.10g} {name} {right:.10g} is {apply(left, right):.6g}."


def _comma(name: str) -> str:
    return f", {name}" if name else ""


def _bye(answers: Answers, found: re.Match[str]) -> str:
    return f"Goodbye{_comma(answers.person)}. I shall be here, looking at the wall."


def _when(pattern: str, rule: Rule) -> tuple[re.Pattern[str], Rule]:
    return re.compile(pattern, re.IGNORECASE), rule


_NUMBER = r"-?\d{1,9}(?:\.\d+)?"

# The first rule whose pattern is found answers.
_RULES: tuple[tuple[re.Pattern[str], Rule], ...] = (
    _when(r"\b(?:repeat after me|repeat|say)\b[\s:,]+(?P<line>.+)", _repeat),
    _when(r"\bmy name is (?P<name>[^\W\d_][\w' -]{0,40})", _meet),
    _when(r"\b(?:what is|what's) my name\b|\bwho am i\b", _recall),
    _when(
        r"\bcount\b(?P<back> backwards?)?(?: from (?P<first>\d{1,4}))?(?: (?:up |down )?(?:to|from) )"
        r"(?P<last>\d{1,4})\b",
        _count,
    ),
    _when(r"\bcount\b", _fixed(_spell(1, 10) + ".")),
    _when(
        rf"(?P<left>{_NUMBER})\s*(?P<sign>[-+*/]|\b(?:plus|minus|times|x|divided by|over)\b)"
        rf"\s*(?P<right>{_NUMBER})",
        _calculate,
    ),
    _when(r"\btongue|\btwister", _one_of(TONGUE_TWISTERS)),
    _when(r"\bjoke|\bfunny|\blaugh", _one_of(JOKES)),
    _when(r"\bpoem|\bpoetry|\bsing\b|\bsong\b|\bstory\b", _one_of(POEMS)),
    _when(r"\bthe time\b|\btime is it\b|\bo'?clock\b|^time\b", _time),
    _when(r"\b(?:what|which|the) (?:day|date)\b|\b(?:day|date) is it\b|^date\b", _date),
    _when(r"\balphabet\b", _fixed(", ".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + ".")),
    _when(r"\bhow (?:do|does|can) (?:you|this|it)\b.*\b(?:work|speak|talk|move)", _fixed(HOW)),
    _when(r"\bhow are you\b|\bhow do you do\b", _fixed("I feel well lit, thank you. And you?")),
    _when(r"\bwho are you\b|\bwhat are you\b|\byour name\b|\bare you (?:real|human|a)\b", _fixed(ABOUT)),
    _when(r"\bhelp\b|\bwhat can\b|\bwhat do you do\b", _fixed(ABILITIES)),
    _when(r"\bthank", _fixed("You are welcome.")),
    _when(r"\b(?:good ?bye|bye|see you|good night)\b", _bye),
    _when(r"\b(?:hello|hi|hey|good (?:morning|afternoon|evening|day))\b", _greet),
    _when(r"^(?:yes|yeah|sure|ok|okay)\b", _fixed("Good. Then ask me for something.")),
    _when(r"^no\b", _fixed("As you wish. I have all the time in the world.")),
)
