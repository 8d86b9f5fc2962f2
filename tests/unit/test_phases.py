"""Phases: each one's gradient is that of its objective, and it moves its own networks and nothing else.

A phase here is one over the `TinyNetworks` of `helpers`; `PHASES` there lists them.
"""

import math

import numpy as np
import pytest
from helpers import (
    EVERYTHING,
    IMAGES,
    NOISE,
    PHASES,
    Y_DIM,
    Z_DIM,
    as_float,
    each_option,
    host,
    phase_of,
    saved,
    tiny_batch,
    tiny_networks,
    tiny_phase,
)

from tinyaae.backend import Context
from tinyaae.extras import InformationMaximization, VirtualAdversarial
from tinyaae.gradcheck import check_phase, differences
from tinyaae.losses import half_squared_error, head_distance, kl_to_standard_normal, log_odds, softmax_cross_entropy
from tinyaae.networks import Code
from tinyaae.optimizers import SGD, Adam, Momentum
from tinyaae.phases import Adversary, Generate, Reconstruction, Regularization
from tinyaae.priors import GaussianMixture

each_phase = pytest.mark.parametrize("name", PHASES)


# The gradient ----------------------------------------------------------------------------------------------------


@each_phase
@each_option
def test_gradient_is_that_of_the_objective(backend64, name, options):
    """The seed crosses no kink of a ReLU, so the error is that of a smooth function."""
    phase, nets, frozen = tiny_phase(backend64, name, **options)
    assert check_phase(phase, nets.batch, frozen, tolerance=1e-6) < 1e-6


@each_phase
def test_what_was_in_the_gradient_before_leaves_no_trace(backend, name):
    phase, nets, _ = tiny_phase(backend, name)
    _, cache = phase.forward(nets.batch)
    phase.backward(cache)
    alone = host(backend, phase.gradients.flat)
    flat = phase.gradients.flat
    flat += 1
    phase.backward(cache)
    assert host(backend, phase.gradients.flat).tobytes() == alone.tobytes()


@each_phase
def test_two_batches_may_be_in_flight_at_once(backend, name):
    phase, nets, _ = tiny_phase(backend, name)
    _, cache = phase.forward(nets.batch)
    phase.backward(cache)
    alone = host(backend, phase.gradients.flat)
    _, cache = phase.forward(nets.batch)
    phase.forward(tiny_batch(backend, seed=1))
    phase.backward(cache)
    assert host(backend, phase.gradients.flat).tobytes() == alone.tobytes()


# What a step is, and whom it moves ---------------------------------------------------------------------------------


@each_phase
def test_step_is_forward_backward_update(backend, name):
    (whole, nets, _), (parts, same, _) = tiny_phase(backend, name), tiny_phase(backend, name)
    for seed in range(3):
        values = whole.step(tiny_batch(backend, seed))
        expected, cache = parts.forward(tiny_batch(backend, seed))
        parts.backward(cache)
        parts.update()
        assert {key: as_float(backend, value) for key, value in values.items()} == {
            key: as_float(backend, value) for key, value in expected.items()
        }
    assert saved(backend, whole, *nets.all) == saved(backend, parts, *same.all)


@each_phase
def test_forward_and_backward_move_nothing(backend, name):
    phase, nets, _ = tiny_phase(backend, name, batch_norm=True)
    before = saved(backend, phase, *nets.all)
    _, cache = phase.forward(nets.batch)
    phase.backward(cache)
    assert saved(backend, phase, *nets.all) == before


@each_phase
def test_a_step_moves_the_networks_of_its_phase_and_no_other(backend, name):
    phase, nets, frozen = tiny_phase(backend, name, batch_norm=True)
    before = saved(backend, *nets.all)
    phase.step(nets.batch)
    after = saved(backend, *nets.all)
    assert {key.split(".")[0] for key in after if after[key] != before[key]} == PHASES[name].moves
    assert {network.name for network in frozen} == {n.name for n in nets.all} - PHASES[name].moves


