"""Runs in the container, as a unit beside the one it tests: the package comes, serves and goes.

The folder /share is the host's: the package, which boot this is, and what the first leaves to the second.
"""

import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.error

from console import Console, get, until

SHARE = pathlib.Path("/share")
SHOW = pathlib.Path("/etc/wristcast/show.toml")
STATE = pathlib.Path("/var/lib/wristcast")
BEFORE = SHARE / "before.json"
# Written by dpkg, the journal and systemd for whatever comes and goes, and by this test.
NOT_OURS = ("/var/lib/dpkg", "/var/log", "/var/cache", "/var/lib/apt", "/var/lib/systemd", "/etc/.pwd.lock",
            "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-",
            "/var/lib/private", "/var/tmp/systemd-private-")


def ran(*command, code=0):
    """What a command says; it must end with this code, `None`: with any but 0."""
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout + done.stderr
    good = done.returncode != 0 if code is None else done.returncode == code
    if not good:
        sys.exit(f"{' '.join(command)}: code {done.returncode}\n{said}")
    return said


def shown(*names):
    """Properties of the unit."""
    lines = ran("systemctl", "show", "wristcast", *(f"--property={name}" for name in names)).splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return [found.get(name, "") for name in names]


def state():
    return "/".join(shown("ActiveState", "SubState"))


def pid():
    return int(shown("MainPID")[0])


def journal():
    return ran("journalctl", "--unit=wristcast", "--output=cat", "--no-pager", "--quiet")


def answers(path, test):
    """Whether the API answers, and with something that passes."""
    try:
        return test(get(path))
    except (urllib.error.URLError, OSError):
        return False


def groups():
    return {group["name"] for group in get("/api/v1/groups")}


def took(since):
    return f"{time.monotonic() - since:.1f} s"


def files():
    """Everything on the disk, and what it is."""
    found = {}
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders
                      if not os.path.ismount(os.path.join(folder, name))
                      and not os.path.join(folder, name).startswith(NOT_OURS)]
        for name in folders + names:
            path = os.path.join(folder, name)
            if path.startswith(NOT_OURS):
                continue
            entry = os.lstat(path)
            what = f"{entry.st_mode:o} {entry.st_uid}:{entry.st_gid}"
            if os.path.islink(path):
                what += " " + os.readlink(path)
            elif os.path.isfile(path):
                what += f" {entry.st_size}"
                if path.startswith("/etc/"):
                    what += " " + hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
            found[path] = what
    return found


def comes():
    package = next(SHARE.glob("*.deb"))
    ran("apt-get", "install", "--yes", "--no-install-recommends", str(package))
    assert (state(), shown("UnitFileState")) == ("inactive/dead", ["disabled"]), state()
    uid = ran("id", "--user", "wristcast").strip()
    assert "bluetooth" in ran("id", "--name", "--groups", "wristcast").split()
    print(f"installed by apt, starts nothing by itself; user wristcast is {uid}, in the group bluetooth")


def starts(console):
    since = time.monotonic()
    ran("systemctl", "enable", "--now", "wristcast")
    # Type=notify: the command comes back when the relay has said that it is ready.
    assert state() == "active/running", state()
    kind, watchdog, text = shown("Type", "WatchdogUSec", "StatusText")
    assert (kind, watchdog) == ("notify", "10s"), (kind, watchdog)
    assert text.startswith("relaying `First light`"), text
    assert "Active: active (running)" in ran("systemctl", "status", "wristcast")
    said = ran("wristcast", "service", "status")
    assert said.startswith("installed by the package: ") and "active (running)" in said, said
    print(f"enabled and started within {took(since)}; status: {text}")
    until("light from a packet", console.lights)
    assert len(get("/api/v1/bands")) == 10
    assert "listening: sACN 5568" in journal()
    print("a packet lights ten simulated bands; the journal says where it listens")


def is_confined():
    status = pathlib.Path(f"/proc/{pid()}/status").read_text()
    value = dict(line.split(":", 1) for line in status.splitlines())
    assert value["Uid"].split() == value["Uid"].split()[:1] * 4 and value["Uid"].split()[0] != "0", value["Uid"]
    for name in ("CapEff", "CapBnd", "CapAmb"):
        assert int(value[name], 16) == 0, (name, value[name])
    assert value["NoNewPrivs"].strip() == "1"
    mounts = pathlib.Path(f"/proc/{pid()}/mountinfo").read_text().splitlines()
    access = {fields[4]: fields[5] for fields in map(str.split, mounts)}
    assert access["/"].startswith("ro"), access["/"]
    assert access[str(STATE)].startswith("rw"), access
    tokens = (STATE / "tokens.txt").stat()
    assert (tokens.st_mode & 0o777, tokens.st_uid) == (0o600, int(value["Uid"].split()[0]))
    filtered = {"0": "not filtered by this kernel", "2": "filtered"}[value["Seccomp"].strip()]
    rating = ran("systemd-analyze", "security", "--no-pager", "wristcast").splitlines()[-1]
    print(f"no capability, no new privileges, all read-only but {STATE}; system calls {filtered}")
    print(re.sub(r"[^\x20-\x7e]+", "", rating).strip())


