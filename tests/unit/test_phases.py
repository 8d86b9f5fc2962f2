"""Phases: each one's gradient is that of its objective, and it moves its own networks and nothing else.

A phase here is one over the tiny model of `helpers`; `PHASES` there lists them.
"""

import math

import numpy as np
import pytest
from helpers import CLASSES, PHASES, STYLE, N, host, phase_of, saved, tiny_batch, tiny_model, tiny_phase

from tinyaae.backend import Context
from tinyaae.extras import VirtualAdversarial
from tinyaae.gradcheck import check_phase, differences
from tinyaae.losses import half_squared_error, head_distance, kl_to_standard_normal, log_odds
from tinyaae.networks import Code
from tinyaae.optimizers import SGD, Adam, Momentum
from tinyaae.phases import Adversary, Generate, Reconstruction, Regularization
from tinyaae.priors import GaussianMixture

each_phase = pytest.mark.parametrize("name", PHASES)
OPTIONS = {
    "plain": {},
    "noise": {"input_noise": 0.3, "input_dropout": 0.1},
    "batch-norm": {"batch_norm": True},
    "gaussian": {"posterior": "gaussian"},
    "universal": {"posterior": "universal", "hidden": [20, 7]},
}
EVERYTHING = {"batch_norm": True, **OPTIONS["noise"], **OPTIONS["gaussian"]}


def number(backend, value):
    return float(host(backend, value))


# The gradient ----------------------------------------------------------------------------------------------------


@each_phase
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_gradient_is_that_of_the_objective(backend64, name, options):
    """The seed crosses no kink of a ReLU, so the error is that of a smooth function."""
    phase, model, frozen = tiny_phase(backend64, name, **options)
    assert check_phase(phase, model.batch, frozen, tolerance=1e-6) < 1e-6


@each_phase
def test_what_was_in_the_gradient_before_leaves_no_trace(backend, name):
    phase, model, _ = tiny_phase(backend, name)
    _, cache = phase.forward(model.batch)
    phase.backward(cache)
    alone = host(backend, phase.gradients.flat)
    flat = phase.gradients.flat
    flat += 1
    phase.backward(cache)
    assert host(backend, phase.gradients.flat).tobytes() == alone.tobytes()


@each_phase
def test_two_batches_may_be_in_flight_at_once(backend, name):
    phase, model, _ = tiny_phase(backend, name)
    _, cache = phase.forward(model.batch)
    phase.backward(cache)
    alone = host(backend, phase.gradients.flat)
    _, cache = phase.forward(model.batch)
    phase.forward(tiny_batch(backend, seed=1))
    phase.backward(cache)
    assert host(backend, phase.gradients.flat).tobytes() == alone.tobytes()


# What a step is, and whom it moves ---------------------------------------------------------------------------------


@each_phase
def test_step_is_forward_backward_update(backend, name):
    (whole, model, _), (parts, same, _) = tiny_phase(backend, name), tiny_phase(backend, name)
    for seed in range(3):
        values = whole.step(tiny_batch(backend, seed))
        expected, cache = parts.forward(tiny_batch(backend, seed))
        parts.backward(cache)
        parts.update()
        assert {key: number(backend, value) for key, value in values.items()} == {
            key: number(backend, value) for key, value in expected.items()
        }
    assert saved(backend, whole, *model.networks) == saved(backend, parts, *same.networks)


@each_phase
def test_forward_and_backward_move_nothing(backend, name):
    phase, model, _ = tiny_phase(backend, name, batch_norm=True)
    before = saved(backend, phase, *model.networks)
    _, cache = phase.forward(model.batch)
    phase.backward(cache)
    assert saved(backend, phase, *model.networks) == before


@each_phase
def test_step_moves_the_phase_s_own_networks_and_no_other(backend, name):
    phase, model, frozen = tiny_phase(backend, name, batch_norm=True)
    before = saved(backend, *model.networks)
    phase.step(model.batch)
    after = saved(backend, *model.networks)
    assert {key.split(".")[0] for key in after if after[key] != before[key]} == PHASES[name].moves
    assert {network.name for network in frozen} == {n.name for n in model.networks} - PHASES[name].moves


