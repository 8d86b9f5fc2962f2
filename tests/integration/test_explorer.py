"""The page of a run: its file, what stands in it, and, where Playwright and Chromium are installed, what it does."""

import base64
import hashlib
import json
import re
import shlex
import shutil
import zlib

import numpy as np
import pytest
from chromium import browser, until  # noqa: F401
from tiny import BATCH, arrays, config_of, takes, tiny_dataset, write_npz

from tinyaae import cli, data
from tinyaae.backend import Backend
from tinyaae.config import Config
from tinyaae.errors import UserError
from tinyaae.explorer.contents import Bytes, cells_of, command, images_of, without_folders
from tinyaae.explorer.page import write_page
from tinyaae.figures.arrays import Subject, confusion
from tinyaae.layers import Layer
from tinyaae.model import build
from tinyaae.training import Batches, train
from tinyaae.training.quantize import dequantize, quantize, with_quantized_weights
from tinyaae.training.run_folder import RunFolder

HOSTILE = "</script><img src=x onerror=alert(1)>"
HOME = re.compile(r"/(?:tmp|home|root|work|usr|private)/")


def colour():
    rng = np.random.default_rng(1)
    return data.from_arrays(rng.integers(0, 256, (80, 6, 5, 3), np.uint8), np.arange(80) % 3, name="colour")


def named():
    given = arrays()
    names = np.array([HOSTILE, "b & <b>", "c"])
    given |= {key: names[given[key]] for key in ("y_train", "y_test")}
    return data.from_arrays(**given, name="named")


def table():
    x = np.random.default_rng(2).normal(3, 2, (90, 4))
    return data.from_arrays(x, name="table", table=True)


def digits():
    given = arrays(classes=10, height=28, width=28)
    return data.from_arrays(**given, name="mnist")


PAGES = {  # name -> mode, data, flags
    "semi-supervised": ("semi-supervised", named, {}),
    "gan": ("gan", tiny_dataset, {}),
    "autoencoder": ("autoencoder", colour, {}),
    "reduction": ("reduction", tiny_dataset, {"labels": 0, "clusters": 4}),
    "table": ("aae", table, {"reconstruction": "gaussian", "z": 3}),
    "supervised": ("supervised", tiny_dataset, {}),
    "label-regularized": ("label-regularized", tiny_dataset, {}),
    "vae": ("vae", tiny_dataset, {"z": 1, "reconstruction": "cross-entropy"}),
    "universal": ("aae", tiny_dataset, {"posterior": "universal", "batch_norm": False, "leak": 0.1}),
    "mnist": ("semi-supervised", digits, {"labels": 20}),
}


