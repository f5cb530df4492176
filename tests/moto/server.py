"""Starts the stand-in for AWS: moto in this process, the front before it, a seeded world.

    python server.py --world world.json [--port 0] [--exit-on-stdin-close]

Prints one line, `ready http://127.0.0.1:PORT`, when the world stands, and serves
until SIGTERM (or until stdin closes, with `--exit-on-stdin-close`).
"""

import argparse
import json
import logging
import os
import signal
import sys
import tempfile
import threading
import warnings

# moto would list 1,300 public images and snapshots as one's own.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
warnings.filterwarnings("ignore")


def exit_when_stdin_closes():
    """The parent holds the other end: its death closes it."""
    sys.stdin.buffer.read()
    os._exit(0)


def write_atomically(path, value):
    """A reader sees the whole file or none."""
    folder = os.path.dirname(os.path.abspath(path))
    handle, name = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w") as file:
        json.dump(value, file, indent=1)
    os.replace(name, path)


def make_server(app, port):
    """Werkzeug's threaded server: quiet, keep-alive, no Nagle delay, room for several scanners that connect at once."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import ThreadedWSGIServer
    from werkzeug.serving import make_server as werkzeug_server

    ThreadedWSGIServer.request_queue_size = 2048

    class Handler(MotoRequestHandler):
        disable_nagle_algorithm = True
        wbufsize = -1

        def log(self, *_args, **_more):
            pass

    return werkzeug_server("127.0.0.1", port, app, threaded=True, request_handler=Handler)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--world", required=True, help="file for the description of the world")
    parser.add_argument("--exit-on-stdin-close", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    if options.exit_on_stdin_close:
        threading.Thread(target=exit_when_stdin_closes, daemon=True).start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    stdout, sys.stdout = sys.stdout, sys.stderr  # stdout is for the one line; moto prints at times
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    import cloudformation
    import seed
    from front import Front

    cloudformation.repair()
    moto = DomainDispatcherApplication(create_backend_app)
    state, world = seed.build(moto)
    server = make_server(Front(moto, state), options.port)
    endpoint = f"http://127.0.0.1:{server.server_port}"
    write_atomically(options.world, {"endpoint": endpoint, **world})
    print(f"ready {endpoint}", file=stdout, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
