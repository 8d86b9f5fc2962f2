"""What a check of the course says about right and wrong answers, and how lessons are found."""

import sys

import numpy as np
import pytest
import synthetic_lessons

from lessons import catalogue
from lessons.checking import Exercise, changed, scaled, transposed
from lessons.reasons import factors, other_order
from tinyaae import UserError
from tinyaae.losses import half_squared_error


def inputs(rng):
    return rng.normal(size=(3, 4)), rng.normal(size=(4, 5))


EXERCISE = Exercise(
    "9.1", "products", ("a", "b"), inputs, lambda x, y: (x @ y, x.sum(axis=0)),
    mistakes=[
        transposed("a"),
        scaled("a", lambda inputs: 1 / 3, "a is averaged"),
        changed("b", lambda b, inputs: b / 3, "b is a mean"),
    ],
    hints=("", "", ""),
)  # fmt: skip
PLAIN = EXERCISE._replace(outputs=("a",), answer=lambda x, y: x @ y, mistakes=EXERCISE.mistakes[:2])


def said(exercise, function):
    """Return what the check says about a wrong function."""
    with pytest.raises(AssertionError) as raised:
        exercise.check(function, seed=0)
    return str(raised.value)


def test_a_right_answer_passes():
    EXERCISE.check(lambda x, y: (x @ y, x.sum(axis=0)), seed=0)


def test_an_answer_that_calls_the_library_is_refused_though_it_is_right():
    def with_library(x, y):
        half_squared_error(np, x, x)
        return x @ y, x.sum(axis=0)

    EXERCISE._replace(library=True).check(with_library)
    message = said(EXERCISE, with_library)
    assert "9.1 products: it uses tinyaae.losses.half_squared_error; an exercise is solved by" in message


def test_the_check_itself_may_call_the_library():
    def with_library(x, y):
        half_squared_error(np, x, x)
        return x @ y

    PLAIN._replace(answer=with_library).check(lambda x, y: x @ y, seed=0)


def test_whoever_profiles_a_check_goes_on_doing_so():
    seen = []
    before = sys.getprofile()
    sys.setprofile(lambda *step: seen.append(step))
    try:
        PLAIN.check(lambda x, y: x @ y, seed=0)
        assert sys.getprofile() is not before
    finally:
        sys.setprofile(before)
    assert seen


@pytest.mark.parametrize(
    ("exercise", "function", "names"),
    [
        (PLAIN, lambda x, y: (x @ y).tolist(), "a"),
        (EXERCISE, lambda x, y: (x @ y, x.sum(axis=0).tolist()), "b"),
        (EXERCISE, lambda x, y: ((x @ y).tolist(), tuple(x.sum(axis=0))), "a and b"),
    ],
)
def test_a_list_is_no_array(exercise, function, names):
    assert f"9.1 products: {names} came as a list, expected an array of NumPy" in said(exercise, function)


def test_a_list_of_the_outputs_is_as_good_as_a_tuple():
    EXERCISE.check(lambda x, y: [x @ y, x.sum(axis=0)], seed=0)


def test_a_mistake_is_named_with_the_shapes():
    message = said(EXERCISE, lambda x, y: ((x @ y).T, x.sum(axis=0)))
    assert "expected shape (3, 5)" in message and "but came shape (5, 3)" in message
    assert message.endswith("Likely mistake: a is transposed")


def test_two_mistakes_at_once_are_both_named():
    message = said(EXERCISE, lambda x, y: (x @ y / 3, x.mean(axis=0)))
    assert "Likely mistake: a is averaged" in message and "Likely mistake: b is a mean" in message


def test_a_mistake_that_does_not_name_its_output_gets_the_name():
    assert "Likely mistake: b: the sign is flipped" in said(EXERCISE, lambda x, y: (x @ y + 1, -x.sum(axis=0)))


@pytest.mark.parametrize(
    ("factor", "says"),
    [
        (2, "a is 2 times what it should be: a ½ is missing"),
        (5, "a is 5 times what it should be, and 5 is the number of columns of y: a sum where a mean belongs"),
        (1 / 4, "a is 1/4 of what it should be, and 4 is the number of columns of x: a mean where a sum belongs"),
        (3 / 5, "a is 3/5 of what it should be: divided by 5, the number of columns of y, in place of 3"),
        (1 / 12, "a is 1/12 of what it should be: a mean over 3·4"),
        (100, "per cent where a share belongs"),
        (1 / np.log(2), "the logarithm has base 2"),
    ],
)
def test_a_factor_is_told_with_its_name(factor, says):
    assert says in said(PLAIN, lambda x, y: factor * (x @ y))


def test_a_number_among_the_arguments_is_the_name_of_a_factor():
    words = [words for factor, words in factors([np.ones(3), 0.3], ["x", "rate"]) if abs(factor - 1 / 0.7) < 1e-9]
    assert words == ["1/(1 − rate) of what it should be: the factor 1 − rate is missing"]


