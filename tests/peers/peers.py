"""Runs wristcast and, one after another, lighting software of others against it.

Two network namespaces joined by a veth pair: the desk (10.77.0.1) and the relay (10.77.0.2). Every
wait is for a condition with a limit; nothing is judged by time alone.
usage: peers.py WRISTCAST WORK_FOLDER
"""
import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
RELAY = str(pathlib.Path(sys.argv[1]).resolve())
WORK = pathlib.Path(sys.argv[2]).resolve()
DESK_NS, RELAY_NS = f"wc-desk-{os.getpid()}", f"wc-relay-{os.getpid()}"
PATIENCE_S = 40

GROUP = """[[group]]
name = "{0}"
universe = "{0}"
address = 1
personality = "rgb"
"""
UNIVERSES = ["sacn/1", "sacn/2", "sacn/5", "artnet/0/0/0", "artnet/0/0/1", "artnet/0/0/3"]
SHOW = """name = "peers"
[network]
interfaces = ["desk"]
[http]
listen = "127.0.0.1:8420"
{groups}
[[radio]]
kind = "simulated"
bands_per_group = 1
""".format(groups="".join(GROUP.format(u) for u in UNIVERSES))


def run(*command, check=True, **options):
    return subprocess.run(command, check=check, text=True, capture_output=True, **options).stdout


def inside(namespace, *command):
    return ["ip", "netns", "exec", namespace, *map(str, command)]


@contextlib.contextmanager
def namespaces():
    try:
        for name in (DESK_NS, RELAY_NS):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "link", "add", "relay", "netns", DESK_NS, "type", "veth",
            "peer", "name", "desk", "netns", RELAY_NS)
        # `brd +`: olad sends its ArtPoll to the interface's broadcast address as the system names it.
        run("ip", "-n", DESK_NS, "addr", "add", "10.77.0.1/24", "brd", "+", "dev", "relay")
        run("ip", "-n", RELAY_NS, "addr", "add", "10.77.0.2/24", "brd", "+", "dev", "desk")
        run("ip", "-n", DESK_NS, "link", "set", "relay", "up")
        run("ip", "-n", RELAY_NS, "link", "set", "desk", "up")
        yield
    finally:
        for name in (DESK_NS, RELAY_NS):
            run("ip", "netns", "del", name, check=False)


@contextlib.contextmanager
def process(name, command, **options):
    """Runs a program with its output in WORK/NAME.log; ends it, gently first."""
    with open(WORK / f"{name}.log", "w") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 start_new_session=True, **options)
        try:
            yield child
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE_S} s in vain: {what}")
        time.sleep(0.1)


def api(path):
    fetch = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:8420/api/v1/{path}').read().decode())"
    out = subprocess.run(inside(RELAY_NS, sys.executable, "-c", fetch), text=True, capture_output=True)
    return json.loads(out.stdout) if out.returncode == 0 else None


def shows(universe, levels):
    """Waits until the relay's merged levels begin with `levels` and its group shows them."""
    state = until(f"{universe} = {levels}", lambda: (
        lambda state: state and state["levels"][:len(levels)] == levels and state)(
            api(f"universes/{universe}")))
    look = next(g["look"] for g in api("groups") if g["name"] == universe)
    assert [look["red"], look["green"], look["blue"]] == levels[:3], look
    return state


def source(state, address="10.77.0.1"):
    """The one live source of a universe."""
    live = [s for s in state["sources"] if s["contributing"]]
    assert len(live) == 1 and live[0]["address"].startswith(address), state["sources"]
    return live[0]


def nothing_lost(state):
    assert source(state)["sequence_errors"] == 0, state["sources"]


# --- the peers ---------------------------------------------------------------------------------


