"""What `tinyaae.config` promises: every mode has its numbers, and values that no run can have are told in one line."""

import dataclasses
import json
import math

import numpy as np
import pytest
from tiny import REPOSITORY, config_of, refusal, takes, tiny_config, tiny_dataset

from tinyaae.backend import Backend
from tinyaae.config import Config
from tinyaae.config.__main__ import page
from tinyaae.config.fields import ABOUT, Numbers, names
from tinyaae.config.flags import MOVED, RENAMED
from tinyaae.config.modes import MODES
from tinyaae.config.presets import BY_MODE, MODE_DEFAULTS, PRESETS
from tinyaae.config.priors import PRIORS, in_a_plane
from tinyaae.data import split
from tinyaae.errors import UserError
from tinyaae.extras import InformationMaximization, VirtualAdversarial
from tinyaae.layers import BatchNorm
from tinyaae.model import build
from tinyaae.optimizers import Adam, Momentum
from tinyaae.recipes import Builder

CONFIGS = [(mode, preset) for mode in MODES for preset in ("quick", "paper")]
CONFIGS += [(numbers["mode"], preset) for preset, numbers in PRESETS.items() if "mode" in numbers]
SET = [name for name in names("set") if name != "prior_options"]
PHASES = {  # the table of the README, the half-steps of Regularization by name
    "autoencoder": ["reconstruction"],
    "vae": ["reconstruction"],
    "gan": ["discriminate", "generate"],
    "aae": ["reconstruction", "discriminate", "generate"],
    "label-regularized": ["reconstruction", "discriminate", "generate"],
    "supervised": ["reconstruction", "discriminate", "generate"],
    "semi-supervised": ["reconstruction", "discriminate", "generate", "semi-supervised"],
    "clustering": ["reconstruction", "discriminate", "generate"],
    "reduction": ["reconstruction", "discriminate", "generate", "semi-supervised"],
}
VALUES = {"prior": "mixture", "posterior": "gaussian", "input_noise": 0.1, "labels": 10, "clusters": 5}
VALUES |= dict.fromkeys([*names("extra"), *SET], 0.5)
VALUES |= {"reconstruction": "cross-entropy", "optimizer": "momentum", "vat_optimizer": "momentum"}
VALUES |= {"step_decay": {3: 0.1}, "vat_rampup": 300, "adversarial_warmup": 200}
VALUES |= dict.fromkeys(["batch_norm", "detach_y", "condition_on_y"], True)


def edited(**changed):
    """Return the text of a config.json with some of its values changed."""
    return json.dumps(json.loads(tiny_config().to_json()) | changed)


# Modes, presets and flags


def test_label_regularized_trains_on_the_paper_s_10_000_labelled_and_40_000_unlabelled_images():
    config = Config.of("label-regularized")
    y = np.arange(60000) % 10
    parts = split(y, 10, config.labels, config.seed, config.images)
    assert (len(parts.labelled), len(parts.train) - len(parts.labelled)) == (10000, 40000)


def test_a_gan_cannot_be_animated():
    assert "no codes to watch" in refusal(Config.of, "gan", animate=True)


@pytest.mark.parametrize("changed", [{"posterior": "universal"}, {"prior": "uniform"}])
def test_an_edited_config_cannot_have_what_its_mode_has_no_use_for(changed):
    text = json.dumps(json.loads(tiny_config("autoencoder").to_json()) | changed)
    assert "mode autoencoder works with" in refusal(Config.from_json, text, "config.json")


@pytest.mark.parametrize("mode, preset", CONFIGS)
def test_every_mode_and_preset_builds_its_phases(mode, preset):
    model = build(Config.of(mode, preset, hidden=(8, 7)), Backend.named("numpy"))
    extra = ["vat"] if model.config.vat else []
    last = ["semi-supervised"] if "semi-supervised" in PHASES[mode] and model.config.labels != 0 else []
    expected = [name for name in PHASES[mode] if name != "semi-supervised"]
    assert [phase.name for phase in model.phases_with_optimizer()] == expected + extra + last