@pytest.mark.parametrize("wrong", [lambda a: a + 1, lambda a: 7.3 * a])
def test_no_factor_is_told_where_it_has_no_name(wrong):
    message = said(PLAIN, lambda x, y: wrong(x @ y))
    assert "Likely" not in message and "times" not in message


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x, y: (x @ y)[:, :, None], "an axis of size 1 too many or too few: (3, 5, 1) where (3, 5) belongs"),
        (lambda x, y: (x @ y).ravel(), "the right numbers in a wrong shape"),
        (lambda x, y: x[:, :, None] * y, "take the sum over axis 1, from (3, 4, 5) to (3, 5)"),
        (lambda x, y: x.sum(axis=0), "a has 1 dimension, the shape (4,), where (3, 5) belongs"),
        (lambda x, y: y + 1, "axis 0 has 4 (the number of columns of x), where 3 belongs (the number of rows of x)"),
        (lambda x, y: (x @ y).astype(int), "cut to whole numbers (int64)"),
        (lambda x, y: (x @ y) / 0, "a division by 0 or the logarithm of 0 gives inf"),
        (lambda x, y: np.log(-abs(x @ y)), "the logarithm or root of a negative number gives nan"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_a_slip_leaves_behind_is_told(function, says):
    assert says in said(PLAIN, function)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_exponential_that_overflows_is_told_with_the_argument():
    large = PLAIN._replace(inputs=lambda rng: (rng.normal(size=(3, 4)) + 900, rng.normal(size=(4, 5))))
    message = said(large, lambda x, y: np.exp(x) @ y)
    assert "Likely mistake: a has" in message and "x reaches ±90" in message and "beyond 709 e^x is inf" in message


SQUARE = PLAIN._replace(inputs=lambda rng: (rng.normal(size=(4, 5)),), answer=lambda x: x**2, mistakes=[])


def test_an_argument_that_comes_back_is_told():
    assert "a is x as it came in" in said(SQUARE, lambda x: x)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x: np.where(x > 0, x**2, 7), "Look: a is right where x > 0, and wrong where x ≤ 0"),
        (lambda x: np.where(np.arange(4)[:, None] == 2, 7, x**2), "Look: a is wrong in row 2, and right in all others"),
        (lambda x: np.where(np.arange(5) > 2, 7, x**2), "Look: a is wrong in columns 3, 4, and right in all others"),
        (lambda x: np.where(np.eye(4, 5) + np.eye(4, 5, 1) + np.eye(4, 5, -4) > 0, 7, x**2), "at 12 of 20 places"),
    ],
)
def test_where_an_outcome_is_wrong_is_told(function, says):
    assert says in said(SQUARE, function)


def test_what_comes_out_otherwise_each_time_is_told():
    rng = np.random.default_rng(0)
    assert "called again with the same inputs" in said(SQUARE, lambda x: x**2 + rng.normal())


def test_the_place_that_differs_most_is_told():
    def spoilt(x, y):
        a = x @ y
        a[2, 1] += 100
        return a

    assert "they differ most at [2, 1]" in said(PLAIN, spoilt)


@pytest.mark.parametrize("odd", ["text", object(), 1j * np.ones((3, 5))])
def test_what_is_no_array_of_numbers_is_told(odd):
    assert "no array of numbers" in said(PLAIN, lambda x, y: odd)


@pytest.mark.parametrize(("exercise", "names"), [(PLAIN, "a"), (EXERCISE, "a, b")])
def test_a_forgotten_return_is_told(exercise, names):
    message = said(exercise, lambda x, y: None)
    assert message == f"9.1 products: it returned nothing (None), expected {names}; is there a `return`?"


def test_an_output_that_is_none_is_told():
    assert "but came nothing (None)" in said(EXERCISE, lambda x, y: (x @ y, None))


def test_nan_is_not_right():
    assert "nan" in said(PLAIN, lambda x, y: np.full((3, 5), np.nan))


def test_the_wrong_number_of_outputs_is_told():
    assert "it returned 3 things, expected 2: a, b" in said(EXERCISE, lambda x, y: (x, y, x))


def test_one_output_where_two_are_expected_is_one_thing():
    assert "it returned 1 thing, expected 2: a, b" in said(EXERCISE, lambda x, y: x @ y)


def test_outputs_in_another_order_are_told_by_their_shapes():
    message = said(EXERCISE, lambda x, y: (x.mean(axis=0), x @ y))
    assert message.endswith("Likely mistake: the order of the outputs; by their shapes b, a came, expected a, b")


def test_outputs_of_one_shape_in_another_order_are_told_by_their_values():
    both = EXERCISE._replace(answer=lambda x, y: (x.sum(axis=0), y.sum(axis=1)), mistakes=[])
    message = said(both, lambda x, y: (y.sum(axis=1), x.sum(axis=0)))
    assert message.endswith("Likely mistake: the order of the outputs; b, a came, expected a, b")


