"""Stands in for ``cvgl worker``; goes wrong in the way that its first argument names.

Standard library only. ``locate`` takes ``params["steps"]`` times 20 ms for each stage, and waits in
the stage ``params["hold"]`` until it is cancelled; the methods named in ``FAULTS`` go wrong.
"""

import json
import os
import signal
import sys
import threading
import time

STAGES = ("reading", "describing", "searching", "matching", "decoding", "fusing", "writing")
HOW = sys.argv[1] if len(sys.argv) > 1 else "well"
PROTOCOL = "2.0" if HOW == "version" else "1.0"
cancelled = set()


def send(**event):
    sys.stdout.buffer.write(json.dumps(event).encode() + b"\n")
    sys.stdout.buffer.flush()


def crash(name):
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60)  # another thread may have got the signal


def hang(name):
    pass


def huge(name):
    sys.stdout.buffer.write(b"x" * (5 << 20))
    sys.stdout.buffer.flush()


def refuse(name):
    send(event="error", id=name, error="PhotoOpenError", message="x.jpg: no", exit_code=31)


def flood(name):
    for number in range(200_000):
        sys.stderr.write(f"line {number} of a flood\n")
    sys.stderr.flush()
    locate(name, {})


def garbage(name):
    sys.stdout.buffer.write(b'Welcome to host!\n\xff\xfe\n[1]\n{"event": 3}\n')
    locate(name, {})


def locate(name, params):
    for number, stage in enumerate(STAGES):
        send(event="progress", id=name, stage=stage, fraction=number / 7, text=f"{stage}...")
        while params.get("hold") == stage and name not in cancelled:
            time.sleep(0.005)
        time.sleep(0.02 * params.get("steps", 0))
        if name in cancelled:
            send(event="cancelled", id=name)
            return
    send(event="news", of="a later version")
    send(event="result", id=name, result={"echo": params})


FAULTS = {f.__name__: f for f in (crash, hang, huge, refuse, flood, garbage)}


def begin(request):
    name, method, params = request["id"], request["method"], request["params"]
    if method == "cancel":
        cancelled.update({params["id"]} if HOW != "deaf" else ())
        return
    what, args = (FAULTS[method], (name,)) if method in FAULTS else (locate, (name, params))
    threading.Thread(target=what, args=args, daemon=True).start()


def main():
    if HOW == "crash-at-start":
        sys.stderr.write("ModuleNotFoundError: No module named 'cvgl_core'\n")
        sys.exit(1)
    if HOW == "never":
        sys.stdin.buffer.read()
        return
    if "--check" in sys.argv:
        send(ok=True, checks=[{"name": "torch", "ok": True, "detail": "9.9"}])
        return
    send(event="hello", protocol=PROTOCOL, engine="0.0-fake", pid=os.getpid())
    if HOW == "slow":
        time.sleep(0.6)
    if HOW == "broken":
        send(event="error", id=None, error="OSError", message="torch cannot be loaded", exit_code=1)
    elif HOW != "crash-while-loading":
        facts = {"device": "cpu", "threads": 2, "models": [], "offline": True, "python": "3"}
        send(event="ready", protocol=PROTOCOL, engine="0.0-fake", pid=os.getpid(), **facts)
    else:
        os.kill(os.getpid(), signal.SIGKILL)
    for line in sys.stdin.buffer:
        begin(json.loads(line))
    if HOW == "stubborn":
        time.sleep(60)


main()