@each_phase
def test_only_reconstructions_and_the_generator_of_a_gan_update_running_statistics(backend, name):
    phase, nets, _ = tiny_phase(backend, name, batch_norm=True)
    before = saved(backend, *nets.all)
    phase.step(nets.batch)
    moved = {key for key, value in saved(backend, *nets.all).items() if "running" in key and value != before[key]}
    everywhere = {key for key in before if "running" in key}
    assert len(everywhere) == 8  # mean and variance of two layers in Q and two in P
    assert moved == {key for key in everywhere if key.split(".")[0] in PHASES[name].updates_statistics_of}


def test_reconstruction_updates_the_running_statistics_with_its_own_batch(backend64):
    phase, nets, _ = tiny_phase(backend64, "reconstruction", batch_norm=True)
    linear, norm = nets.encoder.stack.layers[:2]
    h = host(backend64, nets.batch.x) @ host(backend64, linear.W) + host(backend64, linear.b)
    phase.step(nets.batch)
    np.testing.assert_allclose(host(backend64, norm.running_mean), 0.1 * np.mean(h, axis=0), rtol=1e-9)


@each_phase
def test_a_cache_from_before_an_update_raises(backend, name):
    phase, nets, _ = tiny_phase(backend, name)
    _, cache = phase.forward(nets.batch)
    phase.step(nets.batch)
    with pytest.raises(RuntimeError, match="the cache is from before an update of"):
        phase.backward(cache)


def test_an_update_by_another_phase_makes_a_cache_stale_too(backend):
    phase, nets, _ = tiny_phase(backend, "semi-supervised")
    _, cache = phase.forward(nets.batch)
    phase_of(nets, "reconstruction").step(nets.batch)
    with pytest.raises(RuntimeError, match=r"^Q[.]backward: the cache is from before an update of Q"):
        phase.backward(cache)


def test_generate_leaves_gradient_weights_and_caches_of_discriminators_alone(backend):
    discriminate, nets, _ = tiny_phase(backend, "discriminate")
    generate = phase_of(nets, "generate")
    _, cache = discriminate.forward(nets.batch)
    discriminate.backward(cache)
    gradient, d = host(backend, discriminate.gradients.flat), [part.discriminator for part in nets.adversaries]
    before = saved(backend, discriminate, *d)
    generate.step(nets.batch)
    assert host(backend, discriminate.gradients.flat).tobytes() == gradient.tobytes()
    assert saved(backend, discriminate, *d) == before
    discriminate.backward(cache)  # would raise if Generate had counted as an update of D


# Phases together ---------------------------------------------------------------------------------------------------

UNRELATED = [
    ("semi-supervised", "discriminate-images"),
    ("semi-supervised", "generate-images"),
    ("discriminate", "generate-images"),
    ("generate", "discriminate-images"),
]


@pytest.mark.parametrize("names", UNRELATED, ids=" and ".join)
def test_phases_that_share_no_network_do_not_notice_each_other(backend, names):
    """Neither their noise nor their updates depend on which other phases are stepped in between."""

    def run(*run_names):
        nets = tiny_networks(backend, **EVERYTHING)
        phases = [phase_of(nets, name, Adam(0.01)) for name in run_names]
        for seed in range(3):
            for phase in phases:
                phase.step(tiny_batch(backend, seed))
        return saved(backend, *[network for network in nets.all if network.name in moved], *phases)

    for name in names:
        moved = PHASES[name].moves
        together, alone = run(*names), run(name)
        assert {key: together[key] for key in alone} == alone


def test_the_order_of_phases_that_share_no_network_is_free(backend):
    def run(*names):
        nets = tiny_networks(backend, **EVERYTHING)
        phases = {name: phase_of(nets, name, Adam(0.01)) for name in names}
        for seed in range(3):
            for name in names:
                phases[name].step(tiny_batch(backend, seed))
        return saved(backend, *nets.all)

    assert run("semi-supervised", "generate-images") == run("generate-images", "semi-supervised")


