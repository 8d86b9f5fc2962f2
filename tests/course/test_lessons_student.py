"""`python -m lessons` as a student uses it, in a copy with one small lesson."""

import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import synthetic_lessons

from lessons import __main__ as command_line
from lessons import doctor, student
from lessons.instructor import course
from lessons.instructor.proof import STUDENTS
from lessons.instructor.release import release

STUB_1, STUB_2 = (f'raise NotImplementedError("exercise 1.{k}")' for k in (1, 2))
SOLVED_1, SOLVED_2 = "return x + x", "total, mean = np.sum(weighed), np.mean(weighed)"


@pytest.fixture
def repository(tmp_path):
    return synthetic_lessons.write(tmp_path / "repository" / "lessons")


@pytest.fixture
def copy(tmp_path, repository, monkeypatch):
    """A student's copy, which `python -m lessons` works on during the test."""
    made = release(
        tmp_path / "copy", course.load(folder=repository), repository, synthetic_lessons.TABLE,
        repository=repository.parent, prove=False,
    )  # fmt: skip
    monkeypatch.setattr(student, "HERE", made / "lessons")
    monkeypatch.setattr(command_line, "INSTRUCTOR", False)
    return made / "lessons"


@pytest.fixture
def lessons(capsys):
    """Run `python -m lessons WORDS`; return the exit status and what was printed."""

    def run(words=""):
        try:
            status = command_line.main(words.split())
        except SystemExit as stop:
            status = stop.code
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


def edit(copy, *changes):
    path = copy / "lesson_01_twice.py"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def line_of(copy, text):
    lines = (copy / "lesson_01_twice.py").read_text(encoding="utf-8").splitlines()
    return next(k for k, line in enumerate(lines, 1) if text in line)


def test_the_list_says_what_is_solved(copy, lessons):
    edit(copy, (STUB_1, SOLVED_1))
    status, text = lessons()
    assert status == 0
    assert text.splitlines() == [
        " 1  Twice as much  [###-------] 1 of 3 points",
        "    solved: 1.1;  to do: 1.2",
        "1 of 2 exercises solved, 1 of 3 points.",
        f"next: 1.2, line {line_of(copy, STUB_2)}",
    ]


def test_a_solved_exercise_is_followed_by_the_next_one(copy, lessons):
    assert "next" not in lessons("check")[1]  # nothing is solved: the first exercise is no news
    edit(copy, (STUB_2, SOLVED_2))
    assert lessons("check 1.2")[1] == f"1.2 weigh: solved\nnext: 1.1, line {line_of(copy, STUB_1)}\n"
    edit(copy, (STUB_1, "return x"))
    assert lessons("check 1.1")[1].count("next") == 0
    assert f"next: 1.1, line {line_of(copy, 'def double')}\n" in lessons("check 1")[1]


def test_a_solved_lesson_says_how_to_run_it(copy, lessons):
    edit(copy, (STUB_1, SOLVED_1), (STUB_2, SOLVED_2))
    says = "The lesson is done: python lessons/lesson_01_twice.py runs it to the end."
    assert lessons("check 1")[1].endswith(f"2 of 2 exercises solved.\n{says.replace('/', os.sep)}\n")


def test_a_solved_lesson_says_where_its_expected_picture_is(copy, lessons):
    edit(copy, (STUB_1, SOLVED_1), (STUB_2, SOLVED_2))
    picture = copy / "expected" / "lesson_01_twice.png"
    picture.parent.mkdir()
    picture.write_bytes(b"")
    assert lessons("check 1")[1].endswith(f"Ours drew this picture: {picture.relative_to(copy.parent)}\n")


@pytest.mark.parametrize("name", ["lesson_01_twice.py", "lessons/lesson_01_twice.py"])
def test_a_lesson_is_named_by_its_file(copy, lessons, name):
    assert lessons(f"check {name}")[1] == lessons("check 1")[1]
    assert "as it came already" in lessons(f"reset {name}")[1]


def test_a_check_fails_until_all_is_solved(copy, lessons):
    assert lessons("check") == (
        1, "1.1 double: not solved yet\n1.2 weigh: not solved yet\n0 of 2 exercises solved.\n"
    )  # fmt: skip
    edit(copy, (STUB_1, SOLVED_1))
    assert lessons("check 1")[0] == 1
    assert lessons("check 1.1") == (0, f"1.1 double: solved\nnext: 1.2, line {line_of(copy, STUB_2)}\n")
    edit(copy, (STUB_2, SOLVED_2))
    assert lessons("check 1")[0] == 0