def run_of(folder, mode, dataset, **flags):
    """Return the model of a short run into `folder`, and its `RunFolder`."""
    small = {"hidden": (8, 7), "epochs": 2, "batch_size": BATCH}
    if takes(mode, "labels") and "labels" not in flags:
        small["labels"] = 6
    config = config_of(mode, **(small | flags)).for_data(dataset)
    backend = Backend.named("numpy")
    model, run = build(config, backend), RunFolder.create(folder)
    run.write_config(config)
    train(model, Batches(dataset, config, backend), run, quiet=True)
    return model, run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function: name of `PAGES` -> the path of its page, and the model with quantized weights; made once."""
    found = {}

    def make(name):
        if name not in found:
            mode, source, flags = PAGES[name]
            folder, dataset = tmp_path_factory.mktemp(name) / "run", source()
            model, run = run_of(folder, mode, dataset, **flags)
            run.write_result({"test_error": 0.125, "warnings": [f"see {folder}/metrics.csv, {HOSTILE}"]})
            path = folder / "explorer.html"
            write_page(path, model, dataset, run, with_images=True)
            found[name] = path, with_quantized_weights(model), dataset
        return found[name]

    return make


def inside(path):
    """Return the dict of a page, and its bytes."""
    text = path.read_text(encoding="utf-8")
    shown, packed = (
        re.search(rf'<script type="[^"]+" id="{name}">(.*?)</script>', text, re.S)[1] for name in ("data", "arrays")
    )
    return json.loads(shown), zlib.decompress(base64.b64decode(packed))


class Reader:
    """A page's networks, evaluated in float64 from nothing but what stands in the file."""

    def __init__(self, path):
        self.shown, self.content = inside(path)

    def array(self, it):
        count = int(np.prod(it["shape"]))
        return np.frombuffer(self.content, it["type"], count, it["at"]).reshape(it["shape"])

    def run(self, name, x):
        x = np.asarray(x, np.float64)
        for layer in self.shown["networks"][name]:
            arrays = {key: self.array(it) for key, it in layer.items() if isinstance(it, dict)}
            kind = layer["is"]
            if kind == "linear":
                x = x @ dequantize(arrays["q"], arrays["scale"]).astype(np.float64) + arrays["b"]
            elif kind == "affine":
                x = x * arrays["slope"] + arrays["shift"]
            elif kind == "heads":
                k = len(arrays["W"])
                x = x[:, :k] @ arrays["W"] + x[:, k:]
            elif kind == "pad":
                x = np.pad(x, ((0, 0), (0, layer["zeros"])))
            elif kind == "leaky":
                x = np.where(x > 0, x, layer["slope"] * x)
            else:
                x = {
                    "relu": lambda x: np.maximum(x, 0), "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
                }[kind](x)  # fmt: skip
        return x

    def codes(self, rows):
        """Return y (n, k) or None, and z (n, d), of rows (n, d)."""
        h, k = self.run("Q", rows), self.shown["y"]["Q"]
        e = np.exp(h[:, :k] - np.max(h[:, :k], axis=1, keepdims=True, initial=0))
        return e / np.sum(e, axis=1, keepdims=True) if k else None, h[:, k : k + self.shown["z"]]

    def images(self):
        """Return the rows (n, d) that come along, as Q reads them."""
        x = self.array(self.shown["images"]["x"])
        return x / 255 if x.dtype == np.uint8 else x

    def code(self, seed=0):
        """Return a z (1, d), and a y (1, k) or None."""
        rng, k = np.random.default_rng(seed), self.shown["y"]["P"]
        return rng.normal(size=(1, self.shown["z"])), rng.dirichlet(np.ones(k), 1) if k else None


# The file ------------------------------------------------------------------------------------------------------------


def test_a_weight_is_off_by_half_a_step_of_its_column_at_most():
    W = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32) * [1e-4, 1, 1, 30, 0, 1]
    q, scale = quantize(W)
    assert q.dtype == np.int8 and np.min(q) >= -127
    assert np.all(np.abs(dequantize(q, scale) - W) <= scale * 0.501)
    assert np.all(dequantize(q, scale)[:, 4] == 0)


@pytest.mark.parametrize("name", PAGES)
def test_the_networks_in_the_file_compute_what_the_library_computes(made, name):
    path, model, _ = made(name)
    reader = Reader(path)
    z, y = reader.code()
    ours = reader.run("P", z if y is None else np.concatenate([y, z], axis=1))
    np.testing.assert_allclose(ours, model.decode_rows(z.astype(np.float32), y), atol=1e-5)
    if "Q" in model.networks:
        rows = reader.images().astype(np.float32)
        code, (y, z) = model.encode_rows(rows), reader.codes(rows)
        np.testing.assert_allclose(z, code.z, atol=1e-5)
        np.testing.assert_allclose(z, reader.array(reader.shown["images"]["z"]), atol=1e-5)
        if y is not None:
            np.testing.assert_allclose(y, code.y, atol=1e-5)


