"""What `tinyaae.model` promises of a trained model: codes, classes and images, the same each time it is asked."""

from zlib import crc32

import numpy as np
import pytest
from tiny import CLASSES, TEST, assembled, refusal, takes, tiny_config, tiny_dataset, tiny_model, tiny_run

import tinyaae
from tinyaae import model as model_module
from tinyaae.backend import Backend, Context
from tinyaae.config.fields import POSTERIORS
from tinyaae.config.modes import MODES
from tinyaae.model import Model, build
from tinyaae.optimizers import Adam
from tinyaae.phases import Batch, Discriminate, Generate

IMAGES, LABELS = tiny_dataset().x_test, tiny_dataset().y_test
FLOATS = IMAGES.astype(np.float32) / 255
STYLE = 5
WITH_Q = [mode for mode in MODES if mode != "gan"]


@pytest.fixture
def model(backend):
    return tiny_model(backend=backend, z=STYLE)


@pytest.fixture(scope="module")
def plain():
    """A semi-supervised model on NumPy, for what does not depend on the backend."""
    return tiny_model(z=STYLE)


def labels_for(model):
    """The labels of the test images where P reads them, else None."""
    return LABELS if model.config.decoder_y_dim != model.config.y_dim else None


# Codes


def test_shapes_of_a_code(model):
    code = model.encode(IMAGES)
    assert (code.y.shape, code.logits.shape, code.z.shape) == ((TEST, CLASSES), (TEST, CLASSES), (TEST, STYLE))


def test_codes_are_numpy_arrays_in_float32(model):
    code = model.encode(IMAGES)
    assert all(type(part) is np.ndarray and part.dtype == np.float32 for part in (code.y, code.logits, code.z))


def test_y_is_a_probability_of_each_class(plain):
    y = plain.encode(IMAGES).y
    assert np.all(y >= 0) and np.allclose(np.sum(y, axis=1), 1)


def test_y_is_the_softmax_of_the_logits(plain):
    code = plain.encode(IMAGES)
    powers = np.exp(code.logits.astype(float))
    assert np.allclose(code.y, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)


def test_autoencoder_has_no_y():
    code = tiny_model("autoencoder").encode(IMAGES)
    assert code.y is None and code.logits is None


def test_gaussian_posterior_has_a_mean_and_a_variance():
    assert tiny_model("aae", posterior="gaussian", z=STYLE).encode(IMAGES).posterior.shape == (TEST, 2 * STYLE)


def test_code_of_a_gaussian_posterior_is_its_mean():
    code = tiny_model("aae", posterior="gaussian", z=STYLE).encode(IMAGES)
    assert np.array_equal(code.z, code.posterior[:, :STYLE])


def test_bytes_and_floats_have_the_same_code(model):
    assert np.array_equal(model.encode(IMAGES).z, model.encode(FLOATS).z)


def test_a_list_of_rows_will_do(plain):
    assert np.array_equal(plain.encode(FLOATS.tolist()).z, plain.encode(FLOATS).z)


def test_no_images_have_no_codes(plain):
    code = plain.encode(IMAGES[:0])
    assert (code.y.shape, code.z.shape) == ((0, CLASSES), (0, STYLE))


def test_codes_follow_the_weights(plain):
    fresh = build(plain.config, Backend.named("numpy"))
    assert not np.allclose(plain.encode(IMAGES).z, fresh.encode(IMAGES).z)


# Classes and images


def test_class_is_the_most_probable_y(model):
    assert np.array_equal(model.classify(IMAGES), np.argmax(model.encode(IMAGES).y, axis=1))


@pytest.mark.parametrize("mode", [mode for mode in MODES if not tiny_config(mode).y_is_class])
def test_mode_without_classes_cannot_classify(mode):
    model = build(tiny_config(mode), Backend.named("numpy"))
    assert refusal(model.classify, IMAGES).startswith(f"classify: mode {mode}")


