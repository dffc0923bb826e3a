"""Runs gcloud once for each command that ask.py passes on, in a fork of itself.

serve.py SDK SOCKET: gcloud's own code from the folder SDK, loaded once. Loading
takes four fifths of a command's time, and the tests run hundreds of commands.
"""

import json
import os
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
        os._exit(code)


listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(64)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    connection, _ = listener.accept()
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        listener.close()
        run(connection)
    connection.close()