def test_no_flag_trains_the_semi_supervised_aae_with_100_labels():
    config = Config.of()
    assert (config.mode, config.labels, config.preset, config.backend) == ("semi-supervised", 100, "quick", "numpy")


def test_paper_preset_is_the_paper():
    config = Config.of(preset="paper")
    assert (config.hidden, config.epochs, config.weight_std, config.batch_norm) == ((1000, 1000), 5000, 0.01, False)


@pytest.mark.parametrize("preset, kind", [("quick", Adam), ("paper", Momentum)])
def test_optimizer_of_a_preset(preset, kind):
    phases = build(Config.of(preset=preset, hidden=(8, 7)), Backend.named("numpy")).phases_with_optimizer()
    assert [type(phase.optimizer) for phase in phases] == [kind, kind, kind, Momentum]


@pytest.mark.parametrize("mode, flag", [(mode, flag) for mode in MODES for flag in VALUES])
def test_flag_is_used_or_an_error_that_names_it(mode, flag):
    if takes(mode, flag):
        robust = {"vat": 1.0}
        needed = {
            "vat_rampup": robust,
            "vat_optimizer": robust | {"lr_vat": 0.01},
            "lr_vat": robust,
        }.get(flag, {})
        assert getattr(Config.of(mode, **needed | {flag: VALUES[flag]}), flag) == VALUES[flag]
    else:
        message = refusal(Config.of, mode, **{flag: VALUES[flag]})
        kind = "extra " if flag in names("extra") else "set " if flag in SET else ""
        name = flag if flag in SET else flag.replace("_", "-")
        assert message.startswith(f"--{kind}{name}: mode {mode} ")


@pytest.mark.parametrize("mode, preset", CONFIGS)
def test_flags_override_mode_and_preset(mode, preset):
    flags = {"epochs": 3, "batch_size": 7, "z": 2, "hidden": (5,), "seed": 9}
    config = Config.of(mode, preset, **flags)
    assert {name: getattr(config, name) for name in flags} == flags


@pytest.mark.parametrize("prior", [prior for prior in PRIORS if in_a_plane(prior)])
def test_planar_prior_implies_two_dimensions(prior):
    assert Config.of("aae", prior=prior).z == 2


@pytest.mark.parametrize("prior", [prior for prior in PRIORS if not in_a_plane(prior) and prior != "categorical"])
def test_labels_need_a_prior_with_modes(prior):
    assert "mixture or swiss-roll" in refusal(Config.of, "label-regularized", prior=prior)


def test_labels_in_a_mode_that_shows_none_are_refused_whoever_wrote_them():
    assert "shows no label" in refusal(dataclasses.replace(Config.of("clustering"), labels=10).check)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", names("extra"))
def test_extras_are_off_and_where_a_mode_has_no_use_for_one_it_is_refused_whoever_wrote_it(mode, name):
    config = Config.of(mode)
    assert getattr(config, name) == 0
    changed = dataclasses.replace(config, **{name: 0.5})
    if takes(mode, name):
        changed.check()
    else:
        assert refusal(changed.check).startswith(f"--extra {name.replace('_', '-')}: 0.5 given, but mode {mode} ")


def test_extras_by_name_and_number():
    config = Config.of("clustering", extra=["information-maximization=0.1", "vat=2"])
    assert (config.information_maximization, config.vat, config.latent_noise) == (0.1, 2.0, 0.0)


def test_settings_by_name_and_value():
    given = ["eta=2", "optimizer=adam", "linear_decay_from=null", "detach_y=true", 'step_decay={"40": 0.1}']
    config = Config.of("reduction", labels=0, set=given)
    values = config.eta, config.optimizer, config.linear_decay_from, config.detach_y, config.step_decay
    assert values == (2, "adam", None, True, {40: 0.1})


