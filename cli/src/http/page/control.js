// Orders: the token, what is selected, and everything that changes the show.

const $ = id => document.getElementById(id);
const KEY = "wristcast-token";
const HOLD_MS = 1500;
let token = localStorage.getItem(KEY) || "";

/** Groups that orders are for, by index; empty: all of them. */
export const selected = new Set();
let names = [];
let state = { panic: false, frozen: false };
let masters = new Map();
let touched = {};

async function send(path, body) {
  try {
    const answer = await fetch(`/api/v1/control/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}`, "X-Wristcast-Front": "page" },
      body: JSON.stringify(body),
    });
    if (answer.ok) { $("answer").textContent = ""; return true; }
    const { error } = await answer.json().catch(() => ({ error: `the relay answered ${answer.status}` }));
    $("answer").textContent = error;
    if (answer.status === 401) lock();
  } catch {
    $("answer").textContent = "The relay cannot be reached: the order was not given";
  }
  return false;
}

function lock() {
  $("controls").disabled = true;
  $("panic").disabled = !state.panic || !token;
  $("locked").hidden = false;
  $("unlock").textContent = "Unlock";
  $("who").textContent = "";
}

async function check() {
  if (!token) { lock(); return "no token"; }
  try {
    const answer = await fetch("/api/v1/control/token", { headers: { Authorization: `Bearer ${token}` } });
    const words = await answer.json();
    if (!answer.ok) { lock(); return words.error; }
    localStorage.setItem(KEY, token);
    $("controls").disabled = false;
    $("panic").disabled = false;
    $("locked").hidden = true;
    $("unlock").textContent = "Lock";
    $("who").textContent = `as ${words.name}`;
    return "";
  } catch {
    return "The relay cannot be reached";
  }
}

/** Names of the groups that orders are for; undefined: all. */
const groups = () => selected.size ? [...selected].sort((a, b) => a - b).map(n => names[n]) : undefined;

/** The selection changed: its name and its master. */
export function showSelection() {
  const chosen = groups();
  $("selected").textContent = !chosen ? "Every group" :
    chosen.length <= 3 ? chosen.join(", ") : `${chosen.length} groups`;
  $("master-row").hidden = !chosen;
  const levels = (chosen || []).map(name => masters.get(name) ?? 255);
  if (levels.length && !(Date.now() - touched.master < 1500)) setFader("master", Math.max(...levels));
}

function setFader(id, level) {
  $(id).value = level;
  const percent = `${Math.round(level / 255 * 100)} %`;
  $(`${id}-out`).textContent = percent;
  $(id).setAttribute("aria-valuetext", percent);
}

/** A new scene: other groups. */
export function setScene(scene) {
  names = scene.groups.map(group => group.name);
  selected.clear();
  showSelection();
}

/** The relay tells what hands have done. */
export function setHands(hands) {
  masters = new Map(hands.map(group => [group.name, group.master]));
  showSelection();
}

export function setStatus(status) {
  state = status;
  // A finger on the fader is right until it lets go.
  if (!(Date.now() - touched.grand < 1500)) setFader("grand", status.grand_master);
  $("freeze").setAttribute("aria-pressed", status.frozen);
  $("freeze").textContent = status.frozen ? "Frozen – release" : "Freeze";
  const panic = $("panic");
  if (panic.classList.contains("latched") !== status.panic) {
    panic.classList.toggle("latched", status.panic);
    panic.innerHTML = status.panic ? "PANIC IS ON <small>hold to release</small>" : "PANIC <small>all bands dark</small>";
  }
  panic.disabled = $("controls").disabled;
  const swatch = (id, rgb, words) => {
    $(id).style.background = rgb ? `rgb(${rgb})` : "none";
    $(id).setAttribute("aria-label", words);
  };
  const words = rgb => rgb.some(level => level) ? `red ${rgb[0]}, green ${rgb[1]}, blue ${rgb[2]}` : "black";
  swatch("start-look", status.start_look, words(status.start_look));
  swatch("end-look", status.end_look, status.end_look ? words(status.end_look) : "hold");
  $("end-words").textContent = status.end_look ? "" : "as it is then";
}

