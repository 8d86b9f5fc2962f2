"""What a release hands out, and what it refuses to: each fault is put into a small lesson, one at a time."""

import inspect
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import synthetic_lessons
from synthetic_lessons import CHECKS, LESSON, TABLE

from lessons import __main__ as command_line
from lessons import catalogue, checking
from lessons.instructor import course, handout, hidden, mutants, page, proof, release, stripping, variants, verbs
from tinyaae import UserError

HERE = catalogue.HERE


def released(tmp_path, lesson=LESSON, checks=CHECKS, table=TABLE, chosen=None, **options):
    """Release a course with one lesson; return the folder of its copy."""
    folder = synthetic_lessons.write(tmp_path / "repository" / "lessons", lesson, checks)
    for name in proof.STUDENTS:
        (folder / name).write_bytes((HERE / name).read_bytes())
    chosen = chosen or course.load(folder=folder)
    return release.release(tmp_path / "copy", chosen, folder, table, **options) / "lessons"


def in_variant(tmp_path):
    """Return the course with the variant of 1.1."""
    path = tmp_path / "course.toml"
    path.write_text('[exercises."1.1"]\nvariant = "thrice"\n')
    return course.load(path, synthetic_lessons.write(tmp_path / "elsewhere" / "lessons"))


def changed(text, old, new):
    assert text.count(old) == 1, old
    return text.replace(old, new)


# The copy -------------------------------------------------------------------------------------------------------------


def test_a_copy_holds_these_files_and_no_other(tmp_path):
    copy = released(tmp_path, prove=False)
    assert {path.relative_to(copy.parent).as_posix() for path in copy.parent.rglob("*") if path.is_file()} == {
        "lessons/__init__.py", "lessons/__main__.py", "lessons/catalogue.py", "lessons/checking.py",
        "lessons/doctor.py", "lessons/guesses.py", "lessons/notebooks.py", "lessons/reasons.py",
        "lessons/student.py", "lessons/README.md", "lessons/copy.json",
        "lessons/lesson_01_twice.py", "lessons/test_01_twice.py", "lessons/originals/lesson_01_twice.py",
    }  # fmt: skip


def test_a_copy_has_the_expected_picture_of_a_lesson_without_variants(tmp_path):
    picture = tmp_path / "repository" / "lessons" / "expected" / "lesson_01_twice.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"\x89PNG")
    assert (released(tmp_path, prove=False) / "expected" / picture.name).read_bytes() == b"\x89PNG"


def test_a_copy_has_no_picture_of_a_lesson_in_another_variant(tmp_path):
    picture = tmp_path / "repository" / "lessons" / "expected" / "lesson_01_twice.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"\x89PNG")
    copy = released(tmp_path, chosen=in_variant(tmp_path), prove=False)
    assert not (copy / "expected").exists()


def test_a_solution_becomes_one_raise_and_all_else_stays(tmp_path):
    text = (released(tmp_path, prove=False) / "lesson_01_twice.py").read_text(encoding="utf-8")
    expected = re.sub(r" +### BEGIN(.|\n)*?END SOLUTION\n", "    raise X\n", LESSON)
    assert re.sub(r"NotImplementedError\(.*\)", "X", text) == expected
    assert re.findall(r'NotImplementedError\("(.*)"\)', text) == ["exercise 1.1", "exercise 1.2"]


def test_a_comment_or_an_empty_line_may_end_a_solution(tmp_path):
    lesson = changed(LESSON, "    return doubled\n", "    return doubled\n\n    # twice as large\n")
    text = (released(tmp_path, lesson, prove=False) / "lesson_01_twice.py").read_text(encoding="utf-8")
    assert "# twice as large" not in text and text.count("raise NotImplementedError") == 2


def test_the_whole_proof_passes(tmp_path):
    assert released(tmp_path).is_dir()


def test_the_whole_proof_passes_in_a_variant(tmp_path):
    copy = released(tmp_path, chosen=in_variant(tmp_path))
    assert "three times as large" in (copy / "lesson_01_twice.py").read_text(encoding="utf-8")
    assert checking.copy_settings(copy)["variants"] == {"1.1": "thrice"}


# What is refused ------------------------------------------------------------------------------------------------------

