"""The lab: its numbers are the library's, its server refuses what is not its page's, its page works in a browser."""

import base64
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from functools import cache

import numpy as np
import pytest
from chromium import browser, until  # noqa: F401
from tiny import REPOSITORY, refusal

from tinyaae import cli
from tinyaae.backend import Backend
from tinyaae.errors import UserError
from tinyaae.explorer.lab import points
from tinyaae.explorer.lab.mistakes import MISTAKES
from tinyaae.explorer.lab.server import MOST_BYTES, MOST_TABS, STATIC, Server
from tinyaae.explorer.lab.session import CHOICES, TIMES, Session, distance
from tinyaae.model import build
from tinyaae.training import Batches

DEFAULTS = {name: values[0] for name, values in CHOICES.items()} | {"seed": 0}
ADVERSARIAL = "reconstruction", "discriminate", "generate"


def session(**settings):
    return Session(DEFAULTS | settings)


def weights(model):
    return {name: network.flat.copy() for name, network in model.networks.items()}


# The numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", CHOICES["mode"])
def test_a_round_of_the_lab_is_a_step_of_the_library_with_the_same_seed(mode):
    lab = session(mode=mode, seed=3)
    backend = Backend.named("numpy", "float64")
    model, batches = build(lab.config, backend), Batches(lab.dataset, lab.config, backend)
    for batch, _ in zip(batches.epoch(0), range(5), strict=False):
        values = model.step(batch)
    lab.rounds(3)
    for _ in range(2 * len(lab.phases)):
        lab.next()
    assert lab.round == 5
    for name, flat in weights(model).items():
        assert np.array_equal(flat, lab.model.networks[name].flat)
    last = {name: value for row in lab.values for name, value in row.items()}
    assert last["phase"] == lab.phases[-1].name
    assert all(last[name] == float(values[name]) for name in last if name != "phase")


def test_the_lab_shows_what_the_library_computes():
    lab = session(mode="semi-supervised", seed=1)
    lab.rounds(20)
    state, code = lab.state(), lab.model.encode_rows(lab.rows)
    np.testing.assert_allclose(state["z"], code.z, atol=1e-4)
    made = lab.config.raw(lab.model.decode_rows(code.z, code.y))
    np.testing.assert_allclose(state["points"]["made"], made, atol=1e-4)
    assert state["y"] == np.argmax(code.y, axis=1).tolist()
    wrong = np.mean(np.argmax(code.y, axis=1) != lab.dataset.y_test[:400])
    assert state["numbers"]["wrong"] == wrong
    middle = lab.reach * ((2 * np.arange(36) + 1) / 36 - 1)
    corner = lab.model.score(lab.config.raw(lab.rows), by="discriminator")
    np.testing.assert_allclose(lab.seen["fake"], corner, atol=1e-3)
    first = lab.logits(np.array([[middle[1], middle[0]]]), np.array([0]), lab.adversary())
    assert state["heat"][1] == pytest.approx(1 / (1 + np.exp(-first[0])), abs=1e-4)


@pytest.mark.parametrize("name", ["reconstruction", "generate", "semi-supervised"])
@pytest.mark.parametrize("mistake", ["none", "add-up"])
def test_an_arrow_is_the_step_that_the_phase_then_gives(name, mistake):
    lab = session(mode="semi-supervised", mistake=mistake)
    lab.rounds(5)
    lab.show(name, 0)
    arrows, before = lab.arrows(), lab.seen["z"]
    lab.step(name, 1)
    np.testing.assert_array_equal(lab.seen["z"] - before, arrows)
    assert np.max(np.abs(arrows)) > 1e-4


@pytest.mark.parametrize("mode", CHOICES["mode"])
def test_a_gradient_check_finds_two_equal_slopes_and_moves_nothing(mode):
    lab = session(mode=mode)
    lab.rounds(3)
    before, batch = weights(lab.model), lab.batch
    for phase in lab.phases:
        found = lab.check(phase.name)
        assert found["verdict"].startswith("The gradient is right")
        assert [name for name, *_ in found["slopes"]] == [network.name for network in phase.moves]
        for _, ours, theirs in found["slopes"]:
            assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-8)
    assert lab.batch is batch and all(np.array_equal(before[name], flat) for name, flat in weights(lab.model).items())