@pytest.mark.parametrize(
    "name, says",
    [("lr_adverserial", "did you mean lr_adversarial?"), ("rate_y", "did you mean lr_vat?"), ("q", "expected one of")],
)
def test_a_number_that_no_run_has_is_refused_with_what_may_be_meant(name, says):
    assert says in refusal(Config.of, **{name: 1})


def test_a_preset_sets_fields_and_nothing_else():
    tables = [*PRESETS.values(), *MODE_DEFAULTS.values(), *BY_MODE.values()]
    assert {name for table in tables for name in table} <= ABOUT.keys()
    assert {ABOUT[name].how for table in tables for name in table} <= {"flag", "set", "extra", "preset"}


def test_a_user_may_set_at_most_40_numbers_15_of_them_as_settings_and_3_as_extras():
    assert len(SET) <= 15 and len(names("extra")) == 3
    assert len([*SET, *names("extra"), *names("flag")]) <= 40


@pytest.mark.parametrize("name", names("preset"))
def test_what_only_a_preset_sets_is_refused_as_a_setting_and_from_python(name):
    line = f"{name}: only a preset sets it; from Python, dataclasses.replace changes it"
    assert refusal(Config.of, set=[f"{name}=0"]) == f"--set {line}"
    assert refusal(Config.of, **{name: 0}) == line


@pytest.mark.parametrize("preset", [preset for preset, numbers in PRESETS.items() if "mode" in numbers])
def test_a_preset_with_a_mode_of_its_own_is_that_mode_and_refuses_another(preset):
    mode = PRESETS[preset]["mode"]
    assert (Config.of(preset=preset).mode, Config.of(mode, preset).preset) == (mode, preset)
    other = "gan" if mode != "gan" else "aae"
    assert refusal(Config.of, other, preset) == (
        f"--preset {preset}: is of mode {mode}, and mode {other} was asked for; leave --mode out"
    )


def test_numbers_of_numpy_lists_and_paths_are_taken_as_what_they_are(tmp_path):
    config = Config.of(
        hidden=[np.int64(30), 20], epochs=np.int32(3), input_noise=np.float32(0.5), data=tmp_path, seed=np.array(4),
        condition_on_y=np.bool_(False), step_decay={np.int64(2): np.float64(0.5)},
    )  # fmt: skip
    assert (config.hidden, config.epochs, config.input_noise, config.seed) == ((30, 20), 3, 0.5, 4)
    assert (config.data, config.condition_on_y, config.step_decay) == (str(tmp_path), False, {2: 0.5})
    assert Config.from_json(config.to_json(), "config.json") == config


def test_the_page_of_settings_is_made_from_the_descriptions():
    assert (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Numbers)])
def test_every_field_is_described(name):
    assert ABOUT[name].meaning and ABOUT[name].how in ("flag", "set", "extra", "preset", "filled")


@pytest.mark.parametrize(
    "flags, name, what",
    [
        ({"mode": "clustering", "extra": ["information-maximization=1"]}, "vat_rampup", "--extra vat"),
        (
            {"mode": "clustering", "extra": ["latent-noise=1"]},
            "lr_vat",
            "--extra vat or --extra information-maximization",
        ),
        ({"mode": "reduction", "labels": 0}, "lr_classifier", "--labels"),
    ],
)
def test_a_setting_that_this_run_would_not_read_is_refused_with_what_would_read_it(flags, name, what):
    assert refusal(Config.of, **flags, set=[f"{name}=1"]).startswith(f"--set {name}: of use with {what} only")


def test_eta_is_the_distance_of_the_phase_that_pushes_heads_apart():
    model = build(Config.of("reduction", hidden=(8,), set=["eta=2.5"]), Backend.named("numpy"))
    assert [phase.eta for phase in model.phases_with_optimizer() if phase.name == "reconstruction"] == [2.5]


@pytest.mark.parametrize("mode", ["clustering", "semi-supervised", "reduction"])
def test_ramp_is_how_long_the_distance_of_robustness_grows(mode):
    model = build(Config.of(mode, hidden=(8,), extra=["vat=2"], set=["vat_rampup=300"]), Backend.named("numpy"))
    assert [phase.rampup for phase in model.phases_with_optimizer() if phase.name == "vat"] == [300]