@pytest.mark.parametrize("options", [{}, {"label_conditional": True}, {"condition_on_y": True}], ids=str)
def test_regularization_is_discriminate_and_then_generate(backend, options):
    """The shared encoder pass changes nothing: Q has not moved in between (and here draws no noise)."""
    whole, halves = [tiny_networks(backend, batch_norm=True, **options) for _ in range(2)]
    regularization = Regularization(whole.encoder, whole.adversaries, Momentum(0.1), Adam(0.01))
    discriminate = phase_of(halves, "discriminate", Momentum(0.1))
    generate = phase_of(halves, "generate", Adam(0.01))
    for seed in range(3):
        batch = tiny_batch(backend, seed)
        values, expected = regularization.step(batch), discriminate.step(batch) | generate.step(batch)
        assert {k: as_float(backend, v) for k, v in values.items()} == {
            k: as_float(backend, v) for k, v in expected.items()
        }
    assert saved(backend, *regularization.phases_with_optimizer(), *whole.all) == saved(
        backend, discriminate, generate, *halves.all
    )


def test_regularization_runs_the_encoder_once(backend):
    nets, passes = tiny_networks(backend, **EVERYTHING), []
    forward = nets.encoder.forward
    nets.encoder.forward = lambda x, ctx: passes.append(ctx) or forward(x, ctx)
    Regularization(nets.encoder, nets.adversaries, SGD(0.1), SGD(0.1)).step(nets.batch)
    assert len(passes) == 1


@pytest.mark.without_kernels
def test_regularization_has_two_optimizers_and_every_other_phase_one(backend):
    nets = tiny_networks(backend)
    regularization = Regularization(nets.encoder, nets.adversaries, SGD(0.1), SGD(0.1))
    assert regularization.phases_with_optimizer() == [regularization.discriminate, regularization.generate]
    phase = phase_of(nets, "reconstruction")
    assert phase.phases_with_optimizer() == [phase]


# Noise -------------------------------------------------------------------------------------------------------------

DRAWING = ["reconstruction", "discriminate", "generate", "semi-supervised"]


@pytest.mark.parametrize("name", DRAWING)
def test_the_noise_of_a_step_can_be_repeated_and_the_next_step_has_another(backend, name):
    phase, nets, _ = tiny_phase(backend, name, SGD(0.0), **EVERYTHING)

    def values():
        return {key: as_float(backend, value) for key, value in phase.forward(nets.batch)[0].items()}

    first = values()
    assert values() == first
    phase.step(nets.batch)  # with a learning rate of 0 nothing moves, so only the noise is another
    assert values() != first


@pytest.mark.parametrize("name", DRAWING)
def test_another_seed_is_other_noise(backend, name):
    phase, nets, _ = tiny_phase(backend, name, **EVERYTHING)
    first = {key: as_float(backend, value) for key, value in phase.forward(nets.batch)[0].items()}
    phase.seed += 1
    assert {key: as_float(backend, value) for key, value in phase.forward(nets.batch)[0].items()} != first


def test_each_phase_has_noise_of_its_own(backend):
    """The same encoder, the same images: the codes differ from phase to phase."""
    nets = tiny_networks(backend, **EVERYTHING)
    codes = []
    for name in DRAWING:
        code, _ = nets.encoder.forward(nets.batch.x, phase_of(nets, name).context())
        codes.append(host(backend, code.z).tobytes())
    assert len(set(codes)) == len(codes)


def test_noise_is_off_in_evaluation(backend):
    noisy, quiet = [tiny_networks(backend, **options) for options in (NOISE, {})]
    codes = [nets.encoder.forward(nets.batch.x, Context(backend))[0] for nets in (noisy, quiet)]
    assert host(backend, codes[0].z).tobytes() == host(backend, codes[1].z).tobytes()


# What the objectives are ---------------------------------------------------------------------------------------------


def test_reconstruction_compares_with_the_clean_image(backend64):
    phase, nets, _ = tiny_phase(backend64, "reconstruction", **NOISE)
    values, _ = phase.forward(nets.batch)
    code, _ = nets.encoder.forward(nets.batch.x, phase.context())
    image, _ = nets.decoder.forward(code, phase.context())
    clean = np.sum((host(backend64, image) - host(backend64, nets.batch.x)) ** 2) / (2 * IMAGES)
    assert as_float(backend64, values["half_squared_error"]) == pytest.approx(clean, rel=1e-12)
    noisy_code, _ = tiny_networks(backend64).encoder.forward(nets.batch.x, phase.context())
    assert host(backend64, noisy_code.z).tobytes() != host(backend64, code.z).tobytes()  # there was noise