BEGIN, END = "    ### BEGIN SOLUTION\n", "    ### END SOLUTION\n"
SOLUTION = BEGIN + "    doubled = 2.0 * x\n    return doubled\n" + END


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (SOLUTION, SOLUTION.replace(END, ""), "nested"),
        (SOLUTION, SOLUTION.replace(BEGIN, ""), "no partner"),
        (SOLUTION, SOLUTION.replace(BEGIN, 2 * BEGIN), "nested"),
        (SOLUTION, SOLUTION.replace(END, "    ### END  SOLUTION\n"), "expected exactly"),
        (SOLUTION, SOLUTION.replace(END, "    # end solution\n"), "expected exactly"),
        (SOLUTION, SOLUTION.replace(END, "    if x:\n        ### END SOLUTION\n        pass\n"), "indentation"),
        (SOLUTION, "    return x + x\n", "no solution for exercise 1.1"),
        (SOLUTION, BEGIN + "    # nothing\n" + END + "    return x\n", "more than solutions"),
        (SOLUTION, BEGIN + "    return (\n" + END + "        x)\n", "whole statements"),
        ("        return double(x)\n", BEGIN + "        return double(x)\n" + END, "no function, which is no exercise"),
        ("def weigh(", "def weight(", "which is no exercise"),
        ("import numpy as np\n", "import numpy as np\nimport (\n", "line 8"),
    ],
)  # fmt: skip
def test_wrong_markers_are_refused_in_one_line(tmp_path, old, new, says):
    with pytest.raises(UserError, match=says) as raised:
        released(tmp_path, lesson=changed(LESSON, old, new), prove=False)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("lesson", "checks", "says"),
    [
        ("weighed = x * w\n", None, "has a line of a solution: doubled=2.0*x"),
        (None, "return total, total / len(x)\n", "test_01_twice.py: has a line of a solution: doubled=2.0*x"),
    ],
)
def test_a_solution_elsewhere_in_the_copy_is_found_however_it_is_spaced(tmp_path, lesson, checks, says):
    leak = "# doubled  = 2.0*\\\n".replace("\\\n", "x")
    texts = [
        changed(text, place, f"{place}    {leak}\n") if place else text
        for text, place in ((LESSON, lesson), (CHECKS, checks))
    ]
    with pytest.raises(proof.Unproven, match=re.escape(says)):
        released(tmp_path, *texts, prove=False)


def test_the_solution_of_another_term_is_found_too(tmp_path):
    with pytest.raises(proof.Unproven, match=r"doubled=3\.0\*x"):
        released(tmp_path, changed(LESSON, "# Double a", "# doubled = 3.0 * x\n# Double a"), prove=False)


def test_what_is_part_of_a_longer_name_is_no_leak():
    assert stripping.given_away("redoubled = 2.0 * x", {"doubled=2.0*x"}) == []
    assert stripping.given_away("doubled = 2.0 * x.T", {"doubled=2.0*x"}) == []
    assert stripping.given_away("(doubled\n = 2.0 * x)", {"doubled=2.0*x"}) == ["doubled=2.0*x"]


@pytest.mark.parametrize("name", ["notes.txt", "instructor/grade.py", "x.ipynb", "__pycache__/x.pyc", "pictures/a.png"])
def test_a_file_that_is_not_for_students_is_found(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    assert proof.secrets_in(tmp_path, set()) == [f"{name}: is not for students"]


def test_a_marker_in_any_file_is_found(tmp_path):
    (tmp_path / "README.md").write_text("between begin solution and …", encoding="utf-8")
    assert proof.secrets_in(tmp_path, set()) == ["README.md: has the marker 'begin solution'"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("class Given:", "class Gave:"),
        ('"""x (n,) -> double(x)."""', '"""Something else."""'),
        ("def weigh(x, w):", "def weigh(x, w=1):"),
        ("class Given:", "class Given(dict):"),
    ],
)
def test_a_definition_that_is_lost_or_changed_is_found(tmp_path, old, new):
    full = synthetic_lessons.write(tmp_path / "full")
    copy = synthetic_lessons.write(tmp_path / "copy", changed(LESSON, old, new))
    assert len(proof.lost_in(full, copy)) >= 1
    assert proof.lost_in(full, full) == []