@pytest.mark.parametrize("mode", ["clustering", "semi-supervised", "reduction"])
@pytest.mark.parametrize("settings, rate", [([], 0.3), (["lr_vat=0.7"], 0.7)])
def test_rate_y_is_of_robustness_alone(mode, settings, rate):
    flags = dict(extra=["vat=2", "information-maximization=1"], set=["lr_adversarial=0.3", *settings])
    phases = build(Config.of(mode, hidden=(8,), **flags), Backend.named("numpy")).phases_with_optimizer()
    rates = {phase.name: phase.optimizer.lr for phase in phases}
    assert (rates["vat"], rates["generate"]) == (rate, 0.3)


@pytest.mark.parametrize("mode, kind", [("clustering", Momentum), ("semi-supervised", Adam)])
def test_optimizer_y_is_of_robustness_alone_and_has_the_usual_momentum(mode, kind):
    def optimizers(*settings):
        config = config_of(mode, hidden=(8,), extra=["vat=2"], set=["lr_vat=0.1", *settings], adversarial_momentum=0.3)
        phases = build(config, Backend.named("numpy")).phases_with_optimizer()
        called = {Momentum: "momentum", Adam: "beta1"}
        chosen = {phase.name: phase.optimizer for phase in phases}
        return {name: (type(own), getattr(own, called[type(own)])) for name, own in chosen.items()}

    usual = optimizers()
    assert usual["vat"] == usual["generate"] == (kind, 0.3)
    assert optimizers("vat_optimizer=adam") == usual | {"vat": (Adam, 0.9)}
    assert optimizers("vat_optimizer=momentum") == usual | {"vat": (Momentum, 0.9)}


@pytest.mark.parametrize("mode, own", [("clustering", "adam"), ("semi-supervised", "momentum")])
def test_another_optimizer_of_y_wants_a_rate_of_its_own(mode, own):
    settings = [f"vat_optimizer={own}"]
    message = refusal(Config.of, mode, extra=["vat=2"], set=settings)
    assert message.startswith(f"--set vat_optimizer: {own} beside ") and "--set lr_vat=" in message
    assert Config.of(mode, extra=["vat=2"], set=[*settings, "lr_vat=0.01"]).lr_vat == 0.01


@pytest.mark.parametrize("mode, own", [("clustering", "momentum"), ("semi-supervised", "adam")])
def test_the_same_optimizer_of_y_has_the_rate_of_the_adversary(mode, own):
    assert Config.of(mode, extra=["vat=2"], set=[f"vat_optimizer={own}"]).lr_vat is None


@pytest.mark.parametrize(
    "extra, kind, epsilon",
    [
        (["vat=2"], VirtualAdversarial, 2), (["information-maximization=1"], InformationMaximization, 0),
        (["vat=2", "information-maximization=1"], InformationMaximization, 2),
    ],
)  # fmt: skip
def test_information_maximization_and_vat_are_one_phase(extra, kind, epsilon):
    phases = build(Config.of("clustering", hidden=(8,), extra=extra), Backend.named("numpy")).phases_with_optimizer()
    assert [(type(phase), phase.epsilon) for phase in phases if phase.name == "vat"] == [(kind, epsilon)]


@pytest.mark.parametrize("mode", ["supervised", "clustering", "semi-supervised", "reduction"])
def test_joint_lets_d_gauss_read_what_p_reads(mode):
    plain, condition_on_y = [
        build(Config.of(mode, hidden=(8,), set=[f"condition_on_y={value}"]), Backend.named("numpy"))
        for value in ("false", "true")
    ]
    more = condition_on_y.networks["D_gauss"].size - plain.networks["D_gauss"].size
    assert more == 8 * condition_on_y.config.decoder_y_dim
    regularization = next(phase for phase in condition_on_y.phases if phase.name == "regularization")
    assert [part.condition_on_y for part in regularization.discriminate.adversaries if part.field == "z"] == [True]