@each_phase
def test_only_the_update_of_a_reconstruction_or_of_a_gan_s_generator_moves_batch_norm_s_statistics(backend, name):
    phase, model, _ = tiny_phase(backend, name, batch_norm=True)
    before = saved(backend, *model.networks)
    phase.step(model.batch)
    moved = {key for key, value in saved(backend, *model.networks).items() if "running" in key and value != before[key]}
    everywhere = {key for key in before if "running" in key}
    assert len(everywhere) == 8  # mean and variance of two layers in Q and two in P
    assert moved == {key for key in everywhere if key.split(".")[0] in PHASES[name].commits}


def test_reconstruction_commits_the_statistics_of_its_own_batch(backend64):
    phase, model, _ = tiny_phase(backend64, "reconstruction", batch_norm=True)
    linear, norm = model.encoder.stack.layers[:2]
    h = host(backend64, model.batch.x) @ host(backend64, linear.W) + host(backend64, linear.b)
    phase.step(model.batch)
    np.testing.assert_allclose(host(backend64, norm.running_mean), 0.1 * np.mean(h, axis=0), rtol=1e-9)


@each_phase
def test_a_cache_from_before_an_update_raises(backend, name):
    phase, model, _ = tiny_phase(backend, name)
    _, cache = phase.forward(model.batch)
    phase.step(model.batch)
    with pytest.raises(RuntimeError, match="the cache is from before an update of"):
        phase.backward(cache)


def test_another_phase_s_update_makes_a_cache_stale_too(backend):
    phase, model, _ = tiny_phase(backend, "semi-supervised")
    _, cache = phase.forward(model.batch)
    phase_of(model, "reconstruction").step(model.batch)
    with pytest.raises(RuntimeError, match=r"^Q[.]backward: the cache is from before an update of Q"):
        phase.backward(cache)


def test_generate_leaves_the_discriminators_their_gradient_their_weights_and_their_caches(backend):
    discriminate, model, _ = tiny_phase(backend, "discriminate")
    generate = phase_of(model, "generate")
    _, cache = discriminate.forward(model.batch)
    discriminate.backward(cache)
    gradient, d = host(backend, discriminate.gradients.flat), [part.discriminator for part in model.parts]
    before = saved(backend, discriminate, *d)
    generate.step(model.batch)
    assert host(backend, discriminate.gradients.flat).tobytes() == gradient.tobytes()
    assert saved(backend, discriminate, *d) == before
    discriminate.backward(cache)  # would raise if Generate had counted as an update of D


# Phases together ---------------------------------------------------------------------------------------------------

STRANGERS = [
    ("semi-supervised", "discriminate-images"),
    ("semi-supervised", "generate-images"),
    ("discriminate", "generate-images"),
    ("generate", "discriminate-images"),
]


@pytest.mark.parametrize("names", STRANGERS, ids=" and ".join)
def test_phases_that_share_no_network_do_not_notice_each_other(backend, names):
    """Neither their noise nor their updates depend on which other phases are stepped in between."""

    def run(*run_names):
        model = tiny_model(backend, **EVERYTHING)
        phases = [phase_of(model, name, Adam(0.01)) for name in run_names]
        for seed in range(3):
            for phase in phases:
                phase.step(tiny_batch(backend, seed))
        return saved(backend, *[network for network in model.networks if network.name in moved], *phases)

    for name in names:
        moved = PHASES[name].moves
        together, alone = run(*names), run(name)
        assert {key: together[key] for key in alone} == alone


def test_the_order_of_phases_that_share_no_network_is_free(backend):
    def run(*names):
        model = tiny_model(backend, **EVERYTHING)
        phases = {name: phase_of(model, name, Adam(0.01)) for name in names}
        for seed in range(3):
            for name in names:
                phases[name].step(tiny_batch(backend, seed))
        return saved(backend, *model.networks)

    assert run("semi-supervised", "generate-images") == run("generate-images", "semi-supervised")


