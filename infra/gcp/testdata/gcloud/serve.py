"""Runs gcloud once for each command that ask.go passes on.

serve.py SDK SOCKET: gcloud's own code from the folder SDK, loaded once. Loading
takes nearly all of a command's time, and the tests run hundreds of commands. As
many forks of this process as there are processors run them, one after another;
each command begins as if none had been before it. A fork in which a command ends
in another way than gcloud's own is replaced by a new one. All end when their
standard input does.
"""

import gc
import json
import os
import select
import socket
import sys
import tempfile
import traceback

sdk, path = sys.argv[1:]
sys.path[0] = os.path.join(sdk, "lib")

import gcloud  # noqa: F401, it adds to the path what gcloud_main needs
import googlecloudsdk.gcloud_main
from googlecloudsdk.core import log, metrics, resources
from googlecloudsdk.core.configurations import named_configs
from googlecloudsdk.core.console import console_attr


def forget():
    """Takes away what gcloud keeps from one command to the next within a process."""
    named_configs.ActivePropertiesFile.Invalidate()
    console_attr.ResetConsoleAttr()
    log.Reset()
    metrics._MetricsCollector.ResetCollectorInstance()
    resources.REGISTRY.__init__()  # it keeps addresses
    tempfile.tempdir = None  # the folder that TMPDIR named


def take(connection):
    """Becomes the process that asks: its environment, folder and standard streams."""
    size, descriptors, _, _ = socket.recv_fds(connection, 4, 4)
    asked = json.loads(connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
    os.environ.clear()
    os.environ.update(
        (one.split("=", 1) for one in asked["environment"]),
        CLOUDSDK_ROOT_DIR=sdk,
        CLOUDSDK_CORE_PRINT_UNHANDLED_TRACEBACKS="true",  # and a crash of gcloud comes to run
        CLOUDSDK_STORAGE_USE_THREADING_LOCAL="false",  # which would keep a client for the next command
    )
    sys.argv = [os.path.join(sdk, "lib", "gcloud.py"), *asked["arguments"]]
    for standard, given in enumerate(descriptors[:3]):
        os.dup2(given, standard)
    os.fchdir(descriptors[3])
    for given in descriptors:
        os.close(given)
    sys.stdin, sys.stdout, sys.stderr = open(0, closefd=False), open(1, "w", closefd=False), open(2, "w", closefd=False)


def run(connection):
    """Runs one command, and says whether the next may follow it in this process."""
    take(connection)
    code, clean = 1, True
    try:
        forget()
        code = googlecloudsdk.gcloud_main.main() or 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        clean = False
    sys.stdout.flush()
    sys.stderr.flush()
    for standard in range(3):
        os.dup2(nowhere, standard)
    connection.send(bytes([code]))
    connection.close()
    return clean


def work():
    """Runs commands until one of them is not clean, or until nobody can ask any more."""
    while alive not in select.select([listener, alive], [], [])[0]:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:  # another one was faster
            continue
        if not run(connection):
            return 1
    return 0


alive, nowhere = os.dup(0), os.open(os.devnull, os.O_RDWR)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(64)
listener.setblocking(False)
gc.freeze()
workers = 0
while workers < os.cpu_count() or os.wait()[1]:
    workers += 1
    if os.fork() == 0:
        os._exit(work())