@pytest.mark.parametrize("name", PAGES)
def test_the_file_has_no_absolute_path_and_is_whole(made, name):
    path, _, _ = made(name)
    text = path.read_text(encoding="utf-8")
    shown, _ = inside(path)
    assert not HOME.search(re.sub(r'id="arrays">[^<]*', "", text))
    assert not re.search(r"\{\{[A-Z]+\}\}", text)
    assert shown["report"]["warnings"] == [f"see metrics.csv, {HOSTILE}"]
    assert not re.search(
        r"""(?:src|href)\s*=|@import|url\(|fetch\(|XMLHttp|innerHTML|eval\(""", text.split('id="data"')[0]
    )


def test_the_policy_allows_the_scripts_of_the_page_and_no_other(made):
    text = made("semi-supervised")[0].read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    for tag in ("script", "style"):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_a_hostile_class_stands_in_the_file_only_as_data(made):
    text = made("semi-supervised")[0].read_text(encoding="utf-8")
    assert "<img" not in text and text.count("</script>") == 3
    assert HOSTILE in inside(made("semi-supervised")[0])[0]["label_names"]


def test_the_page_of_the_quick_model_has_at_most_two_and_a_half_megabytes(tmp_path):
    mnist = data.load_mnist()
    config = config_of("semi-supervised").for_data(mnist)
    model, run = build(config, Backend.named("numpy")), RunFolder.create(tmp_path / "run")
    run.write_config(config)
    size, images = write_page(tmp_path / "a.html", model, mnist._replace(x_test=mnist.x_test[:1000],
                              y_test=mnist.y_test[:1000]), run)  # fmt: skip
    assert size == (tmp_path / "a.html").stat().st_size <= 2_500_000 and 400 <= images <= 655


def test_a_layer_that_a_page_cannot_compute_is_refused(tmp_path):
    class Own(Layer):
        def forward(self, x, ctx):
            return x, None

    model, run = run_of(tmp_path / "run", "aae", tiny_dataset())
    model.networks["P"].stack.layers.append(Own())
    with pytest.raises(UserError, match="a layer Own in P"):
        write_page(tmp_path / "a.html", model, tiny_dataset(), run)


def test_a_command_names_the_flags_that_differ_and_a_path_loses_its_folders():
    config = config_of("semi-supervised", seed=3, vat=2.0, data="/home/me/secret/mine.npz", lr_vat=0.01, hidden=(9, 8))
    assert command(config) == (
        "tinyaae train --mode semi-supervised --seed 3 --data mine.npz --hidden 9,8 --extra vat=2.0 --set lr_vat=0.01"
    )
    assert command(config_of("reduction", labels=0, clusters=7)).endswith("--labels 0 --clusters 7")
    assert without_folders("at /a/b c/d, 1/2 and C:\\x\\y.npz") == "at b c/d, 1/2 and y.npz"


def test_a_command_can_be_run_as_it_stands():
    config = config_of("aae", data="my file.npz", preset="paper", prior="gaussian", step_decay={3: 0.5})
    words = shlex.split(command(config))
    same = Config.of(**{name: value for name, value in vars(cli.parser().parse_args(words[2:])).items() if value})
    assert "my file.npz" in words
    assert (same.prior, same.prior_options, same.step_decay) == ("gaussian", {}, {3: 0.5})


def test_the_verb_writes_test_images_of_own_data_only_if_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    dataset = data.load(write_npz(tmp_path / "data.npz"))
    run_of("run", "aae", dataset, data=str(tmp_path / "data.npz"))
    assert cli.verbs(["explore", "run"]) == 0
    path = tmp_path / "run" / "explorer.html"
    assert capsys.readouterr().out == (
        f"run/explorer.html: {path.stat().st_size / 1e6:.2f} MB, no test images; --with-images adds some\n"
    )
    assert inside(path)[0]["images"] is None
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli.verbs(["explore", "run", "--with-images", "--out", "~/a.html"]) == 0
    assert capsys.readouterr().out.endswith("MB, 39 test images\n")
    assert len(inside(tmp_path / "a.html")[0]["images"]["labels"]) == 39
    for wrong, said in (["nowhere"], "no config.json"), (["run", "--out", "x/a.html"], "x is no folder"), (
        ["run", "--out", "a.png"], "ends in .html"
    ):  # fmt: skip
        assert cli.verbs(["explore", *wrong]) == 2
        error = capsys.readouterr().err
        assert said in error and error.startswith("tinyaae explore: ") and error.count("\n") == 1