@pytest.mark.parametrize("mode", ["clustering", "semi-supervised", "reduction"])
def test_held_y_is_told_to_reconstruction(mode):
    model = build(Config.of(mode, hidden=(8,), set=["detach_y=true"]), Backend.named("numpy"))
    assert [phase.detach_y for phase in model.phases_with_optimizer() if phase.name == "reconstruction"] == [True]


@pytest.mark.parametrize("mode", ["clustering", "semi-supervised", "reduction"])
def test_patience_is_of_the_discriminator_of_y_alone(mode):
    model = build(Config.of(mode, hidden=(8,), set=["adversarial_warmup=300"]), Backend.named("numpy"))
    (generate,) = [phase for phase in model.phases_with_optimizer() if phase.name == "generate"]
    assert {part.field: part.adversarial_warmup for part in generate.adversaries} == {"y": 300, "z": 0}


@pytest.mark.parametrize(
    "text, words",
    [
        ("rate=1", "there is no setting 'rate'"),
        ("lr_adversarial", "--set lr_adversarial: '' given, expected a number"),
        ("lr_adversarial=fast", "--set lr_adversarial: 'fast' given, expected a number"),
        ("lr_adversarial=-1", "--set lr_adversarial: -1 given, expected a finite number from 0 up"),
        ("lr_adversarial=1" + 400 * "0", "expected a finite number from 0 up"),
        ("lr_vat=NaN", "--set lr_vat: nan given"),
        ("linear_decay_from=1", "--set linear_decay_from: 1 given, expected a number below 1"),
        ("optimizer=sgd", "--set optimizer: there is no optimizer 'sgd'; expected one of adam, momentum"),
        (
            "vat_optimizer=sgd",
            "--set vat_optimizer: there is no vat_optimizer 'sgd'; expected one of adam, momentum, null",
        ),
        ("vat_rampup=1.5", "--set vat_rampup: 1.5 given, expected a whole number"),
        ("linear_decay_from=late", "--set linear_decay_from: 'late' given, expected a number or null"),
        ("batch_norm=1", "--set batch_norm: 1 given, expected true or false"),
        ("step_decay=0.1", "--set step_decay: 0.1 given, expected epochs and factors"),
        ('step_decay={"late": 0.1}', "expected epochs and factors"),
    ],
)
def test_a_setting_that_cannot_be_names_what_came(text, words):
    assert words in refusal(Config.of, set=[text])


@pytest.mark.parametrize(
    "flags, optimizer",
    [
        ({}, "adam"),
        ({"labels": 100}, "adam"),
        ({"labels": 0}, "momentum"),
        ({"clusters": 20}, "momentum"),
        ({"z": 10}, "momentum"),
        ({"z": 10, "vat": 3.0}, "adam"),
        ({"z": 10, "vat": 2.0, "labels": 0}, "momentum"),
    ],
)
def test_reduction_with_labels_has_a_quick_recipe_of_its_own(flags, optimizer):
    config = Config.of("reduction", **flags)
    assert (config.optimizer, config.head_norm) == (optimizer, optimizer == "adam")


def test_heads_are_as_far_apart_as_the_draws_around_them_are_wide():
    assert [Config.of("reduction", z=z, vat=1.0).eta for z in (2, 8)] == [5, 10]
    assert Config.of("reduction", z=8, vat=1.0, set=["eta=3"]).eta == 3


def test_heads_in_more_dimensions_are_no_further_apart_where_sgd_would_drive_them_there_at_once():
    assert (Config.of("reduction", z=8).eta, Config.of("reduction", "paper", z=8, vat=1.0).eta) == (5, 5)


@pytest.mark.parametrize("text", ["entropy=1", "", "=1", "z=5", "virtual=0.1"])
def test_an_unknown_extra_is_told_with_the_known_ones(text):
    message = refusal(Config.of, "clustering", extra=[text])
    assert (
        message.startswith("--extra: there is no extra ") and "information-maximization, latent-noise, vat" in message
    )