def test_reconstruction_of_a_decoder_of_logits_is_the_cross_entropy_of_its_pixels(backend64):
    phase, nets, _ = tiny_phase(backend64, "cross-entropy")
    code, _ = nets.encoder.forward(nets.batch.x, phase.context())
    logits, _ = nets.decoder.forward(code, phase.context())
    image, x = host(backend64, nets.decoder.image(logits)), host(backend64, nets.batch.x)
    loss = -np.sum(x * np.log(image) + (1 - x) * np.log(1 - image)) / IMAGES
    assert as_float(backend64, phase.forward(nets.batch)[0]["cross_entropy"]) == pytest.approx(loss, rel=1e-12)


def test_with_detach_y_p_reads_the_same_y(backend64):
    values = []
    for detach_y in (False, True):
        nets = tiny_networks(backend64)
        phase = Reconstruction(nets.encoder, nets.decoder, Momentum(0.1), detach_y=detach_y)
        values.append(as_float(backend64, phase.forward(nets.batch)[0]["half_squared_error"]))
    assert values[0] == values[1]


def test_with_decode_true_label_p_reads_the_label_and_zeros_where_there_is_none(backend64):
    phase, nets, _ = tiny_phase(backend64, "decode-true-label")
    code, _ = nets.encoder.forward(nets.batch.x, phase.context())
    y = backend64.array(np.concatenate([np.eye(Y_DIM)[[2, 6]], np.zeros((1, Y_DIM))]))
    image, _ = nets.decoder.forward(Code(y, code.z), phase.context())
    expected, _ = half_squared_error(backend64.xp, image, nets.batch.x)
    assert as_float(backend64, phase.forward(nets.batch)[0]["half_squared_error"]) == as_float(backend64, expected)


def test_variational_with_another_prior_takes_its_negative_log_density_at_z(backend64):
    phase, nets, _ = tiny_phase(backend64, "variational-laplace")
    values, _ = phase.forward(nets.batch)
    code, _ = nets.encoder.forward(nets.batch.x, phase.context())
    z, log_var = host(backend64, code.z), host(backend64, code.posterior)[:, Z_DIM:]
    entropy = np.sum(log_var + math.log(2 * math.pi) + 1, axis=1) / 2
    surprise = np.sum(np.abs(z) + math.log(2), axis=1)
    assert as_float(backend64, values["kl"]) == pytest.approx(np.mean(surprise - entropy))


def test_latent_noise_is_the_error_of_images_decoded_beside_the_codes(backend64):
    phase, nets, _ = tiny_phase(backend64, "latent-noise", batch_norm=True, input_noise=0.3)
    code = nets.encoder.forward(nets.batch.x, Context(backend64))[0]
    z = code.z + 0.7 * phase.context().normal((IMAGES, Z_DIM))
    image = nets.decoder.forward(code._replace(z=z), phase.context())[0]
    loss = np.sum((host(backend64, image) - host(backend64, nets.batch.x)) ** 2) / (2 * IMAGES)
    assert as_float(backend64, phase.forward(nets.batch)[0]["latent_noise"]) == pytest.approx(loss, rel=1e-12)


def test_variational_adds_the_kl_of_the_posterior(backend64):
    phase, nets, _ = tiny_phase(backend64, "variational")
    code, _ = nets.encoder.forward(nets.batch.x, phase.context())
    expected, _ = kl_to_standard_normal(backend64.xp, code.posterior)
    values, _ = phase.forward(nets.batch)
    assert set(values) == {"half_squared_error", "kl"}
    assert as_float(backend64, values["kl"]) == as_float(backend64, expected) > 0