def cells(shown):
    """Yield (count, images) of each cell of a page's confusion matrix, with the row and column."""
    for i, row in enumerate(shown["report"]["confusion"]["counts"]):
        for j, count in enumerate(row):
            yield i, j, count, shown["images"]["cells"][i][j]


@pytest.mark.parametrize("name", ["semi-supervised", "reduction"])
def test_a_cell_of_the_confusion_matrix_has_images_of_its_class_that_the_page_reads_as_its_column(made, name):
    reader = Reader(made(name)[0])
    (y, _), shown = reader.codes(reader.images()), reader.shown
    columns = [int(name) for name in shown["report"]["confusion"]["columns"]] if name == "reduction" else range(3)
    found = list(cells(shown))
    assert sum(len(images) for *_, images in found) >= sum(count > 0 for _, _, count, _ in found) > 1
    for i, j, count, images in found:
        assert len(images) <= count and all(shown["images"]["labels"][k] == i for k in images)
        assert all(np.argmax(y[k]) == columns[j] for k in images)


def test_images_for_cells_alone_are_no_dots_of_the_map(made):
    mnist = data.load_mnist()
    few = mnist._replace(x_test=mnist.x_test[:900], y_test=mnist.y_test[:900])
    config = config_of("semi-supervised", hidden=(9, 8)).for_data(few)
    model = build(config, Backend.named("numpy"))
    subject = Subject(model, few)
    found = images_of(model, few, Bytes(), cells_of(subject, model, confusion(subject)))
    assert found["x"]["shape"][0] == len(found["labels"]) == found["z"]["shape"][0] + found["extra"]
    assert found["z"]["shape"][0] == 400 and 0 < found["extra"] <= 255


def test_a_page_replays_the_snapshots_of_its_run_where_it_may_show_images(made, tmp_path):
    path, model, dataset = made("semi-supervised")
    run, reader = RunFolder.open(path.parent), Reader(path)
    replay, plane = reader.shown["replay"], reader.shown["plane"]
    kept = run.snapshots()
    assert replay["epochs"] == [0, 1, 2] == [epoch for epoch, _ in kept]
    origin, directions = reader.array(plane["origin"]), reader.array(plane["directions"])
    there = reader.array(replay["codes"]) * plane["reach"] / replay["unit"]
    np.testing.assert_allclose(there[2], (kept[2][1]["z"] - origin) @ directions.T, atol=plane["reach"] / 1000)
    np.testing.assert_array_equal(reader.array(replay["samples"])[1], kept[1][1]["samples"])
    right = np.sum(kept[2][1]["y"] == kept[2][1]["labels"])
    assert (
        replay["words"][2] == f"After epoch 2 of 2. Q reads the label of {right} of 10 images; the others have a ring."
    )
    write_page(tmp_path / "a.html", model, dataset, run)
    private = inside(tmp_path / "a.html")[0]["replay"]
    assert private["samples"] and not private["codes"] and not private["reconstructions"] and private["labels"] == []


def test_a_run_of_an_earlier_version_has_no_replay(tmp_path):
    model, run = run_of(tmp_path / "run", "aae", tiny_dataset())
    shutil.rmtree(run.path / "snapshots")
    write_page(tmp_path / "a.html", model, tiny_dataset(), run)
    assert inside(tmp_path / "a.html")[0]["replay"] is None