# What the checks must tell --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("lambda x: x + x,\n", "lambda x: x - x,\n", "1.1 double: the solution is refused"),
        ("0.5, \"nothing", "1.0, \"nothing", "1.1 double: lets pass: nothing was doubled"),
        ("0.5, \"nothing", "-1, \"nothing", "1.1 double: rejects, but does not name: the sign is flipped"),
        ('"y has the shape of x.", ', "", "1.1 double: has 2 hints"),
        ("lambda inputs: 0.5", "lambda inputs: None", "1.1 double: nothing was doubled: cannot be tried: TypeError"),
        ('scaled("y", lambda inputs: 0.5, "nothing was doubled")', "", "1.1 double: lists no mistake of its own"),
        ("rng.uniform(1, 2, size=rng.integers(2, 6)),)", "np.zeros(3),)", "lets pass: the sign is flipped"),
    ],
)  # fmt: skip
def test_a_weak_check_is_found(tmp_path, old, new, says):
    with pytest.raises(proof.Unproven, match=re.escape(says)):
        released(tmp_path, checks=changed(CHECKS, old, new))
    assert not (tmp_path / "copy").exists()


def test_a_check_that_a_slip_of_the_keyboard_passes_is_found(tmp_path):
    checks = changed(
        CHECKS,
        "return rng.uniform(1, 2, size=n), rng.uniform",
        "n = 1\n    return rng.uniform(1, 2, size=n), rng.uniform",
    )
    with pytest.raises(proof.Unproven, match=r"1\.2 weigh: passes with total for total / weighed\.size"):
        released(tmp_path, checks=checks)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x.T", {"x for x.T"}),
        ("np.sum(x, axis=0)", {"np.mean for np.sum", "axis=1 for axis=0"}),
        ("x + y", {"x - y for x + y"}),
        ("x / 3", {"x * 3 for x / 3", "x for x / 3"}),
        ("-x", {"x for -x"}),
        ("np.maximum(x, 0)", {"np.minimum for np.maximum"}),
    ],
)
def test_slips_of_the_keyboard_are_made(body, expected):
    text = f"def f(x, y):\n    return {body}\n"
    made = dict(mutants.mutants(SimpleNamespace(np=np), text, "f"))
    assert set(made) == expected
    x, y = np.arange(1.0, 10).reshape(3, 3), np.ones((3, 3))
    right = eval(body, {"np": np, "x": x, "y": y})
    assert not any(np.array_equal(function(x, y), right) for function in made.values())


def test_a_mistake_that_some_draws_let_pass_is_found_by_a_thorough_proof(tmp_path):
    checks = changed(
        CHECKS,
        "rng.uniform(1, 2, size=rng.integers(2, 6)),)",
        "rng.uniform(1, 2, size=3) * (rng.random() > 0.02),)",
    )
    folder = synthetic_lessons.write(tmp_path / "lessons", LESSON, checks)
    lesson, chosen = catalogue.lessons(folder)[0], course.load(folder=folder)
    assert proof.let_through(lesson, chosen, 0) == []
    found = proof.let_through(lesson, chosen, proof.DRAWS)
    assert any(re.fullmatch(r"1\.1 double: lets pass in \d+ of 200 draws: nothing was doubled", line) for line in found)