@pytest.mark.parametrize("mode", WITH_Q)
def test_reconstructions_are_images(mode):
    model = tiny_model(mode)
    images = model.reconstruct(IMAGES, labels_for(model))
    assert images.shape == IMAGES.shape and images.min() >= 0 and images.max() <= 1


def test_reconstruction_decodes_the_code(model):
    code = model.encode(IMAGES)
    assert np.array_equal(model.reconstruct(IMAGES), model.decode(code.z, code.y))


def test_reconstruction_comes_as_float32(model):
    assert model.reconstruct(IMAGES).dtype == np.float32


def test_supervised_reconstruction_depends_on_the_label():
    model = tiny_model("supervised")
    given, other = (model.reconstruct(IMAGES, labels) for labels in (LABELS, (LABELS + 1) % CLASSES))
    assert np.all(np.max(np.abs(given - other), axis=1) > 1e-4)


def test_supervised_reconstruction_without_labels():
    assert "labels" in refusal(tiny_model("supervised").reconstruct, IMAGES)


@pytest.mark.parametrize("mode", MODES)
def test_samples_are_images(mode):
    images = tiny_model(mode).sample(7)
    assert images.shape == (7, 36) and images.min() >= 0 and images.max() <= 1


def test_samples_are_the_same_for_a_seed(model):
    assert np.array_equal(model.sample(5, seed=3), model.sample(5, seed=3))


def test_samples_differ_with_the_seed(model):
    assert not np.array_equal(model.sample(5, seed=3), model.sample(5, seed=4))


def test_samples_run_through_the_classes(plain):
    assert np.array_equal(plain.sample(5), plain.sample(5, labels=[0, 1, 2, 0, 1]))


def test_labels_of_samples_matter(plain):
    one, two = plain.sample(5, labels=[0] * 5), plain.sample(5, labels=[1] * 5)
    assert np.all(np.max(np.abs(one - two), axis=1) > 1e-4)


class Judge:
    """In D_gauss's place: its logit is `slope` times the first thing it reads, plus `of_y` times the last."""

    def __init__(self, slope, of_y=0):
        self.slope, self.of_y, self.read = slope, of_y, []

    def forward(self, x, ctx):
        self.read.append(x)
        return self.slope * x[:, :1] + self.of_y * x[:, -1:], None


def drawn(model, judge, **options):
    """Return the z (n, z) of 2000 draws with `judge` in D_gauss's place."""
    model.networks["D_gauss"] = judge
    ctx = Context(model.backend, seed=1, stream="test")
    return model.backend.to_numpy(model.draw(2000, ctx, **options).z)


def test_d_gauss_picks_draws_with_the_odds_of_q_to_p(backend):
    """With p = N(0, 1) and the logit ln p/q = c·z, q is N(−c, 1)."""
    z = drawn(tiny_model("aae", backend=backend), Judge(0.5), candidates=64)
    assert z[:, 0].mean() == pytest.approx(-0.5, abs=0.07) and z[:, 0].std() == pytest.approx(1, abs=0.07)
    assert z[:, 1:].mean() == pytest.approx(0, abs=0.05)


def test_d_gauss_is_not_asked_about_one_draw(backend):
    model = tiny_model("aae", backend=backend)
    ctx = Context(backend, seed=1, stream="test")
    expected = backend.to_numpy(model.prior.sample(2000, ctx))
    np.testing.assert_array_equal(drawn(model, Judge(0.5), candidates=1), expected)


@pytest.mark.parametrize("mode", ["supervised", "clustering"])
def test_d_gauss_picks_for_the_y_beside_which_p_will_read_z(backend, mode):
    model = tiny_model(mode, backend=backend, condition_on_y=True)
    k = model.config.decoder_y_dim
    y = np.eye(k)[np.arange(2000) % k]
    judge = Judge(0, of_y=1)
    drawn(model, judge, y=backend.array(y), candidates=3)
    read = np.concatenate([backend.to_numpy(piece) for piece in judge.read])
    np.testing.assert_array_equal(read[:, model.config.z :], np.repeat(y, 3, axis=0))