@pytest.mark.parametrize("told", [{}, {"label_conditional": True}, {"condition_on_y": True}])
def test_regularization_is_discriminate_and_then_generate(backend, told):
    """The shared encoder pass changes nothing: Q has not moved in between (and here draws no noise)."""
    whole, halves = [tiny_model(backend, batch_norm=True, **told) for _ in range(2)]
    regularization = Regularization(whole.encoder, whole.parts, Momentum(0.1), Adam(0.01))
    discriminate = phase_of(halves, "discriminate", Momentum(0.1))
    generate = phase_of(halves, "generate", Adam(0.01))
    for seed in range(3):
        batch = tiny_batch(backend, seed)
        values, expected = regularization.step(batch), discriminate.step(batch) | generate.step(batch)
        assert {k: number(backend, v) for k, v in values.items()} == {
            k: number(backend, v) for k, v in expected.items()
        }
    assert saved(backend, *regularization.phases_with_optimizer(), *whole.networks) == saved(
        backend, discriminate, generate, *halves.networks
    )


def test_regularization_runs_the_encoder_once(backend):
    model, passes = tiny_model(backend, **EVERYTHING), []
    forward = model.encoder.forward
    model.encoder.forward = lambda x, ctx: passes.append(ctx) or forward(x, ctx)
    Regularization(model.encoder, model.parts, SGD(0.1), SGD(0.1)).step(model.batch)
    assert len(passes) == 1


@pytest.mark.without_kernels
def test_regularization_has_two_optimizers_and_every_other_phase_one(backend):
    model = tiny_model(backend)
    regularization = Regularization(model.encoder, model.parts, SGD(0.1), SGD(0.1))
    assert regularization.phases_with_optimizer() == [regularization.discriminate, regularization.generate]
    phase = phase_of(model, "reconstruction")
    assert phase.phases_with_optimizer() == [phase]


# Noise -------------------------------------------------------------------------------------------------------------

DRAWING = ["reconstruction", "discriminate", "generate", "semi-supervised"]


@pytest.mark.parametrize("name", DRAWING)
def test_a_step_s_noise_can_be_repeated_and_the_next_step_has_another(backend, name):
    phase, model, _ = tiny_phase(backend, name, SGD(0.0), **EVERYTHING)

    def values():
        return {key: number(backend, value) for key, value in phase.forward(model.batch)[0].items()}

    first = values()
    assert values() == first
    phase.step(model.batch)  # with a rate of 0 nothing moves, so only the noise is another
    assert values() != first


@pytest.mark.parametrize("name", DRAWING)
def test_another_seed_is_other_noise(backend, name):
    phase, model, _ = tiny_phase(backend, name, **EVERYTHING)
    first = {key: number(backend, value) for key, value in phase.forward(model.batch)[0].items()}
    phase.seed += 1
    assert {key: number(backend, value) for key, value in phase.forward(model.batch)[0].items()} != first


def test_each_phase_has_noise_of_its_own(backend):
    """The same encoder, the same images: the codes differ from phase to phase."""
    model = tiny_model(backend, **EVERYTHING)
    codes = []
    for name in DRAWING:
        code, _ = model.encoder.forward(model.batch.x, phase_of(model, name).context())
        codes.append(host(backend, code.z).tobytes())
    assert len(set(codes)) == len(codes)


def test_noise_is_off_in_evaluation(backend):
    noisy, quiet = [tiny_model(backend, **options) for options in (OPTIONS["noise"], {})]
    codes = [model.encoder.forward(model.batch.x, Context(backend))[0] for model in (noisy, quiet)]
    assert host(backend, codes[0].z).tobytes() == host(backend, codes[1].z).tobytes()


# What the objectives are ---------------------------------------------------------------------------------------------


def test_reconstruction_compares_with_the_clean_image(backend64):
    phase, model, _ = tiny_phase(backend64, "reconstruction", **OPTIONS["noise"])
    values, _ = phase.forward(model.batch)
    code, _ = model.encoder.forward(model.batch.x, phase.context())
    image, _ = model.decoder.forward(code, phase.context())
    clean = np.sum((host(backend64, image) - host(backend64, model.batch.x)) ** 2) / (2 * N)
    assert number(backend64, values["half_squared_error"]) == pytest.approx(clean, rel=1e-12)
    noisy_code, _ = tiny_model(backend64).encoder.forward(model.batch.x, phase.context())
    assert host(backend64, noisy_code.z).tobytes() != host(backend64, code.z).tobytes()  # there was noise