def test_head_separation_adds_the_push_between_the_cluster_heads(backend64):
    phase, nets, _ = tiny_phase(backend64, "head-separation")
    heads = nets.decoder.flat[: Y_DIM * Z_DIM]  # W_C is the decoder's first parameter
    expected, _ = head_distance(backend64.xp, backend64.xp.reshape(heads, (Y_DIM, Z_DIM)), 3.0)
    values, _ = phase.forward(nets.batch)
    assert as_float(backend64, values["head_distance"]) == as_float(backend64, expected) > 0


def set_discriminators_to_zero(nets):
    """Let every discriminator output the logit 0 for whatever it reads."""
    for adversary in (*nets.adversaries, nets.image_adversary):
        adversary.discriminator.flat[...] = 0


@pytest.mark.parametrize(
    "name, d", [("discriminate", "cat"), ("discriminate", "gauss"), ("discriminate-images", "image")]
)
def test_a_discriminator_at_chance_costs_2_ln_2_and_is_right_half_the_time(backend64, name, d):
    phase, nets, _ = tiny_phase(backend64, name)
    set_discriminators_to_zero(nets)
    values, _ = phase.forward(nets.batch)
    assert as_float(backend64, values[f"D_{d}"]) == pytest.approx(2 * np.log(2), rel=1e-12)
    assert as_float(backend64, values[f"D_{d}_accuracy"]) == 0.5


@pytest.mark.parametrize("name, d", [("generate", "cat"), ("generate", "gauss"), ("generate-images", "image")])
def test_fooling_a_discriminator_at_chance_costs_ln_2(backend64, name, d):
    phase, nets, _ = tiny_phase(backend64, name)
    set_discriminators_to_zero(nets)
    assert as_float(backend64, phase.forward(nets.batch)[0][f"G_{d}"]) == pytest.approx(np.log(2), rel=1e-12)


each_field = pytest.mark.parametrize("field, d", [("y", "cat"), ("z", "gauss")])


def logits_of(backend, nets, field, discriminator_input):
    d = next(adversary for adversary in nets.adversaries if adversary.field == field).discriminator
    return host(backend, d.forward(discriminator_input, Context(backend))[0])


@each_field
def test_discriminate_is_the_loss_of_real_against_fake(backend64, field, d):
    phase, nets, _ = tiny_phase(backend64, "discriminate")
    ctx = phase.context()
    samples = {adversary.field: adversary.prior.sample(IMAGES, ctx) for adversary in nets.adversaries}  # y, then z
    fake = getattr(nets.encoder.forward(nets.batch.x, phase.context())[0], field)
    of_real, of_fake = [logits_of(backend64, nets, field, x) for x in (samples[field], fake)]
    loss = np.mean(np.log1p(np.exp(-of_real))) + np.mean(np.log1p(np.exp(of_fake)))
    accuracy = (np.mean(of_real > 0) + np.mean(of_fake <= 0)) / 2
    values, _ = phase.forward(nets.batch)
    assert as_float(backend64, values[f"D_{d}"]) == pytest.approx(loss, rel=1e-12)
    assert as_float(backend64, values[f"D_{d}_accuracy"]) == pytest.approx(accuracy)


def test_smoothing_lowers_the_target_of_the_real_and_not_that_of_the_fake(backend64):
    phase, nets, _ = tiny_phase(backend64, "discriminate-smoothed")
    set_discriminators_to_zero(nets)
    nets.adversaries[1].discriminator.stack.layers[-1].b[...] = 1.0  # its logit is 1 whatever it reads
    right, wrong = -np.log(1 / (1 + np.exp(-1))), -np.log(1 / (1 + np.exp(1)))
    values, _ = phase.forward(nets.batch)
    assert as_float(backend64, values["D_gauss"]) == pytest.approx(0.8 * right + 0.2 * wrong + wrong, rel=1e-12)
    assert as_float(backend64, values["D_gauss_accuracy"]) == 0.5


@each_field
def test_generate_is_the_loss_of_a_fake_that_is_called_real(backend64, field, d):
    phase, nets, _ = tiny_phase(backend64, "generate")
    fake = getattr(nets.encoder.forward(nets.batch.x, phase.context())[0], field)
    loss = np.mean(np.log1p(np.exp(-logits_of(backend64, nets, field, fake))))
    assert as_float(backend64, phase.forward(nets.batch)[0][f"G_{d}"]) == pytest.approx(loss, rel=1e-12)