@pytest.mark.parametrize("name", [*MOVED, "mutual_information"])
@pytest.mark.parametrize("text", ["{}=0.1", "{}"])
def test_an_extra_that_has_left_is_refused_with_where_its_term_is_now(name, text):
    message = refusal(Config.of, "clustering", extra=[text.format(name)])
    assert message == f"--extra {name}: {MOVED[name.replace('_', '-')]}"
    moved = [word.rstrip(";") for word in message.split() if word.startswith("examples/")]
    assert all((REPOSITORY / file).is_file() for file in moved) and (moved or "commit 7358c58" in message)


@pytest.mark.parametrize("number", ["", "much", "1e", "0,5", "-1", "nan", "inf"])
def test_an_extra_that_is_no_weight(number):
    message = refusal(Config.of, "clustering", extra=[f"vat={number}"])
    assert message.startswith("--extra vat: ")


@pytest.mark.parametrize(
    "extra, phases",
    [("information-maximization=1", ["vat"]), ("vat=1", ["vat"]), ("latent-noise=1", ["latent-noise"])],
)
def test_an_extra_is_a_phase_over_the_same_networks(extra, phases):
    plain, more = [
        build(Config.of("clustering", hidden=(8, 7), extra=given), Backend.named("numpy")) for given in ([], [extra])
    ]
    names = [[phase.name for phase in model.phases_with_optimizer()] for model in (plain, more)]
    assert names[1] == names[0] + phases
    assert list(more.networks) == list(plain.networks)


@pytest.mark.parametrize("batch_norm, decoder_norm, there", [(True, None, 1), (False, None, 0), (True, False, 0)])
def test_batch_norm_in_p_is_as_in_q_unless_said_otherwise(batch_norm, decoder_norm, there):
    config = config_of("aae", hidden=(8,), batch_norm=batch_norm, decoder_norm=decoder_norm)
    networks = build(config, Backend.named("numpy")).networks
    count = {name: sum(isinstance(layer, BatchNorm) for layer in networks[name].stack.walk()) for name in "QP"}
    assert count == {"Q": int(batch_norm), "P": there}


@pytest.mark.parametrize("name", ["leak", "dropout", "smoothing"])
def test_what_a_discriminator_is_weakened_by_is_a_share(name):
    assert refusal(dataclasses.replace(Config.of("gan"), **{name: 1.0}).check).startswith(f"{name}: 1.0 given")


def test_planar_prior_in_three_dimensions_is_refused():
    assert "not 3" in refusal(build, Config.of("aae", prior="mixture", z=3), Backend.named("numpy"))


@pytest.mark.parametrize("name", ["mode", "preset", "prior", "posterior"])
def test_unknown_name(name):
    assert refusal(Config.of, **{name: "resnet"}).startswith(f"--{name}: ")


@pytest.mark.parametrize("prior", [prior for prior in PRIORS if prior != "categorical"])
def test_refusal_of_an_unknown_prior_lists_the_known_ones(prior):
    assert prior in refusal(Config.of, prior="resnet")


def test_categorical_is_no_prior_for_z():
    assert refusal(Config.of, prior="categorical").startswith("--prior: ")


@pytest.mark.parametrize("value", [0, -1, -(2**70)])
@pytest.mark.parametrize("name", ["epochs", "batch_size", "z"])
def test_sizes_below_one(name, value):
    assert refusal(Config.of, **{name: value}).startswith(f"--{name.replace('_', '-')}: {value} given")


@pytest.mark.parametrize("hidden", [(), (0,), (-3, 5), (5, 0)])
def test_hidden_widths_below_one(hidden):
    assert refusal(Config.of, hidden=hidden).startswith("--hidden: ")


@pytest.mark.parametrize("noise", [-0.1, math.nan, math.inf])
def test_input_noise_that_is_no_standard_deviation(noise):
    assert refusal(Config.of, input_noise=noise).startswith("--input-noise: ")


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_seed_out_of_range(seed):
    assert refusal(Config.of, seed=seed).startswith(f"--seed: {seed} given")