def test_d_gauss_judges_so_few_draws_at_a_time_that_any_number_fits_in_memory():
    judge = Judge(0)
    drawn(tiny_model("aae"), judge, candidates=3)
    assert [len(piece) for piece in judge.read] == [1000] * 6


@pytest.mark.parametrize("mode", ["vae", "gan", "label-regularized"])
def test_nobody_picks_samples_without_a_d_gauss_that_can(mode):
    assert "no D_gauss" in refusal(tiny_model(mode).sample, 3, candidates=2)


def test_samples_are_picked_of_one_draw_at_least():
    assert "candidates=0 given" in refusal(tiny_model("aae").sample, 3, candidates=0)


@pytest.mark.parametrize("candidates", [1, 4])
def test_no_samples_are_no_images(candidates):
    assert tiny_model("aae").sample(0, candidates=candidates).shape == (0, 36)


@pytest.mark.parametrize("mode", ["aae", "semi-supervised"])
def test_picked_samples_are_other_images(mode):
    model = tiny_model(mode)
    assert model.sample(5, candidates=4).shape == (5, 36) and not np.array_equal(
        model.sample(5, candidates=4), model.sample(5)
    )


def test_walk_has_as_many_images_as_steps(model):
    assert model.interpolate(IMAGES[0], IMAGES[1], steps=5).shape == (5, 36)


@pytest.mark.parametrize("mode", WITH_Q)
def test_walk_begins_and_ends_at_the_reconstructions(mode):
    model = tiny_model(mode)
    labels = labels_for(model)
    ends = None if labels is None else labels[:2]
    walk = model.interpolate(IMAGES[0], IMAGES[1], labels=ends)
    assert np.allclose(walk[[0, -1]], model.reconstruct(IMAGES[:2], ends), atol=1e-6)


def test_walk_goes_through_the_middle_of_the_codes(plain):
    code = plain.encode(IMAGES[:2])
    middle = plain.decode(code.z.mean(axis=0)[None], code.y.mean(axis=0)[None])
    assert np.allclose(plain.interpolate(IMAGES[0], IMAGES[1], steps=3)[1], middle[0], atol=1e-6)


def test_walk_from_bytes_to_floats(plain):
    assert np.array_equal(plain.interpolate(IMAGES[0], FLOATS[1]), plain.interpolate(IMAGES[0], IMAGES[1]))


# What asking does not change


@pytest.mark.parametrize("posterior", POSTERIORS)
def test_evaluation_draws_no_noise(monkeypatch, posterior):
    model = tiny_model(posterior=posterior, hidden=(20, 7), input_noise=0.5, input_dropout=0.5)
    monkeypatch.setattr(model.backend, "normal", None)
    monkeypatch.setattr(model.backend, "uniform", None)
    assert np.array_equal(model.reconstruct(IMAGES), model.reconstruct(IMAGES))


def test_code_of_an_image_does_not_depend_on_its_neighbours(model):
    assert np.allclose(model.encode(IMAGES[:1]).z, model.encode(IMAGES).z[:1], atol=1e-5)


def test_inference_changes_nothing(plain):
    before = [array.tobytes() for array in plain.state().values()]
    plain.reconstruct(IMAGES), plain.classify(IMAGES), plain.sample(3), plain.interpolate(IMAGES[0], IMAGES[1])
    assert [array.tobytes() for array in plain.state().values()] == before


@pytest.mark.parametrize("chunk", [7, 20])
def test_chunks_do_not_change_results(model, monkeypatch, chunk):
    code, images = model.encode(IMAGES), model.reconstruct(IMAGES)
    monkeypatch.setattr(model_module, "CHUNK", chunk)
    assert np.allclose(model.encode(IMAGES).z, code.z, atol=1e-5)
    assert np.allclose(model.reconstruct(IMAGES), images, atol=1e-5)


@pytest.mark.parametrize("mode", WITH_Q)
def test_loaded_system_gives_the_same_numbers(tmp_path, mode):
    model, run = tiny_run(tmp_path / "run", mode)
    loaded, labels = tinyaae.load(run.path), labels_for(model)
    assert np.array_equal(loaded.reconstruct(IMAGES, labels), model.reconstruct(IMAGES, labels))