def test_a_phase_steps_alone_and_moves_its_own_networks():
    lab = session()
    for name, moved in zip(ADVERSARIAL, (["P", "Q"], ["D_gauss"], ["Q"]), strict=True):
        before = weights(lab.model)
        lab.step(name, 2)
        after = weights(lab.model)
        assert sorted(each for each in after if not np.array_equal(before[each], after[each])) == moved
        assert sorted(each for each, role in lab.about(lab.phase(name))["roles"].items() if role == "moves") == moved
        assert sorted(lab.norms[name]) == moved
    assert lab.steps == {"reconstruction": 2, "discriminate": 2, "generate": 2} and lab.round == 0


def test_a_phase_is_off_or_steps_several_times_a_round_on_one_batch():
    lab = session()
    lab.set("reconstruction", 0.01, 0)
    lab.set("discriminate", 0.002, 2)
    batch = lab.batch
    lab.next()
    assert lab.batch is batch and lab.next_name() == "discriminate"
    lab.rounds(2)
    assert lab.steps == {"reconstruction": 0, "discriminate": 4, "generate": 2} and lab.round == 2
    assert lab.phase("reconstruction").optimizer.lr == 0.01
    for name in ("discriminate", "generate"):
        lab.set(name, 0.001, 0)
    assert refusal(lab.rounds, 1) == "round: all phases are off; let one step at least once a round"


def test_another_prior_or_mode_keeps_the_weights_rates_and_times():
    lab = session()
    lab.rounds(5)
    lab.set("generate", 0.004, 3)
    other = Session(lab.settings | {"prior": "swiss-roll", "mode": "label-regularized"}, (), lab, keep=True)
    assert np.array_equal(other.model.networks["Q"].flat, lab.model.networks["Q"].flat)
    assert other.said.endswith("Q, P keep their weights.")  # D reads a label, too
    assert other.phase("generate").optimizer.lr == 0.004 and other.times["generate"] == 3
    again = Session(lab.settings, (), lab)
    assert not np.array_equal(again.model.networks["Q"].flat, lab.model.networks["Q"].flat)


def test_a_choice_that_needs_another_one_says_so():
    lab = session(mode="label-regularized", z=1)
    assert (lab.settings["prior"], lab.settings["z"]) == ("mixture", 2)
    assert lab.said.startswith("This choice needs another one: prior is mixture and z is 2.")


def test_numbers_that_are_no_longer_finite_are_told_and_the_state_stays_json():
    lab = session()
    lab.phase("reconstruction").optimizer.lr = 1e300
    lab.step("reconstruction", 10)
    assert lab.said == "The numbers are no longer finite: a rate is too large. Start again."
    json.dumps(lab.state(), allow_nan=False)


def test_a_drawing_becomes_points_near_its_places():
    places = [[-1, -1, 0], [1, 1, 2], [1, -1, 2]]
    lab = Session(DEFAULTS | {"data": "drawing"}, places)
    x = lab.config.raw(lab.rows)
    nearest = np.min(np.linalg.norm(x[:, None] - np.array(places)[:, :2], axis=2), axis=1)
    assert np.max(nearest) < 0.3 and sorted(set(lab.labels)) == [0, 1]
    assert "expected 3 at least" in refusal(Session, DEFAULTS | {"data": "drawing"}, places[:2])


def test_without_the_files_of_mnist_a_line_says_so(monkeypatch):
    def missing():
        raise UserError("no files")

    monkeypatch.setattr(points.data, "load_mnist", missing)
    points.mnist.cache_clear()
    assert refusal(session, data="mnist") == "mnist: its files are not in data/; choose points"


def test_mnist_is_shown_as_images():
    lab = session(data="mnist")
    lab.step("generate", 1)
    state = lab.state()
    assert state["points"] is None and len(base64.b64decode(state["images"])) == 40 * 784
    assert np.shape(state["z"]) == (400, 2)


def test_the_distance_of_two_samples_is_small_for_one_distribution_and_grows_with_a_shift():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 400, 2))
    assert abs(distance(a, b)) < 0.02 < 0.3 < distance(a, b + 1) < distance(a, b + 2)


# The mistakes --------------------------------------------------------------------------------------------------------