def test_the_verb_proves_with_many_draws_where_that_is_asked_for(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(verbs, "release", lambda *args, draws, handout: asked.append(draws))
    for words in ([], ["--prove"]):
        assert command_line.main(["release", str(tmp_path / "copy"), "--lessons", "1", *words]) == 0
    assert asked == [0, proof.DRAWS]


def test_a_check_that_passes_before_anything_is_solved_is_found(tmp_path):
    unreached = BEGIN.replace("    #", "        #")
    lesson = changed(
        LESSON, SOLUTION, f"    if x is None:\n{unreached}        return 1.0\n{END.replace('    #', '        #')}"
        "    return x + x\n"
    )  # fmt: skip
    with pytest.raises(proof.Unproven, match=r"1\.1 double: passes before anything is solved"):
        released(tmp_path, lesson, changed(CHECKS, '        variants={"thrice": lambda x: x + x + x},\n', ""))


def test_what_is_right_in_a_variant_is_no_mistake_there(tmp_path):
    right_there = 'changed("y", lambda y, inputs: 3 * inputs[0], "y is x three times"),'
    checks = changed(CHECKS, '"nothing was doubled")]', f'"nothing was doubled"), {right_there}]')
    assert released(tmp_path, checks=checks, chosen=in_variant(tmp_path)).is_dir()


def test_a_variant_in_which_no_listed_mistake_is_wrong_is_found(tmp_path):
    checks = changed(CHECKS, 'scaled("y", lambda inputs: 0.5,', 'changed("y", lambda y, inputs: 3 * inputs[0],')
    with pytest.raises(proof.Unproven, match=r"1\.1 double: lets pass: nothing was doubled"):
        released(tmp_path, checks=checks, chosen=in_variant(tmp_path))


def test_a_variant_that_last_terms_solution_passes_is_found(tmp_path):
    checks = changed(CHECKS, "lambda x: x + x + x", "lambda x: x + x")
    with pytest.raises(proof.Unproven, match="the solution without variant passes in variant thrice"):
        released(tmp_path, checks=checks, chosen=in_variant(tmp_path))


def test_a_variant_whose_text_is_not_replaced_is_found(tmp_path):
    with pytest.raises(proof.Unproven, match="the solution is refused"):
        released(tmp_path, table={}, chosen=in_variant(tmp_path))


@pytest.mark.parametrize("text", ["not in the lesson", "import numpy as np"])
def test_a_variant_must_find_its_text_exactly_once(tmp_path, text):
    with pytest.raises(UserError, match="expected one place"):
        released(tmp_path, table={"1.1": {"thrice": {text: ""}}}, prove=False)


def test_a_lesson_that_cannot_run_is_found(tmp_path):
    with pytest.raises(proof.Unproven, match=r"lesson_01_twice\.py: cannot be run: NameError"):
        released(tmp_path, LESSON + "undefined\n")


def test_checks_that_need_a_lesson_which_is_not_handed_out_are_found(tmp_path):
    checks = changed(CHECKS, "import numpy as np\n", "import numpy as np\nimport lessons.instructor\n")
    with pytest.raises(proof.Unproven, match=r"in the copy: exit status 2, .*No module named 'lessons\.instructor'"):
        released(tmp_path, checks=checks)


# A handout ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def made_wheel(monkeypatch):
    """A function that says what a stand-in for pip puts into the wheel: file name -> text."""

    def made_wheel(files):
        def pip(*arguments):
            folder = Path(arguments[arguments.index("--wheel-dir") + 1])
            with zipfile.ZipFile(folder / "tinyaae-9.9-py3-none-any.whl", "w") as archive:
                for name, text in files.items():
                    archive.writestr(name, text)
            return SimpleNamespace(returncode=0, stderr="")

        monkeypatch.setattr(handout, "pip", pip)

    return made_wheel


LIBRARY = {"tinyaae/__init__.py": "", "tinyaae-9.9.dist-info/METADATA": "Name: tinyaae\n"}


def test_a_handout_has_a_page_of_its_own_and_the_library_as_a_wheel(tmp_path, made_wheel):
    made_wheel(LIBRARY)
    lessons_folder = released(tmp_path, prove=False, handout=True)
    assert {path.name for path in lessons_folder.parent.iterdir()} == {
        "README.md", "tinyaae-9.9-py3-none-any.whl", "lessons",
    }  # fmt: skip
    assert not (lessons_folder / "README.md").exists()
    text = (lessons_folder.parent / "README.md").read_text(encoding="utf-8")
    assert "pip install tinyaae-9.9-py3-none-any.whl" in text and "python -m lessons check 1.1" in text
    assert "* 1. Twice as much: `lessons/lesson_01_twice.py`" in text and "is refused" in text
    assert "{" not in text and "git clone" not in text and "lessons solution" not in text


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"lessons/lesson_01_twice.py": ""}, "tinyaae-9.9-py3-none-any.whl: holds lessons/lesson_01_twice.py"),
        ({"tinyaae/a.py": "doubled =  2.0*x"}, "whl, tinyaae/a.py: has a line of a solution: doubled=2.0*x"),
        ({"tinyaae/a.py": "# end solution"}, "whl, tinyaae/a.py: has the marker 'end solution'"),
    ],
)
def test_a_wheel_with_more_than_the_library_is_found(tmp_path, made_wheel, files, says):
    made_wheel(LIBRARY | files)
    with pytest.raises(proof.Unproven, match=re.escape(says)):
        released(tmp_path, prove=False, handout=True)
    assert not (tmp_path / "copy").exists()


