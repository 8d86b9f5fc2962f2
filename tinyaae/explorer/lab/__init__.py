"""The lab: a page on which the phases of a small model are stepped by hand, and the library's own numbers are drawn.

`points` makes data that can be seen whole, and `session` steps a model and looks at it. `mistakes` are phases with a
classic mistake. `server` brings all that to a browser. The page, `static/lab.*`, draws what the server sends.
"""

from ...errors import UserError
from .server import Server


def serve(port=0, say=print):
    """Serve the lab on a port of 127.0.0.1, 0 for a free one, until Ctrl-C.

    Raises `UserError` where the port cannot be had.
    """
    try:
        server = Server(port)
    except OSError as error:
        hint = "leave --port out, and a free one is taken"
        raise UserError(f"--port: {port} cannot be used ({error.strerror}); {hint}") from error
    with server:
        say(f"The lab is open in a browser of this computer at {server.address}")
        say("Ctrl-C ends it.")
        server.serve_forever()