def test_loaded_gan_paints_the_same_images(tmp_path):
    model, run = tiny_run(tmp_path / "run", "gan")
    assert np.array_equal(tinyaae.load(run.path).sample(5), model.sample(5))


def test_system_is_loaded_onto_the_backend_that_is_asked_for(tmp_path, backend):
    model, run = tiny_run(tmp_path / "run")
    loaded = tinyaae.load(str(run.path), backend)
    assert loaded.backend is backend
    assert np.allclose(loaded.encode(IMAGES).z, model.encode(IMAGES).z, atol=1e-5)


def test_state_is_what_the_system_computes_with():
    model = tiny_model()
    model.state()["Q/flat"][...] = 0
    assert not np.any(model.encode(IMAGES).z)


# Mistakes, each told in one line


def test_a_single_image_is_no_batch(plain):
    assert "(36,)" in refusal(plain.encode, IMAGES[0])


def test_images_of_another_size(plain):
    assert "(40, 35), expected (n, 36)" in refusal(plain.encode, IMAGES[:, 1:])


@pytest.mark.parametrize("images", [IMAGES.astype(np.float32), FLOATS - 0.5, FLOATS * np.nan])
def test_pixels_out_of_range(plain, images):
    assert "expected [0, 1]" in refusal(plain.encode, images)


@pytest.mark.parametrize("kind", [complex, str, object])
def test_pixels_of_the_wrong_type(plain, kind):
    assert "expected whole or real numbers" in refusal(plain.encode, IMAGES.astype(kind))


def test_whole_numbers_of_any_type_are_the_same_image(plain):
    np.testing.assert_array_equal(plain.encode(IMAGES.astype(np.int64)).z, plain.encode(IMAGES).z)


@pytest.mark.parametrize("shape", [(-1, 6, 6), (-1, 6, 6, 1), (-1, 1, 6, 6)])
def test_images_need_not_be_flattened(plain, shape):
    np.testing.assert_array_equal(plain.classify(IMAGES.reshape(shape)), plain.classify(IMAGES))
    walk = plain.interpolate(IMAGES[0].reshape(6, 6), IMAGES[1].reshape(6, 6))
    np.testing.assert_array_equal(walk, plain.interpolate(IMAGES[0], IMAGES[1]))


@pytest.mark.parametrize("ask", ["classify", "reconstruct", "score"])
def test_every_question_checks_its_images(plain, ask):
    assert refusal(getattr(plain, ask), IMAGES[:, 1:]).startswith(f"{'encode' if ask != 'score' else ask}: ")


def test_walk_without_the_labels_that_p_reads():
    words = refusal(tiny_model("supervised").interpolate, IMAGES[0], IMAGES[1])
    assert words.startswith("interpolate: ") and "give labels" in words


def test_gan_cannot_encode():
    assert refusal(build(tiny_config("gan"), Backend.named("numpy")).encode, IMAGES).startswith("encode: mode gan")


def test_decode_with_z_of_the_wrong_width(plain):
    assert "decode: z is (2, 4), expected (n, 5)" in refusal(plain.decode, np.zeros((2, STYLE - 1)), np.eye(3)[:2])


def test_decode_with_y_of_the_wrong_width(plain):
    assert "decode: y is (2, 4), expected (n, 3)" in refusal(plain.decode, np.zeros((2, STYLE)), np.eye(4)[:2])


def test_decode_with_another_number_of_y_than_z(plain):
    assert "3 rows, expected 2" in refusal(plain.decode, np.zeros((2, STYLE)), np.eye(3))


def test_decode_without_the_y_that_it_reads(plain):
    assert "y is missing" in refusal(plain.decode, np.zeros((2, STYLE)))


def test_decode_with_a_y_that_it_does_not_read():
    assert "y is given" in refusal(tiny_model("aae", z=STYLE).decode, np.zeros((2, STYLE)), np.eye(3)[:2])


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
def test_sample_of_a_class_that_does_not_exist(plain, labels):
    assert "expected 0 to 2" in refusal(plain.sample, 2, labels)


