"""docs/diagram.svg is what docs/diagram.py writes, and shows the model that `build` returns."""

import re
import runpy
from xml.etree import ElementTree

import pytest
from tiny import REPOSITORY, assembled, tiny_config

from tinyaae.priors import Categorical, Gaussian

PICTURE = REPOSITORY / "docs" / "diagram.svg"
SCRIPT = runpy.run_path(str(PICTURE.with_suffix(".py")))
READS = {name: reads for name, (_, reads, _) in SCRIPT["PHASES"].items()}
MOVES = {name: moves for name, (_, _, moves) in SCRIPT["PHASES"].items()}


@pytest.fixture
def model_and_batch():
    model, batches = assembled(tiny_config("semi-supervised"))
    return model, next(iter(batches.epoch(0)))


def words(kind):
    """Return the texts of one class in the picture."""
    return [each.text for each in ElementTree.parse(PICTURE).iter() if each.get("class") == kind]


def name_of(phase):
    return type(phase).__name__


def test_the_picture_is_what_the_script_writes():
    assert PICTURE.read_text(encoding="utf-8") == SCRIPT["svg"](), "run python docs/diagram.py"


def test_the_picture_names_the_networks_of_the_model(model_and_batch):
    model, _ = model_and_batch
    assert sorted(words("network")) == sorted(model.networks)


def test_the_picture_names_the_phases_of_the_model_in_their_order(model_and_batch):
    model, _ = model_and_batch
    groups = {
        name_of(phase): tuple(map(name_of, phase.phases_with_optimizer()))
        for phase in model.phases
        if phase.phases_with_optimizer() != [phase]
    }
    assert words("phase") == [name_of(phase) for phase in model.phases_with_optimizer()]
    assert words("group") == list(groups) and groups == SCRIPT["GROUPS"]


def test_each_phase_moves_and_reads_the_networks_that_its_row_names(model_and_batch, monkeypatch):
    model, batch = model_and_batch
    read = []
    for network in model.networks.values():

        def recorded(*inputs, name=network.name, forward=network.forward):
            read.append(name)
            return forward(*inputs)

        monkeypatch.setattr(network, "forward", recorded)
    for phase in model.phases_with_optimizer():
        read.clear()
        phase.forward(batch)
        assert read == re.findall(r"\b(?:Q|P|D_\w+)\b", READS[name_of(phase)])
        assert tuple(network.name for network in phase.moves) == MOVES[name_of(phase)]


def test_the_quick_recipe_has_the_priors_and_the_dotted_arrow_of_the_picture(model_and_batch):
    y, z = model_and_batch[0].phases[1].discriminate.adversaries
    assert isinstance(y.prior, Categorical) and isinstance(z.prior, Gaussian)
    assert z.condition_on_y and not y.condition_on_y
