"""Networks: one flat vector that the layers see, caches that grow stale, and codes whose every field has a gradient."""

import numpy as np
import pytest
from helpers import IMAGES, PIXELS, WIDTHS, Y_DIM, Z_DIM, EveryField, host, saved, tiny_networks

from tinyaae import networks
from tinyaae.backend import Context
from tinyaae.errors import UserError
from tinyaae.gradcheck import check_phase, compare, differences
from tinyaae.layers import AppendNoise, BatchNorm, Dropout, GaussianNoise, Linear
from tinyaae.networks import Code, Gradients, Network

ENCODERS = {
    "deterministic": {},
    "gaussian": {"posterior": "gaussian"},
    "universal": {"posterior": "universal", "hidden": [20, 7]},
    "noisy": {"input_noise": 0.3, "input_dropout": 0.2},
    "batch-norm": {"batch_norm": True, "head_norm": True},
    "gaussian-noisy-batch-norm": {"posterior": "gaussian", "input_noise": 0.3, "batch_norm": True},
}
each_encoder = pytest.mark.parametrize("options", ENCODERS.values(), ids=ENCODERS)


def training(backend, seed=0):
    return Context(backend, True, seed)


def random(backend, *shape, seed=0):
    return backend.array(np.random.default_rng(seed).normal(size=shape))


def small(backend, name="D", seed=0):
    return Network(backend, name, [Linear(4, 5), BatchNorm(5), Linear(5, 6)], seed)


# Gradients -------------------------------------------------------------------------------------------------------


@each_encoder
def test_the_gradient_of_every_field_of_a_code_is_the_derivative(backend64, options):
    nets = tiny_networks(backend64, **options)
    assert check_phase(EveryField(nets.encoder), nets.batch, [nets.decoder]) < 1e-6


@each_encoder
def test_so_it_is_for_an_encoder_without_y(backend64, options):
    nets = tiny_networks(backend64, classes=0, **options)
    assert check_phase(EveryField(nets.encoder), nets.batch, [nets.decoder]) < 1e-6


@pytest.mark.parametrize("options", [{}, {"batch_norm": True}, {"heads": Y_DIM}, {"logits": True}], ids=str)
def test_the_decoders_gradient_of_the_code_is_the_derivative(backend64, options):
    decoder = tiny_networks(backend64, **options).decoder
    y, z, dx = (
        random(backend64, IMAGES, Y_DIM),
        random(backend64, IMAGES, Z_DIM, seed=1),
        random(backend64, IMAGES, PIXELS, seed=2),
    )

    def loss():
        image, _ = decoder.forward(Code(y, z), training(backend64))
        return float(np.sum(host(backend64, image) * host(backend64, dx)))

    _, cache = decoder.forward(Code(y, z), training(backend64))
    dcode = decoder.backward(dx, cache)
    compare("dy", host(backend64, dcode.y), differences(backend64, loss, y), 1e-6)
    compare("dz", host(backend64, dcode.z), differences(backend64, loss, z), 1e-6)


def test_nobody_computes_the_gradient_of_the_image(backend):
    """The first product of the encoder's backward would be as large as its first product forward."""
    nets, asked = tiny_networks(backend, input_noise=0.3), []
    first = nets.encoder.stack.layers[1]
    backward = first.backward
    first.backward = lambda dy, x, grads, want_dx: asked.append(want_dx) or backward(dy, x, grads, want_dx)
    EveryField(nets.encoder).step(nets.batch)
    assert asked == [False]


def test_decoder_without_y_gives_no_gradient_of_y(backend):
    decoder = tiny_networks(backend, classes=0).decoder
    image, cache = decoder.forward(Code(z=random(backend, IMAGES, Z_DIM)), training(backend))
    dcode = decoder.backward(image, cache)
    assert dcode.y is None and tuple(dcode.z.shape) == (IMAGES, Z_DIM)


@pytest.mark.without_kernels
def test_gradients_are_views_into_one_vector_in_the_order_of_the_networks(backend):
    a, b = small(backend, "a"), small(backend, "b")
    gradients = Gradients(backend, [a, b])
    gradients.by_network["a"][0]["W"] += 1
    gradients.by_network["b"][0]["W"] += 2
    flat = host(backend, gradients.flat)
    assert (flat[:20] == 1).all() and (flat[a.size : a.size + 20] == 2).all() and np.sum(flat) == 60
    gradients.zero()
    assert not np.any(host(backend, gradients.by_network["b"][0]["W"]))