FOUND = {"d-moved", "detach", "wrong-sign", "add-up"}  # by the gradient check
STEPPED = {"no-d-step": "discriminate", "d-moved": "generate", "detach": "discriminate", "wrong-sign": "generate",
           "add-up": "reconstruction", "softmax-twice": "semi-supervised"}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_lab_says_of_each_mistake_whether_the_gradient_check_finds_it(mistake):
    lab = session(mode="semi-supervised", mistake=mistake)
    lab.rounds(2)
    verdicts = [lab.check(phase.name)["verdict"].startswith("The gradient is right") for phase in lab.phases]
    wrong = [phase.name for phase, right in zip(lab.phases, verdicts, strict=True) if not right]
    assert wrong == ([STEPPED[mistake]] if mistake in FOUND else [])
    assert MISTAKES[mistake].harm.endswith(f"The gradient check {'finds it' if mistake in FOUND else 'passes'}.")


@cache
def seen_after(rounds, seed, mistake, data="moons", mode="aae"):
    """Return what is seen after so many rounds."""
    lab = session(mistake=mistake, seed=seed, data=data, mode=mode)
    lab.rounds(rounds)
    return lab.seen


def both(mistake, rounds, **settings):
    """Yield for five seeds what is seen with the mistake and without it after so many rounds."""
    for seed in range(5):
        yield [seen_after(rounds, seed, each, **settings) for each in (mistake, "none")]


@pytest.mark.slow
@pytest.mark.parametrize("mistake", ["no-d-step", "d-moved"])
def test_where_d_does_not_learn_to_reject_the_codes_leave_the_prior(mistake):
    for wrong, right in both(mistake, 100):
        assert right["apart"] < 0.3 and wrong["apart"] > 2
        assert np.max(np.abs(right["z"])) < 4 < 7 < np.max(np.abs(wrong["z"]))


@pytest.mark.slow
def test_a_q_that_discriminate_moves_stays_three_times_as_far_from_the_prior():
    for wrong, right in both("detach", 200):
        assert wrong["apart"] > 3 * right["apart"]


@pytest.mark.slow
def test_with_the_wrong_sign_all_codes_fall_into_one_spot():
    for wrong, right in both("wrong-sign", 100):
        assert np.max(np.std(wrong["z"], axis=0)) < 0.1 < 0.5 < np.min(np.std(right["z"], axis=0))
        assert wrong["error"] > 0.95 and right["error"] < 0.2


@pytest.mark.slow
def test_gradients_that_add_up_make_the_reconstruction_error_ten_times_as_large():
    for wrong, right in both("add-up", 100):
        assert wrong["error"] > 10 * right["error"]


@pytest.mark.slow
def test_softmax_twice_delays_and_has_caught_up_after_a_hundred_rounds():
    setting = {"mode": "semi-supervised", "data": "ring"}
    for wrong, right in both("softmax-twice", 10, **setting):
        assert wrong["wrong"] > 0.25 > 0.2 > right["wrong"]
    for wrong, right in both("softmax-twice", 100, **setting):
        assert max(wrong["wrong"], right["wrong"]) < 0.12