def test_sample_with_labels_that_are_no_integers(plain):
    assert "expected integers" in refusal(plain.sample, 2, [0.0, 1.0])


def test_sample_with_too_few_labels(plain):
    assert "2 rows, expected 3" in refusal(plain.sample, 3, [0, 1])


def test_sample_with_labels_where_there_is_no_y():
    assert "mode aae has no y" in refusal(tiny_model("aae").sample, 2, [0, 1])


# Names


def test_two_networks_or_phases_of_one_name_are_refused():
    model = tiny_model("aae")
    nets = list(model.networks.values())
    reconstruct, regularize = model.phases

    def made(networks, phases):
        return Model(model.config, model.backend, networks, phases, model.prior)

    again = "system: 2 networks or phases are called"
    assert refusal(made, [*nets, nets[0]], model.phases).startswith(f"{again} 'Q'; ")
    assert refusal(made, nets, [reconstruct, reconstruct]).startswith(f"{again} 'reconstruction'; ")
    second = Discriminate(nets[0], regularize.discriminate.adversaries, Adam(0.1))
    assert refusal(made, nets, [*model.phases, second]).startswith(f"{again} 'discriminate'; ")
    namesake = Discriminate(nets[0], regularize.discriminate.adversaries, Adam(0.1), name="Q")
    assert refusal(made, nets, [*model.phases, namesake]).startswith(f"{again} 'Q'; ")


def test_two_phases_with_a_value_of_one_name_are_refused_at_the_first_step():
    model = tiny_model("aae")
    second = Generate(model.networks["Q"], model.phases[1].generate.adversaries, Adam(0.1), name="generate-again")
    twice = Model(model.config, model.backend, model.networks.values(), [*model.phases, second], model.prior)
    batch = Batch(model.backend.array(FLOATS[:4]))
    assert refusal(twice.step, batch).startswith("generate-again: its value G_gauss is another phase's already")


# Noise


NOISY = [(mode, posterior, True) for mode in MODES for posterior in POSTERIORS if takes(mode, "posterior")]
NOISY += [(mode, None, True) for mode in MODES if not takes(mode, "posterior")]
NOISY += [(mode, None, False) for mode in MODES]


@pytest.mark.parametrize("mode, posterior, every_option", NOISY)
def test_no_noise_of_a_step_is_drawn_twice(mode, posterior, every_option):
    """VirtualAdversarial alone repeats its own: it compares an image with its neighbour under the same noise."""
    flags = {} if posterior is None else {"posterior": posterior}
    if every_option:
        numbers = {"input_dropout": 0.2, "dropout": 0.3, "input_noise": 0.3, "latent_noise": 0.1, "vat": 1.0}
        numbers |= {"information_maximization": 0.1}
        flags |= {name: number for name, number in numbers.items() if takes(mode, name)}
    model, batches = assembled(tiny_config(mode, **flags))
    drawn = []
    for draw in ("normal", "uniform"):
        original = getattr(model.backend, draw)

        def recorded(place, shape, original=original):
            drawn.append(place)
            return original(place, shape)

        setattr(model.backend, draw, recorded)
    model.step(next(batches.epoch(0)))
    once = [place for place in drawn if place[1] != crc32(b"vat")]
    assert len(once) == len(set(once))
    assert once or mode == "autoencoder" or not every_option


def test_a_discriminator_that_drops_units_has_noise_of_its_own_in_generate():
    """Q's input noise and D's dropout come from one context: with two, D would repeat the draws that made z."""
    model, batches = assembled(tiny_config("aae", dropout=0.3, z=36))
    ctx = model.phases[1].generate.context()
    seen = []
    original = model.backend.uniform
    model.backend.uniform = lambda place, shape: seen.append(place) or original(place, shape)
    model.step(next(batches.epoch(0)))
    q_draws = 1  # the input noise
    generate = [place[-1] for place in seen if place[1] == ctx._place[1]]
    assert generate and min(generate) > q_draws
