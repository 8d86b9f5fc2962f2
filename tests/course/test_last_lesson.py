"""The last lesson is made of the student's own parts, and what is missing is lent by the library."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lessons import catalogue, student

LESSON = next(lesson for lesson in catalogue.lessons() if lesson.number == 16)
EXERCISES = {exercise.number: exercise for lesson in catalogue.lessons() for exercise in lesson.exercises}


@pytest.fixture
def module():
    return catalogue.run_file(LESSON.path, LESSON.module_name)


def test_every_part_that_is_lent_passes_the_check_of_its_exercise(module):
    for number, function in module.LENT.items():
        for seed in range(5):
            EXERCISES[number]._replace(library=True).check(function, seed)


def test_its_exercises_are_checked_alone_with_nothing_of_the_other_lessons_solved(module):
    module.yours = dict
    for exercise in LESSON.exercises:
        exercise.check(getattr(module, exercise.name), 0)


def test_a_solved_part_is_used_and_one_that_differs_is_not(module, monkeypatch):
    def wrong(fake):
        return 0.0, fake

    found = student.solved_functions(module.LENT)
    assert found.keys() == module.LENT.keys()
    monkeypatch.setattr(student, "solved_functions", lambda numbers: {"6.1": wrong})
    assert module.part("6.1") is wrong and module.part("6.2") is module.LENT["6.2"]


def run(path, folder, **environment):
    here = str(Path(student.HERE).parent)
    environment = os.environ | {"PYTHONPATH": here, "MPLBACKEND": "agg"} | environment
    done = subprocess.run([sys.executable, str(path)], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_goals_are_reached_with_the_solutions(tmp_path):
    said = run(LESSON.path, tmp_path)
    assert len(re.findall(r"the goal of \d+ % is reached", said)) == 2
    assert "lent by the library" not in said