def test_with_label_conditional_d_gauss_reads_the_label_beside_z(backend64):
    phase, nets, _ = tiny_phase(backend64, "generate-label-conditional")
    z = nets.encoder.forward(nets.batch.x, phase.context())[0].z
    discriminator_input = backend64.xp.concat([z, nets.batch.labels], axis=1)
    loss = np.mean(np.log1p(np.exp(-logits_of(backend64, nets, "z", discriminator_input))))
    assert as_float(backend64, phase.forward(nets.batch)[0]["G_gauss"]) == pytest.approx(loss, rel=1e-12)


def test_with_condition_on_y_d_gauss_reads_y_beside_z(backend64):
    nets = tiny_networks(backend64, condition_on_y=True)
    phase = phase_of(nets, "generate")
    code = nets.encoder.forward(nets.batch.x, phase.context())[0]
    discriminator_input = backend64.xp.concat([code.z, code.y], axis=1)
    loss = np.mean(np.log1p(np.exp(-logits_of(backend64, nets, "z", discriminator_input))))
    assert as_float(backend64, phase.forward(nets.batch)[0]["G_gauss"]) == pytest.approx(loss, rel=1e-12)


@pytest.mark.without_kernels
def test_with_condition_on_y_d_gauss_reads_the_label_where_q_has_no_y(backend):
    batch, z = tiny_batch(backend), backend.zeros((IMAGES, Z_DIM))
    discriminator_input = Adversary("z", None, None, condition_on_y=True).discriminator_input(
        backend.xp, z, Code(z=z), batch
    )
    assert host(backend, discriminator_input)[:, Z_DIM:].tolist() == host(backend, batch.labels)[:, :-1].tolist()


def test_with_condition_on_y_real_and_fake_have_the_same_y_beside_z(backend64):
    """Else y would separate the samples of the prior from the codes of Q, and q(z|y) would be free."""
    phase, nets, _ = tiny_phase(backend64, "discriminate-condition-on-y")
    read, forward = [], nets.adversaries[1].discriminator.forward
    nets.adversaries[1].discriminator.forward = lambda x, ctx: read.append(host(backend64, x)) or forward(x, ctx)
    phase.forward(nets.batch)
    real, fake = np.split(read[0][:, Z_DIM:], 2)
    assert real.tolist() == fake.tolist()


def test_with_label_conditional_the_prior_draws_each_z_from_the_mode_of_its_label(backend):
    batch, prior = tiny_batch(backend), GaussianMixture(modes=Y_DIM)

    def real(label_conditional):
        return host(
            backend, Adversary("z", None, prior, label_conditional).real(batch, Context(backend, True))
        ).tobytes()

    def drawn(labels):
        return host(backend, prior.sample(IMAGES, Context(backend, True), labels)).tobytes()

    assert real(label_conditional=True) == drawn(batch.labels) != drawn(None) == real(label_conditional=False)


def test_semi_supervised_is_the_cross_entropy_of_the_labelled_images(backend64):
    phase, nets, _ = tiny_phase(backend64, "semi-supervised")
    y = host(backend64, nets.encoder.forward(nets.batch.x_labelled, phase.context())[0].y)
    loss = -np.mean(np.log(np.sum(y * host(backend64, nets.batch.y_labelled), axis=1)))
    assert as_float(backend64, phase.forward(nets.batch)[0]["classification"]) == pytest.approx(loss, rel=1e-12)


def test_information_maximization_is_entropy_of_y_less_four_times_that_of_the_mean(backend64):
    phase, nets, _ = tiny_phase(backend64, "information-maximization")
    y = host(backend64, nets.encoder.forward(nets.batch.x, phase.context())[0].y)
    mean = np.mean(y, axis=0)
    each, whole = -np.mean(np.sum(y * np.log(y), axis=1)), -np.sum(mean * np.log(mean))
    loss = 0.7 * (each - 4 * whole)
    assert as_float(backend64, phase.forward(nets.batch)[0]["information_maximization"]) == pytest.approx(
        loss, rel=1e-12
    )