def test_a_wrong_answer_gets_the_message_of_its_check(copy, lessons):
    edit(copy, (STUB_1, "return x"))
    status, text = lessons("check 1.1")
    assert status == 1
    assert "Likely mistake: nothing was doubled" in text
    assert "Traceback" not in text and "checking.py" not in text


# The case that failed ------------------------------------------------------------------------------------------------


def came(text):
    """Return the lines that show numbers."""
    return [line for line in text.splitlines() if "expected shape" in line or "but came" in line]


def test_the_case_that_failed_is_repeated(copy, lessons):
    edit(copy, (STUB_1, "return x"))
    first = lessons("check 1.1")
    assert first[1].endswith(
        "python -m lessons check 1.1 --again repeats this case; --show prints it, --pdb stops in it.\n"
    )
    assert came(first[1]) and came(lessons("check 1.1 --again")[1]) == came(first[1])
    assert came(lessons("check 1.1")[1]) != came(first[1])


def test_the_case_that_failed_is_repeated_after_a_change_until_a_check_passes(copy, lessons):
    edit(copy, (STUB_1, "return x"))
    lessons("check")
    edit(copy, ("return x\n", f"{SOLVED_1}\n"))
    for words in ("check 1 --again", "check 1.1"):
        status, text = lessons(words)
        assert status == 0 and text.startswith("1.1 double: solved\n")
    assert "no failing case of 1.1 is kept" in lessons("check 1.1 --again")[1]


@pytest.mark.parametrize(("words", "says"), [("check --again", "any exercise"), ("check 1.2 --again", "1.2")])
def test_without_a_case_that_failed_there_is_nothing_to_repeat(copy, lessons, words, says):
    status, text = lessons(words)
    assert status == 2 and text.count("\n") == 1
    assert f"check --again: no failing case of {says} is kept; {words.removesuffix(' --again')} keeps" in text.replace(
        "python -m lessons check", "check"
    ).replace("check: ", "")


@pytest.mark.parametrize("content", ["{", "[]", '{"1.1": "x"}', '{"1.1": -1}', "null"])
def test_a_damaged_file_of_cases_is_as_good_as_none(copy, lessons, content):
    (copy / ".failed.json").write_text(content)
    assert lessons("check 1.1 --again")[0] == 2
    assert lessons("check 1.1")[0] == 1


def test_a_case_that_cannot_be_kept_does_not_stop_a_check(copy, lessons):
    edit(copy, (STUB_1, "return x"))
    (copy / ".failed.json.new").mkdir()
    assert lessons("check 1.1")[0] == 1


def test_the_case_that_failed_is_shown(copy, lessons):
    edit(copy, (STUB_2, "total, mean = np.sum(weighed), weighed"))
    status, text = lessons("check 1.2 --show")
    assert status == 1
    shown = text.partition("The case in which 1.2 failed:\n")[2]
    words = ("x (", "w (", "expected:\n  total = ", "  mean = ", "but came:\n  total = ", "  mean (")
    places = [shown.index(word) for word in words]
    assert places == sorted(places)


def test_the_case_of_an_exception_is_shown(copy, lessons):
    edit(copy, (STUB_1, "return x @ x[:-1]"))
    text = lessons("check 1.1 --show")[1]
    assert "  x (" in text and "but it raised ValueError: matmul" in text


@pytest.fixture
def tracing():
    """Put back the trace function that a debugger takes away, so that coverage goes on being measured."""
    before = sys.gettrace()
    yield
    sys.settrace(before)


def test_the_debugger_stops_in_the_case_that_failed(copy, lessons, monkeypatch, tracing):
    edit(copy, (STUB_1, "return x"))
    lessons("check 1.1")
    monkeypatch.setattr(sys, "stdin", io.StringIO("p 'sum', x.sum()\nq\n"))
    status, text = lessons("check 1.1 --again --pdb")
    assert status == 1
    assert "lesson_01_twice.py(12)double()" in text and "-> return x" in text and "('sum', " in text