def test_a_wheel_that_pip_cannot_make_is_told_in_one_line(tmp_path, monkeypatch):
    failed = SimpleNamespace(returncode=1, stderr="  ERROR: No matching distribution for setuptools\nnote: pip\n")
    monkeypatch.setattr(handout, "pip", lambda *arguments: failed)
    with pytest.raises(UserError, match=r"No matching distribution for setuptools.*Without network") as raised:
        released(tmp_path, prove=False, handout=True)
    assert "\n" not in str(raised.value) and not (tmp_path / "copy").exists()


@pytest.mark.slow
def test_a_handout_is_all_that_a_student_needs(tmp_path):
    made = release.release(tmp_path / "copy", course.load(lessons=[1]), prove=False, handout=True)
    wheel = next(made.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    assert {path.name for path in (tmp_path / "installed").iterdir()} == {"tinyaae", f"{wheel.name[:13]}.dist-info"}
    run = subprocess.run(
        [sys.executable, "-m", "lessons", "check"], cwd=made, capture_output=True, encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(tmp_path / "installed")},
    )  # fmt: skip
    assert "0 of 3 exercises solved." in run.stdout and run.stderr == ""


@pytest.mark.parametrize("wheel", [None, "tinyaae-9.9-py3-none-any.whl"])
def test_whoever_has_installed_nothing_is_told_what_to_install(tmp_path, wheel):
    copy = released(tmp_path, prove=False)
    if wheel:
        (copy.parent / wheel).touch()
    run = subprocess.run([sys.executable, "-S", "-E", "-m", "lessons"], cwd=copy.parent, capture_output=True, text=True)
    assert run.returncode == 2 and run.stderr.count("\n") == 1
    assert run.stderr.endswith(f"python -m pip install {wheel or '-e .'}\n")


# Where it goes --------------------------------------------------------------------------------------------------------


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "work.py").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        released(tmp_path, prove=False)
    assert [path.name for path in (tmp_path / "copy").rglob("*")] == ["work.py"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "copy").mkdir()
    assert released(tmp_path, prove=False).is_dir()
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["lessons"]


def test_a_file_in_its_place_is_refused(tmp_path):
    (tmp_path / "copy").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        released(tmp_path, prove=False)


def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    def full_disk(*args, **options):
        raise OSError("No space left on device")

    monkeypatch.setattr(release.Path, "write_text", full_disk)
    chosen = course.load(lessons=[1])
    with pytest.raises(UserError, match="No space left on device; expected a folder that can be written to"):
        release.release(tmp_path / "copy", chosen)
    assert not (tmp_path / "copy").exists()


def test_only_the_chosen_lessons_are_handed_out(tmp_path):
    folder = synthetic_lessons.write(tmp_path / "repository" / "lessons")
    for path in list(folder.iterdir()):
        text = path.read_text(encoding="utf-8")
        for old, new in (("_01_", "_02_"), ('"1.', '"2.'), ("doubled", "again")):
            text = text.replace(old, new)
        path.with_name(path.name.replace("_01_", "_02_")).write_text(text, encoding="utf-8")
    table = TABLE | {"2.1": {"thrice": {"again = 2.0 * x": "again = 3.0 * x"}}}
    chosen = course.load(folder=folder, lessons=[2])
    copy = release.release(tmp_path / "copy", chosen, folder, table, prove=False) / "lessons"
    assert [path.name for path in copy.glob("lesson_*.py")] == ["lesson_02_twice.py"]
    assert [exercise.number for exercise in chosen.exercises] == ["2.1", "2.2"]


def test_a_copy_inside_the_repository_is_refused(capsys):
    assert command_line.main(["start", str(HERE / "copy")]) == 2
    assert "is inside the repository" in capsys.readouterr().err