/** At most one order of a fader is under way; the newest value follows it. */
function fader(id, order) {
  let busy = false, wanted = null;
  const push = async () => {
    if (busy || wanted === null) return;
    busy = true;
    const level = wanted;
    wanted = null;
    await send("master", order(level));
    busy = false;
    push();
  };
  $(id).addEventListener("input", () => {
    touched[id] = Date.now();
    wanted = Number($(id).value);
    setFader(id, wanted);
    push();
  });
}

/** Panic begins with a press; its release needs the finger, or the key, to stay. */
function panicButton() {
  const panic = $("panic");
  let since = 0, frame = 0, armed = false;
  const stop = () => { since = 0; cancelAnimationFrame(frame); panic.style.setProperty("--held", "0%"); };
  const step = () => {
    const part = Math.min(1, (performance.now() - since) / HOLD_MS);
    panic.style.setProperty("--held", `${part * 100}%`);
    if (part < 1) { frame = requestAnimationFrame(step); return; }
    stop();
    send("panic", { on: false });
  };
  const press = () => {
    if (panic.disabled || since) return;
    if (!state.panic) { armed = false; send("panic", { on: true }); return; }
    if (!armed) return;
    since = performance.now();
    step();
  };
  // The press that began panic is not the one that ends it.
  const let_go = () => { armed = true; stop(); };
  panic.addEventListener("pointerdown", event => { panic.setPointerCapture?.(event.pointerId); if (state.panic) armed = true; press(); });
  for (const name of ["pointerup", "pointercancel", "blur"]) panic.addEventListener(name, let_go);
  panic.addEventListener("contextmenu", event => event.preventDefault());
  panic.addEventListener("keydown", event => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) { if (state.panic) armed = true; press(); }
  });
  panic.addEventListener("keyup", event => { if (event.key === " " || event.key === "Enter") let_go(); });
}

function over(what) {
  send("override", { groups: groups(), seconds: Number($("seconds").value), ...what });
}

function tokenDialog() {
  const dialog = $("token-dialog");
  const open = () => { $("token").value = ""; $("token-answer").textContent = ""; dialog.showModal(); };
  $("unlock").addEventListener("click", () => {
    if ($("controls").disabled) return open();
    token = "";
    localStorage.removeItem(KEY);
    lock();
  });
  $("unlock-too").addEventListener("click", open);
  $("token-cancel").addEventListener("click", () => dialog.close());
  $("token-form").addEventListener("submit", async event => {
    event.preventDefault();
    token = $("token").value.trim();
    const wrong = await check();
    $("token-answer").textContent = wrong;
    if (!wrong) { dialog.close(); $("control").focus(); }
  });
}

export function start() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    token = given;
    history.replaceState(null, "", location.pathname);
  }
  fader("grand", level => ({ level }));
  fader("master", level => ({ level, groups: groups() }));
  panicButton();
  tokenDialog();
  $("freeze").addEventListener("click", () => send("freeze", { on: !state.frozen }));
  $("release").addEventListener("click", () => send("release", { groups: groups() }));
  const picked = () => {
    const [red, green, blue] = [1, 3, 5].map(at => parseInt($("colour").value.slice(at, at + 2), 16));
    return { red, green, blue };
  };
  $("apply").addEventListener("click", () => over({ look: picked() }));
  for (const button of document.querySelectorAll("[data-start], [data-end]")) {
    const { start, end } = button.dataset;
    button.addEventListener("click", () => send(start ? "start_look" : "end_look",
      end === "hold" ? { hold: true } : { look: (start || end) === "black" ? {} : picked() }));
  }
  $("ends-file").addEventListener("click", async () => { if (await send("start_look", {})) send("end_look", {}); });
  for (const button of document.querySelectorAll("[data-pattern]")) {
    button.addEventListener("click", () => over({ pattern: button.dataset.pattern }));
  }
  check();
}

/** The relay is there again, perhaps another one. */
export const recheck = () => { if (token) check(); };