def test_what_is_solved_opens_no_debugger(copy, lessons, monkeypatch):
    edit(copy, (STUB_1, SOLVED_1))
    monkeypatch.setattr(student, "stop_in", pytest.fail)
    status, text = lessons("check 1.1 --pdb --show")
    assert status == 0 and text.startswith("1.1 double: solved\n")


def test_an_exception_shows_the_students_line_and_the_shapes(copy, lessons):
    edit(copy, (STUB_1, "return x @ x[:-1]"))
    status, text = lessons("check 1.1")
    assert status == 1
    assert "lesson_01_twice.py, line 12:  return x @ x[:-1]" in text
    assert "ValueError: matmul" in text and "with x (" in text
    assert "Traceback" not in text


def test_a_students_own_assertion_is_an_exception(copy, lessons):
    edit(copy, (STUB_1, "assert x.ndim == 2, 'flat'"))
    assert "line 12:  assert x.ndim == 2, 'flat'\n  AssertionError: flat" in lessons("check 1.1")[1]


def test_a_library_exception_shows_the_students_line(copy, lessons):
    edit(copy, (STUB_1, "return np.linalg.inv(x)"))
    assert "line 12:  return np.linalg.inv(x)" in lessons("check 1.1")[1]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("def (", "line 34:  def (\n  SyntaxError"),
        ("raise SystemExit(0)", "line 34:  raise SystemExit(0)\n  SystemExit: 0"),
        ("undefined", "line 34:  undefined\n  NameError"),
    ],
)
def test_a_broken_file_is_told_once(copy, lessons, broken, says):
    with (copy / "lesson_01_twice.py").open("a", encoding="utf-8") as file:
        file.write(broken)
    status, text = lessons("check")
    assert status == 1
    assert text.count("cannot be read to its end") == 1 and says in text
    assert "broken: 1.1, 1.2" in lessons()[1]


def test_a_renamed_function_is_told(copy, lessons):
    edit(copy, ("def double", "def twice"))
    assert "1.1 double: there is no such function in lesson_01_twice.py; was it renamed?" in lessons("check")[1]


def test_hints_come_one_after_another(copy, lessons):
    for words in ("hint 1 of 3, the idea", "hint 2 of 3, the shapes", "hint 3 of 3, the formula: y = 2x"):
        assert words in lessons("hint 1.1")[1]
    assert "hint 3 of 3" in lessons("hint 1.1")[1]
    assert "hint 1 of 3" in lessons("hint 1.2")[1]
    assert lessons("hint 1.1 --again")[1].count("\n") == 3


def test_a_damaged_count_of_hints_starts_over(copy, lessons):
    (copy / ".hints.json").write_text("{")
    assert "hint 1 of 3" in lessons("hint 1.1")[1]


def test_reset_keeps_every_version(copy, lessons):
    path = copy / "lesson_01_twice.py"
    original = path.read_text(encoding="utf-8")
    assert "as it came already" in lessons("reset 1")[1]
    for work in ("# one", "# two"):
        path.write_text(work, encoding="utf-8")
        assert lessons("reset 1")[0] == 0
        assert path.read_text(encoding="utf-8") == original
    kept = {path.name: path.read_text(encoding="utf-8") for path in copy.glob("*.bak*")}
    assert kept == {"lesson_01_twice.py.bak": "# one", "lesson_01_twice.py.bak2": "# two"}


def test_reset_of_one_exercise_leaves_the_other(copy, lessons):
    path = copy / "lesson_01_twice.py"
    original = path.read_text(encoding="utf-8")
    assert "1.1 double is as it came already" in lessons("reset 1.1")[1]
    edit(copy, (STUB_1, "twice = x + x\n\n    return twice"), (STUB_2, SOLVED_2))
    mine = path.read_text(encoding="utf-8")
    status, text = lessons("reset 1.1")
    assert status == 0 and "kept as lesson_01_twice.py.bak" in text
    assert path.read_text(encoding="utf-8") == original.replace(STUB_2, SOLVED_2)
    assert (copy / "lesson_01_twice.py.bak").read_text(encoding="utf-8") == mine


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("def double", "def twice"), "there is no function double to reset; python -m lessons reset 1 puts the whole"),
        ((STUB_1, "return (x"), "mend this line, or python -m lessons reset 1 puts the whole lesson back"),
    ],
)
def test_reset_of_one_exercise_that_cannot_be_found_is_told(copy, lessons, change, says):
    edit(copy, change)
    status, text = lessons("reset 1.1")
    assert status == 2 and says in text and text.count("\n") == 1
    assert not list(copy.glob("*.bak"))