def test_reconstruction_of_a_decoder_of_logits_is_the_cross_entropy_of_its_pixels(backend64):
    phase, model, _ = tiny_phase(backend64, "cross-entropy")
    code, _ = model.encoder.forward(model.batch.x, phase.context())
    logits, _ = model.decoder.forward(code, phase.context())
    image, x = host(backend64, model.decoder.image(logits)), host(backend64, model.batch.x)
    loss = -np.sum(x * np.log(image) + (1 - x) * np.log(1 - image)) / N
    assert number(backend64, phase.forward(model.batch)[0]["cross_entropy"]) == pytest.approx(loss, rel=1e-12)


def test_a_held_y_is_read_all_the_same(backend64):
    values = []
    for detach_y in (False, True):
        model = tiny_model(backend64)
        phase = Reconstruction(model.encoder, model.decoder, Momentum(0.1), detach_y=detach_y)
        values.append(number(backend64, phase.forward(model.batch)[0]["half_squared_error"]))
    assert values[0] == values[1]


def test_a_given_label_takes_the_place_of_y_and_unlabelled_is_all_zeros(backend64):
    phase, model, _ = tiny_phase(backend64, "given-label")
    code, _ = model.encoder.forward(model.batch.x, phase.context())
    y = backend64.array(np.concatenate([np.eye(CLASSES)[[2, 6]], np.zeros((1, CLASSES))]))
    image, _ = model.decoder.forward(Code(y, code.z), phase.context())
    expected, _ = half_squared_error(backend64.xp, image, model.batch.x)
    assert number(backend64, phase.forward(model.batch)[0]["half_squared_error"]) == number(backend64, expected)


def test_variational_with_another_prior_takes_the_surprise_at_the_z_it_drew(backend64):
    phase, model, _ = tiny_phase(backend64, "variational-laplace")
    values, _ = phase.forward(model.batch)
    code, _ = model.encoder.forward(model.batch.x, phase.context())
    z, log_var = host(backend64, code.z), host(backend64, code.posterior)[:, STYLE:]
    entropy = np.sum(log_var + math.log(2 * math.pi) + 1, axis=1) / 2
    surprise = np.sum(np.abs(z) + math.log(2), axis=1)
    assert number(backend64, values["kl"]) == pytest.approx(np.mean(surprise - entropy))


def test_smoothness_is_the_error_of_images_painted_beside_the_codes_of_evaluation(backend64):
    phase, model, _ = tiny_phase(backend64, "latent_noise", batch_norm=True, input_noise=0.3)
    code = model.encoder.forward(model.batch.x, Context(backend64))[0]
    z = code.z + 0.7 * phase.context().normal((N, STYLE))
    image = model.decoder.forward(code._replace(z=z), phase.context())[0]
    loss = np.sum((host(backend64, image) - host(backend64, model.batch.x)) ** 2) / (2 * N)
    assert number(backend64, phase.forward(model.batch)[0]["latent_noise"]) == pytest.approx(loss, rel=1e-12)


def test_variational_adds_the_kl_of_the_posterior(backend64):
    phase, model, _ = tiny_phase(backend64, "variational")
    code, _ = model.encoder.forward(model.batch.x, phase.context())
    expected, _ = kl_to_standard_normal(backend64.xp, code.posterior)
    values, _ = phase.forward(model.batch)
    assert set(values) == {"half_squared_error", "kl"}
    assert number(backend64, values["kl"]) == number(backend64, expected) > 0


def test_separated_adds_the_push_between_the_cluster_heads(backend64):
    phase, model, _ = tiny_phase(backend64, "separated")
    heads = model.decoder.flat[: CLASSES * STYLE]  # W_C is the decoder's first parameter
    expected, _ = head_distance(backend64.xp, backend64.xp.reshape(heads, (CLASSES, STYLE)), 3.0)
    values, _ = phase.forward(model.batch)
    assert number(backend64, values["head_distance"]) == number(backend64, expected) > 0


def judge_blindly(model):
    """Set the weights of every discriminator to zero: it says 0, "cannot tell", to everything."""
    for part in (*model.parts, model.image):
        part.discriminator.flat[...] = 0


@pytest.mark.parametrize("name, part", [("discriminate", "y"), ("discriminate", "z"), ("discriminate-images", "x")])
def test_a_discriminator_that_cannot_tell_costs_2_ln_2_and_is_right_half_the_time(backend64, name, part):
    phase, model, _ = tiny_phase(backend64, name)
    judge_blindly(model)
    values, _ = phase.forward(model.batch)
    assert number(backend64, values[f"D_{part}"]) == pytest.approx(2 * np.log(2), rel=1e-12)
    assert number(backend64, values[f"D_{part}_accuracy"]) == 0.5