def test_two_gradients_of_one_network_know_nothing_of_each_other(backend):
    network = small(backend)
    mine, yours = Gradients(backend, [network]), Gradients(backend, [network])
    y, cache = network.forward(random(backend, IMAGES, 4), training(backend))
    network.backward(y, cache, mine)
    assert np.any(host(backend, mine.flat)) and not np.any(host(backend, yours.flat))


# The flat vector -------------------------------------------------------------------------------------------------


@pytest.mark.without_kernels
def test_layers_see_what_happens_to_the_flat_vector(backend):
    network = small(backend)
    network.flat[...] = backend.array(np.arange(network.size))
    first, norm, last = network.stack.layers
    ours = [first.W, first.b, norm.gamma, norm.beta, last.W, last.b]
    assert np.array_equal(np.concatenate([host(backend, part).ravel() for part in ours]), np.arange(network.size))
    first.W += 1
    assert host(backend, network.flat)[:20].tolist() == list(range(1, 21))


@pytest.mark.without_kernels
def test_first_weights_depend_on_seed_and_name_and_on_nothing_else(backend):
    flat = saved(backend, small(backend))["D.flat"]
    assert saved(backend, small(backend))["D.flat"] == flat
    assert saved(backend, small(backend, seed=1))["D.flat"] != flat
    assert saved(backend, small(backend, name="E"))["E.flat"] != flat


@pytest.mark.without_kernels
def test_state_is_the_flat_vector_and_every_buffer_as_they_are_now(backend):
    network = small(backend)
    state = network.state()
    assert list(state) == ["flat", "1.running_mean", "1.running_var"]
    network.flat += 1
    network.stack.layers[1].running_mean += 1
    assert saved(backend, network) == {f"D.{key}": host(backend, value).tobytes() for key, value in state.items()}


@pytest.mark.without_kernels
def test_every_array_is_float32(backend):
    for network in tiny_networks(backend, posterior="gaussian", batch_norm=True).all:
        assert {host(backend, value).dtype for value in network.state().values()} == {np.dtype("float32")}


# Stale caches ----------------------------------------------------------------------------------------------------


def test_a_cache_from_before_an_update_raises(backend):
    network = small(backend)
    y, cache = network.forward(random(backend, IMAGES, 4), training(backend))
    network.updates += 1
    with pytest.raises(RuntimeError) as error:
        network.backward(y, cache)
    assert str(error.value) == "D.backward: the cache is from before an update of D; run forward again"


def test_a_stale_cache_raises_in_encoder_and_decoder_too(backend):
    nets = tiny_networks(backend)
    code, q_cache = nets.encoder.forward(nets.batch.x, training(backend))
    image, p_cache = nets.decoder.forward(code, training(backend))
    for network in (nets.encoder, nets.decoder):
        network.updates += 1
    with pytest.raises(RuntimeError, match=r"^Q[.]backward: the cache is from before an update of Q"):
        nets.encoder.backward(Code(z=code.z), q_cache, Gradients(backend, [nets.encoder]))
    with pytest.raises(RuntimeError, match=r"^P[.]backward: the cache is from before an update of P"):
        nets.decoder.backward(image, p_cache)


def test_updating_the_running_statistics_moves_them_and_nothing_else(backend):
    network = small(backend)
    before = saved(backend, network)
    _, cache = network.forward(random(backend, IMAGES, 4), training(backend))
    network.update_running_statistics(cache)
    after = saved(backend, network)
    assert {name for name in after if after[name] != before[name]} == {"D.1.running_mean", "D.1.running_var"}


# The three networks ----------------------------------------------------------------------------------------------


def encode(backend, ctx=None, **options):
    nets = tiny_networks(backend, **options)
    code, _ = nets.encoder.forward(nets.batch.x, ctx or training(backend))
    return Code(*[None if field is None else host(backend, field) for field in code])


def test_y_is_the_softmax_of_the_logits(backend64):
    code = encode(backend64)
    assert code.y.shape == (IMAGES, Y_DIM)
    np.testing.assert_allclose(code.y, np.exp(code.logits) / np.sum(np.exp(code.logits), axis=1, keepdims=True))


def test_z_of_the_deterministic_posterior_is_the_posterior(backend):
    code = encode(backend)
    assert code.z.shape == (IMAGES, Z_DIM)
    assert code.z.tobytes() == code.posterior.tobytes()