def test_the_mistake_that_changes_least_is_named():
    halves = [scaled("a", lambda inputs: 3, "a is a sum"), changed("b", lambda b, inputs: b / 4, "b is a mean")]
    both = EXERCISE.mistakes[0]._replace(
        says="both", of=lambda right, inputs: {"a": right["a"] * 3, "b": right["b"] / 4}
    )
    exercise = EXERCISE._replace(mistakes=[both, *halves])
    assert said(exercise, lambda x, y: (x @ y * 3, x.sum(axis=0))).endswith("Likely mistake: a is a sum")
    exercise = EXERCISE._replace(mistakes=[both])
    assert said(exercise, lambda x, y: (x @ y * 3, x.sum(axis=0))).endswith("Likely mistake: in a alone: both")


@pytest.mark.parametrize(
    ("right", "came"),
    [
        (((2, 3), (4,), (4,)), ((4,), (4,), (2, 3))),  # of the two that are alike, which is which?
        (((2, 3), (3, 2), (4,)), ((3, 2), (2, 3), (4,))),  # exchanged, or both transposed?
        (((2, 3), (4,), ()), ((2, 3), (), (5,))),
        (((2, 3), (4,), ()), ((2, 3), (4,), ())),
    ],
)
def test_no_order_is_told_where_the_shapes_leave_it_open(right, came):
    right, came = ([np.ones(shape) for shape in shapes] for shapes in (right, came))
    assert other_order("abc", came, right) is None


def test_no_order_is_told_where_an_output_is_no_array_of_numbers():
    assert other_order("ab", [np.ones(3), np.asarray(None)], [np.ones(()), np.ones(3)]) is None


def test_an_argument_changed_in_place_is_told():
    def careless(x, y):
        a = x @ y
        x += 1
        return a

    message = said(PLAIN, careless)
    assert "it changed its argument x in place, which the caller still needs; make a new array, as x = x − …" in message


def test_what_is_not_solved_is_told():
    def stub(x, y):
        raise NotImplementedError("exercise 9.1")

    assert said(PLAIN, stub) == "9.1 products: not solved yet"


def test_what_calls_another_exercise_that_is_not_solved_says_so():
    def caller(x, y):
        raise NotImplementedError("exercise 8.2")

    assert said(PLAIN, caller) == "9.1 products: not solved yet; it calls exercise 8.2"


# Finding lessons ------------------------------------------------------------------------------------------------------


def test_every_lesson_has_two_to_five_exercises_numbered_in_order():
    for lesson in catalogue.lessons():
        numbers = [exercise.number for exercise in lesson.exercises]
        assert numbers == [f"{lesson.number}.{k + 1}" for k in range(len(numbers))]
        assert 2 <= len(numbers) <= 5


def test_lessons_are_found_in_order_with_their_titles(tmp_path):
    folder = synthetic_lessons.write(tmp_path / "lessons")
    for name in ("lesson_10_more.py", "test_10_more.py"):
        (folder / name).write_text("EXERCISES = []\n")
    found = [(lesson.number, lesson.title, lesson.module_name) for lesson in catalogue.lessons(folder)]
    assert found == [(1, "Twice as much", "lessons.lesson_01_twice"), (10, "lesson_10_more", "lessons.lesson_10_more")]


def test_exercises_are_found_without_running_the_lesson(tmp_path):
    folder = synthetic_lessons.write(tmp_path / "lessons", lesson="raise SystemExit('was run')")
    before = dict(sys.modules)
    assert [exercise.number for exercise in catalogue.lessons(folder)[0].exercises] == ["1.1", "1.2"]
    assert not hasattr(sys.modules["lessons"], "lesson_01_twice")
    assert {name: m for name, m in sys.modules.items() if name.startswith("lessons.lesson_")} == {
        name: m for name, m in before.items() if name.startswith("lessons.lesson_")
    }


def test_damaged_checks_are_named_in_one_line(tmp_path):
    folder = synthetic_lessons.write(tmp_path / "lessons", checks="EXERCISES = [\n")
    with pytest.raises(UserError, match=r"test_01_twice\.py: SyntaxError.*were they edited\?$"):
        catalogue.lessons(folder)


def test_missing_checks_are_named(tmp_path):
    folder = synthetic_lessons.write(tmp_path / "lessons")
    (folder / "test_01_twice.py").unlink()
    with pytest.raises(UserError, match=r"there is no test_01_twice\.py beside it"):
        catalogue.lessons(folder)


def test_a_file_is_read_anew_each_time(tmp_path):
    path = tmp_path / "lesson.py"
    for number in (1, 2):  # same size, same second
        path.write_text(f"x = {number}\n")
        assert catalogue.run_file(path, "lesson").x == number
    assert not list(tmp_path.glob("__pycache__"))