@pytest.mark.parametrize("name, part", [("generate", "y"), ("generate", "z"), ("generate-images", "x")])
def test_fooling_a_discriminator_that_cannot_tell_costs_ln_2(backend64, name, part):
    phase, model, _ = tiny_phase(backend64, name)
    judge_blindly(model)
    assert number(backend64, phase.forward(model.batch)[0][f"G_{part}"]) == pytest.approx(np.log(2), rel=1e-12)


def logits_of(backend, model, part, discriminator_input):
    d = next(p for p in model.parts if p.field == part).discriminator
    return host(backend, d.forward(discriminator_input, Context(backend))[0])


@pytest.mark.parametrize("part", ["y", "z"])
def test_discriminate_is_the_loss_of_real_and_fake_told_apart(backend64, part):
    phase, model, _ = tiny_phase(backend64, "discriminate")
    ctx = phase.context()
    real = {p.field: p.prior.sample(N, ctx) for p in model.parts}[part]  # y first and then z, as the phase draws them
    fake = getattr(model.encoder.forward(model.batch.x, phase.context())[0], part)
    says_of_real, says_of_fake = [
        logits_of(backend64, model, part, discriminator_input) for discriminator_input in (real, fake)
    ]
    loss = np.mean(np.log1p(np.exp(-says_of_real))) + np.mean(np.log1p(np.exp(says_of_fake)))
    accuracy = (np.mean(says_of_real > 0) + np.mean(says_of_fake <= 0)) / 2
    values, _ = phase.forward(model.batch)
    assert number(backend64, values[f"D_{part}"]) == pytest.approx(loss, rel=1e-12)
    assert number(backend64, values[f"D_{part}_accuracy"]) == pytest.approx(accuracy)


def test_a_smoothed_discriminate_wants_less_than_one_of_the_real_and_zero_of_the_fake(backend64):
    phase, model, _ = tiny_phase(backend64, "discriminate-smoothed")
    judge_blindly(model)
    model.parts[1].discriminator.stack.layers[-1].b[...] = 1.0  # it says 1 to everything
    right, wrong = -np.log(1 / (1 + np.exp(-1))), -np.log(1 / (1 + np.exp(1)))
    values, _ = phase.forward(model.batch)
    assert number(backend64, values["D_z"]) == pytest.approx(0.8 * right + 0.2 * wrong + wrong, rel=1e-12)
    assert number(backend64, values["D_z_accuracy"]) == 0.5


@pytest.mark.parametrize("part", ["y", "z"])
def test_generate_is_the_loss_of_a_fake_that_is_called_real(backend64, part):
    phase, model, _ = tiny_phase(backend64, "generate")
    fake = getattr(model.encoder.forward(model.batch.x, phase.context())[0], part)
    loss = np.mean(np.log1p(np.exp(-logits_of(backend64, model, part, fake))))
    assert number(backend64, phase.forward(model.batch)[0][f"G_{part}"]) == pytest.approx(loss, rel=1e-12)


def test_a_told_label_stands_beside_the_code(backend64):
    phase, model, _ = tiny_phase(backend64, "generate-told-labels")
    z = model.encoder.forward(model.batch.x, phase.context())[0].z
    discriminator_input = backend64.xp.concat([z, model.batch.labels], axis=1)
    loss = np.mean(np.log1p(np.exp(-logits_of(backend64, model, "z", discriminator_input))))
    assert number(backend64, phase.forward(model.batch)[0]["G_z"]) == pytest.approx(loss, rel=1e-12)


def test_a_joint_discriminator_reads_the_y_beside_z(backend64):
    model = tiny_model(backend64, condition_on_y=True)
    phase = phase_of(model, "generate")
    code = model.encoder.forward(model.batch.x, phase.context())[0]
    discriminator_input = backend64.xp.concat([code.z, code.y], axis=1)
    loss = np.mean(np.log1p(np.exp(-logits_of(backend64, model, "z", discriminator_input))))
    assert number(backend64, phase.forward(model.batch)[0]["G_z"]) == pytest.approx(loss, rel=1e-12)