@pytest.mark.parametrize("mode", [mode for mode in MODES if MODES[mode].least_labels])
def test_mode_that_needs_labels_refuses_none(mode):
    assert refusal(Config.of, mode, labels=0).startswith("--labels: 0 given")


@pytest.mark.parametrize("clusters", [-1, 0, 1])
@pytest.mark.parametrize("mode", ["clustering", "reduction"])
def test_fewer_than_two_clusters(mode, clusters):
    assert refusal(Config.of, mode, clusters=clusters).startswith(f"--clusters: {clusters} given")


def test_labels_and_clusters_exclude_each_other():
    assert refusal(Config.of, "reduction", labels=100, clusters=20).startswith("--clusters: ")


def test_reduction_with_clusters_uses_no_label():
    assert Config.of("reduction", clusters=20).labels == 0


def test_for_data_takes_the_sizes_of_the_data():
    config = Config.of().for_data(tiny_dataset())
    assert (config.inputs, config.classes, config.side) == (36, 3, (6, 6))


@pytest.mark.parametrize(
    "mode, flags, y, decoder_y_dim",
    [
        ("autoencoder", {}, 0, 0),
        ("supervised", {}, 0, 3),
        ("semi-supervised", {}, 3, 3),
        ("clustering", {"clusters": 5}, 5, 5),
        ("reduction", {}, 3, 3),
        ("reduction", {"labels": 0, "clusters": 5}, 5, 5),
    ],
)
def test_width_of_y(mode, flags, y, decoder_y_dim):
    config = tiny_config(mode, **flags)
    assert (config.y_dim, config.decoder_y_dim) == (y, decoder_y_dim)


# config.json


@pytest.mark.parametrize("mode, preset", CONFIGS)
def test_json_there_and_back(mode, preset):
    config = Config.of(mode, preset)
    assert Config.from_json(config.to_json(), "config.json") == config


@pytest.mark.parametrize("change", [{"data": "Züge.npz"}, {"labels": "all"}, {"side": None}, {"step_decay": {7: 0.5}}])
def test_json_there_and_back_of_rarer_values(change):
    config = dataclasses.replace(tiny_config(), **change)
    assert Config.from_json(config.to_json(), "config.json") == config


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", '"config"', "{}", "not json", "[" * 100_000, '{"mode": "aae"}'], ids=range(10)
)
def test_text_that_is_no_config(text):
    assert refusal(Config.from_json, text, "config.json").startswith("config.json: ")


def test_a_run_of_version_0_1_is_refused_with_its_version():
    """Its settings had other names."""
    values = json.loads(tiny_config().to_json())
    values["rate_reconstruction"] = values.pop("lr_reconstruction")
    assert "tinyaae 0.1.0" in refusal(Config.from_json, json.dumps(values), "config.json")


@pytest.mark.parametrize("old, new", RENAMED.items())
def test_an_old_name_is_answered_with_the_new_one(old, new):
    kind = "extra" if new.replace("-", "_") in names("extra") else "set"
    line = refusal(Config.of, "clustering", **{kind: [f"{old}=0.5"]})
    assert line == f"--{kind} {old}: is called {new} now; --{kind} {new}=0.5?"


@pytest.mark.parametrize("name", [name for name, about in ABOUT.items() if about.how != "filled"])
def test_config_without_one_of_its_keys(name):
    values = json.loads(tiny_config().to_json())
    del values[name]
    assert "keys" in refusal(Config.from_json, json.dumps(values), "config.json")


