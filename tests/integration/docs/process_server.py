"""Starts faceloop and Python quickly: a process that has imported everything and forks.

Each command is a process of its own, in the folder and with the environment, input and output of
the one that asked (`CLIENT`); what is saved is the second that imports take.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import traceback

ADDRESS = "FACELOOP_PROCESS_SERVER"
PRELOADED = (
    "cv2", "matplotlib.pyplot", "pandas", "pyarrow.parquet", "sklearn.svm", "av",
    "faceloop_runtime.model", "faceloop_runtime.fit.fitter", "faceloop_runtime.track.tracker",
    "faceloop_trainer.train", "faceloop_trainer.evaluation", "faceloop_workbench.cli",
    "faceloop_workbench.services.training", "faceloop_workbench.services.tracking",
    "faceloop_workbench.services.reporting",
)  # fmt: skip
CLIENT = f"""#!{sys.executable} -ISs
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect(os.environ["{ADDRESS}"])
    words = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
    asked = json.dumps([words, os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(asked).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(asked)
    sys.exit(server.recv(1)[0])
"""


def serve(address: str) -> None:
    """Fork a process for each that connects, until killed."""
    for module in PRELOADED:
        importlib.import_module(module)
    sys.modules["cv2"].setNumThreads(0)  # threads do not survive a fork
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        print("ready", flush=True)  # noqa: T201
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _answer(connection)
            connection.close()


def _answer(connection: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, files, _, _ = socket.recv_fds(connection, 4, 3)
    asked = b""
    while len(asked) < int.from_bytes(size, "big"):
        asked += connection.recv(65536)
    words, folder, environment = json.loads(asked)
    child = os.fork()
    if child == 0:
        connection.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        os._exit(_run(words))
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(BrokenPipeError):
        connection.send(bytes([max(0, os.waitstatus_to_exitcode(status))]))
    os._exit(0)


def _run(words: list[str]) -> int:
    sys.argv = words
    code: object = 0
    try:
        if words[0] == "faceloop":
            from faceloop_workbench.cli import main

            main()
        else:
            sys.argv = words[1:]
            runpy.run_path(words[1], run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as Python does it at its end
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    serve(sys.argv[1])