@pytest.mark.without_kernels
def test_a_joint_discriminator_reads_the_label_where_q_has_no_y(backend):
    batch, z = tiny_batch(backend), backend.zeros((N, STYLE))
    discriminator_input = Adversary("z", None, None, condition_on_y=True).discriminator_input(
        backend.xp, z, Code(z=z), batch
    )
    assert host(backend, discriminator_input)[:, STYLE:].tolist() == host(backend, batch.labels)[:, :-1].tolist()


def test_a_joint_discriminator_reads_the_y_of_each_image_beside_what_is_real_too(backend64):
    """Else it would tell real from Q's by y, and q(z|y) would be free."""
    phase, model, _ = tiny_phase(backend64, "discriminate-joint")
    read, forward = [], model.parts[1].discriminator.forward
    model.parts[1].discriminator.forward = lambda x, ctx: read.append(host(backend64, x)) or forward(x, ctx)
    phase.forward(model.batch)
    real, fake = np.split(read[0][:, STYLE:], 2)
    assert real.tolist() == fake.tolist()


def test_a_prior_told_the_labels_draws_each_from_its_mode(backend):
    batch, prior = tiny_batch(backend), GaussianMixture(modes=CLASSES)

    def real(label_conditional):
        return host(
            backend, Adversary("z", None, prior, label_conditional).real(batch, Context(backend, True))
        ).tobytes()

    def drawn(labels):
        return host(backend, prior.sample(N, Context(backend, True), labels)).tobytes()

    assert real(label_conditional=True) == drawn(batch.labels) != drawn(None) == real(label_conditional=False)


def test_semi_supervised_is_the_cross_entropy_of_the_labelled_images(backend64):
    phase, model, _ = tiny_phase(backend64, "semi-supervised")
    y = host(backend64, model.encoder.forward(model.batch.x_labelled, phase.context())[0].y)
    loss = -np.mean(np.log(np.sum(y * host(backend64, model.batch.y_labelled), axis=1)))
    assert number(backend64, phase.forward(model.batch)[0]["classification"]) == pytest.approx(loss, rel=1e-12)


def test_information_is_how_sure_images_are_and_four_times_how_evenly_y_is_used(backend64):
    phase, model, _ = tiny_phase(backend64, "information_maximization")
    y = host(backend64, model.encoder.forward(model.batch.x, phase.context())[0].y)
    mean = np.mean(y, axis=0)
    each, whole = -np.mean(np.sum(y * np.log(y), axis=1)), -np.sum(mean * np.log(mean))
    loss = 0.7 * (each - 4 * whole)
    assert number(backend64, phase.forward(model.batch)[0]["information_maximization"]) == pytest.approx(
        loss, rel=1e-12
    )


@pytest.mark.parametrize("steps, share", [(0, 0), (10, 0.25), (40, 1), (120, 1)])
def test_q_comes_to_heed_a_patient_discriminator_in_a_straight_line(backend64, steps, share):
    model = tiny_model(backend64)
    patient = [part._replace(adversarial_warmup=40) if part.field == "y" else part for part in model.parts]
    values, moves = [], []
    for parts in (model.parts[:1], model.parts[1:], patient):
        phase = Generate(model.encoder, parts, Momentum(0.1))
        phase.optimizer.steps = steps
        found, cache = phase.forward(model.batch)
        phase.backward(cache)
        values.append({name: number(backend64, value) for name, value in found.items()})
        moves.append(host(backend64, phase.gradients.flat))
    assert values[2] == pytest.approx({"G_y": share * values[0]["G_y"], "G_z": values[1]["G_z"]}, rel=1e-12)
    assert moves[2] == pytest.approx(share * moves[0] + moves[1], rel=1e-9, abs=1e-12)


@pytest.fixture
def robust(backend64):
    """Return a VirtualAdversarial of ε = 0.7, past its rampup, and its model, with input noise and batch norm."""
    model = tiny_model(backend64, input_noise=0.2, batch_norm=True)
    phase = VirtualAdversarial(model.encoder, Momentum(0.1), epsilon=0.7, rampup=40)
    phase.optimizer.steps = 40
    return phase, model


def worst(phase, model):
    return phase.adversarial_example(model.batch.x, *model.encoder.forward(model.batch.x, phase.context()))