# In a browser --------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(browser, made):  # noqa: F811
    """Return a function that opens a page; at the end no error and no request may have been seen."""
    seen, tabs = [], []

    def show(name, address="", width=1100):
        tab = browser.new_page(viewport={"width": width, "height": 800})
        tab.on("console", lambda message: seen.append(message.text))
        tab.on("pageerror", lambda error: seen.append(str(error)))
        tab.on("request", lambda request: seen.append(request.url) if "explorer.html" not in request.url else None)
        tab.on("dialog", lambda dialog: (seen.append("dialog"), dialog.dismiss()))
        tab.goto(made(name)[0].as_uri() + address)
        tab.wait_for_selector("html[data-ready]", state="attached", timeout=20_000)
        tabs.append(tab)
        return tab

    yield show
    for tab in tabs:
        tab.wait_for_timeout(100)  # what a page does a moment later is watched, too
        tab.close()
    assert seen == []


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_encodes_and_decodes_as_numpy_does(opened, made, name):
    tab, reader = opened(name), Reader(made(name)[0])
    z, y = reader.code()
    asked = [z[0].tolist(), None if y is None else y[0].tolist()]
    there = tab.evaluate("([z, y]) => Array.from(tinyaae.model.decode(z, y))", asked)
    np.testing.assert_allclose(there, reader.run("P", z if y is None else np.concatenate([y, z], 1))[0], atol=1e-5)
    if "Q" in reader.shown["networks"]:
        rows = reader.images()[:2]
        y, z = reader.codes(rows)
        found = [tab.evaluate("x => tinyaae.model.encode(x)", row.tolist()) for row in rows]
        np.testing.assert_allclose([each["z"] for each in found], z, atol=1e-5)
        if y is not None:
            np.testing.assert_allclose([each["y"] for each in found], y, atol=1e-5)
    if "D" in reader.shown["networks"]:
        z, y = reader.code(1)
        k = len(reader.shown["label_names"])
        beside = {"z": np.zeros((1, 0)), "y": y, "label": np.eye(k + 1)[-1:]}[reader.shown["D_reads"]]
        there = tab.evaluate(
            "([z, y]) => tinyaae.model.judge(z, y)", [z[0].tolist(), None if y is None else y[0].tolist()]
        )
        np.testing.assert_allclose(there, reader.run("D", np.concatenate([z, beside], 1))[0, 0], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_the_panels_that_its_mode_has(opened, made, name):
    tab, shown = opened(name), inside(made(name)[0])[0]
    visible = {each: tab.locator(f"#{each}").is_visible() for each in ("read", "paint", "map", "curves", "report")}
    has_q = "Q" in shown["networks"]
    assert visible == {"read": has_q, "paint": True, "map": has_q, "curves": True, "report": True}
    assert tab.locator("#mixer").count() == (shown["y"]["P"] > 0)
    assert tab.locator(".draw").count() == (name not in ("gan", "autoencoder", "table"))
    assert tab.locator("canvas.image").count() == 0 if name == "table" else tab.locator("canvas.image").count() > 0
    assert HOSTILE in tab.inner_text("#report")
    replayed = {each: tab.locator(f"#{each}").is_visible() for each in ("replay-map", "reconstructions", "samples")}
    is_image, has_prior = shown["kind"] == "image", shown["prior"] is not None
    assert replayed == {"replay-map": has_q, "reconstructions": has_q and is_image, "samples": has_prior and is_image}
    assert tab.locator("#walk").is_visible() == has_q


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_nothing_overflows_on_a_telephone_by_day_and_by_night(opened, name):
    tab = opened(name, width=360)
    tab.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360
        paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 200) == (scheme == "dark")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["semi-supervised", "gan", "table"])
