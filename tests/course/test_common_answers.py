"""Every check accepts the answers that are right, and tells those who have gone wrong what they did."""

import inspect
import warnings

import numpy as np
import pytest
from common_answers import ANSWERS

from lessons import catalogue
from lessons.checking import LIKELY

EXERCISES = {exercise.number: (lesson, exercise) for lesson in catalogue.lessons() for exercise in lesson.exercises}
MODULES = {}


def written(number, body):
    """Return the function of an exercise with that body, in the lesson, where everything else is solved."""
    lesson, exercise = EXERCISES[number]
    if lesson.path not in MODULES:
        MODULES[lesson.path] = catalogue.run_file(lesson.path, lesson.module_name)
    namespace = dict(vars(MODULES[lesson.path]))
    arguments = inspect.signature(namespace[exercise.name])
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    exec(f"def {exercise.name}{arguments}:\n{lines}\n", namespace)
    return namespace[exercise.name]


def said(number, function, seed):
    """Return what the check says, or raises, or None where it finds nothing."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            EXERCISES[number][1].check(function, seed)
        except AssertionError as error:
            return str(error)
        except Exception as error:
            return f"raised {type(error).__name__}: {error}"
    return None


def wrong_answers():
    for number, (right, wrong) in ANSWERS.items():
        for line, text, says in wrong:
            if line is not None:
                assert right.splitlines().count(line) == 1
                text = "\n".join(text if other == line else other for other in right.splitlines())
            yield pytest.param(number, text, says, id=f"{number}-{says[:40]}")


@pytest.mark.parametrize("number", ANSWERS)
def test_a_right_answer_is_accepted(number):
    function = written(number, ANSWERS[number][0])
    assert [said(number, function, seed) for seed in range(20)] == [None] * 20


@pytest.mark.parametrize(("number", "body", "says"), list(wrong_answers()))
def test_a_wrong_answer_is_refused_and_named(number, body, says):
    function = written(number, body)
    for seed in range(5):
        assert says in (said(number, function, seed) or "")


def test_hardly_any_message_has_bare_numbers():
    """A message helps if it names the slip, or if it is about more than numbers: an exception, a missing output."""
    messages = [said(answer.values[0], written(*answer.values[:2]), seed=1) for answer in wrong_answers()]
    bare = [message for message in messages if "the outcome is not right" in message and LIKELY not in message]
    assert len(messages) > 190 and len(bare) < 0.05 * len(messages)
    assert not any("which mean, sum or factor" in message for message in messages)