WARMUP = [(0, 0), (10, 0.25), (40, 1), (120, 1)]  # of 40 steps: steps taken, factor


@pytest.mark.parametrize("steps, factor", WARMUP)
def test_during_adversarial_warmup_the_loss_against_d_cat_grows_linearly(backend64, steps, factor):
    nets = tiny_networks(backend64)
    d_cat, d_gauss = nets.adversaries
    values, gradients = [], []
    for adversaries in ([d_cat], [d_gauss], [d_cat._replace(adversarial_warmup=40), d_gauss]):
        phase = Generate(nets.encoder, adversaries, Momentum(0.1))
        phase.optimizer.steps = steps
        found, cache = phase.forward(nets.batch)
        phase.backward(cache)
        values.append({name: as_float(backend64, value) for name, value in found.items()})
        gradients.append(host(backend64, phase.gradients.flat))
    expected = {"G_cat": factor * values[0]["G_cat"], "G_gauss": values[1]["G_gauss"]}
    assert values[2] == pytest.approx(expected, rel=1e-12)
    assert gradients[2] == pytest.approx(factor * gradients[0] + gradients[1], rel=1e-9, abs=1e-12)


@pytest.fixture
def vat(backend64):
    """Return a VirtualAdversarial of ε = 0.7, past its rampup, and its nets, with input noise and batch norm."""
    nets = tiny_networks(backend64, input_noise=0.2, batch_norm=True)
    phase = VirtualAdversarial(nets.encoder, Momentum(0.1), epsilon=0.7, rampup=40)
    phase.optimizer.steps = 40
    return phase, nets


def adversarial_example(phase, nets):
    ctx = phase.context()
    return phase.adversarial_example(nets.batch.x, *nets.encoder.forward(nets.batch.x, ctx), ctx)


def test_the_target_of_vat_is_the_y_of_the_image_itself(backend64, vat):
    phase, nets = vat
    x, y = adversarial_example(phase, nets)
    there = host(backend64, nets.encoder.forward(x, phase.context())[0].y)
    loss = -np.mean(np.sum(host(backend64, y) * np.log(there), axis=1))
    assert as_float(backend64, phase.forward(nets.batch)[0]["vat"]) == pytest.approx(loss, rel=1e-12)
    expected = host(backend64, nets.encoder.forward(nets.batch.x, phase.context())[0].y)
    assert host(backend64, y) == pytest.approx(expected, rel=1e-12)


def test_the_adversarial_example_lies_along_the_slope_of_the_log_odds(backend64, vat):
    """Of the sum over the batch, for batch norm ties its images together."""
    phase, nets = vat
    images = backend64.array(host(backend64, nets.batch.x))

    def odds():
        return log_odds(backend64.xp, nets.encoder.forward(images, phase.context())[0].logits)[0]

    slope = differences(backend64, lambda: as_float(backend64, odds()), images)
    r = host(backend64, adversarial_example(phase, nets)[0]) - host(backend64, nets.batch.x)
    assert r == pytest.approx(-0.7 * slope / np.linalg.norm(slope, axis=1, keepdims=True), rel=1e-6, abs=1e-9)


@pytest.fixture
def information_maximization(vat):
    """Return an InformationMaximization with the encoder and the numbers of `vat`, and its nets."""
    _, nets = vat
    phase = InformationMaximization(nets.encoder, Momentum(0.1), epsilon=0.7, rampup=40, weight=0.3)
    phase.optimizer.steps = 40
    return phase, nets