def reloads(console):
    good, before = SHOW.read_text(), pid()
    SHOW.write_text(good.replace("[[radio]]", '[[group]]\nname = "balcony"\nuniverse = "sacn/1"\n'
                                 'address = 4\npersonality = "rgb"\n\n[[radio]]'))
    ran("systemctl", "reload", "wristcast")
    until("the new group", lambda: groups() == {"floor", "balcony"})
    assert pid() == before and console.lights()
    print("systemctl reload: a group more, the same process, the light stays")

    edited = SHOW.read_text()
    SHOW.write_text(edited + "colour = 1\n")
    ran("systemctl", "reload", "wristcast", code=None)
    line = edited.count("\n") + 1
    until("the reason in the journal", lambda: f"{SHOW}:{line}:1" in journal())
    assert (pid(), groups(), state()) == (before, {"floor", "balcony"}, "active/running")
    assert console.lights()
    print(f"systemctl reload of a broken show fails, with line {line} in the journal; the show goes on")

    SHOW.write_text(edited.replace("[network]", "[network]\nsacn_port = 5570"))
    ran("systemctl", "reload", "wristcast")
    until("the refusal in the status", lambda: "refused" in shown("StatusText")[0])
    assert (pid(), state()) == (before, "active/running") and console.lights()
    print(f"what only a restart can change is refused; status: {shown('StatusText')[0]}")

    SHOW.write_text(edited + "colour = 1\n")
    ran("systemctl", "restart", "wristcast")
    assert pid() != before and groups() == {"floor", "balcony"}
    until("a fault that says so", lambda: "last good version" in shown("StatusText")[0])
    until("light", console.lights)
    print("restarted with the broken show: its last good version runs, and the status says so")
    SHOW.write_text(good)
    ran("systemctl", "reload", "wristcast")
    until("the show of the package", lambda: groups() == {"floor"})
    until("no fault", lambda: shown("StatusText")[0] == "relaying `First light`")


def comes_back(console):
    first = pid()
    since = time.monotonic()
    os.kill(first, signal.SIGKILL)
    until("another process", lambda: pid() not in (0, first) and state() == "active/running")
    until("light", lambda: answers("/api/v1/groups", lambda _: console.lights()))
    assert shown("NRestarts") == ["1"], shown("NRestarts")
    print(f"kill -9: light again after {took(since)}")

    second = pid()
    since = time.monotonic()
    os.kill(second, signal.SIGSTOP)
    until("another process", lambda: pid() not in (0, second) and state() == "active/running")
    until("light", lambda: answers("/api/v1/groups", lambda _: console.lights()))
    assert "Watchdog timeout" in journal(), journal()
    print(f"stopped by a signal: the watchdog (10 s) ends it; light again after {took(since)}")


def is_upgraded(console):
    before = pid()
    SHOW.write_text(SHOW.read_text().replace("bands_per_group = 10", "bands_per_group = 12"))
    ran("apt-get", "install", "--yes", "--reinstall", "--no-install-recommends", str(next(SHARE.glob("*.deb"))))
    until("another process", lambda: pid() not in (0, before) and state() == "active/running")
    until("twelve bands", lambda: answers("/api/v1/bands", lambda bands: len(bands) == 12))
    until("light", console.lights)
    print("installed over itself while it runs: the show file stays, the service is started again")


def gives_up_on_a_show_that_never_ran():
    good = SHOW.read_text()
    ran("systemctl", "stop", "wristcast")
    SHOW.write_text(good + "colour = 1\n")
    kept = STATE / "last-good"
    kept.rename(STATE / "aside")
    ran("systemctl", "start", "wristcast", code=None)
    restarts, code = shown("NRestarts", "ExecMainStatus")
    assert (state(), restarts, code) == ("failed/failed", "0", "1"), (state(), restarts, code)
    print("a show that is wrong from the start: failed with code 1, and not tried again")
    (STATE / "aside").rename(kept)
    SHOW.write_text(good)
    ran("systemctl", "start", "wristcast")


def stops(console):
    until("light", console.lights)
    since = time.monotonic()
    ran("systemctl", "stop", "wristcast")
    result, code = shown("Result", "ExecMainStatus")
    # Code 4 would say that bands were not in the end look.
    assert (state(), result, code) == ("inactive/dead", "success", "0"), (state(), result, code)
    assert time.monotonic() - since < 15
    assert "stopped after" in journal()
    print(f"stopped with every band in the end look after {took(since)}")