def test_robustness_aims_at_the_y_of_the_image_itself(backend64, robust):
    phase, model = robust
    x, y = worst(phase, model)
    there = host(backend64, model.encoder.forward(x, phase.context())[0].y)
    loss = -np.mean(np.sum(host(backend64, y) * np.log(there), axis=1))
    assert number(backend64, phase.forward(model.batch)[0]["vat"]) == pytest.approx(loss, rel=1e-12)
    expected = host(backend64, model.encoder.forward(model.batch.x, phase.context())[0].y)
    assert host(backend64, y) == pytest.approx(expected, rel=1e-12)


def test_robustness_looks_along_the_slope_of_the_log_odds(backend64, robust):
    """Of the sum over the batch, for batch norm ties its images together."""
    phase, model = robust
    images = backend64.array(host(backend64, model.batch.x))

    def odds():
        return log_odds(backend64.xp, model.encoder.forward(images, phase.context())[0].logits)[0]

    slope = differences(backend64, lambda: number(backend64, odds()), images)
    r = host(backend64, worst(phase, model)[0]) - host(backend64, model.batch.x)
    assert r == pytest.approx(-0.7 * slope / np.linalg.norm(slope, axis=1, keepdims=True), rel=1e-6, abs=1e-9)


def test_information_adds_its_gradient_at_the_image_to_that_of_robustness(backend64, robust):
    """Also after the look for r, which went back through the same pass of Q."""
    alone, model = robust
    both = VirtualAdversarial(model.encoder, Momentum(0.1), epsilon=0.7, rampup=40, information_maximization=0.3)
    both.optimizer.steps = 40
    for phase in (alone, both):
        phase.backward(phase.forward(model.batch)[1])
    ctx = both.context()
    code, cache = model.encoder.forward(model.batch.x, ctx)
    first = host(backend64, both.gradients.flat) - host(backend64, alone.gradients.flat)
    both.gradients.zero()
    model.encoder.backward(Code(y=both.information_maximization(code.y, ctx)[1]), cache, both.gradients)
    assert np.max(np.abs(first)) > 1e-3
    assert first == pytest.approx(host(backend64, both.gradients.flat), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("steps, share", [(0, 0), (10, 0.25), (40, 1), (120, 1)])
def test_distance_of_robustness_grows_in_a_straight_line_and_then_stays(backend64, robust, steps, share):
    phase, model = robust
    phase.optimizer.steps = steps
    r = host(backend64, worst(phase, model)[0]) - host(backend64, model.batch.x)
    assert np.linalg.norm(r, axis=1) == pytest.approx(0.7 * share, abs=1e-12)


def test_robustness_where_q_sees_nothing_moves_no_image(backend64, robust):
    phase, model = robust
    model.encoder.flat[...] = 0
    x, y = worst(phase, model)
    assert np.array_equal(host(backend64, x), host(backend64, model.batch.x))
    assert host(backend64, y) == pytest.approx(1 / CLASSES)


@each_phase
def test_small_steps_on_one_batch_make_the_objective_smaller(backend64, name):
    phase, model, _ = tiny_phase(backend64, name, SGD(0.01))

    def objective():
        values, _ = phase.forward(model.batch)
        return sum(number(backend64, value) for key, value in values.items() if not key.endswith("_accuracy"))

    before = objective()
    for _ in range(3):
        phase.step(model.batch)
        phase.optimizer.steps = 0  # the same noise again, so that the objective is the same function
    assert objective() < before


# Types ---------------------------------------------------------------------------------------------------------------


@each_phase
@pytest.mark.parametrize("make", [lambda: Momentum(0.1), lambda: Adam(0.01)], ids=["momentum", "adam"])
def test_everything_stays_float32(backend, name, make):
    phase, model, _ = tiny_phase(backend, name, make(), **EVERYTHING)
    arrays = list(phase.step(model.batch).values())
    arrays += [phase.gradients.flat, *phase.optimizer.state.values()]
    arrays += [value for network in model.networks for value in network.state().values()]
    assert {host(backend, array).dtype for array in arrays} == {np.dtype("float32")}


@each_phase
def test_values_are_single_numbers_on_the_device(backend, name):
    phase, model, _ = tiny_phase(backend, name)
    for value in phase.forward(model.batch)[0].values():
        assert not isinstance(value, float | int)
        assert tuple(value.shape) == ()
