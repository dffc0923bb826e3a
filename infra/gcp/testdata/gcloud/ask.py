"""Stands for gcloud: ask.py SOCKET ARGUMENT... has serve.py run the command.

The command gets this process's environment, folder and standard streams, and
this process ends as it does.
"""

import json
import os
import socket
import sys

server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
asked = json.dumps({"arguments": sys.argv[2:], "environment": dict(os.environ)}).encode()
server.sendall(len(asked).to_bytes(4, "big"))
socket.send_fds(server, [b"+"], [0, 1, 2, os.open(".", os.O_RDONLY)])
server.sendall(asked)
code = server.recv(1)
sys.exit(code[0] if code else 1)