def test_z_of_the_gaussian_posterior_is_its_mean_in_evaluation_and_drawn_in_training(backend64):
    quiet, noisy = [encode(backend64, ctx, posterior="gaussian") for ctx in (Context(backend64), training(backend64))]
    assert quiet.posterior.shape == (IMAGES, 2 * Z_DIM)
    np.testing.assert_array_equal(quiet.z, quiet.posterior[:, :Z_DIM])
    epsilon = (noisy.z - noisy.posterior[:, :Z_DIM]) / np.exp(noisy.posterior[:, Z_DIM:] / 2)
    np.testing.assert_allclose(epsilon, host(backend64, training(backend64).normal((IMAGES, Z_DIM))), rtol=1e-9)


@pytest.mark.parametrize("name", ["gaussian", "universal", "noisy"])
def test_codes_are_random_in_training_only(backend, name):
    first, second = [encode(backend, training(backend, seed), **ENCODERS[name]) for seed in (0, 1)]
    assert first.z.tobytes() != second.z.tobytes()
    first, second = [encode(backend, Context(backend, seed=seed), **ENCODERS[name]) for seed in (0, 1)]
    assert first.z.tobytes() == second.z.tobytes()


@pytest.mark.without_kernels
@pytest.mark.parametrize("hidden", [[20, 7], [6, 7]], ids=str)
def test_the_universal_posterior_reads_noise_whatever_the_width(backend, hidden):
    encoder = tiny_networks(backend, posterior="universal", hidden=hidden).encoder
    assert isinstance(encoder.stack.layers[0], AppendNoise)


def test_an_encoder_without_classes_has_no_y(backend):
    code = encode(backend, classes=0)
    assert (code.y, code.logits, code.z.shape) == (None, None, (IMAGES, Z_DIM))


@pytest.mark.without_kernels
def test_encoder_puts_corruption_first_and_batch_norm_in_front_of_each_relu(backend):
    options = {"input_noise": 0.3, "input_dropout": 0.2, "batch_norm": True, "head_norm": True}
    names = [type(layer).__name__ for layer in tiny_networks(backend, **options).encoder.stack.layers]
    hidden = ["Linear", "BatchNorm", "ReLU"]
    assert names == ["GaussianNoise", "Dropout", *hidden, *hidden, "Linear", "BatchNorm"]
    noise, dropout = tiny_networks(backend, **options).encoder.stack.layers[:2]
    assert isinstance(noise, GaussianNoise) and noise.std == 0.3
    assert isinstance(dropout, Dropout) and dropout.p == 0.2


@pytest.mark.parametrize("logits", [False, True])
def test_images_are_sigmoids_of_the_decoders_last_linear_layer(backend64, logits):
    decoder = tiny_networks(backend64, logits=logits).decoder
    code = Code(random(backend64, IMAGES, Y_DIM), random(backend64, IMAGES, Z_DIM))
    image = host(backend64, decoder.image(decoder.forward(code, Context(backend64))[0]))
    plain = tiny_networks(backend64, logits=True).decoder
    last = host(backend64, plain.forward(code, Context(backend64))[0])
    assert image.shape == (IMAGES, PIXELS)
    np.testing.assert_allclose(image, 1 / (1 + np.exp(-last)), rtol=1e-12)


@pytest.mark.without_kernels
@pytest.mark.parametrize("logits", [False, True])
def test_image_backward_is_the_derivative_of_the_image(backend64, logits):
    decoder = tiny_networks(backend64, logits=logits).decoder
    output, dimage = random(backend64, IMAGES, PIXELS), random(backend64, IMAGES, PIXELS)

    def loss():
        return float(host(backend64, backend64.xp.sum(dimage * decoder.image(output))))

    doutput = host(backend64, decoder.image_backward(dimage, decoder.image(output)))
    np.testing.assert_allclose(doutput, differences(backend64, loss, output), rtol=1e-6, atol=1e-9)


def test_the_encoders_dx_is_the_derivative(backend64):
    nets = tiny_networks(backend64)
    x, phase = nets.batch.x, EveryField(nets.encoder)
    _, (dcode, cache) = phase.forward(nets.batch)

    def loss():
        return sum(float(host(backend64, value)) for value in phase.forward(nets.batch)[0].values())

    dx = nets.encoder.backward(dcode, cache, None, want_dx=True)
    np.testing.assert_allclose(host(backend64, dx), differences(backend64, loss, x), rtol=1e-6, atol=1e-9)