# The course -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    return synthetic_lessons.write(tmp_path / "lessons")


def read(tmp_path, folder, text, name="course.toml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return course.load(path, folder)


def test_a_course_says_what_differs(tmp_path, folder):
    text = 'hidden = true\n[exercises."1.1"]\npoints = 2.5\nvariant = "thrice"\nvisibility = "visible"\n'
    assert read(tmp_path, folder, text).exercises == [
        course.Chosen("1.1", "double", 2.5, "thrice", True, "visible"),
        course.Chosen("1.2", "weigh", 2, None, True, "after_published"),
    ]


def test_a_course_survives_json(tmp_path, folder):
    chosen = read(tmp_path, folder, 'title = "T"\nhidden = true\n[exercises."1.1"]\nvariant = "thrice"\n')
    assert read(tmp_path, folder, chosen.to_json(), "course.json") == chosen


def test_lessons_can_be_chosen(tmp_path, folder):
    assert course.load(folder=folder, lessons=[1]).lessons == [1]
    with pytest.raises(UserError, match="there is no lesson 2; there are 1"):
        course.load(folder=folder, lessons=[2])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lessons = [7]", "there is no lesson 7"),
        ("lessons = 1", "expected a list"),
        ("lesons = [1]", "there is no setting 'lesons'"),
        ("title = 3", "expected a text"),
        ("exercises = 3", "expected tables"),
        ("[exercises.1]", "there is no exercise '1'"),
        ('[exercises."9.9"]', "there is no exercise '9.9'"),
        ('[exercises]\n"1.1" = 3', "expected a table"),
        ('[exercises."1.1"]\npoint = 2', "there is no setting 'point'"),
        ('[exercises."1.1"]\npoints = "2"', "is of the wrong kind"),
        ('[exercises."1.1"]\npoints = true', "is of the wrong kind"),
        ('[exercises."1.1"]\npoints = -1', "expected 0 or more"),
        ('[exercises."1.1"]\npoints = nan', "expected 0 or more"),
        ('[exercises."1.1"]\nvariant = "fourfold"', "there is no variant 'fourfold'; there are: thrice"),
        ('[exercises."1.1"]\nvisibility = "sometimes"', "expected one of visible"),
        ("lessons = [1", "is it written like course.toml"),
    ],
)
def test_a_wrong_course_is_told_in_one_line(tmp_path, folder, text, says):
    with pytest.raises(UserError, match=re.escape(says)) as raised:
        read(tmp_path, folder, text)
    assert "\n" not in str(raised.value)


def test_variants_that_one_layer_is_made_of_are_chosen_together(tmp_path):
    path = tmp_path / "course.toml"
    one, both = ('[exercises."9.1"]\nvariant = "log-std"\n', '[exercises."9.2"]\nvariant = "log-std"\n')
    path.write_text(one + both)
    assert course.load(path).variants == {"9.1": "log-std", "9.2": "log-std"}
    path.write_text(one)
    with pytest.raises(UserError, match=r"exercises 9\.1 and 9\.2: .* choose the same variant for each, or none"):
        course.load(path)


def test_a_missing_course_is_told(tmp_path, folder):
    with pytest.raises(UserError, match="no such file"):
        course.load(tmp_path / "none.toml", folder)


# The command line -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("release", "a folder to write, --autograder ZIP, or both"),
        ("release new --lessons 99", "there is no lesson 99"),
        ("release new --lessons three", "invalid numbers value: 'three'"),
        ("release new --course none.toml", "none.toml: no such file"),
        ("start", "required: DIR"),
    ],
)
def test_a_misuse_is_told_in_one_line(tmp_path, monkeypatch, capsys, words, says):
    monkeypatch.chdir(tmp_path)
    try:
        status = command_line.main(words.split())
    except SystemExit as stop:
        status = stop.code
    printed = capsys.readouterr().err
    assert status == 2
    assert says in printed and printed.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_release_writes_the_autograder_of_the_course(monkeypatch, capsys):
    written = []
    package = SimpleNamespace(autograder=lambda path, chosen: written.append((path, chosen.lessons)) or path)
    monkeypatch.setitem(sys.modules, "lessons.instructor.autograder", package)
    assert command_line.main(["release", "--autograder", "a.zip", "--lessons", "1"]) == 0
    assert written == [("a.zip", [1])]
    assert capsys.readouterr().out.startswith("a.zip: the autograder of lessons 1, ")


