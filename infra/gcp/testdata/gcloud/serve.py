"""Runs gcloud once for each command that ask.py passes on, in a fork of itself.

serve.py SDK SOCKET: gcloud's own code from the folder SDK, loaded once. Loading
takes nearly all of a command's time, and the tests run hundreds of commands. A
fork says what more it had to load, and the next ones find that loaded too.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys

sdk, path = sys.argv[1:]
sys.path[0] = os.path.join(sdk, "lib")

import gcloud  # noqa: F401, it adds to the path what gcloud_main needs
import googlecloudsdk.gcloud_main


def run(connection):
    """Becomes the command that is asked for, and ends this process with it."""
    size = int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "big")
    descriptors = socket.recv_fds(connection, 1, 4)[1]
    asked = json.loads(connection.recv(size, socket.MSG_WAITALL))
    loaded = set(sys.modules)
    for standard, given in enumerate(descriptors[:3]):
        os.dup2(given, standard)
    os.fchdir(descriptors[3])
    for given in descriptors:
        os.close(given)
    os.environ.clear()
    os.environ.update(asked["environment"], CLOUDSDK_ROOT_DIR=sdk)
    sys.argv = [os.path.join(sdk, "lib", "gcloud.py"), *asked["arguments"]]
    code = 1
    try:
        code = googlecloudsdk.gcloud_main.main() or 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.send(bytes([code]))
        more.send("\n".join(name for name in sys.modules if name not in loaded and name.startswith("googlecloudsdk.")).encode())
        os._exit(code)


def load(names):
    """Loads what a fork had to; what cannot be loaded by its name is left to the forks."""
    for name in names:
        if name not in sys.modules:
            try:
                importlib.import_module(name)
            except Exception:  # noqa: BLE001
                pass


loads, more = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(64)
gc.disable()  # the collector would touch, and so copy, every page that a fork shares with this process
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    ready = select.select([listener, loads], [], [])[0]
    if loads in ready:
        load(loads.recv(1 << 20).decode().split())
    if listener not in ready:
        continue
    connection, _ = listener.accept()
    gc.freeze()
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        listener.close()
        run(connection)
    connection.close()