def test_reset_brings_back_a_deleted_lesson(copy, lessons):
    (copy / "lesson_01_twice.py").unlink()
    assert lessons("reset 1")[0] == 0
    assert STUB_1 in (copy / "lesson_01_twice.py").read_text(encoding="utf-8")


def test_a_solution_is_shown_only_once_the_students_own_passes(copy, lessons):
    status, text = lessons("solution 1.1")
    assert status == 1 and "doubled" not in text
    edit(copy, (STUB_1, SOLVED_1))
    status, text = lessons("solution 1.1")
    assert status == 0
    assert text.endswith("    doubled = 2.0 * x\n    return doubled\n") and "###" not in text


def test_a_solution_needs_the_repository(copy, repository, lessons):
    edit(copy, (STUB_1, SOLVED_1))
    moved = repository.parent.rename(repository.parent.with_name("moved"))
    assert lessons("solution 1.1")[0] == 2
    assert "doubled = 2.0 * x" in lessons(f"solution 1.1 --repository {moved}")[1]
    (copy / "copy.json").write_text(json.dumps({"variants": {}, "repository": None}))
    assert "this copy came without solutions; ask whoever gives the course" in lessons("solution 1.1")[1]


def test_a_variant_has_no_public_solution(copy, lessons):
    (copy / "copy.json").write_text(json.dumps({"variants": {"1.1": "thrice"}}))
    edit(copy, (STUB_1, "return 3 * x"))
    status, text = lessons("solution 1.1")
    assert status == 2 and "its own variant" in text


def test_the_check_follows_the_variant_of_the_copy(copy, lessons):
    (copy / "copy.json").write_text(json.dumps({"variants": {"1.1": "thrice"}}))
    edit(copy, (STUB_1, SOLVED_1))
    assert lessons("check 1.1")[0] == 1
    edit(copy, (SOLVED_1, "return 3 * x"))
    assert lessons("check 1.1")[0] == 0


def test_watch_checks_again_when_the_lesson_is_saved(copy, lessons, monkeypatch):
    edits = iter([lambda: None, lambda: edit(copy, (STUB_1, SOLVED_1)), lambda: None, KeyboardInterrupt])

    def sleep(seconds):
        step = next(edits)
        if step is KeyboardInterrupt:
            raise step
        step()

    monkeypatch.setattr(student.time, "sleep", sleep)
    status, text = lessons("watch 1.1")
    assert status == 0
    assert [line for line in text.splitlines() if line.startswith("1.1")] == [
        "1.1 double: not solved yet", "1.1 double: solved"
    ]  # fmt: skip


def test_watch_waits_while_an_editor_replaces_the_file(copy, lessons, monkeypatch):
    path = copy / "lesson_01_twice.py"
    text = path.read_text(encoding="utf-8")
    steps = iter([path.unlink, lambda: path.write_text(text + "\n", encoding="utf-8")])

    def sleep(seconds):
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr(student.time, "sleep", sleep)
    assert lessons("watch 1.1")[1].count("not solved yet") == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("check 9", "there is no lesson '9'; there are 1"),
        ("check 1.9", "there is no exercise '1.9'; there are 1.1, 1.2"),
        ("check one", "there is no lesson 'one'"),
        ("hint 1", "there is no exercise '1'"),
        ("hint 1.1 --again", "none was given yet"),
        ("hint", "required: 3.2"),
        ("reset 1.9", "there is no exercise '1.9'"),
        ("reset 9", "there is no lesson '9'"),
        ("check lesson_09_none.py", "there is no lesson 'lesson_09_none.py'; there are 1"),
        ("solution 9.9", "there is no exercise '9.9'"),
        ("start elsewhere", "invalid choice: 'start'"),
        ("release elsewhere", "invalid choice: 'release'"),
        ("grade x", "invalid choice: 'grade'"),
        ("dance", "invalid choice: 'dance'"),
        ("notebook 9 --out x", "there is no lesson '9'"),
    ],
)
def test_a_misuse_is_told_in_one_line(copy, lessons, words, says):
    status, text = lessons(words)
    assert status == 2
    assert says in text and text.count("\n") == 1