def is_root_s_own():
    """Without the package: `wristcast service`."""
    program, show = pathlib.Path("/usr/local/bin/wristcast"), pathlib.Path("/srv/show/show.toml")
    show.parent.mkdir()
    show.write_text((SHARE / "show.toml").read_text().replace("/var/lib/wristcast/", ""))
    program.write_bytes((SHARE / "wristcast").read_bytes())
    program.chmod(0o755)
    ran(str(program), "service", "install", str(show))
    assert "active (running)" in ran(str(program), "service", "status")
    until("light", Console().lights)
    assert (show.parent / "tokens.txt").exists()
    assert any((STATE / "last-good").rglob("*.json")), "the last good version is not kept"
    ran(str(program), "service", "uninstall")
    assert ran(str(program), "service", "status").startswith("not installed")
    for trace in (show, show.parent / "tokens.txt", program):
        trace.unlink()
    show.parent.rmdir()
    subprocess.run(["rm", "-rf", str(STATE)], check=True)
    print("service install, status and uninstall: root's own service comes and goes, too")


def waits_for_its_network():
    """At the next boot: the show's network is not there, and what waits for a network waits."""
    SHOW.write_text(SHOW.read_text().replace('["lo"]', '["10.90.0.0/24"]'))
    units = pathlib.Path("/etc/systemd/system")
    (units / "late.service").write_text(
        "[Unit]\nBefore=network-online.target\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
        "ExecStart=/bin/sh -c 'until [ -e /run/network-is-here ]; do sleep 0.1; done'\n")
    ran("systemctl", "--quiet", "add-wants", "network-online.target", "late.service")
    ran("systemctl", "--quiet", "add-wants", "multi-user.target", "network-online.target")
    ran("systemctl", "enable", "wristcast")


def was_started_with_the_machine():
    until("the service", lambda: state() == "active/running")
    assert "activating" in ran("systemctl", "is-active", "late.service", code=None)
    until("the fault", lambda: "10.90.0.0/24" in shown("StatusText")[0])
    print(f"started with the machine, before its network; status: {shown('StatusText')[0]}")
    ran("ip", "netns", "add", "desk")
    ran("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "desk0", "netns", "desk")
    ran("ip", "-n", "desk", "addr", "add", "10.90.0.1/24", "dev", "desk0")
    ran("ip", "-n", "desk", "link", "set", "desk0", "up")
    ran("ip", "-n", "desk", "route", "add", "239.0.0.0/8", "dev", "desk0")
    ran("ip", "link", "set", "lan0", "up")
    since = time.monotonic()
    ran("ip", "addr", "add", "10.90.0.2/24", "dev", "lan0")
    desk = subprocess.Popen(["ip", "netns", "exec", "desk", sys.executable, "-B", __file__, "desk"])
    try:
        until("multicast light", lambda: (get("/api/v1/groups")[0]["look"]["red"]) == 255)
        print(f"the address comes: light by multicast {took(since)} later, without a restart")
    finally:
        desk.kill()
        desk.wait()
    assert shown("NRestarts") == ["0"]
    until("no fault", lambda: shown("StatusText")[0] == "relaying `First light`")
    pathlib.Path("/run/network-is-here").touch()
    ran("ip", "netns", "del", "desk")


def desk():
    """A console on the show's network: a look to universe 1's group, until it is ended."""
    console = Console("239.255.0.1")
    while True:
        console.send()
        time.sleep(0.1)


def goes():
    since = time.monotonic()
    ran("apt-get", "remove", "--yes", "wristcast")
    assert (STATE / "tokens.txt").exists() and SHOW.exists()
    ran("pgrep", "-x", "wristcast", code=1)
    links = [str(path) for path in pathlib.Path("/etc/systemd").rglob("*wristcast*")]
    assert not links, links
    assert journal().count("stopped after") >= 1
    print(f"removed after {took(since)}: the relay stopped first; show and tokens are kept")
    ran("apt-get", "purge", "--yes", "wristcast")
    ran("id", "wristcast", code=1)
    ran("systemctl", "status", "wristcast", code=4)
    for unit in ("late.service", "network-online.target.wants/late.service",
                 "multi-user.target.wants/network-online.target"):
        (pathlib.Path("/etc/systemd/system") / unit).unlink()
    pathlib.Path("/etc/systemd/system/network-online.target.wants").rmdir()
    assert not list(pathlib.Path("/var/tmp").glob("*wristcast*"))
    before, after = json.loads(BEFORE.read_text()), files()
    trace = [f"{path}: {before.get(path, 'not there')} -> {after.get(path, 'gone')}"
             for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    assert not trace, "left behind or changed:\n" + "\n".join(trace)
    print("purged: no file, user, unit or link is left")


def installed():
    ran("systemctl", "daemon-reload")
    BEFORE.write_text(json.dumps(files()))
    console = Console()
    comes()
    starts(console)
    is_confined()
    reloads(console)
    comes_back(console)
    is_upgraded(console)
    gives_up_on_a_show_that_never_ran()
    stops(console)
    waits_for_its_network()


def started_with_the_machine():
    was_started_with_the_machine()
    goes()
    is_root_s_own()


if sys.argv[1:] == ["desk"]:
    desk()
sys.stdout.reconfigure(line_buffering=True)
{"installed": installed, "started-with-the-machine": started_with_the_machine}[(SHARE / "boot").read_text().strip()]()