def test_with_information_maximization_the_example_lies_along_the_slope_of_the_divergence_beside_the_image(
    backend64, information_maximization
):
    """At x + ξd, for the y of x."""
    phase, nets = information_maximization
    ctx, x = phase.context(), host(backend64, nets.batch.x)
    y = nets.encoder.forward(nets.batch.x, ctx)[0].y
    d = host(backend64, ctx.normal(x.shape))
    beside = backend64.array(x + phase.PROBE * 0.7 * d / np.linalg.norm(d, axis=1, keepdims=True))

    def divergence():
        logits = nets.encoder.forward(beside, phase.context())[0].logits
        return as_float(backend64, softmax_cross_entropy(backend64.xp, logits, y)[0])

    slope = differences(backend64, divergence, beside)
    r = host(backend64, adversarial_example(phase, nets)[0]) - x
    assert r == pytest.approx(0.7 * slope / np.linalg.norm(slope, axis=1, keepdims=True), rel=1e-5, abs=1e-8)


def test_with_information_maximization_the_example_is_drawn_anew_at_each_step(backend64, information_maximization):
    phase, nets = information_maximization
    first = host(backend64, adversarial_example(phase, nets)[0])
    assert np.array_equal(first, host(backend64, adversarial_example(phase, nets)[0]))
    phase.optimizer.steps += 1
    assert np.max(np.abs(first - host(backend64, adversarial_example(phase, nets)[0]))) > 0.01


def test_information_maximization_adds_its_gradient_at_the_image_to_that_of_vat(backend64, information_maximization):
    """With the same example: the search for it went back through other passes of Q."""
    both, nets = information_maximization
    alone = VirtualAdversarial(nets.encoder, Momentum(0.1), epsilon=0.7, rampup=40)
    alone.optimizer.steps, alone.direction = 40, both.direction
    for phase in (alone, both):
        phase.backward(phase.forward(nets.batch)[1])
    ctx = both.context()
    code, cache = nets.encoder.forward(nets.batch.x, ctx)
    first = host(backend64, both.gradients.flat) - host(backend64, alone.gradients.flat)
    both.gradients.zero()
    nets.encoder.backward(Code(y=both.penalty(code.y, ctx)[1]), cache, both.gradients)
    assert np.max(np.abs(first)) > 1e-3
    assert first == pytest.approx(host(backend64, both.gradients.flat), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("steps, factor", WARMUP)
def test_the_distance_of_vat_grows_linearly_during_its_rampup_and_then_stays(backend64, vat, steps, factor):
    phase, nets = vat
    phase.optimizer.steps = steps
    r = host(backend64, adversarial_example(phase, nets)[0]) - host(backend64, nets.batch.x)
    assert np.linalg.norm(r, axis=1) == pytest.approx(0.7 * factor, abs=1e-12)


def test_where_q_ignores_its_input_vat_moves_no_image(backend64, vat):
    phase, nets = vat
    nets.encoder.flat[...] = 0
    x, y = adversarial_example(phase, nets)
    assert np.array_equal(host(backend64, x), host(backend64, nets.batch.x))
    assert host(backend64, y) == pytest.approx(1 / Y_DIM)


@each_phase
def test_small_steps_on_one_batch_make_the_objective_smaller(backend64, name):
    phase, nets, _ = tiny_phase(backend64, name, SGD(0.01))

    def objective():
        values, _ = phase.forward(nets.batch)
        return sum(as_float(backend64, value) for key, value in values.items() if not key.endswith("_accuracy"))

    before = objective()
    for _ in range(3):
        phase.step(nets.batch)
        phase.optimizer.steps = 0  # the same noise again, so that the objective is the same function
    assert objective() < before


# Types ---------------------------------------------------------------------------------------------------------------


@each_phase
@pytest.mark.parametrize("make", [lambda: Momentum(0.1), lambda: Adam(0.01)], ids=["momentum", "adam"])
def test_everything_stays_float32(backend, name, make):
    phase, nets, _ = tiny_phase(backend, name, make(), **EVERYTHING)
    arrays = list(phase.step(nets.batch).values())
    arrays += [phase.gradients.flat, *phase.optimizer.state.values()]
    arrays += [value for network in nets.all for value in network.state().values()]
    assert {host(backend, array).dtype for array in arrays} == {np.dtype("float32")}


@each_phase
def test_values_are_single_numbers_on_the_device(backend, name):
    phase, nets, _ = tiny_phase(backend, name)
    for value in phase.forward(nets.batch)[0].values():
        assert not isinstance(value, float | int)
        assert tuple(value.shape) == ()
