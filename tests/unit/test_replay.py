"""A captured step is the step, bit for bit, whatever changes in between. Proved without a GPU, on a tape."""

import numpy as np
import pytest
from helpers import host
from tape_backend import TapeBackend, ValueRead
from tiny import assembled, tiny_config, tiny_dataset

from tinyaae.backend.cuda.graph import Values
from tinyaae.backend.numpy import NumpyBackend
from tinyaae.config.fields import names
from tinyaae.config.modes import MODES
from tinyaae.model import Model
from tinyaae.optimizers import Adam
from tinyaae.phases import Batch
from tinyaae.training import schedule

CASES = [
    *(pytest.param({"mode": mode}, id=mode) for mode in MODES),
    *(pytest.param({"mode": "aae", "prior": prior, "z": 2}, id=prior)
      for prior in ("laplace", "uniform", "gamma", "mixture", "swiss-roll")),
    *(pytest.param({"mode": "semi-supervised", "posterior": p}, id=p) for p in ("gaussian", "universal")),
    pytest.param({"mode": "label-regularized", "prior": "swiss-roll", "z": 2}, id="label-regularized-swiss-roll"),
    pytest.param({"mode": "semi-supervised", "preset": "paper"}, id="paper"),
    pytest.param(
        {"mode": "clustering", **dict.fromkeys(names("extra"), 0.5), "vat_rampup": 6, "adversarial_warmup": 4},
        id="extras",
    ),
]  # fmt: skip


def trained(backend, flags, steps=9):
    """Return the model after some steps, at rates that change each step, and the values of every step."""
    model, batches = assembled(tiny_config(**flags), backend)
    factor = schedule(model.config)
    values = []
    for step, batch in zip(range(steps), batches.epoch(0), strict=False):
        for phase in model.phases_with_optimizer():
            phase.optimizer.lr_scale = factor(step / 4) / (step + 1)
        values.append(model.step(batch))
    return model, [{name: host(backend, value).tobytes() for name, value in row.items()} for row in values]


def content(model):
    """Return all that a checkpoint would hold, and the counters."""
    arrays = {name: host(model.backend, array).tobytes() for name, array in model.state().items()}
    steps = {phase.name: phase.optimizer.steps for phase in model.phases_with_optimizer()}
    return arrays, steps, {name: network.updates for name, network in model.networks.items()}


@pytest.mark.parametrize("flags", CASES)
def test_nine_replayed_steps_are_nine_steps_bit_for_bit(flags):
    tape = TapeBackend()
    captured, said = trained(tape, flags)
    plain, expected = trained(NumpyBackend(threads=1), flags)
    assert tape.recorded == 1
    assert said == expected
    assert content(captured) == content(plain)


@pytest.mark.parametrize("mode", ["aae", "semi-supervised"])
def test_phases_that_skip_steps_are_replayed_bit_for_bit(mode, monkeypatch):
    """The steps with the phase and the steps without it are two recordings."""
    model_of = Model.__init__

    def every_second(model, config, backend, networks, phases, prior):
        phases[-1].every = 2
        model_of(model, config, backend, networks, phases, prior)

    monkeypatch.setattr(Model, "__init__", every_second)
    tape = TapeBackend()
    captured, said = trained(tape, {"mode": mode})
    plain, expected = trained(NumpyBackend(threads=1), {"mode": mode})
    assert tape.recorded == 2
    assert said == expected and len(said[0]) > len(said[1])
    assert content(captured) == content(plain)


def test_it_can_tell_a_replay_from_a_step():
    """The fact above would be empty if the tape ran Python: a number kept from the host must stay what it was."""
    tape = TapeBackend()
    numbers = iter(range(1, 100))
    step = tape.captured(lambda batch: {"a": tape.xp.sum(batch.x) * next(numbers)})
    batch = Batch(tape.array(np.ones((2, 2))))
    assert [float(step(batch)["a"]) for _ in range(4)] == [4, 8, 8, 8]


def test_a_replay_reads_the_batch_it_is_given():
    tape = TapeBackend()
    step = tape.captured(lambda batch: {"a": tape.xp.sum(batch.x)})
    assert [float(step(Batch(tape.array([k, k])))["a"]) for k in range(5)] == [0, 2, 4, 6, 8]


def test_values_of_one_step_outlive_the_next():
    tape = TapeBackend()
    step = tape.captured(lambda batch: {"a": tape.xp.sum(batch.x)})
    values = [step(Batch(tape.array([k, k])))["a"] for k in range(5)]
    assert [float(value) for value in values] == [0, 2, 4, 6, 8]


def test_totals_are_kept_as_one_vector_and_are_the_sums_of_the_values():
    """Whatever comes between: a step as written, another size, a step with one value more."""
    tape, totals, sums = TapeBackend(), {}, {}

    def function(batch):
        found = {"a": tape.xp.sum(batch.x) / 3, "b": tape.xp.sum(batch.x) / 7}
        return found | ({"c": found["a"] * 5} if batch.y_labelled is not None else {})

    step = tape.captured(function)
    for k in range(12):
        x = tape.array([k / 11] * (2 + (k == 6)))
        values = step(Batch(x, y_labelled=x if k > 7 else None))
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + value
        totals = tape.accumulate(totals, values)
        assert isinstance(totals, Values) == (k not in (0, 6, 8))
    assert {name: host(tape, total).tobytes() for name, total in totals.items()} == {
        name: host(tape, total).tobytes() for name, total in sums.items()
    }