def test_config_with_a_foreign_key():
    assert "keys" in refusal(Config.from_json, edited(learning_rate=1), "config.json")


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": "three"},
        {"epochs": 1.5},
        {"epochs": True},
        {"epochs": None},
        {"seed": [1]},
        {"mode": "resnet"},
        {"mode": ["aae"]},
        {"preset": {}},
        {"optimizer": "lbfgs"},
        {"reconstruction": "absolute"},
        {"hidden": "400"},
        {"hidden": 400},
        {"hidden": [[8], [7]]},
        {"hidden": [8, 7.5]},
        {"hidden": []},
        {"side": 6},
        {"side": "66"},
        {"side": []},
        {"side": [6]},
        {"side": [6, 7]},
        {"side": [-6, -6]},
        {"step_decay": [50]},
        {"step_decay": {"soon": 0.1}},
        {"step_decay": {"50": "a tenth"}},
        {"step_decay": {"50": math.nan}},
        {"lr_adversarial": "fast"},
        {"lr_adversarial": math.nan},
        {"lr_classifier": math.inf},
        {"lr_reconstruction": -1e-3},
        {"adversarial_momentum": 1.0},
        {"input_dropout": 1.0},
        {"batch_norm": "yes"},
        {"batch_norm": 1},
        {"labels": "some"},
        {"labels": [10]},
        {"labels": True},
        {"data": 7},
        {"inputs": 0},
        {"classes": 1},
    ],
    ids=str,
)
def test_config_with_a_value_of_the_wrong_kind(change):
    message = refusal(Config.from_json, edited(**change), "runs/a/config.json")
    assert message.startswith("runs/a/config.json: ")


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Config)])
def test_any_value_is_refused_or_makes_a_system(name):
    for value in (None, True, "three", "", -1, 0, 1, 2.5, math.nan, math.inf, [], [[3]], ["a"], {}, {"a": [1]}):
        try:
            config = Config.from_json(edited(**{name: value}), "config.json")
            build(config, Backend.named("numpy"))
        except UserError as error:
            assert len(str(error).splitlines()) == 1


# Options of a prior


@pytest.mark.parametrize("flags", [{"set": ["prior_std=5"]}, {"prior_std": 5}, {"prior_options": {"std": 5}}])
def test_an_option_of_the_prior_can_be_given_on_the_command_line_and_by_name(flags):
    config = Config.of("aae", **flags)
    assert config.prior_options == {"std": 5}
    assert Builder(Config.from_json(config.to_json(), "config.json"), Backend.named("numpy")).prior.std == 5


def test_the_paper_s_likelihood_has_a_prior_of_standard_deviation_5_in_8_dimensions():
    config = Config.of("aae", "paper")
    assert (config.z, config.prior_options, config.input_noise) == (8, {"std": 5.0}, 0.0)


def test_another_prior_has_not_the_options_of_the_mode_s_own():
    assert Config.of("aae", "paper", prior="laplace").prior_options == {}


@pytest.mark.parametrize(
    "flags, text",
    [
        ({"prior_width": 5}, "--set prior_width: prior gaussian has no width; expected prior_std, or another --prior"),
        (
            {"prior": "gamma", "prior_std": 5},
            "--set prior_std: prior gamma has no std; expected prior_scale or prior_shape",
        ),
        ({"prior_std": "wide"}, "--set prior_std: 'wide' given, expected a finite number"),
        ({"prior_std": math.nan}, "--set prior_std: nan given, expected a finite number"),
        ({"prior_std": 0}, "prior gaussian: std is 0, expected a number above 0"),
        ({"prior": "uniform", "prior_low": 2}, "prior uniform: low is 2 and high 2.0, expected low below high"),
        ({"prior": "mixture", "prior_modes": 3}, "--set prior_modes: prior mixture has no modes;"),
    ],
)
def test_an_option_that_the_prior_cannot_have_is_refused(flags, text):
    assert refusal(Config.of, "aae", **flags).startswith(text)


def test_a_mode_without_a_prior_refuses_its_options():
    assert "mode autoencoder has no use for it" in refusal(Config.of, "autoencoder", prior_std=5)


def test_a_vae_with_a_wider_prior_pays_for_that_prior():
    """The formula of the KL is that of N(0, I); any other prior goes by its density."""
    backend = Backend.named("numpy")
    assert build(Config.of("vae"), backend).phases[0].prior is None
    assert build(Config.of("vae", prior_std=5), backend).phases[0].prior.std == 5
