"""Grading: the points that are earned, and programs that want others."""

import csv
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import pytest
from small_course import lesson_with, write_course

from lessons import catalogue
from lessons.__main__ import main as lessons_command
from lessons.instructor import course as courses
from lessons.instructor import grade as grading
from lessons.instructor import release, stripping, submission
from lessons.instructor import sandbox as sandboxes
from lessons.instructor.child import outcome, pack, unpack
from lessons.instructor.grade import grade, grade_all
from lessons.instructor.sandbox import Limits, Sandbox
from tinyaae.errors import UserError

LIMITS = Limits(seconds=20, cpu_seconds=1, memory_mb=400, file_mb=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_course(tmp_path_factory.mktemp("course") / "lessons")


@pytest.fixture(scope="module")
def sandbox(folder):
    private = grading.private_of(folder)
    with Sandbox(private, LIMITS) as made:
        yield made


@pytest.fixture
def course(folder):
    return courses.load(folder=folder)


@pytest.fixture
def graded(folder, course, sandbox, tmp_path):
    """A function that grades the text of a lesson and returns what results.json then holds."""

    def graded(text, course=course, **options):
        handed_in = tmp_path / "handed_in"
        handed_in.mkdir(exist_ok=True)
        (handed_in / "lesson_01_small.py").write_text(text, encoding="utf-8", errors="surrogatepass")
        grade(handed_in, tmp_path / "results.json", course, folder, sandbox=sandbox, **options)
        return json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))

    return graded


def scores(results):
    return [test["score"] for test in results["tests"]]


def hidden_course(folder, **own):
    chosen = [exercise._replace(hidden=True, visibility="hidden", **own) for exercise in courses.load(folder=folder)[2]]
    return courses.load(folder=folder)._replace(exercises=chosen)


# Points ---------------------------------------------------------------------------------------------------------------


def test_a_right_submission_has_all_points(graded):
    results = graded(lesson_with())
    assert (results["score"], scores(results)) == (2, [1, 1])
    assert results["tests"][0]["output"] == "1.1 double: right on 3 different inputs"


def test_an_unsolved_exercise_has_no_points_and_leaves_the_other_its_own(graded):
    results = graded(lesson_with(DOUBLE='raise NotImplementedError("exercise 1.1")'))
    assert (results["score"], scores(results)) == (1, [0, 1])
    assert results["tests"][0]["output"] == "1.1 double: not solved yet"


def test_an_empty_submission_has_none(folder, course, sandbox, tmp_path):
    results = grade(tmp_path, None, course, folder, sandbox=sandbox)
    assert results["score"] == 0
    assert results["tests"][0]["output"] == "there is no file lesson_01_small.py in what was handed in"


def test_a_typical_mistake_is_named(graded):
    assert "Likely mistake: four times" in graded(lesson_with(DOUBLE="return 4 * x"))["tests"][0]["output"]


def test_the_results_have_gradescopes_form(graded):
    results = graded(lesson_with())
    assert results["visibility"] == "visible" and results["stdout_visibility"] == "hidden"
    assert set(results["tests"][0]) == {
        "number", "name", "score", "max_score", "status", "output", "output_format", "visibility",
    }  # fmt: skip


def test_hidden_checks_have_half_the_points_and_inputs_of_their_own(folder, graded):
    results = graded(lesson_with(DOUBLE="return 2 * x if len(x) > 1 else x"), hidden_course(folder))
    assert scores(results) == [0.5, 0, 0.5, 0.5]
    assert [test["visibility"] for test in results["tests"]] == ["visible", "hidden"] * 2


def test_what_is_printed_shows_hidden_inputs_to_nobody_else(folder, graded):
    tests = graded(lesson_with(DOUBLE="print(x.shape)\nreturn 2 * x"), hidden_course(folder))["tests"]
    assert "(1, 7)" not in tests[0]["output"] and "(1, 7)" in tests[1]["output"]


def test_the_usual_answer_is_wrong_in_a_variant(folder, graded):
    course = courses.load(folder=folder)
    course.exercises[0] = course.exercises[0]._replace(variant="thrice")
    assert scores(graded(lesson_with(), course)) == [0, 1]
    assert scores(graded(lesson_with(DOUBLE="return 3 * x"), course)) == [1, 1]


def test_a_seed_gives_the_same_inputs_again(graded):
    text = lesson_with(DOUBLE="return 5 * x + 1")
    first = graded(text)
    again = graded(text, seed=first["extra_data"]["seed"])
    assert first["tests"] == again["tests"] != graded(text)["tests"]


def test_there_are_valid_results_after_each_check(folder, course, tmp_path):
    seen, out = [], tmp_path / "results.json"

    class Watching:
        missing = []

        def run(self, *_):
            seen.append([test["output"] for test in json.loads(out.read_text(encoding="utf-8"))["tests"]])
            return sandboxes.Outcome([], "nothing came", "")

    grade(folder, out, course, folder, sandbox=Watching())
    assert seen == [["not run yet"] * 2, ["1.1 double: nothing came", "not run yet"]]