def test_code_plus_adds_field_by_field_and_counts_none_as_nothing():
    total = Code(y=1, z=2).plus(Code(z=3, posterior=4))
    assert total == Code(y=1, z=5, posterior=4)


@pytest.mark.without_kernels
def test_units_of_a_discriminator_may_leak_and_drop_out_and_its_input_be_noisy(backend):
    d = networks.discriminator(backend, "D", Z_DIM, [6], input_noise=0.5, leak=0.2, dropout=0.3)
    names = [type(layer).__name__ for layer in d.stack.layers]
    assert names == ["GaussianNoise", "Linear", "LeakyReLU", "Dropout", "Linear"]
    assert (d.stack.layers[0].std, d.stack.layers[2].slope, d.stack.layers[3].p) == (0.5, 0.2, 0.3)


def test_discriminator_gives_one_logit_and_has_no_batch_norm(backend):
    d = networks.discriminator(backend, "D", Z_DIM, WIDTHS)
    logits, _ = d.forward(random(backend, IMAGES, Z_DIM), training(backend))
    assert tuple(logits.shape) == (IMAGES, 1)
    assert not any(isinstance(layer, BatchNorm) for layer in d.stack.walk())


@pytest.mark.without_kernels
@pytest.mark.parametrize("make", [networks.encoder, networks.decoder, networks.discriminator])
def test_std_is_that_of_every_linear(backend, make):
    arguments = {
        networks.encoder: [40, [50, 60], 8, 5],
        networks.decoder: [40, [50, 60], 30],
        networks.discriminator: ["D", 40, [50, 60]],
    }[make]
    for layer in make(backend, *arguments, std=0.01).stack.layers:
        if isinstance(layer, Linear):
            w = host(backend, layer.W)
            assert abs(np.std(w) / 0.01 - 1) < 4.5 / np.sqrt(2 * w.size)


@pytest.mark.without_kernels
def test_an_image_of_another_size_is_refused_in_one_line(backend):
    encoder = tiny_networks(backend).encoder
    with pytest.raises(UserError) as error:
        encoder.forward(backend.zeros((2, 3)), Context(backend))
    assert str(error.value) == "Linear.forward: x is (2, 3), expected (n, 4); is the image flattened?"


@pytest.mark.without_kernels
def test_a_gradient_that_nobody_added_to_is_zero(backend):
    network = Network(backend, "Q", [Linear(2, 3), Linear(3, 2)])
    gradients = Gradients(backend, [network])
    flat = gradients.flat
    flat += 1
    gradients.zero()
    gradients.by_network["Q"][1]["b"] += backend.array([5.0, 6])
    expected = np.zeros(network.size)
    expected[-2:] = [5, 6]
    assert host(backend, gradients.flat).tolist() == expected.tolist()


@pytest.mark.parametrize("read", [lambda grads: grads["W"], lambda grads: dict(grads.items())["W"],
                                  lambda grads: next(iter(grads.values())), lambda grads: grads.get("W")])  # fmt: skip
def test_the_gradient_of_a_layer_that_this_backward_did_not_pass_is_zero_and_not_the_last_ones(backend, read):
    networks = [small(backend, "a"), small(backend, "b")]
    gradients = Gradients(backend, networks)
    for passed in (networks, networks[1:]):
        gradients.zero()
        for network in passed:
            y, cache = network.forward(random(backend, IMAGES, 4), training(backend))
            network.backward(y, cache, gradients)
    assert not np.any(host(backend, read(gradients.by_network["a"][0])))
    flat = host(backend, gradients.flat)
    assert not np.any(flat[: networks[0].size]) and np.any(flat[networks[0].size :])


def test_what_is_written_first_and_what_is_added_give_the_same_gradient(backend64):
    rng = np.random.default_rng(0)
    network = Network(backend64, "Q", [Linear(4, 3)])
    x, dy = backend64.array(rng.normal(size=(5, 4))), backend64.array(rng.normal(size=(5, 3)))
    gradients = Gradients(backend64, [network])
    totals = []
    for times in (1, 2):
        gradients.zero()
        for _ in range(times):
            _, cache = network.forward(x, Context(backend64, training=True))
            network.backward(dy, cache, gradients)
        totals.append(host(backend64, gradients.flat))
    dW, db = host(backend64, x).T @ host(backend64, dy), host(backend64, dy).sum(axis=0)
    np.testing.assert_allclose(totals[0], np.concatenate([dW.ravel(), db]), rtol=1e-12)
    np.testing.assert_allclose(totals[1], 2 * totals[0], rtol=1e-12)