def test_reset_is_refused_in_the_repository(repository, lessons, monkeypatch):
    monkeypatch.setattr(student, "HERE", repository)
    status, text = lessons("reset 1")
    assert status == 2 and "works in a student's copy" in text


def test_a_folder_without_lessons_is_told(tmp_path, lessons, monkeypatch):
    monkeypatch.setattr(student, "HERE", tmp_path)
    status, text = lessons("check")
    assert status == 2 and "there is no lesson" in text


def test_a_notebook_has_the_lessons_cells(copy, lessons, tmp_path):
    pytest.importorskip("jupytext")
    assert lessons(f"notebook 1 --out {tmp_path / 'notebooks'}")[0] == 0
    cells = json.loads((tmp_path / "notebooks" / "lesson_01_twice.ipynb").read_text(encoding="utf-8"))["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown"] + 7 * ["code"]
    code = ["".join(cell["source"]) for cell in cells[1:]]
    assert [code[k] for k in (2, 5, 6)] == ['check("1.1", double)', 'check("1.2", weigh)', "print(double(np.ones(3)))"]
    status, text = lessons(f"notebook 1 --out {tmp_path / 'notebooks'}")
    assert status == 2 and "is there already" in text


def test_the_cells_of_a_notebook_run_in_order_and_stop_at_what_is_to_do(copy, lessons, tmp_path, capsys, monkeypatch):
    pytest.importorskip("jupytext")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr("lessons.notebooks.HERE", copy)
    edit(copy, (STUB_2, SOLVED_2))
    lessons(f"notebook 1 --out {tmp_path}")
    cells = json.loads((tmp_path / "lesson_01_twice.ipynb").read_text(encoding="utf-8"))["cells"]
    *before, last = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    notebook = {}
    for source in before:
        exec(source, notebook)
    assert capsys.readouterr().out.splitlines()[:2] == ["1.1 double: not solved yet", "1.2 weigh: solved"]
    with pytest.raises(NotImplementedError, match=r"exercise 1\.1"):
        exec(last, notebook)
    exec("def double(x):\n    return x * x", notebook)
    exec(before[2], notebook)  # its check
    assert "1.1 double: the outcome is not right." in capsys.readouterr().out


def test_a_notebook_without_jupytext_says_how_to_get_it(copy, lessons, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jupytext", None)
    status, text = lessons(f"notebook 1 --out {tmp_path / 'notebooks'}")
    assert status == 2 and "pip install jupytext" in text


# guess ----------------------------------------------------------------------------------------------------------------

ASKED = """# Double a number.
#
# ## Exercise 1.1: twice
#
# Guess: what is twice one?"""


@pytest.fixture
def answers(copy, monkeypatch):
    """What is typed where a guess is asked for."""
    typed = ["two"]
    edit(copy, ("# Double a number.", ASKED))
    monkeypatch.setattr("lessons.guesses.HERE", copy)
    monkeypatch.setattr("builtins.input", lambda prompt: typed.pop(0) if typed else "")
    return typed


def test_a_guess_is_taken_before_the_run_and_shown_beside_what_comes(copy, lessons, answers):
    edit(copy, (STUB_1, SOLVED_1))
    status, text = lessons("guess 1.1")
    assert status == 0 and text.startswith("Guess: what is twice one?\n")
    assert text.splitlines()[3] == "You guessed: two" and text.endswith("of lesson_01_twice.py:\n  [2. 2. 2.]\n")


def test_a_guess_is_kept_until_the_exercise_is_solved(copy, lessons, answers):
    assert "not yet: the cell needs exercise 1.1" in lessons("guess 1.1")[1]
    edit(copy, (STUB_1, SOLVED_1))
    assert "You guessed: two" in lessons("guess 1.1")[1]
    answers.append("three")
    assert "You guessed: three" in lessons("guess 1.1 --again")[1]


def test_a_guess_about_nothing_or_without_an_answer_is_one_line(copy, lessons, answers):
    answers.clear()
    assert lessons("guess 1.1")[1].splitlines()[-1].endswith("no guess came, expected a line; a wrong one is as good "
                                                            "as a right one")  # fmt: skip
    status, text = lessons("guess 1.2")
    assert status == 2 and text.endswith("guess 1.2: there is no question; in this lesson 1.1 have one\n")


def test_parts_for_another_lesson_are_those_that_pass_their_usual_check(copy):
    edit(copy, (STUB_1, SOLVED_1))
    assert list(student.solved_functions(["1.1", "1.2"])) == ["1.1"]
    edit(copy, (SOLVED_1, "raise SystemExit"))
    assert student.solved_functions(["1.1", "1.2"]) == {}
    edit(copy, ("import numpy as np", "import numpy as np\n("))
    assert student.solved_functions(["1.1"]) == {}


# doctor ---------------------------------------------------------------------------------------------------------------


def test_the_doctor_has_a_line_for_each_thing(lessons):
    status, text = lessons("doctor")
    assert status == 0
    for name in ("Python", "tinyaae", "NumPy", "threads", "Matplotlib", "GPU", "data", "disk", "notebooks"):
        assert f"  {name}: " in text
    assert "ok    data: MNIST is here" in text


def test_the_doctor_finds_a_damaged_file(lessons, tmp_path, monkeypatch):
    folder = Path(doctor.data.__file__).parent
    for path in (*folder.glob("*.gz"), folder / "README.md"):
        os.symlink(path, tmp_path / path.name)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(b"\x1f\x8b\x08 damaged")
    monkeypatch.setattr(doctor.data, "__file__", str(tmp_path / "__init__.py"))
    status, text = lessons("doctor")
    assert status == 1
    assert "MEND  data: " in text and "t10k-labels-idx1-ubyte.gz" in text and "install tinyaae again" in text


@pytest.mark.skipif(importlib.util.find_spec("cupy") is not None, reason="CuPy is here")
def test_to_be_without_cupy_is_a_note():
    assert doctor.gpu()[:2] == ("GPU", None)


def test_more_threads_than_cores_are_to_be_mended(monkeypatch):
    monkeypatch.setattr(doctor, "openblas_threads", lambda: 1000)
    _, well, says = doctor.threads()
    assert well is False and "set OPENBLAS_NUM_THREADS=" in says


def test_the_doctor_finds_a_full_disk(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=10 * doctor.MEGABYTE))
    assert doctor.disk()[1] is False