def test_the_keyboard_reaches_everything(opened, name):
    tab = opened(name)
    tab.evaluate("document.addEventListener('focusin', (event) => (event.target.dataset.reached = 'yes'))")
    wanted = "button, input, summary, canvas.pad, canvas.draw, [tabindex='0']"
    for _ in range(tab.locator(wanted).count() + 2):
        tab.keyboard.press("Tab")
    assert tab.evaluate(
        "(wanted) => [...document.querySelectorAll(wanted)].filter((each) => each.checkVisibility() && "
        "!each.dataset.reached).map((each) => each.outerHTML)", wanted,
    ) == []  # fmt: skip
    before = tab.evaluate("tinyaae.state.z")
    tab.locator("canvas.pad").first.press("ArrowRight")
    assert tab.evaluate("tinyaae.state.z") != before
    if name == "semi-supervised":
        tab.locator("canvas.draw").press("Space")
        for _ in range(4):
            tab.locator("canvas.draw").press("ArrowDown")
        until(tab, "document.getElementById('verdict').textContent.startsWith('Q reads')")


@pytest.mark.slow
def test_a_drawn_stroke_is_centred_as_mnist_is_and_classified(opened):
    tab = opened("mnist")
    tab.get_by_role("button", name="Clear").click()
    assert tab.inner_text("#verdict") == "Nothing is drawn, so nothing is predicted."
    box = tab.locator("canvas.draw").bounding_box()
    tab.mouse.move(box["x"] + 15, box["y"] + 20)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 60, box["y"] + 90, steps=8)
    tab.mouse.up()
    until(tab, "document.getElementById('verdict').textContent.startsWith('Q reads')")
    pixels = np.reshape(tab.evaluate(
        "Array.from(document.querySelector('canvas[aria-label=\"what Q reads\"]').getContext('2d')"
        ".getImageData(0, 0, 28, 28).data).filter((_, i) => i % 4 === 0)"
    ), (28, 28))  # fmt: skip
    rows, columns = [np.flatnonzero(np.max(pixels, axis=axis)) for axis in (1, 0)]
    assert 19 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
    centre = [np.sum(pixels * (place + 0.5)) / np.sum(pixels) for place in np.indices((28, 28))]
    np.testing.assert_allclose(centre, [14, 14], atol=0.6)


@pytest.mark.slow
def test_the_address_keeps_the_state_and_a_hostile_one_does_nothing(opened, made):
    z = ["0.5", "-1", *["0.25"] * (Reader(made("semi-supervised")[0]).shown["z"] - 2)]
    tab = opened("semi-supervised", f"#z={','.join(z)}&y=0:0.25,2:0.75")
    assert tab.evaluate("tinyaae.state.z") == [float(each) for each in z]
    assert tab.evaluate("tinyaae.state.y") == [0.25, 0, 0.75]
    tab.get_by_role("button", name="c in this style").click()
    until(tab, "location.hash.endsWith('y=2:1')")
    for hostile in ("#z=1e999,1", "#__proto__=1&constructor=2", "#image=99999", f"#z={HOSTILE}", "#image=-1&y=9:9",
                    "#z=" + ",".join(["1e5"] * len(z)), "#z=1&z=2&=&&", "#" + "a" * 50_000):  # fmt: skip
        tab = opened("semi-supervised", hostile)
        assert tab.evaluate("tinyaae.state.image") == 0 and tab.locator("img").count() == 0
    tab = opened("semi-supervised", "#image=3")
    assert tab.evaluate("tinyaae.state.image") == 3