def test_each_size_of_batch_is_recorded_by_itself():
    tape = TapeBackend()
    step = tape.captured(lambda batch: {"a": tape.xp.sum(batch.x)})
    for n in (2, 3, 2, 3, 2, 3):
        assert float(step(Batch(tape.array(np.ones(n))))["a"]) == n
    assert tape.recorded == 2


def test_a_step_that_sends_a_host_array_each_time_runs_unrecorded_and_says_why():
    tape = TapeBackend()
    step = tape.captured(lambda batch: {"a": tape.xp.sum(batch.x * tape.array([3.0]))})
    batch = Batch(tape.array([1.0, 2.0]))
    assert float(step(batch)["a"]) == 9
    with pytest.warns(UserWarning, match="sends a host array to the device"):
        assert float(step(batch)["a"]) == 9
    assert float(step(batch)["a"]) == 9 and tape.recorded == 0


def test_a_step_that_looks_at_a_value_runs_unrecorded():
    tape = TapeBackend()
    step = tape.captured(lambda batch: {"a": tape.xp.sum(batch.x) if batch.x[0] > 0 else tape.xp.sum(-batch.x)})
    assert float(step(Batch(tape.array([1.0])))["a"]) == 1
    with pytest.warns(UserWarning, match=ValueRead.__name__):
        assert float(step(Batch(tape.array([-2.0])))["a"]) == 2


def test_a_recording_that_fails_leaves_everything_as_it_was():
    """The step that could not be recorded is taken once, not half and not twice."""
    tape, plain = TapeBackend(), NumpyBackend(threads=1)
    flags = {"mode": "semi-supervised"}

    def fails(packed, function):
        TapeBackend.record(tape, packed, function)
        raise RuntimeError("no graph")

    tape.record = fails
    with pytest.warns(UserWarning, match="no graph"):
        captured, said = trained(tape, flags)
    model, expected = trained(plain, flags)
    assert said == expected and content(captured) == content(model)


def test_a_restored_counter_is_what_the_next_replay_uses():
    """Exact resume: the steps of a checkpoint, not those that were counted while replaying."""
    tape, plain = TapeBackend(), NumpyBackend(threads=1)
    ends = []
    for backend in (tape, plain):
        model, _ = trained(backend, {"mode": "semi-supervised"}, steps=4)
        for phase in model.phases_with_optimizer():
            phase.optimizer.steps = 1000
        batches = assembled(tiny_config(), backend)[1]
        model.step(next(iter(batches.epoch(1))))
        ends.append(content(model))
    assert ends[0] == ends[1]


def test_a_cache_from_before_a_replay_is_refused():
    backend = TapeBackend()
    model, batches = assembled(tiny_config(), backend)
    rows = list(batches.epoch(0))
    for batch in rows[:3]:
        model.step(batch)
    phase = model.phases[0]
    _, cache = phase.forward(rows[3])
    model.step(rows[4])
    with pytest.raises(RuntimeError, match="from before an update"):
        phase.backward(cache)


def test_numbers_of_both_widths_share_the_table():
    """A float64 after a counter starts where a float64 may."""
    tape = TapeBackend("float64")
    state = {"count": 0}

    def count():
        state["count"] += 1

    def function(batch):
        tape.on_replay(count)
        step = tape.counter(lambda: state["count"])
        rate = tape.step_scalars(2, lambda: [state["count"] / 3, -state["count"] / 7])
        u = tape.uniform((1, 2, step, 3), (1,))
        return {"rates": tape.xp.sum(batch.x * rate), "u": u[0, ...]}

    step = tape.captured(function)
    batch = Batch(tape.array([1.0, 10.0]))
    for k in range(1, 6):
        values = step(batch)
        assert float(values["rates"]) == k / 3 - 10 * (k / 7)
        assert float(values["u"]) == NumpyBackend("float64").uniform((1, 2, k, 3), (1,))[0]


def test_more_numbers_than_the_table_holds_are_not_recorded():
    tape = TapeBackend()
    step = tape.captured(lambda batch: {"a": tape.xp.sum(tape.step_scalars(65, lambda: [1.0] * 65))})
    batch = Batch(tape.array([1.0]))
    step(batch)
    with pytest.warns(UserWarning, match="raise WORDS"):
        assert float(step(batch)["a"]) == 65


def test_an_optimizer_lists_as_many_rates_as_it_says():
    """The table has room for `numbers` of them."""
    model, _ = assembled(tiny_config("semi-supervised", preset="paper"))
    optimizers = [phase.optimizer for phase in model.phases_with_optimizer()] + [Adam(0.1)]
    for optimizer in optimizers:
        optimizer.steps = 1
        assert len(optimizer.step_scalars()) == optimizer.numbers


def test_the_tiny_data_set_gives_equal_batches():
    """`trained` steps through one epoch of equal batches, or a second recording would hide in it."""
    assert len(tiny_dataset().x_train) >= 9 * tiny_config().batch_size