def test_when_all_time_is_used_the_rest_is_not_run(graded, monkeypatch):
    monkeypatch.setattr(grading, "TOTAL_SECONDS", -1)
    assert "took all the time" in graded(lesson_with())["tests"][1]["output"]


def test_a_check_that_fails_by_itself_says_so(folder, course, sandbox, graded, monkeypatch):
    def broken(checks):
        return [check._replace(exercise=check.exercise._replace(answer=lambda *_: 1 / 0)) for check in checks]

    checks = grading.checks_of(course, folder)
    monkeypatch.setattr(grading, "checks_of", lambda *_: broken(checks))
    assert "please tell your instructor: ZeroDivisionError" in graded(lesson_with())["tests"][0]["output"]


def test_a_lesson_that_cannot_be_imported_costs_its_time_once(folder, course, sandbox, tmp_path, monkeypatch):
    runs, run = [], sandbox.run
    monkeypatch.setattr(sandbox, "run", lambda *arguments: runs.append(arguments) or run(*arguments))
    (tmp_path / "lesson_01_small.py").write_text(lesson_with("while True: pass"))
    outputs = [test["output"] for test in grade(tmp_path, None, course, folder, sandbox=sandbox)["tests"]]
    assert len(runs) == 1 and "a loop that does not end" in outputs[0]
    assert outputs[1] == "1.2 sums: not run: lesson_01_small.py could not be imported, see 1.1 double"


def test_a_hidden_check_says_what_its_case_is(folder, graded):
    fails, passes = "return 2 * x if len(x) > 1 else x", "return 2 * x"
    said = [graded(lesson_with(DOUBLE=text), hidden_course(folder))["tests"][1]["output"] for text in (fails, passes)]
    assert said[0].endswith("\n  The case: one row")
    assert said[1] == "1.1 double: right on 4 different inputs, the last of them one row"


def test_an_exception_comes_with_its_file_its_line_and_the_shapes_in_it(graded):
    says = graded(lesson_with(DOUBLE="return x @ x"))["tests"][0]["output"]
    assert re.search(r"\(lesson_01_small\.py, line 16: return x @ x\); here x is \(\d, \d\)$", says), says


# Programs that go wrong, or want points they did not earn -------------------------------------------------------------