# Nothing is installed -------------------------------------------------------------------------------------------------


@pytest.fixture
def without(tmp_path):
    """A copy without lessons; run `python -m lessons WORDS` in it where a module cannot be imported."""
    (tmp_path / "lessons").mkdir()
    for name in STUDENTS:
        shutil.copy(student.HERE / name, tmp_path / "lessons")

    def run(module, *words):
        code = f"import runpy, sys; sys.modules[{module!r}] = None; runpy.run_module('lessons', run_name='__main__')"
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


@pytest.mark.parametrize("words", [(), ("doctor",)])
@pytest.mark.parametrize("module", ["tinyaae", "numpy"])
def test_a_module_that_is_not_installed_is_told_in_one_line(without, module, words):
    done = without(module, *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"{sys.executable} has no module {module}, expected" in done.stderr
    assert "virtual environment" in done.stderr and "python -m pip install -e ." in done.stderr


def test_a_file_of_the_copy_that_is_missing_is_not_for_pip(without, tmp_path):
    (tmp_path / "lessons" / "checking.py").unlink()
    says = without("nothing").stderr
    assert "No module named 'lessons.checking'" in says and "pip" not in says


# As a student would ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_fresh_copy_runs_from_its_own_folder(tmp_path):
    root = Path(__file__).parent.parent.parent
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONIOENCODING": "ascii", "MPLBACKEND": "agg"}

    def lessons(*words, cwd=tmp_path / "mine"):
        command = [sys.executable, "-m", "lessons", *words]
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    assert lessons("start", str(tmp_path / "mine"), cwd=root)[0] == 0
    assert lessons("start", str(tmp_path / "mine"), cwd=root)[0] == 2
    lesson = tmp_path / "mine" / "lessons" / "lesson_01_linear.py"
    stub = 'raise NotImplementedError("exercise 1.1")'
    lesson.write_text(lesson.read_text(encoding="utf-8").replace(stub, "return b + x @ W"), encoding="utf-8")
    status, text = lessons("check", "1.1")
    assert status == 0 and re.fullmatch(r"1.1 linear_forward: solved\nnext: 1.2, line \d+\n", text)
    assert lessons("check", "1")[0] == 1
    assert "return x @ W + b" in lessons("solution", "1.1")[1]
    assert lessons("hint", "1.2")[0] == 0  # although this console is ASCII
    command = [sys.executable, "-m", "pytest", "-q", "lessons/test_01_linear.py", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path / "mine", env=environment, capture_output=True, text=True)
    assert "2 failed, 1 passed" in done.stdout


# What surrounds a student ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: ("# -*- coding: latin-1 -*-\n# caf\xe9\n" + text).encode("latin-1"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
    ],
    ids=["byte-order mark", "coding line", "lines of Windows", "lines of an old Macintosh"],
)
def test_what_python_reads_is_checked(copy, lessons, encoded):
    edit(copy, (STUB_1, SOLVED_1), (STUB_2, SOLVED_2))
    path = copy / "lesson_01_twice.py"
    path.write_bytes(encoded(path.read_text(encoding="utf-8")))
    assert lessons("check")[0] == 0
    assert lessons("solution 1.1")[0] == 0
    assert "cannot" not in lessons("")[1]