def olad():
    """olad refuses to run as root; its configuration is its own folder."""
    config = WORK / "olad"
    shutil.rmtree(config, ignore_errors=True)
    config.mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(config, nobody.pw_uid, nobody.pw_gid)
    for folder in [WORK, *WORK.parents]:
        folder.chmod(folder.stat().st_mode | 0o011)
    # Only the plugins under test: the others look for hardware.
    names = ["dummy", "espnet", "ftdidmx", "gpio", "karate", "kinet", "milinst", "opendmx",
             "openpixelcontrol", "osc", "pathport", "renard", "sandnet", "shownet", "spi", "stageprofi",
             "uartdmx", "usbdmx", "usbserial"]
    for name in names:
        (config / f"ola-{name}.conf").write_text("enabled = false\n")
    command = inside(DESK_NS, "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                     "olad", "--no-register-with-dns-sd", "--no-http", "-c", config, "-l", "3")
    with process("olad", command):
        def ola(*words):
            return run(*inside(DESK_NS, *words), check=False)

        devices = until("olad's devices", lambda: (
            lambda text: text if "ArtNet [" in text and "E1.31" in text else None)(ola("ola_dev_info")))
        artnet = re.search(r"Device (\d+): ArtNet", devices)[1]
        e131 = re.search(r"Device (\d+): E1.31", devices)[1]
        ola("ola_patch", "-d", artnet, "-p", "1", "-u", "1")
        ola("ola_patch", "-d", e131, "-p", "0", "-u", "2")
        # Without `always_broadcast`, olad sends ArtDmx to discovered nodes only.
        until("olad discovers wristcast as an Art-Net node",
              lambda: "10.77.0.2" in ola("ola_artnet", "-d", artnet, "-u", "1"))
        for universe in (1, 2):
            fade = subprocess.Popen(inside(DESK_NS, "ola_streaming_client", "-u", universe), text=True,
                                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
            for level in range(0, 256, 3):
                fade.stdin.write(f"{level},{255 - level},{universe}\n")
                fade.stdin.flush()
                time.sleep(0.02)  # the fade's own pace
            shows({1: "artnet/0/0/1", 2: "sacn/2"}[universe], [255, 0, universe])
            fade.stdin.close()
            fade.wait()
        nothing_lost(shows("artnet/0/0/1", [255, 0, 1]))
        state = shows("sacn/2", [255, 0, 2])
        nothing_lost(state)
        assert "OLA" in source(state)["name"], state["sources"]


def qlcplus():
    """QLC+ starts its workspace's scene, which fades in over two seconds."""
    home = WORK / "qlcplus"
    home.mkdir(exist_ok=True)
    environment = os.environ | {"HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}
    workspace = HERE / "qlcplus.qxw"
    command = inside(DESK_NS, "qlcplus", "--nogui", "--nowm", "--web", "--operate", "--debug", "0",
                     "--open", workspace)
    with process("qlcplus", command, env=environment):
        shows("artnet/0/0/0", [255, 128, 64, 10])
        state = shows("sacn/2", [11, 22, 33])
        assert "Q Light Controller" in source(state)["name"], state["sources"]
        log = WORK / "qlcplus.log"
        until("QLC+ discovers wristcast as an Art-Net node",
              lambda: re.search(r'getArtPollReplyInfo shortName: *"wristcast"', log.read_text()))


def python_sacn():
    command = inside(DESK_NS, WORK / "venv/bin/python", HERE / "python_sacn.py")
    with process("python_sacn", command):
        nothing_lost(shows("sacn/1", [200, 100, 50]))


def npm_sacn():
    environment = os.environ | {"NODE_PATH": str(WORK / "node/node_modules")}
    with process("npm_sacn", inside(DESK_NS, "node", HERE / "npm_sacn.js"), env=environment):
        nothing_lost(shows("sacn/5", [1, 2, 255]))


def npm_dmxnet():
    environment = os.environ | {"NODE_PATH": str(WORK / "node/node_modules")}
    with process("npm_dmxnet", inside(DESK_NS, "node", HERE / "npm_dmxnet.js"), env=environment):
        nothing_lost(shows("artnet/0/0/3", [255, 7, 9]))


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    show = WORK / "peers.toml"
    show.write_text(SHOW)
    failed = 0
    peers = [olad, qlcplus, python_sacn, npm_sacn, npm_dmxnet]
    with namespaces():
        for peer in peers:
            try:
                # A relay of its own for each, so that no peer inherits another's levels.
                with process("relay", inside(RELAY_NS, RELAY, "run", show)) as relay:
                    until("the relay's API", lambda: relay.poll() is None and api("status"))
                    peer()
                print(f"{peer.__name__}: ok", flush=True)
            except Exception as error:  # noqa: BLE001 - one peer's failure is told, the others still run
                failed += 1
                print(f"{peer.__name__}: FAILED: {error!r}\nlogs are in {WORK}", flush=True)
    print(f"{len(peers) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