FORK = """
for _ in range(100):
    if os.fork() == 0:
        os.setsid()
        os.close(0), os.close(1), os.close(2)
        import time
        time.sleep(20)
        os._exit(0)
return 2 * x
"""
PATCHES = """
import tinyaae
np.allclose = np.array_equal = lambda *_, **__: True
for name in ("max", "abs", "all", "isfinite"):
    setattr(np, name, lambda *_, **__: True)
sys.modules["pytest"] = sys.modules["lessons.checking"] = sys
tinyaae.UserError = None
"""
FORGED = r"""
import json
line = json.dumps({"changed": [], "score": 100, "values": [{"ndarray": ["<f8", [2, 2]]}]}).encode()
for k in range(16):
    try:
        os.write(k, b'{"score": 100}\n' + line + bytes(32))
    except OSError:
        pass
os._exit(0)
"""
SIGNALS = """
for pid in (os.getppid(), OTHER):
    try:
        os.kill(pid, 9)
    except OSError:
        pass
return x
"""
WRONG = {  # the statements of double -> what is said
    "a loop without end": ("while True: pass", "a loop that does not end"),
    "more memory than there is": ("return np.ones((10**5, 10**5))", "MemoryError"),
    "many processes": (FORK, "BlockingIOError"),
    "ends the program": ("os._exit(0)", "ended by itself (exit status 0)"),
    "SystemExit": ("raise SystemExit(0)", "SystemExit: 0"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "crashes": ("import ctypes\nctypes.string_at(0)", "ended by the system (signal 11)"),
    "a file too large": ("open('file', 'wb').write(bytes(2 * 2**20))", "File too large"),
    "forged outcomes": (FORGED, "1.1 double: "),
    "an exception without text": (
        "class Nasty(Exception):\n    def __str__(self): os._exit(7)\nraise Nasty",
        "exit status 7",
    ),
    "unprintable text": (r"raise ValueError('\x1b[31m\ud800\x00' + 10**6 * 'x')", "ValueError"),
    "changes its argument": ("x *= 2\nreturn x.copy()", "changed its argument x in place"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="some limits are Linux's")
@pytest.mark.parametrize("statements, says", WRONG.values(), ids=WRONG)
def test_no_points_and_the_other_exercise_keeps_its_own(graded, statements, says):
    results = graded(lesson_with(DOUBLE=statements))
    assert scores(results) == [0, 1]
    assert says in results["tests"][0]["output"] and len(results["tests"][0]["output"]) < 6000


def test_the_grader_and_others_cannot_be_ended(graded, sandbox):
    if sandboxes.ATTEMPTS["signal"][1] in sandbox.missing:
        pytest.skip("not protected on this system, and the instructor is told so")
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert scores(graded(lesson_with(DOUBLE=SIGNALS.replace("OTHER", str(other.pid))))) == [0, 1]
        assert other.poll() is None
    finally:
        other.communicate(b"\n")


BROKEN = {
    "syntax": ("def f(:", "SyntaxError: invalid syntax (lesson_01_small.py, line 10: def f(:)"),
    "a module that is not there": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "the checks": ("import lessons.test_01_small", "ModuleNotFoundError: No module named 'lessons'"),
    "ends on import": ("os._exit(0)", "ended by itself"),
    "a null byte": ("\0", "source code"),
}


@pytest.mark.parametrize("more, says", BROKEN.values(), ids=BROKEN)
def test_a_lesson_that_cannot_be_imported_has_no_points(graded, more, says):
    results = graded(lesson_with(more))
    assert scores(results) == [0, 0] and says in results["tests"][0]["output"]


def test_a_function_that_is_not_there_is_named(graded):
    assert "no function double" in graded("def sums(x, h):\n    return 1")["tests"][0]["output"]


FROM_THE_LIBRARY = {
    "an import within": "from tinyaae.losses import softmax_cross_entropy as f\nf(np, x, x)\nreturn 2 * x",
    "importlib": "import importlib as i\ni.import_module('tinyaae.losses').half_squared_error(np, x, x)\nreturn 2 * x",
    "__import__": "__import__('tinyaae.losses').losses.half_squared_error(np, x, x)\nreturn 2 * x",
    "sys.modules": "import tinyaae.losses\nsys.modules['tinyaae.losses'].half_squared_error(np, x, x)\nreturn 2 * x",
    "an import above": "half_squared_error(np, x, x)\nreturn 2 * x",
    "a helper": "return helper(x)",
    "an alias in a default": "return (lambda x, f=half_squared_error: 2 * x + 0 * f(np, x, x)[0])(x)",
}
ABOVE = """
from tinyaae.losses import half_squared_error


def helper(x):
    return 2 * x + 0 * half_squared_error(np, x, x)[0]
"""


@pytest.mark.parametrize("statements", FROM_THE_LIBRARY.values(), ids=FROM_THE_LIBRARY)
def test_the_library_is_no_answer_however_it_is_reached(graded, statements):
    results = graded(lesson_with(ABOVE, DOUBLE=statements))
    assert scores(results) == [0, 1]
    assert re.search(r"it uses tinyaae\.losses\.\w+; an exercise is solved by", results["tests"][0]["output"])


def test_switching_the_watch_on_the_library_off_earns_nothing(graded):
    statements = "sys.setprofile(None)\nhalf_squared_error(np, x, x)\nreturn 2 * x"
    assert "it uses sys.setprofile" in graded(lesson_with(ABOVE, DOUBLE=statements))["tests"][0]["output"]


def test_what_given_code_does_with_the_library_costs_nothing(graded):
    more = ABOVE + "\nhelper(np.ones((2, 2)))\n"
    assert graded(lesson_with(more))["score"] == 2


def test_patching_the_libraries_earns_nothing(graded):
    assert scores(graded(lesson_with(PATCHES, DOUBLE="return x", SUMS="return x, x"))) == [0, 0]


def test_results_cannot_be_forged_in_their_file(graded, tmp_path):
    out = tmp_path / "results.json"
    forging = f"""
for path in ({str(out)!r}, "results.json", "/autograder/results/results.json"):
    try:
        open(path, "w").write('{{"score": 100}}')
    except OSError:
        pass
return x
"""
    assert graded(lesson_with(DOUBLE=forging))["score"] == 1


def test_the_checks_and_solutions_cannot_be_read(graded, sandbox, folder):
    if sandboxes.ATTEMPTS["read"][1] in sandbox.missing:
        pytest.skip("not protected on this system, and the instructor is told so")
    reading = f"""
for path in ({str(folder / "test_01_small.py")!r}, {str(folder / "lesson_01_small.py")!r}):
    try:
        there = {{"__name__": "stolen"}}
        sys.path.insert(0, {str(folder.parent)!r})
        exec(open(path).read(), there)
        return there.get("double", there.get("twice"))(x)
    except (OSError, ImportError) as error:
        print(type(error).__name__)
return x
"""
    results = graded(lesson_with(DOUBLE=reading))
    assert scores(results) == [0, 1]
    assert len(re.findall("Error$", results["tests"][0]["output"], re.M)) == 2 * 3  # files and cases


def test_much_printing_is_cut(graded):
    results = graded(lesson_with(DOUBLE="print(10**7 * 'x')\nreturn 2 * x"))
    assert results["score"] == 2 and len(results["tests"][0]["output"]) < 1200


def test_a_submission_sees_nothing_of_the_graders_environment(graded, monkeypatch):
    monkeypatch.setenv("A_SECRET", "do-not-tell")
    says = graded(lesson_with(DOUBLE="print(dict(os.environ))\nreturn x"))["tests"][0]["output"]
    assert "OPENBLAS_NUM_THREADS" in says and "do-not-tell" not in says and "HOME" not in says


# What a function returns ----------------------------------------------------------------------------------------------


class Strange:
    """Says it is an array, and is none."""

    def __array__(self, *_, **__):
        raise RuntimeError("no")


RETURNED = {
    "None": (None, "returned nothing"),
    "text": ("right", "no array of numbers but str"),
    "objects": (np.array([1, None]), "no array of numbers but ndarray (dtype object)"),
    "NaN": (np.full((3, 2), np.nan), "nan"),
    "infinity": (np.full((3, 2), np.inf), "inf"),
    "complex": (2j * np.ones((3, 2)), "complex128"),
    "too many": ((np.ones(2), np.ones(2)), "returned 2 things, expected 1"),
    "nothing": ((), "returned 0 things, expected 1"),
    "another shape": (np.ones((2, 3)), "came shape (2, 3)"),
    "huge": (np.broadcast_to(1.0, (10**4, 10**4)), "far too large"),
    "strange": (Strange(), "RuntimeError"),
    "a list": ([[2, 2], [2, 2], [2, 2]], "output 1 is a list"),
    "rows of two lengths": ([[1, 2], [3]], "output 1 is a list"),
    "numbers near the largest": (np.full((3, 2), 1e308), "not right"),
}


def round_trip(returned, exercise, inputs):
    """Return what the grader says when a function returns that."""
    job = {"several": len(exercise.outputs) > 1, "most_bytes": 10**6}
    try:
        head, values = outcome(lambda *_: returned, inputs, job)
    except Exception as error:
        head, values = {"error": f"{type(error).__name__}: {error}"}, ()
    head, values, _ = unpack(pack(head, values))
    check = grading.Check(exercise, 1, "", 1, None, "visible", False)
    return grading.complaint_of(check, [inputs], sandboxes.Outcome([(head, values)], "", ""))


@pytest.mark.parametrize("returned, says", RETURNED.values(), ids=RETURNED)
def test_what_is_not_right_is_wrong(folder, returned, says):
    exercise = catalogue.lessons(folder)[0].exercises[0]
    assert says in round_trip(returned, exercise, (np.ones((3, 2)),))


@pytest.mark.parametrize("returned", [np.full((2, 2), 2, "uint8"), np.asfortranarray([[2.0, 2]] * 2)])
def test_other_kinds_of_numbers_are_as_good(folder, returned):
    exercise = catalogue.lessons(folder)[0].exercises[0]
    assert round_trip(returned, exercise, (np.ones((2, 2)),)) is None


def test_values_come_back_as_they_went():
    values = [np.arange(6.0).reshape(2, 3).T, np.float32(1.5), 3, 0.1, True, None, "text", [np.ones((0, 2)), (1, 2)]]
    head, came, end = unpack(b"before" + pack({"k": 1}, values) + b"after", 6)
    assert head == {"k": 1} and came[3:7] == values[3:7] and came[7][0].shape == (0, 2) and came[7][1] == (1, 2)
    assert np.array_equal(came[0], values[0]) and type(came[1]) is np.float32 and type(came[2]) is int
    assert end == 6 + len(pack({"k": 1}, values))


FORGERIES = [
    b"", b"no line", b"{}\n", b"[]\n", b"\xff\n", b"[" * 100000 + b"\n", b'{"values": 3}\n',
    b'{"values": [{"ndarray": ["<f8", [1000000000000]]}]}\n',
    b'{"values": [{"ndarray": ["<f8", [-1, -1]]}]}\n12345678',
    b'{"values": [{"ndarray": ["|O", [1]]}]}\n12345678',
    b'{"values": [{"ndarray": ["<f8", [true]]}]}\n12345678',
    b'{"values": [{"ndarray": ["<f3", [1]]}]}\n12345678',
    b'{"values": [{"ndarray": [5, 5]}]}\n12345678',
    b'{"values": [{"pickle": "x"}]}\n',
    b'{"values": [{"ndarray": ["<f8", [0, 1' + 400 * b"0" + b"]]}]}\n",
    b'{"values": [' + 2**20 * b" " + b"]}\n",
]  # fmt: skip


@pytest.mark.parametrize("forged", FORGERIES, ids=range(len(FORGERIES)))
def test_bytes_of_another_form_are_refused(forged):
    with pytest.raises(ValueError):
        unpack(forged)


def test_outcomes_that_are_no_arrays_are_wrong(folder):
    exercise = catalogue.lessons(folder)[0].exercises[0]
    check = grading.Check(exercise, 1, "", 1, None, "visible", False)
    for head, came in (
        ({}, ["right"]),
        ({"error": [[]]}, []),
        ({"changed": "yes"}, [[1]]),
        ({"changed": 5}, [2 * np.ones((1, 1))]),
        ({"used": 1}, [2 * np.ones((1, 1))]),
    ):
        assert grading.complaint_of(check, [(np.ones((1, 1)),)], sandboxes.Outcome([(head, came)], "", ""))


# What is handed in ----------------------------------------------------------------------------------------------------


def zipped(path, *members):
    """Write a ZIP file of (name or ZipInfo, text) pairs."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return path


def test_a_zip_file_with_folders_in_it_is_read(tmp_path):
    path = zipped(
        tmp_path / "s.ZIP",
        ("course/lessons/originals/lesson_01_a.py", "old"),
        ("__MACOSX/course/lessons/lesson_01_a.py", "mac"),
        ("course/lessons/lesson_01_a.py", "mine"),
        ("course\\lessons\\lesson_12_b (1).py", "twelve"),
        ("course/lessons/test_01_a.py", "not this"),
    )
    assert submission.read(path).lessons == {1: b"mine", 12: b"twelve"}


def test_a_single_file_is_read(tmp_path):
    (tmp_path / "lesson_03_c.py").write_text("x")
    assert submission.read(tmp_path / "lesson_03_c.py").lessons == {3: b"x"}


def test_of_two_files_for_a_lesson_the_outer_one_counts(tmp_path):
    path = zipped(tmp_path / "s.zip", ("a/lesson_01_a.py", "inner"), ("lesson_01_a.py", "outer"))
    assert submission.read(path).lessons == {1: b"outer"}
    assert submission.read(path).remarks == ["a/lesson_01_a.py: not graded, because there is another file for lesson 1"]


def test_a_link_to_the_solutions_is_not_followed(tmp_path, folder):
    (tmp_path / "handed_in").mkdir()
    (tmp_path / "handed_in" / "lesson_01_small.py").symlink_to(folder / "lesson_01_small.py")
    (tmp_path / "handed_in" / "more").symlink_to(folder)
    came = submission.read(tmp_path / "handed_in")
    assert came.lessons == {} and "it is a link" in came.remarks[0]


def test_a_link_in_a_zip_file_is_not_followed(tmp_path, folder):
    info = zipfile.ZipInfo("lesson_01_small.py")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    came = submission.read(zipped(tmp_path / "s.zip", (info, str(folder / "lesson_01_small.py"))))
    assert came.lessons == {} and "it is a link" in came.remarks[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "lesson_01_small.py")
    assert "not a regular file" in submission.read(tmp_path).remarks[0]


def test_nothing_is_written_where_a_zip_file_says(tmp_path):
    (tmp_path / "inner").mkdir()
    path = zipped(tmp_path / "inner" / "s.zip", ("../lesson_01_a.py", "a"), ("/lesson_02_b.py", "b"))
    submission.read(path)
    assert [p.name for p in tmp_path.rglob("*")] == ["inner", "s.zip"]


def test_a_file_that_unpacks_to_very_much_is_refused(tmp_path):
    path = zipped(tmp_path / "s.zip", ("lesson_01_a.py", bytes(50 * 2**20)), ("lesson_02_b.py", "b"))
    came = submission.read(path)
    assert came.lessons == {2: b"b"} and "larger than 1 MB" in came.remarks[0]


def test_what_is_no_zip_file_is_told(tmp_path):
    (tmp_path / "s.zip").write_text("no")
    with pytest.raises(UserError, match=r"s\.zip: cannot be read"):
        submission.read(tmp_path / "s.zip")


def test_folders_of_very_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(submission, "MOST_FILES", 3)
    for k in range(4):
        (tmp_path / str(k)).touch()
    with pytest.raises(UserError, match="more than 3 files"):
        submission.read(tmp_path)


# Other ways to be confined --------------------------------------------------------------------------------------------

TRIAL = """
import json, os, sys, time
from pathlib import Path
import numpy as np
form, folder = sys.argv[1], Path(sys.argv[2])
if "user" in form:
    os.setgroups([]), os.setgid(60999), os.setuid(60999)
from lessons.instructor import sandbox as sandboxes
sandboxes.FORMS = ("namespaces" in form,)
secret = folder / "secret"
secret.write_text("42")
secret.chmod(0o600)
limits = sandboxes.Limits(cpu_seconds=2)
with sandboxes.Sandbox([secret], limits) as sandbox:
    job = sandbox.job
    def with_processes(*arguments):
        made = job(*arguments)
        if form != "user":  # where only this limit keeps it from leaving something behind
            del made["limits"]["RLIMIT_NPROC"]
        return made
    sandbox.job = with_processes
    source = (folder / "hostile.py").read_bytes()
    came = sandbox.run(source, "lesson_01_hostile.py", "f", [[np.ones(2), str(secret)]])
    uid = sandbox.uid or os.getuid()
    time.sleep(0.5)  # a killed process takes a moment to go
    left = []
    for path in Path("/proc").glob("[0-9]*"):
        if path.name != str(os.getpid()) and path.exists() and path.stat().st_uid == uid:
            left.append((path / "stat").read_text().rsplit(")", 1)[1].split()[0])
    left = [state for state in left if state not in "ZX"]  # ended, and not yet waited for
print(json.dumps({
    "missing": sandbox.missing, "outputs": [x.tolist() for x in came.cases[0][1]],
    "left": left, "work": sandbox.work.exists(),
}))
"""
HOSTILE = """
import os, time
import numpy as np
def f(x, secret):
    x = 2 * x
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(60)
            os._exit(0)
    except OSError:
        pass
    try:
        os.chroot(".")  # only with privileges, and with them out of any root
        x = 100 * x
    except OSError:
        pass
    try:
        x = x * float(open(secret).read())
    except OSError:
        pass
    return x
"""
MISSING = {
    "root, namespaces": [],
    "user, namespaces": [],
    "root": ["network", "leave"],
    "user": ["read", "signal", "network", "write", "leave"],
}


def python_for_all():
    """Return the path of a Python that every user may read, and the environment in which it finds our libraries."""
    if sys.platform != "linux" or os.getuid():
        pytest.skip("needs root on Linux")
    folders = [os.path.dirname(os.path.dirname(os.path.abspath(path))) for path in (__file__, np.__file__)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders), "PYTHONDONTWRITEBYTECODE": "1"}
    trial = f"import sys, numpy, random; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    other = {"user": 60999, "group": 60999, "extra_groups": [], "cwd": "/", "env": environment, "capture_output": True}
    for place in (sys.executable, "/usr/bin/python3"):
        try:
            if subprocess.run([place, "-c", trial], **other).returncode == 0:
                return place, environment
        except OSError:
            continue
    pytest.skip("needs a Python that every user may read")


@pytest.mark.parametrize("form", MISSING)
def test_what_holds_in_each_form_is_known_and_nothing_is_left(form):
    python, environment = python_for_all()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        with open(os.path.join(folder, "hostile.py"), "w") as file:
            file.write(HOSTILE)
        came = subprocess.run([python, "-c", TRIAL, form, folder], env=environment, capture_output=True, text=True)
    assert came.returncode == 0, came.stderr
    told = json.loads(came.stdout)
    assert told["missing"] == [sandboxes.ATTEMPTS[name][1] for name in MISSING[form]]
    assert told["outputs"] == [[84.0, 84.0] if "read" in MISSING[form] else [2.0, 2.0]]
    assert not told["work"]
    assert told["left"] == []


def test_without_fork_and_limits_it_still_works_and_says_what_is_missing(folder, tmp_path, monkeypatch):
    windows = tmp_path / "child.py"
    windows.write_text(
        f"""
import os, runpy, sys
del os.fork
sys.modules["resource"] = None
runpy.run_path({str(sandboxes.CHILD)!r}, run_name="__main__")
"""
    )
    monkeypatch.setattr(sandboxes, "CHILD", windows)
    monkeypatch.setattr(sandboxes, "FORMS", (False,))
    with Sandbox(grading.private_of(folder), Limits(seconds=2)) as sandbox:
        assert "its memory is not limited" in sandbox.missing and "it can start processes" in sandbox.missing
        right = sandbox.run(lesson_with().encode(), "lesson_01_small.py", "double", [[np.ones(2)]])
        assert right.cases[0][1][0].tolist() == [2, 2]
        endless = sandbox.run(lesson_with("while True: pass").encode(), "lesson_01_small.py", "double", [[np.ones(2)]])
        assert "a loop that does not end" in endless.ended


# Many, and the command line -------------------------------------------------------------------------------------------


def test_grade_all_writes_a_row_for_each_whatever_is_in_it(folder, course, tmp_path):
    entries = tmp_path / "all"
    for name, text in (("ann", lesson_with()), ("bob", lesson_with(DOUBLE="return x")), ("eve", lesson_with("def"))):
        (entries / name).mkdir(parents=True)
        (entries / name / "lesson_01_small.py").write_text(text, encoding="utf-8")
    (entries / "zoe.zip").write_text("broken")
    (entries / "=1+1.zip").write_text("broken")
    grade_all(entries, tmp_path / "grades.csv", course, folder, limits=LIMITS)
    with open(tmp_path / "grades.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["submission", "score", "max_score", "1.1", "1.2", "remark"]
    assert [row[:5] for row in rows[1:]] == [
        ["'=1+1.zip", "0", "2", "0", "0"],
        ["ann", "2", "2", "1", "1"],
        ["bob", "1", "2", "0", "1"],
        ["eve", "0", "2", "0", "0"],
        ["zoe.zip", "0", "2", "0", "0"],
    ]
    assert "cannot be read" in rows[5][5]


def test_grade_all_survives_a_submission_that_breaks_the_grader(folder, course, tmp_path, monkeypatch):
    def breaking(*_, **__):
        raise RecursionError("too deep")

    (tmp_path / "all" / "ann").mkdir(parents=True)
    monkeypatch.setattr(grading, "grade", breaking)
    grade_all(tmp_path / "all", tmp_path / "grades.csv", course, folder, limits=LIMITS)
    assert "RecursionError: too deep" in (tmp_path / "grades.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["grade", "nowhere"], "nowhere: no such file or folder"),
        (["grade", ".", "--out", "nowhere/results.json"], "its folder does not exist"),
        (["grade-all", "nowhere", "--csv", "x.csv"], "nowhere: no such folder"),
        (["grade", ".", "--course", "none.toml"], "none.toml: no such file"),
    ],
)
def test_mistakes_of_the_instructor_are_told_in_one_line(arguments, says, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert lessons_command(arguments) == 2
    printed = capsys.readouterr().err
    assert says in printed and printed.count("\n") == 1


# Names that learning platforms make, and folders where nothing can be written -----------------------------------------

PLATFORMS = [
    "doejane_123_456_lesson_01_linear.py", "Lesson_01_linear.py", "lesson_01_linear.py.txt", "LESSON_01_LINEAR.PY",
    "lesson_01_linear.txt", "lesson 01 linear (2).py", "lesson-1.py", "lesson_01_linear-2.py", "Lesson1.py",
    "Lesson 2 homework_doejane_attempt_2026-01-02-10-00-00_lesson_01_linear.py",
    "12345-678 - Jane Doe - Jan 2, 2026 1234 PM - lesson_01_linear.py",
]  # fmt: skip


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_lesson_is_found_under_the_name_that_a_platform_makes(tmp_path, name):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_text("mine")
    for path in (tmp_path / "in", tmp_path / "in" / name, zipped(tmp_path / "s.zip", (f"Jane Doe/{name}", "mine"))):
        assert submission.read(path).lessons == {1: b"mine"}


def test_an_exact_name_counts_before_one_like_it(tmp_path):
    path = zipped(tmp_path / "s.zip", ("in/lesson_01_a.py", "exact"), ("Lesson_01_notes.txt", "notes"))
    assert submission.read(path).lessons == {1: b"exact"}


@pytest.mark.parametrize("name", ["test_01_a.py", "lesson_01_a.ipynb", "lesson.py", "lesson_2026.py", "a.pdf"])
def test_another_name_is_listed(tmp_path, name):
    (tmp_path / name).touch()
    assert submission.read(tmp_path)[::2] == ({}, [name])


def test_every_entry_has_a_row_and_every_zero_a_reason(folder, course, tmp_path):
    entries = tmp_path / "all"
    for name in ("ann", "ben", "cleo", "dan"):
        (entries / name).mkdir(parents=True)
    (entries / "ann" / "ann_12_Lesson_01_small.py.txt").write_text(lesson_with())
    (entries / "ben" / "homework.ipynb").write_text("{}")
    (entries / "cleo" / "lesson_01_small.py").write_text(lesson_with(DOUBLE="return x"))
    (entries / "eve_Lesson_01_small.py").write_bytes(b"\xef\xbb\xbf" + lesson_with().encode())
    (entries / "fay.tar.gz").touch()
    (entries / "gus.txt").touch()
    grade_all(entries, entries / "grades.csv", course, folder, limits=LIMITS)
    with open(entries / "grades.csv", newline="", encoding="utf-8") as file:
        rows = {row[0]: row for row in csv.reader(file)}
    assert rows.keys() == {"submission", *(path.name for path in entries.iterdir())} - {"grades.csv"}
    assert rows["ann"][1:] == ["2", "2", "1", "1", ""] == rows["eve_Lesson_01_small.py"][1:]
    assert "no file for lesson 1; other files: homework.ipynb; expected names such as lesson_01_" in rows["ben"][5]
    assert rows["cleo"][5] == "1.1 double: the outcome is not right."
    assert "other files: none" in rows["dan"][5]
    assert all("expected a folder, a .zip or a .py file" in rows[name][5] for name in ("fay.tar.gz", "gus.txt"))


@pytest.mark.parametrize(
    "words", [["grade-all", "all", "--csv", "nodir/g.csv"], ["grade", "all", "--out", "/proc/r.json"]]
)
def test_results_that_cannot_be_written_are_told_in_one_line(words, tmp_path, monkeypatch, capsys):
    (tmp_path / "all" / "ann").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert lessons_command(words) == 2
    err = capsys.readouterr().err
    assert f"{words[-1]}: cannot be written" in err and "Traceback" not in err
    assert [path.name for path in tmp_path.rglob("*")] == ["all", "ann"]


@pytest.mark.parametrize("words", [["notebook", "1", "--out", "/proc/none"], ["start", "/proc/none"]])
def test_a_folder_that_cannot_be_made_is_told_in_one_line(words, capsys):
    assert lessons_command(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


# Reports --------------------------------------------------------------------------------------------------------------


def test_every_submission_has_a_report_with_a_reason_for_each_zero(folder, tmp_path):
    entries, reports = tmp_path / "all", tmp_path / "all" / "reports"
    texts = {
        "ann": lesson_with(), "bob": lesson_with(DOUBLE="return x", SUMS="return 1 / 0"), "eve": lesson_with("def"),
    }  # fmt: skip
    for name, text in texts.items():
        (entries / name).mkdir(parents=True)
        (entries / name / "lesson_01_small.py").write_text(text)
    (entries / "notes.pdf").touch()
    shown = hidden_course(folder)._replace(
        exercises=[exercise._replace(visibility="after_published") for exercise in hidden_course(folder).exercises]
    )
    grade_all(entries, tmp_path / "grades.csv", shown, folder, limits=LIMITS, reports=reports)
    said = {path.name: path.read_text(encoding="utf-8") for path in reports.iterdir()}
    assert said.keys() == {"ann.txt", "bob.txt", "eve.txt", "notes.pdf.txt"}
    assert said["ann.txt"].startswith("ann: 2 of 2 points\n\n1.1 double: 0.5 of 0.5\n  right on 3 different inputs\n")
    assert "1.1 double (other inputs): 0 of 0.5\n  the outcome is not right." in said["bob.txt"]
    assert "1.2 sums: 0 of 0.5\n  ZeroDivisionError: division by zero (lesson_01_small.py, line " in said["bob.txt"]
    assert said["eve.txt"].count("SyntaxError") == 1 and said["eve.txt"].count("not run: lesson_01_small.py") == 3
    assert "notes.pdf: expected a folder, a .zip or a .py file" in said["notes.pdf.txt"]
    for text in said.values():
        assert not re.search(r": 0 of [\d.]+\n(?!  \S)", text)
    grade_all(entries, tmp_path / "again.csv", shown, folder, limits=LIMITS, reports=reports)  # which are no entry
    with open(tmp_path / "again.csv", newline="", encoding="utf-8") as file:
        assert [row[0] for row in csv.reader(file)][1:] == ["ann", "bob", "eve", "notes.pdf"]


def test_a_report_keeps_what_the_course_hides(folder, sandbox, tmp_path):
    (tmp_path / "lesson_01_small.py").write_text(lesson_with(DOUBLE="return x"))
    results = grade(tmp_path, None, hidden_course(folder), folder, sandbox=sandbox)
    text = grading.report_of("bob", results)
    assert text.count("the outcome is not right") == 1 and text.count("the course shows this result to nobody") == 2


WRONG_FLAGS = [
    ["grade"], ["grade", "x", "--hepl"], ["grade", "x", "--seed", "-1"], ["grade", "x", "--seconds", "nan"],
    ["grade", "x", "--memory", "10"], ["grade-all", "x"], ["grade-all"], ["grade-all", "x", "--csv"], ["grade-al", "x"],
]  # fmt: skip


@pytest.mark.parametrize("words", WRONG_FLAGS, ids=" ".join)
def test_a_wrong_flag_is_told_in_one_line(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        lessons_command(words)
    printed = capsys.readouterr().err
    assert stopped.value.code == 2 and printed.count("\n") == 1 and "usage" not in printed and "--help" in printed


def test_a_folder_for_reports_that_cannot_be_made_is_told_in_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "all").mkdir()
    (tmp_path / "file").touch()
    words = ["grade-all", "all", "--csv", "g.csv", "--reports", "file"]
    monkeypatch.chdir(tmp_path)
    assert lessons_command(words) == 2
    assert "cannot be made (File exists); choose another folder" in capsys.readouterr().err


# The whole course -----------------------------------------------------------------------------------------------------

HOSTILE_ANSWER = """
    for name in ("max", "abs", "all", "isfinite", "array_equal"):
        setattr(np, name, lambda *_, **__: True)
    import tinyaae
    for path in ("/autograder/results/results.json", "results.json", "../lessons/test_01_linear.py"):
        try:
            print(open(path).read()), open(path, "w").write('{"score": 100}')
        except OSError:
            pass
    os.write(1, b'{"score": 100, "values": []}\\n') and os._exit(0)
"""


@pytest.fixture
def points(tmp_path):
    """A function that hands in the lessons of a course, each changed by `change(lesson, text)`; returns the results."""

    def points(course, change):
        full = release.full_texts(course)
        for lesson in (lesson for lesson in catalogue.lessons() if lesson.path.name in full):
            text = change(lesson, full[lesson.path.name])
            (tmp_path / lesson.path.name).write_text(text, encoding="utf-8")
        return grade(tmp_path, None, course)

    return points


def unsolved(lesson, text):
    return stripping.strip(text, lesson.exercises, lesson.path.name)


def hostile(lesson, text):
    return re.sub(r"\n    raise NotImplementedError\(.*\)\n", lambda _: HOSTILE_ANSWER, unsolved(lesson, text))


@pytest.mark.slow
def test_a_perfect_submission_has_all_points_of_the_whole_course(points):
    course = courses.load(catalogue.HERE / "instructor" / "course.toml")
    results = points(course, lambda lesson, text: text)
    assert [test["output"] for test in results["tests"] if test["status"] == "failed"] == []
    assert results["score"] == sum(exercise.points for exercise in course.exercises)


@pytest.mark.slow
@pytest.mark.parametrize("change", [unsolved, hostile, lambda lesson, text: ""], ids=["unsolved", "hostile", "empty"])
def test_any_other_has_none(points, change):
    course = courses.load(catalogue.HERE / "instructor" / "course.toml", lessons=[1, 6, 15])
    results = points(course, change)
    assert results["score"] == 0 and len(results["tests"]) == 2 * 11
    assert all(test["output"] for test in results["tests"])