def test_a_file_in_no_encoding_breaks_its_lesson_alone(copy, lessons):
    path = copy / "lesson_01_twice.py"
    path.write_bytes(path.read_bytes() + b'name = "caf\xe9"\n')
    status, text = lessons("check")
    assert status == 1 and "lesson_01_twice.py cannot be read to its end" in text
    status, text = lessons("")
    assert status == 0 and "broken: 1.1, 1.2" in text


def test_a_check_needs_no_backend_for_windows(copy, lessons, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    edit(copy, (STUB_1, SOLVED_1), ("import numpy as np", "import os\nimport numpy as np"))
    edit(copy, (SOLVED_1, f'assert os.environ["MPLBACKEND"] == "agg"\n    {SOLVED_1}'))
    assert lessons("check 1.1")[0] == 0


def test_a_hint_is_printed_where_it_cannot_be_counted(copy, lessons):
    (copy / ".hints.json.new").mkdir()  # as in a folder that is read-only, for root, too
    status, text = lessons("hint 1.1")
    assert status == 0 and "hint 1 of 3" in text and "cannot be written" in text and text.count("\n") == 2


def test_reset_where_nothing_can_be_written_is_told_and_leaves_the_lesson(copy, lessons, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", "there")

    edit(copy, (STUB_1, SOLVED_1))
    before = (copy / "lesson_01_twice.py").read_bytes()
    monkeypatch.setattr(student.shutil, "copy2", refuse)
    status, text = lessons("reset 1")
    assert (status, text.count("\n")) == (2, 1) and "there: Permission denied" in text
    monkeypatch.undo()
    monkeypatch.setattr(student, "HERE", copy)
    (copy / "lesson_01_twice.py.new").mkdir()
    assert lessons("reset 1")[0] == 2
    assert (copy / "lesson_01_twice.py").read_bytes() == before


def test_notebooks_into_a_file_are_refused(copy, lessons, tmp_path):
    (tmp_path / "file").touch()
    status, text = lessons(f"notebook 1 --out {tmp_path / 'file'}")
    assert (status, text.count("\n")) == (2, 1) and "is a file, expected a folder" in text
    assert lessons(f"notebook 1 --out {tmp_path / 'file' / 'more'}")[0] == 2


def test_the_home_folder_is_expanded(copy, lessons, tmp_path, monkeypatch):
    pytest.importorskip("jupytext")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert lessons("notebook 1 --out=~/notebooks")[0] == 0
    assert (tmp_path / "notebooks" / "lesson_01_twice.ipynb").is_file()


def test_the_doctor_names_processors_that_may_not_be_used(monkeypatch):
    monkeypatch.setattr(doctor, "usable_cpus", lambda: 1)
    monkeypatch.setattr(doctor, "openblas_threads", lambda: 1)
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: 8)
    assert "1 of 1 for matrix products (this process may use 1 of the machine's 8 processors)" in doctor.threads()[2]


def test_a_thing_that_the_doctor_cannot_ask_hides_no_other(lessons, monkeypatch):
    def gone(path):
        raise FileNotFoundError(2, "No such file or directory", path)

    monkeypatch.setattr(doctor.shutil, "disk_usage", gone)
    status, text = lessons("doctor")
    assert status == 1 and "MEND  disk: FileNotFoundError" in text and "notebooks: " in text