# The server ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def server():
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def request(server, method="POST", path=None, body=b"", **headers):
    """Return the status, the headers and the body of the answer to a request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    path = f"/{server.token}/" if path is None else path
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def ask(server, do, **more):
    """Return the status of an action and its answer, a dict or a line."""
    status, headers, body = request(server, body=json.dumps({"do": do, **more}), Content_Type="application/json")
    return status, json.loads(body) if headers["Content-Type"].startswith("application/json") else body.decode()


def opened(server):
    """Return the tab of a new model."""
    status, state = ask(server, "open", **DEFAULTS, drawing=[])
    assert status == 200
    return state["tab"]


def test_the_page_and_its_parts_are_served_under_the_token_alone(server):
    for name, kind in (("", "text/html"), ("lab.css", "text/css"), ("lab.js", "text/javascript")):
        status, headers, body = request(server, "GET", f"/{server.token}/{name}")
        assert (status, headers["Content-Type"]) == (200, f"{kind}; charset=utf-8") and len(body) > 1000
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in headers["Content-Security-Policy"] and headers["Server"] == "tinyaae"
    for path in ("/", f"/{server.token}", "/wrong/", f"/{server.token}x/", "/favicon.ico", "//", "/%00/"):
        status, _, body = request(server, "GET", path)
        assert status == 403 and server.token not in body.decode()


def test_no_address_reaches_a_file(server):
    for path in ("../server.py", "lab.html", "page.css", "/etc/passwd", "%2e%2e/server.py", "..\\server.py", "lab.js/"):
        assert request(server, "GET", f"/{server.token}/{path}")[0] == 404


def test_an_action_is_the_session_s(server):
    tab = opened(server)
    status, state = ask(server, "rounds", tab=tab, times=3)
    lab = session()
    lab.rounds(3)
    assert status == 200 and state["values"] == lab.values and state["z"] == lab.state()["z"]
    status, state = ask(server, "set", tab=tab, phase="generate", lr=0.5, times=2)
    assert [(phase["lr"], phase["times"]) for phase in state["phases"]][2] == (0.5, 2)
    assert ask(server, "show", tab=tab, arrows="reconstruction", label=0)[1]["arrows_of"] == "reconstruction"
    assert ask(server, "next", tab=tab)[1]["next"] == "discriminate"
    assert ask(server, "step", tab=tab, phase="generate", times=1)[1]["phases"][2]["steps"] == 4
    assert ask(server, "check", tab=tab, phase="generate")[1]["verdict"].startswith("The gradient is right")
    state = ask(server, "change", tab=tab, keep=False, drawing=[], **DEFAULTS | {"data": "ring"})[1]
    assert state["settings"]["data"] == "ring" and state["round"] == 0
    assert ask(server, "close", tab=tab) == (200, {}) and server.lab.tabs == {}


WRONG = [  # changes of a request that is right -> status
    ({"path": "/wrong-token/"}, 403), ({"path": "/"}, 403), ({"Host": "evil.example"}, 403), ({"Host": ""}, 403),
    ({"Host": "127.0.0.1.evil.example:80"}, 403), ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403),
    ({"Content_Type": "text/plain"}, 415), ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
    ({"body": b" " * (MOST_BYTES + 1)}, 413), ({"body": b"{"}, 400), ({"body": b"[" * 60_000}, 400),
    ({"body": b"[]"}, 400), ({"body": b"\xff\xfe"}, 400), ({"method": "PUT"}, 501), ({"method": "DELETE"}, 501),
    ({"Content_Length": "-1", "body": b""}, 411), ({"Content_Length": "1e3", "body": b""}, 411),
]  # fmt: skip
MALFORMED = [
    {"do": "remove"}, {"do": ["step"]}, {}, {"do": "rounds"}, {"do": "rounds", "times": 0},
    {"do": "rounds", "times": 51},
    {"do": "rounds", "times": True}, {"do": "rounds", "times": 1, "more": 1}, {"do": "rounds", "times": 1.0},
    {"do": "step", "phase": "../x", "times": 1}, {"do": "step", "phase": {}, "times": 1},
    {"do": "set", "phase": "generate", "lr": 0, "times": 1}, {"do": "set", "phase": "generate", "lr": "1", "times": 1},
    {"do": "set", "phase": "generate", "lr": 11, "times": 1}, {"do": "set", "phase": "generate", "lr": 1, "times": 4},
    {"do": "set", "phase": "generate", "lr": float("nan"), "times": 1}, {"do": "show", "arrows": "x", "label": 0},
    {"do": "show", "arrows": "generate", "label": -1}, {"do": "check", "phase": "nothing"},
    {"do": "change", "keep": 1, "drawing": [], **DEFAULTS}, {"do": "change", "keep": True, **DEFAULTS},
    {"do": "change", "keep": True, "drawing": [], **DEFAULTS, "z": True},
    {"do": "change", "keep": True, "drawing": [], **DEFAULTS, "seed": -1},
    {"do": "change", "keep": True, "drawing": [], **DEFAULTS, "data": "/etc/passwd"},
    {"do": "change", "keep": True, "drawing": [[0, 0, 0]] * 401, **DEFAULTS},
    {"do": "change", "keep": True, "drawing": [[0, 2, 0]], **DEFAULTS},
    {"do": "change", "keep": True, "drawing": [[0, 0, "a"]], **DEFAULTS},
    {"do": "change", "keep": True, "drawing": [[0, float("nan"), 0]], **DEFAULTS},
    {"do": "change", "keep": True, "drawing": [], **DEFAULTS, "data": "drawing"},
]  # fmt: skip


def test_a_request_that_is_not_the_page_s_is_refused_in_a_line_and_changes_nothing(server):
    tab = opened(server)
    lab = server.lab.tabs[tab].session
    before, settings = weights(lab.model), lab.settings
    right = {"body": json.dumps({"do": "rounds", "tab": tab, "times": 1}).encode(), "Content_Type": "application/json"}
    for changed, expected in WRONG:
        status, _, body = request(server, **right | changed)
        assert (changed, status) == (changed, expected)
        assert 0 < len(body) < 200 and b"\n" not in body and server.token.encode() not in body
    for asked in MALFORMED:
        status, line = ask(server, **{"do": None} | asked, tab=tab)
        assert (asked, status) == (asked, 400) and len(line) < 250 and "\n" not in line
    assert ask(server, "rounds", tab="another", times=1)[0] == 404
    assert ask(server, "rounds", tab=["x"], times=1)[0] == 400
    assert list(server.lab.tabs) == [tab] and server.lab.tabs[tab].session is lab and lab.settings == settings
    assert lab.steps == dict.fromkeys(ADVERSARIAL, 0)
    assert all(np.array_equal(flat, weights(lab.model)[name]) for name, flat in before.items())


def test_a_request_that_is_no_http_or_never_ends_harms_nobody(server, monkeypatch):
    monkeypatch.setattr("tinyaae.explorer.lab.server.Handler.timeout", 0.2)
    for sent in (
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 70_000,
        b"POST / HTTP/1.1\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
            connection.sendall(sent)
            answer = b"".join(iter(lambda c=connection: c.recv(4096), b""))
            assert len(answer) < 1500 and server.token.encode() not in answer
    assert request(server, "GET")[0] == 200


def test_a_ninth_tab_is_told_that_there_are_eight(server):
    tabs = [opened(server) for _ in range(MOST_TABS)]
    status, line = ask(server, "open", **DEFAULTS, drawing=[])
    assert status == 503 and line.startswith("8 tabs have a model each") and len(server.lab.tabs) == 8
    ask(server, "close", tab=tabs[3])
    opened(server)


def test_a_tab_that_cannot_be_made_takes_no_place(server):
    assert ask(server, "open", **DEFAULTS | {"data": "drawing"}, drawing=[])[0] == 400
    assert server.lab.tabs == {}


def test_two_tabs_have_two_models(server):
    first, second = opened(server), opened(server)
    ask(server, "rounds", tab=first, times=2)
    assert server.lab.tabs[first].session.round == 2 and server.lab.tabs[second].session.round == 0


def test_the_choices_of_the_page_are_those_of_the_server():
    html = (STATIC / "lab.html").read_text(encoding="utf-8")
    for name, values in CHOICES.items():
        listed = re.search(rf'<select name="{name}">(.*?)</select>', html, re.S)[1]
        assert re.findall(r'value="([^"]+)"', listed) == [str(value) for value in values]
    for listed in re.findall(r'<select data-set="times">(.*?)</select>', html, re.S):
        assert re.findall(r'value="([^"]+)"', listed) == [str(times) for times in TIMES]


# The verb ------------------------------------------------------------------------------------------------------------


def lab_process(*flags):
    """Return the process of `python -m tinyaae lab`, and the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tinyaae", "lab", *flags], cwd=REPOSITORY, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores Ctrl-C
    )  # fmt: skip
    return process, re.search(r"http://127\.0\.0\.1:(\d+)/([\w-]{20,})/$", process.stdout.readline().strip())


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_lab_with_the_status_of_the_other_verbs(number, status):
    process, address = lab_process()
    assert process.stdout.readline() == "Ctrl-C ends it.\n"
    idle = socket.create_connection(("127.0.0.1", int(address[1])))  # a browser keeps connections open
    process.send_signal(number)
    out, error = process.communicate(timeout=20)
    idle.close()
    assert (process.returncode, out, error) == (status, "", "\ntinyaae lab: interrupted\n")