@pytest.mark.parametrize("verb", ["release", "start"])
def test_what_stands_against_a_release_is_printed_line_by_line(tmp_path, monkeypatch, capsys, verb):
    def unproven(*args, **options):
        raise proof.Unproven(["one thing", "another"])

    monkeypatch.setattr(verbs, "release", unproven)
    assert command_line.main([verb, str(tmp_path / "copy")]) == 1
    assert capsys.readouterr().err == "Not written, because\n  one thing\n  another\n"


# The course as it is --------------------------------------------------------------------------------------------------


LESSONS = catalogue.lessons()


def exercises():
    return [exercise for lesson in LESSONS for exercise in lesson.exercises]


@pytest.mark.slow
def test_each_listed_mistake_fails_in_every_one_of_200_draws():
    assert [line for lesson in LESSONS for line in proof.let_through(lesson, course.load(), proof.DRAWS)] == []


@pytest.mark.slow
def test_the_example_course_is_released(tmp_path, capsys):
    assert command_line.main(["release", str(tmp_path / "copy")]) == 0
    assert "proved and written" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("k", range(max(len(exercise.variants) for exercise in exercises())))
def test_every_variant_is_released(tmp_path, k):
    chosen = course.load()
    varied = {exercise.number: [*exercise.variants, None][: k + 1][-1] for exercise in exercises()}
    chosen = chosen._replace(exercises=[e._replace(variant=varied[e.number]) for e in chosen.exercises])
    assert release.release(tmp_path / "copy", chosen).is_dir()


def test_every_lesson_has_a_variant():
    lessons_with_one = {exercise.number.partition(".")[0] for exercise in exercises() if exercise.variants}
    assert lessons_with_one == {str(lesson.number) for lesson in catalogue.lessons()}


def test_the_table_of_variants_fits_the_exercises():
    assert {(number, variant) for number, some in variants.VARIANTS.items() for variant in some} == {
        (exercise.number, variant) for exercise in exercises() for variant in exercise.variants
    }


def test_hidden_inputs_are_for_exercises_that_exist():
    assert set(hidden.HIDDEN) <= {exercise.number for exercise in exercises()}


@pytest.mark.parametrize("number, variant", [(e.number, v) for e in exercises() for v in (None, *e.variants)])
def test_an_edge_lets_the_solution_pass_and_not_zeros_or_a_sign(number, variant):
    lesson, exercise = lesson_and_exercise(number)
    texts = {path.name: catalogue.read(path) for path in (lesson.path, lesson.checks)}
    text = variants.applied(texts, {number: variant})[lesson.path.name]
    unseen = exercise._replace(edge=hidden.HIDDEN.get(number))
    unseen.check(defined_in(text)[exercise.name], 0, variant)
    for inputs in unseen.cases(seed=0):
        for mistake in checking.ALWAYS:
            wrong = unseen.wrong(mistake, inputs, unseen.expected(inputs, variant))
            with np.errstate(all="ignore"):  # at an edge, what another mistake would give may be a division by 0
                assert unseen.complaint(inputs, wrong, variant)


def lesson_and_exercise(number):
    found = ((lesson, exercise) for lesson in LESSONS for exercise in lesson.exercises)
    return next(pair for pair in found if pair[1].number == number)


def defined_in(text):
    namespace = {"__name__": "lesson"}
    exec(compile(text, "<lesson>", "exec"), namespace)
    return namespace


def test_every_edge_says_in_a_few_words_what_it_is():
    said = [edge.__doc__ or "" for edge in hidden.HIDDEN.values()]
    assert all(3 < len(says) < 120 and "\n" not in says and says[0].islower() for says in said)


def test_every_lesson_has_an_edge():
    assert {number.partition(".")[0] for number in hidden.HIDDEN} == {str(number) for number in range(1, 17)}


