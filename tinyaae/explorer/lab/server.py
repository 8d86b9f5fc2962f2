"""The lab's server: one page and a model for each tab, on 127.0.0.1 alone, by the standard library.

A random token in the address keeps out other programs of this machine. The headers Host and Origin keep out other pages
of the same browser. State changes by POST alone. No request names a file: what is served is read once, at the start.
"""

import hmac
import json
import math
import re
import secrets
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ...errors import UserError
from .points import MOST_DRAWN
from .session import CHOICES, TIMES, Session

MOST_TABS, MOST_BYTES, TIMEOUT = 8, 65_536, 10  # models at once; of a request; seconds to wait for one
MOST_STEPS, MOST_RATE = 50, 10.0  # of one request; of any phase
HERE = "127.0.0.1", "localhost"
STATIC = Path(__file__).parent.parent / "static"
FILES = {  # what is served under the token -> its type, and the files it is made of
    "": ("text/html", ["lab.html"]),
    "lab.css": ("text/css", ["page.css", "lab.css"]),
    "lab.js": ("text/javascript", ["elements.js", "lab.js"]),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}  # fmt: skip


class Refused(Exception):
    """A request that is not served: an HTTP status and a line."""

    def __init__(self, status, line):
        super().__init__(line)
        self.status = status


# What a request may ask ----------------------------------------------------------------------------------------------


class Lab:
    """The model of each tab, and the actions of the page. An action that is refused changes nothing."""

    def __init__(self):
        self.tabs, self.lock = {}, threading.Lock()

    def answer(self, asked):
        """Return the answer, a dict, to a request, a dict that names its action under "do"."""
        action = ACTIONS[one_of(asked, "do", ACTIONS)]
        needed = {"do", *action.needs}
        if asked.keys() != needed:
            wrong = sorted(map(ascii, asked.keys() ^ needed))[0]
            raise Refused(400, f"{wrong}: expected the keys {', '.join(sorted(needed))}")
        return action(self, asked)

    def open(self, asked):
        """Make the model of a new tab."""
        settings, drawing = settings_in(asked)
        with self.lock:
            if len(self.tabs) >= MOST_TABS:
                raise Refused(
                    503, f"{MOST_TABS} tabs have a model each, and no more fit; close one, and load this again"
                )
            name = secrets.token_urlsafe(9)
            self.tabs[name] = tab = Tab()
        try:
            tab.session = Session(settings, drawing)
        except BaseException:
            self.tabs.pop(name, None)
            raise
        return tab.session.state() | {"tab": name}

    def close(self, asked):
        """Forget the model of a tab."""
        self.tabs.pop(asked["tab"] if isinstance(asked["tab"], str) else "", None)
        return {}

    def change(self, asked):
        """Make another model for a tab, with the weights of the present one where `keep` is true and they fit."""
        settings, drawing = settings_in(asked)
        keep = one_of(asked, "keep", (True, False))
        with self.tab(asked) as tab:
            tab.session = Session(settings, drawing, tab.session, keep)
            return tab.session.state()

    def step(self, asked):
        times = whole(asked, "times", 1, MOST_STEPS)
        with self.tab(asked) as tab:
            tab.session.step(text(asked, "phase"), times)
            return tab.session.state()

    def next(self, asked):
        with self.tab(asked) as tab:
            tab.session.next()
            return tab.session.state()

    def rounds(self, asked):
        times = whole(asked, "times", 1, MOST_STEPS)
        with self.tab(asked) as tab:
            tab.session.rounds(times)
            return tab.session.state()

    def set(self, asked):
        """Set the rate of a phase, and how often it steps in a round."""
        rate, times = asked["lr"], one_of(asked, "times", TIMES)
        if type(rate) not in (int, float) or not 0 < rate <= MOST_RATE:
            raise Refused(400, f"lr: {ascii(rate)[:40]} given, expected a number above 0, at most {MOST_RATE:g}")
        with self.tab(asked) as tab:
            tab.session.set(text(asked, "phase"), float(rate), times)
            return tab.session.state()

    def show(self, asked):
        """Choose the phase whose step the arrows show, and the label that D reads beside z."""
        label = whole(asked, "label", 0, 1000)
        with self.tab(asked) as tab:
            tab.session.show(text(asked, "arrows"), label)
            return tab.session.state()

    def check(self, asked):
        with self.tab(asked) as tab:
            return tab.session.check(text(asked, "phase"))

    def tab(self, asked):
        """Return the tab that a request names."""
        found = self.tabs.get(text(asked, "tab"))
        if found is None or found.session is None:
            raise Refused(404, "this tab has no model any more; load the page again")
        return found


class Tab:
    """The session of a tab, for one request at a time."""

    def __init__(self):
        self.session, self.lock = None, threading.Lock()

    def __enter__(self):
        self.lock.acquire()
        return self

    def __exit__(self, *error):
        self.lock.release()