@pytest.mark.slow
def test_the_buttons_do_what_they_say(opened, made):
    tab = opened("semi-supervised")
    z, chosen = tab.evaluate("tinyaae.state.z"), tab.evaluate("tinyaae.state.chosen()")
    tab.get_by_role("button", name="Same style, other class").click()
    assert tab.evaluate("tinyaae.state.z") == z and tab.evaluate("tinyaae.state.chosen()") == (chosen + 1) % 3
    tab.get_by_role("button", name="Dice").click()
    reader = Reader(made("semi-supervised")[0])
    distance = np.abs(reader.array(reader.shown["draws"]) - np.array(tab.evaluate("tinyaae.state.z"))).max(axis=1)
    assert np.min(distance) < 1e-6
    tab.locator("#mixer input").first.focus()
    tab.keyboard.press("ArrowRight")
    assert sum(tab.evaluate("tinyaae.state.y")) == pytest.approx(1)
    tab.locator("#map canvas.pad").scroll_into_view_if_needed()
    box = tab.locator("#map canvas.pad").bounding_box()
    tab.mouse.move(box["x"] + 40, box["y"] + 40)
    assert "label" in tab.inner_text("#map")
    tab.mouse.down()
    tab.mouse.up()
    plane = reader.shown["plane"]
    moved = np.array(tab.evaluate("tinyaae.state.z")) - reader.array(plane["origin"])
    u, v = reader.array(plane["directions"]) @ moved
    assert u < 0 < v


def pixels_of(tab, canvas):
    """Return what a canvas shows, its red values as a list."""
    return tab.locator(canvas).first.evaluate("""(each) => {
      const copy = new OffscreenCanvas(each.width, each.height).getContext('2d', { willReadFrequently: true });
      copy.drawImage(each, 0, 0);
      return Array.from(copy.getImageData(0, 0, each.width, each.height).data).filter((_, i) => i % 4 === 0);
    }""")


@pytest.mark.slow
def test_the_replay_shows_the_snapshot_of_its_epoch_and_the_curves_follow(opened, made):
    tab, reader = opened("semi-supervised"), Reader(made("semi-supervised")[0])
    replay = reader.shown["replay"]
    losses = next(panel for panel in reader.shown["curves"] if panel["title"] == "Adversarial losses")

    def expect(frame):
        until(tab, f"document.getElementById('replayed').textContent.startsWith({replay['words'][frame][:13]!r})")
        for name in ("reconstructions", "samples"):
            there = reader.array(replay[name])[frame, 0] / replay["levels"]
            np.testing.assert_allclose(pixels_of(tab, f"#{name} canvas"), 255 * there, atol=0.51)
        line = losses["lines"][0]
        value = f"{line['values'][frame - 1]:.3g}" if frame else "–"
        assert f"{line['name']}: {value}" in tab.inner_text("#charts")

    expect(2)
    cursor = tab.locator("#charts .cursor").first
    assert cursor.get_attribute("x1") == "312"  # the right end of the chart
    end = pixels_of(tab, "#replay-map canvas")
    tab.get_by_role("button", name="One epoch on").click()
    expect(0)
    assert pixels_of(tab, "#replay-map canvas") != end and cursor.get_attribute("x1") == "46"
    tab.locator("#controls input").press("ArrowRight")
    expect(1)
    tab.locator("#controls button").first.press("Enter")
    expect(2)
    assert tab.locator("#controls button").first.inner_text() == "Play"  # it stops at the end
    assert pixels_of(tab, "#replay-map canvas") == end


@pytest.mark.slow
def test_a_ring_in_the_replay_is_where_q_reads_another_label(opened, made):
    tab, reader = opened("mnist"), Reader(made("mnist")[0])
    replay = reader.shown["replay"]
    labels, read = replay["labels"], reader.array(replay["y"])[-1]
    discs = tab.evaluate("""() => {
      const context = document.querySelector('#replay-map canvas').getContext('2d'), found = [];
      const arc = context.arc.bind(context);
      context.arc = (x, y, radius, ...more) => (found.push(radius), arc(x, y, radius, ...more));
      document.querySelector('#controls input').dispatchEvent(new Event('input'));
      return found;
    }""")
    assert discs == [4.5 if a == b else 6 for a, b in zip(labels, read, strict=True)] and 6 in discs