# What people write who think of the usual case only: the usual inputs cannot tell, the edge can.
SHORT_SIGHTED = {
    "2.4": "return (dy - (dy * y).sum(axis=1, keepdims=True)) * np.maximum(y, 1e-3)",
    "3.1": """e = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        return -(target * np.log(p)).sum() / len(p), (p - target) / len(p)""",
    "3.3": """mean, square = beta1 * mean + (1 - beta1) * dw, beta2 * square + (1 - beta2) * dw**2
        return w - rate * mean / (1 - beta1**t) / np.sqrt(square / (1 - beta2**t)), mean, square""",
    "4.3": """square = (probes**2).sum(axis=1)[:, None] + (codes**2).sum(axis=1) - 2 * probes @ codes.T
        return np.sqrt(square).min(axis=1)""",
    "6.1": """value = np.mean(np.log(1 + np.exp(-real))) + np.mean(np.log(1 + np.exp(fake)))
        return value, (sigmoid(real) - 1) / len(real), sigmoid(fake) / len(fake)""",
    "8.5": """one_hot = np.eye(classes + 1)[np.where(known, labels, classes)]
        return one_hot, np.where(known | (labels == 0), labels, random)""",
    "9.2": """spread = epsilon * np.exp(x @ B / 2)
        ds = dz * spread**2 / spread / 2
        return dz @ A.T + ds @ B.T, x.T @ dz, x.T @ ds""",
    "10.1": "return np.concatenate([np.eye(labels.max() + 1)[labels], z], axis=1)",
    "7.1": """p, q = np.exp(-(z**2).sum(axis=1) / 2), np.exp(-((z - mean) ** 2 / variance).sum(axis=1) / 2)
        return np.log(p / q * np.sqrt(np.prod(variance))), (z - mean) / variance - z""",
    "11.1": """e = np.exp(h[:, :classes])
        y = e / e.sum(axis=1, keepdims=True)
        dl = y * (dy - (dy * y).sum(axis=1, keepdims=True)) + dlogits
        return y, h[:, classes:], np.concatenate([dl, dz], axis=1)""",
    "13.3": """p = counts / np.sum(counts)
        rows, columns = np.sum(p, axis=1), np.sum(p, axis=0)
        information = np.nansum(p * np.log(np.where(p > 0, p, 1) / np.outer(rows, columns)))
        return information * 2 / -(np.sum(rows * np.log(rows)) + np.sum(columns * np.log(columns)))""",
    "14.1": """products = 2 * n * sizes[:-1].astype(np.int32) * sizes[1:].astype(np.int32)
        products = products.astype(np.int32)
        return np.sum(products), 2 * np.sum(products) - products[0]""",
    "15.1": """size = n / ranks
        starts = np.array([sum(int(size) + (k < n % ranks) for k in range(r)) for r in range(ranks)])
        return starts, np.append(starts[1:], max(starts[-1] + int(size), starts[-1] + 1))""",
}


@pytest.mark.parametrize("number", SHORT_SIGHTED)
def test_an_edge_finds_what_the_usual_inputs_cannot(number):
    lesson, exercise = lesson_and_exercise(number)
    namespace = defined_in(catalogue.read(lesson.path))
    arguments = str(inspect.signature(namespace[exercise.name]))
    exec(f"def short_sighted{arguments}:\n    if True:\n        {SHORT_SIGHTED[number]}", namespace)
    for seed in range(5):
        exercise._replace(edge=None).check(namespace["short_sighted"], seed)
    for edge in filter(None, (hidden.HIDDEN[number], exercise.edge)):
        with np.errstate(all="ignore"), pytest.raises(AssertionError, match=number):
            exercise._replace(edge=edge).check(namespace["short_sighted"], 0)


@pytest.mark.parametrize("page", ["README.md", "instructor/README.md"])
def test_the_pages_name_no_verb_that_does_not_exist(page):
    text = Path(HERE / page).read_text(encoding="utf-8")
    known = re.findall(r"^    (\w[\w-]*)", command_line.parser().format_help(), re.M)
    assert set(re.findall(r"python -m lessons ([a-z][\w-]*)", text)) <= set(known)


def test_the_instructors_page_lists_every_exercise_as_it_is():
    assert page.PAGE.read_text(encoding="utf-8") == page.up_to_date()  # python -m lessons page