SETTINGS = *CHOICES, "seed", "drawing"
ACTIONS = {}
for _action, _needs in (
    (Lab.open, SETTINGS), (Lab.close, ["tab"]), (Lab.change, ["tab", "keep", *SETTINGS]),
    (Lab.step, ["tab", "phase", "times"]), (Lab.next, ["tab"]), (Lab.rounds, ["tab", "times"]),
    (Lab.set, ["tab", "phase", "lr", "times"]), (Lab.show, ["tab", "arrows", "label"]), (Lab.check, ["tab", "phase"]),
):  # fmt: skip
    _action.needs = _needs
    ACTIONS[_action.__name__] = _action


def settings_in(asked):
    """Return the settings of a session, and the places of a drawing."""
    settings = {name: one_of(asked, name, values) for name, values in CHOICES.items()}
    settings["seed"] = whole(asked, "seed", 0, 999_999)
    places = asked["drawing"]
    if type(places) is not list or len(places) > MOST_DRAWN:
        raise Refused(400, f"drawing: expected a list of {MOST_DRAWN} places at most")
    for place in places:
        if (
            type(place) is not list or len(place) != 3 or any(type(value) not in (int, float) for value in place)
            or not all(abs(value) <= 1.5 for value in place[:2]) or place[2] not in (0, 1, 2)
        ):  # fmt: skip
            raise Refused(400, f"drawing: {ascii(place)[:60]} given, expected [x, y, label], x and y within 1.5")
    return settings, places


def one_of(asked, key, values):
    """Return the value of a key, which must be one of `values` and of its type."""
    value = asked.get(key)
    if not isinstance(value, str | int) or not any(type(each) is type(value) and each == value for each in values):
        raise Refused(400, f"{key}: {ascii(value)[:40]} given, expected one of {', '.join(map(str, values))}")
    return value


def whole(asked, key, least, most):
    """Return the value of a key, a whole number in [least, most]."""
    value = asked.get(key)
    if type(value) is not int or not least <= value <= most:
        raise Refused(400, f"{key}: {ascii(value)[:40]} given, expected a whole number from {least} to {most}")
    return value


def text(asked, key):
    """Return the value of a key, a text."""
    if type(asked[key]) is not str:
        raise Refused(400, f"{key}: {ascii(asked[key])[:40]} given, expected a text")
    return asked[key]


# HTTP ----------------------------------------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """The lab on a port of 127.0.0.1, 0 for a free one; `address` is what a browser opens."""

    daemon_threads = True

    def __init__(self, port=0):
        self.token, self.lab = secrets.token_urlsafe(16), Lab()
        self.files = {
            name: (kind, b"".join((STATIC / file).read_bytes() for file in files))
            for name, (kind, files) in FILES.items()
        }
        super().__init__((HERE[0], port), Handler)
        self.address = f"http://{HERE[0]}:{self.server_port}/{self.token}/"

    def server_bind(self):
        """Bind the socket without HTTPServer's search for this machine's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a browser that has gone away is no error
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One request: a file of the page by GET, or an action by POST."""

    timeout = TIMEOUT

    def do_GET(self):
        self.reply_to(self.file)

    def do_POST(self):
        self.reply_to(self.act)

    def file(self):
        """Return the type and the bytes of a file of the page."""
        name = self.name()
        if name not in self.server.files:
            raise Refused(404, "nothing is here")
        return self.server.files[name]

    def act(self):
        """Do what the body asks; return the answer."""
        if self.name() != "":
            raise Refused(404, "nothing is here")
        host, origin = self.headers.get("Host"), self.headers.get("Origin")
        if origin is not None and origin != f"http://{host}":
            raise Refused(403, "another page asks")
        if self.headers.get_content_type() != "application/json":
            raise Refused(415, "expected a body of the type application/json")
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,12}", length) or "Transfer-Encoding" in self.headers:
            raise Refused(411, "expected a Content-Length")
        if int(length) > MOST_BYTES:
            raise Refused(413, f"{int(length)} bytes given, expected {MOST_BYTES} at most")
        try:
            asked = json.loads(self.rfile.read(int(length)), parse_constant=lambda name: math.nan)
        except (ValueError, RecursionError):
            raise Refused(400, "the body is no JSON") from None
        if not isinstance(asked, dict):
            raise Refused(400, "expected a JSON object")
        return "application/json", json.dumps(self.server.lab.answer(asked), allow_nan=False).encode()

    def name(self):
        """Return the address without the token; `Refused` where the token or the Host is not ours."""
        host = self.headers.get_all("Host", [""])
        if len(host) != 1 or re.sub(r":[0-9]{1,5}$", "", host[0]) not in HERE:
            raise Refused(403, "this address is not served under that Host")
        _, token, *rest = self.path.split("/", 2)
        if not rest or not hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode()):
            raise Refused(403, "the address has no token, or a wrong one; take the one that tinyaae lab printed")
        return rest[0]

    def reply_to(self, work):
        try:
            status, (kind, content) = 200, work()
        except (Refused, UserError) as error:
            status, kind, content = getattr(error, "status", 400), "text/plain", " ".join(str(error).split()).encode()
        self.reply(status, kind, content)

    def reply(self, status, kind, content):
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code, message=None, explain=None):
        """Refuse what is no request, or another method, in a line."""
        self.close_connection = True
        self.reply(code, "text/plain", b"expected GET or POST")

    def version_string(self):
        return "tinyaae"

    def log_message(self, *arguments):
        pass  # the terminal shows the address, and nothing more