def test_a_port_that_is_taken_and_one_that_is_none_are_refused_in_a_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.verbs(["lab", "--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"tinyaae lab: --port: {port} cannot be used") and error.count("\n") == 1
    assert cli.verbs(["lab", "--port", "70000"]) == 2
    assert "expected 1 to 65535" in capsys.readouterr().err


def test_the_lab_is_loaded_without_matplotlib():
    code = "import sys, tinyaae.explorer.lab; print('matplotlib' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=REPOSITORY, text=True) == "False\n"


# In a browser --------------------------------------------------------------------------------------------------------


@pytest.fixture
def show(browser, server):  # noqa: F811
    """Return a function that opens the lab's page; at the end no error and no other request may have been seen."""
    seen, tabs = [], []

    def open_page(address="", **options):
        tab = browser.new_page(**({"viewport": {"width": 1180, "height": 900}} | options))
        tab.on("console", lambda message: seen.append(message.text))
        tab.on("pageerror", lambda error: seen.append(str(error)))
        tab.on("request", lambda request: request.url.startswith(server.address) or seen.append(request.url))
        tab.on("dialog", lambda dialog: (seen.append("dialog"), dialog.dismiss()))
        tab.goto(server.address + address)
        tab.wait_for_selector("html[data-ready]", state="attached", timeout=20_000)
        tabs.append(tab)
        return tab

    yield open_page
    for tab in tabs:
        if not tab.is_closed():
            tab.wait_for_timeout(100)
            tab.close()
    assert seen == []


def settled(tab):
    """Wait until all that was asked is answered and drawn; return the round."""
    return tab.evaluate("tinyaae.queue.then(() => tinyaae.state.round)")


def press(tab, name, within="#rounds"):
    """Press a button by the keyboard, and wait for the answer."""
    tab.locator(within).get_by_role("button", name=name, exact=True).press("Enter")
    settled(tab)


def choose(tab, name, value):
    tab.locator(name).select_option(value)
    settled(tab)


@pytest.mark.slow
def test_the_page_steps_by_keyboard_and_shows_the_library_s_numbers(show):
    tab, lab = show(), session()
    for name, job in (
        ("Next phase", lab.next), ("One round", lambda: lab.rounds(1)), ("Ten rounds", lambda: lab.rounds(10)),
    ):  # fmt: skip
        press(tab, name)
        job()
        assert tab.evaluate("tinyaae.state.z") == lab.state()["z"]
        assert tab.inner_text("#said") == lab.said
    press(tab, "Ten times", "[data-phase=discriminate]")
    lab.step("discriminate", 10)
    assert tab.evaluate("tinyaae.state.heat") == lab.state()["heat"]
    choose(tab, "[data-phase=reconstruction] select", "0")
    rate = tab.locator("[data-phase=generate] input")
    rate.fill("0.01")
    rate.press("Enter")
    until(tab, "tinyaae.state.phases[2].lr === 0.01")
    press(tab, "One round")
    lab.set("reconstruction", 0.001, 0)
    lab.set("generate", 0.01, 1)
    lab.rounds(1)
    assert tab.evaluate("tinyaae.state.z") == lab.state()["z"]
    tab.locator("[data-phase=generate]").get_by_role("button", name="Check this gradient").press("Enter")
    until(tab, "document.querySelector('[data-phase=generate] .checked').textContent.includes('The gradient is right')")
    assert tab.locator("[data-phase=generate] .checked td").count() == 3


@pytest.mark.slow
def test_play_goes_on_until_pause(show):
    tab = show()
    tab.locator("#speed").select_option("fast")
    tab.get_by_role("button", name="Play").press("Enter")
    until(tab, "tinyaae.state.round > 30")
    tab.get_by_role("button", name="Pause").press("Enter")
    before = settled(tab)
    tab.wait_for_timeout(300)
    assert settled(tab) == before
    tab.locator("#speed").select_option("slow")
    tab.get_by_role("button", name="Play").click()
    until(tab, "tinyaae.state.next === 'discriminate'")
    assert tab.locator("[data-phase=discriminate][data-next]").count() == 1


@pytest.mark.slow
@pytest.mark.parametrize("address", ["", "#mode=label-regularized&mistake=d-moved", "#data=mnist", "#data=ring&z=1"])
def test_nothing_of_the_lab_overflows_on_a_telephone_by_day_and_by_night(show, address):
    tab = show(address, viewport={"width": 360, "height": 740})
    press(tab, "Ten rounds")
    tab.locator("[data-phase=reconstruction]").get_by_role("button", name="Check this gradient").click()
    until(tab, "document.querySelector('.checked').textContent !== ''")
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360
        paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 200) == (scheme == "dark")


@pytest.mark.slow
def test_the_keyboard_reaches_all_of_the_lab(show):
    tab = show("#mode=semi-supervised")
    tab.locator("select[name=data]").select_option("drawing")
    tab.evaluate("document.addEventListener('focusin', (event) => (event.target.dataset.reached = 'yes'))")
    wanted = "button, input, select, [tabindex='0']"
    for _ in range(tab.locator(wanted).count() + 2):
        tab.keyboard.press("Tab")
    assert tab.evaluate(
        "(wanted) => [...document.querySelectorAll(wanted)].filter((each) => each.checkVisibility() && "
        "!each.dataset.reached).map((each) => each.outerHTML)", wanted,
    ) == []  # fmt: skip


@pytest.mark.slow
def test_a_drawing_is_made_by_pointer_and_by_keys(show):
    tab = show()
    tab.locator("select[name=data]").select_option("drawing")
    assert "three times at least" in tab.inner_text("#said")
    tab.locator("#x").scroll_into_view_if_needed()
    box = tab.locator("#x").bounding_box()
    for u, v in ((0.2, 0.3), (0.7, 0.6)):
        tab.mouse.click(box["x"] + u * box["width"], box["y"] + v * box["height"])
    for key in ("ArrowLeft", "ArrowUp", "ArrowUp", "Space"):
        tab.locator("#x").press(key)
    np.testing.assert_allclose(
        tab.evaluate("tinyaae.places"), [[-0.9, 0.6, 0], [0.6, -0.3, 0], [-0.1, 0.2, 0]], atol=0.02
    )
    press(tab, "Use this drawing", "#drawing")
    assert tab.evaluate("tinyaae.state.settings.data") == "drawing"
    assert tab.evaluate("tinyaae.state.points.x.length") == 300
    tab.get_by_role("button", name="Clear").click()
    tab.get_by_role("button", name="Use this drawing").click()
    assert "three times at least" in tab.inner_text("#said")


@pytest.mark.slow
def test_the_address_keeps_the_choices_and_a_hostile_one_does_nothing(show):
    tab = show("#data=ring&mode=semi-supervised&prior=uniform&z=1&seed=7&mistake=detach")
    wanted = {"data": "ring", "mode": "semi-supervised", "prior": "uniform", "z": 1, "mistake": "detach", "seed": 7}
    assert tab.evaluate("tinyaae.state.settings") == wanted
    assert "moves Q, too" in tab.inner_text("#harm")
    choose(tab, "select[name=mode]", "label-regularized")
    assert tab.inner_text("#said").startswith("This choice needs another one: prior is mixture and z is 2.")
    assert tab.evaluate("location.hash").startswith("#data=ring&mode=label-regularized&prior=mixture&z=2")
    for hostile in ("#data=</script><img src=x onerror=alert(1)>&z=3", "#seed=-1&seed=1e9", "#__proto__=1&a=2",
                    "#data=drawing", "#" + "a" * 50_000, "#seed=%00&mode=%E0", "#keep=x&said=y"):  # fmt: skip
        tab.close()
        tab = show(hostile)
        assert tab.evaluate("tinyaae.state.settings") == DEFAULTS and tab.locator("img").count() == 0


@pytest.mark.slow
def test_a_ninth_tab_is_told_in_the_page_and_a_closed_one_gives_its_place_back(show, server, browser):  # noqa: F811
    tabs = [show() for _ in range(8)]
    ninth = browser.new_page()
    ninth.goto(server.address)
    until(ninth, "document.getElementById('said').textContent.startsWith('8 tabs have a model each')")
    ninth.close()
    tabs[0].reload()
    tabs[0].wait_for_selector("html[data-ready]", state="attached")
    tabs[1].goto("about:blank")
    until(tabs[0], "true")
    assert len(server.lab.tabs) in (7, 8)
    show()


@pytest.mark.slow
def test_a_lab_that_has_ended_is_told_in_the_page(browser):  # noqa: F811
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    tab = browser.new_page()
    tab.goto(server.address)
    tab.wait_for_selector("html[data-ready]", state="attached")
    server.shutdown()
    server.server_close()
    thread.join()
    tab.get_by_role("button", name="One round").click()
    until(tab, "document.getElementById('said').textContent.startsWith('The lab does not answer')")
    tab.close()