@pytest.mark.slow
def test_a_walk_goes_straight_from_one_code_to_another_as_interpolate_does(opened, made):
    tab, (path, model, _) = opened("mnist"), made("mnist")
    reader = Reader(path)
    y, z = reader.codes(reader.images()[1:3])
    walk = tab.locator("#walk")
    walk.locator(".row button").nth(2).click()
    np.testing.assert_allclose(tab.evaluate("tinyaae.state.z"), 0.75 * z[0] + 0.25 * z[1], atol=1e-5)
    np.testing.assert_allclose(tab.evaluate("tinyaae.state.y"), 0.75 * y[0] + 0.25 * y[1], atol=1e-5)
    expected = model.interpolate(*reader.images()[1:3].reshape(2, 28, 28), steps=9)[2]
    np.testing.assert_allclose(pixels_of(tab, "#here canvas"), 255 * np.ravel(expected), atol=0.51)
    np.testing.assert_allclose(
        pixels_of(tab, "#walk .row button:nth-child(3) canvas"), 255 * np.ravel(expected), atol=0.51
    )
    assert re.fullmatch(r"With y = \d and others, mixed\.", tab.inner_text("#here p"))
    walk.get_by_role("button", name="Play the walk").press("Enter")
    pause = "[...document.querySelectorAll('#walk button')].find((each) => each.textContent === 'Pause')"
    until(tab, f"document.querySelector('#walk .bars input').value > 0.3 && ({pause}.click(), true)")
    slid = float(walk.locator("input").input_value())
    tab.wait_for_timeout(150)
    assert float(walk.locator("input").input_value()) == slid < 1
    walk.locator("input").press("ArrowLeft")
    assert float(walk.locator("input").input_value()) == pytest.approx(slid - 0.025)


@pytest.mark.slow
def test_the_ends_of_a_walk_are_dragged_on_the_map_or_taken_from_the_code_of_now(opened, made):
    tab, reader = opened("mnist"), Reader(made("mnist")[0])
    plane, (_, z) = reader.shown["plane"], reader.codes(reader.images()[1:3])
    origin, directions = reader.array(plane["origin"]), reader.array(plane["directions"])
    stops = tab.locator("#walk .row button")
    pad = tab.locator("#map canvas.pad")
    pad.scroll_into_view_if_needed()
    box, (u, v) = pad.bounding_box(), directions @ (z[1] - origin) / plane["reach"]
    state = tab.evaluate("tinyaae.state.z")
    tab.mouse.move(box["x"] + box["width"] * (1 + u) / 2, box["y"] + box["height"] * (1 - v) / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.9)
    tab.mouse.up()
    assert tab.evaluate("tinyaae.state.z") == state
    stops.last.click()
    there = directions @ (np.array(tab.evaluate("tinyaae.state.z")) - origin) / plane["reach"]
    np.testing.assert_allclose(there, [0.8, -0.8], atol=0.02)
    tab.get_by_role("button", name="Dice").click()
    thrown = tab.evaluate("tinyaae.state.z")
    tab.get_by_role("button", name="A is this code").press("Enter")
    stops.last.click()
    stops.first.click()
    np.testing.assert_allclose(tab.evaluate("tinyaae.state.z"), thrown, atol=1e-12)


@pytest.mark.slow
def test_a_cell_of_the_matrix_opens_its_images_and_one_of_them_shows_its_code(opened, made):
    tab, shown = opened("mnist"), inside(made("mnist")[0])[0]
    i, j, count, images = next(cell for cell in cells(shown) if cell[0] != cell[1] and cell[3])
    assert tab.locator(".matrix td button").count() == sum(bool(each) for *_, each in cells(shown))
    tab.get_by_role("button", name=f"Class {i}, read as {j}: {count} of the test images").click()
    assert f"Class {i}, read as {j}: {count} of the test images" in tab.inner_text("#confused")
    assert tab.locator("#confused button").count() == len(images)
    tab.locator("#confused button").last.press("Enter")
    assert tab.evaluate("tinyaae.state.image") == images[-1]
    assert tab.inner_text("#verdict").startswith(f"Q reads {j}, with")
    assert tab.inner_text("#verdict").endswith(f"label of this test image is {i}.")
