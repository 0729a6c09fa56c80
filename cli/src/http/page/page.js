// What the relay is doing, as it happens. Everything here reads; orders are in control.js.

import { drawLatency, drawLevels, drawMap, groupAt, micros, placeGroups } from "/draw.js";
import * as control from "/control.js";

const $ = id => document.getElementById(id);
const SECONDS = 300, LISTED = 200, EVENTS = 200, BATTERY_LOW = 20;
const WHY = {
  lower_priority: "no: another source has a higher priority", preview: "no: it sends preview data",
  source_limit: "no: the universe has all the sources it takes", timed_out: "no: it went silent",
  terminated: "no: it said goodbye", sampling: "not yet: the universe is sampled first",
  merge_cancelled: "no: merging was cancelled from a console",
};
let scene = { groups: [], universes: [] }, status = null, connected = false;
let colours = new Uint8Array(), layout = null, hands = new Map();
let latencies = [], universes = [], chosen = null, detail = null, rates = new Map();
const dirty = new Set();
let source = null;

const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
const text = (tag, words, name) => {
  const element = document.createElement(tag);
  element.textContent = words;
  if (name) element.className = name;
  return element;
};
const set = (id, words) => { if ($(id).textContent !== String(words)) $(id).textContent = words; };
const age = ms => ms == null ? "–" : ms < 1000 ? `${ms} ms` : ms < 120000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60000)} min`;

function connect() {
  source?.close();
  source = new EventSource("/api/v1/live" + (chosen ? `?universe=${chosen}` : ""));
  source.addEventListener("open", () => { connected = true; control.recheck(); mark("verdict"); });
  source.addEventListener("error", () => {
    connected = false;
    mark("verdict");
    // A browser gives up when a relay that restarts refuses it.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 1000);
  });
  source.addEventListener("scene", event => newScene(JSON.parse(event.data)));
  source.addEventListener("change", event => change(JSON.parse(event.data)));
}

function newScene(next) {
  const same = JSON.stringify(next) === JSON.stringify(scene);
  scene = next;
  set("show", scene.show);
  document.title = `${scene.show} – wristcast`;
  colours = new Uint8Array(scene.groups.length * 4);
  latencies = [];
  universes = [];
  $("events").replaceChildren();
  if (!same) {
    control.setScene(scene);
    $("universes").tBodies[0].replaceChildren(...scene.universes.map(universeRow));
    listGroups();
  }
  place();
}

function change(news) {
  connected = true;
  if (news.status) { status = news.status; control.setStatus(status); mark("figures"); }
  if (news.hands) { hands = new Map(news.hands.map(hand => [hand.name, hand])); control.setHands(news.hands); mark("list"); }
  if (news.all_groups) { colours = bytes(news.all_groups); mark("map"); mark("list"); }
  if (news.groups) {
    const packed = bytes(news.groups);
    for (let at = 0; at < packed.length; at += 6) {
      colours.set(packed.subarray(at + 2, at + 6), (packed[at] | packed[at + 1] << 8) * 4);
    }
    mark("map");
    mark("list");
  }
  for (const [index, line] of news.universes || []) { universes[index] = line; showUniverse(index, line); }
  if (news.universe) { detail = { ...news.universe, levels: bytes(news.universe.levels) }; mark("detail"); }
  if (news.radios) showRadios(news.radios, news.bands);
  if (news.latencies) { latencies = latencies.concat(news.latencies).slice(-SECONDS); mark("latency"); }
  if (news.events) showEvents(news.events);
  mark("verdict");
}

/** Draws once per frame, however much has come. */
function mark(what) {
  if (!dirty.size) requestAnimationFrame(paint);
  dirty.add(what);
}

function paint() {
  const now = new Set(dirty);
  dirty.clear();
  if (now.has("verdict") || now.has("figures")) verdict();
  if (now.has("figures")) figures();
  if (now.has("map") && layout) drawMap($("map"), layout, colours, control.selected);
  if (now.has("list") && $("group-list").open) colourList();
  if (now.has("latency")) showLatency();
  if (now.has("detail")) showDetail();
}

function place() {
  const canvas = $("map");
  layout = placeGroups(scene.groups, canvas.clientWidth, canvas.clientHeight);
  mark("map");
  mark("latency");
  if (detail) mark("detail");
}

/** The three-second answer: does the crowd get its light, and if not why. */
function verdict() {
  let kind = "good", words = "The crowd gets its light";
  const left = status && status.bands - status.bands_connected;
  if (!connected) [kind, words] = ["bad", "No connection to the relay – trying again"];
  else if (!status) [kind, words] = ["wait", "Connecting to the relay …"];
  else if (status.panic) [kind, words] = ["bad", "PANIC – every band is dark. Hold the button to give the light back"];
  else if (status.standby && status.standby !== "drives" && !status.faults.length) [kind, words] = ["hand", "Standby – the other relay drives the bands"];
  else if (status.universes && !status.universes_live) [kind, words] = ["bad", "No light comes in: no console sends the patched universes"];
  else if (status.bands && !status.bands_connected) [kind, words] = ["bad", "No band is connected"];
  else if (status.faults.length) [kind, words] = ["bad", "Something is wrong"];
  else if (status.groups_lost) [kind, words] = ["warn", `${status.groups_lost} of ${status.groups} groups have no signal`];
  else if (left) [kind, words] = ["warn", `${left} of ${status.bands} bands are not connected`];
  else if (status.frozen) [kind, words] = ["hand", "Frozen – the crowd keeps its look until you release it"];
  else if (status.groups_overridden) [kind, words] = ["hand", status.groups_overridden === 1 ? "1 group is overridden by hand" : `${status.groups_overridden} groups are overridden by hand`];
  else if (status.grand_master < 255) [kind, words] = ["hand", `Grand master at ${Math.round(status.grand_master / 2.55)} %`];
  set("verdict-words", words);
  $("verdict").className = `verdict ${kind}`;
  const faults = connected && status ? status.faults : [];
  if ($("faults").dataset.was !== faults.join("\n")) {
    $("faults").dataset.was = faults.join("\n");
    $("faults").replaceChildren(...faults.map(fault => text("li", fault)));
  }
  set("link", connected ? "live" : "not connected");
}

function figures() {
  set("packets", Math.round(status.packets_per_second));
  set("universes-live", `${status.universes_live}/${status.universes}`);
  set("groups-live", `${status.groups - status.groups_lost}/${status.groups}`);
  set("bands-up", `${status.bands_connected}/${status.bands}`);
  const s = status.uptime_s;
  set("uptime", s < 3600 ? `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}` : `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} m`);
}

function showLatency() {
  drawLatency($("latency"), latencies, SECONDS);
  const last = latencies.at(-1) || [];
  set("p99", micros(last[3]));
  set("l99", micros(last[3]));
  set("l50", micros(last[2]));
  set("lpub", micros(last[1]));
  $("latency").setAttribute("aria-label", `Latency, last second: median ${micros(last[2])}, 99th percentile ${micros(last[3])} from console to radio`);
}

// Universes

const STATES = [["waiting", ""], ["live", "good"], ["lost", "bad"]];

function universeRow(name) {
  const row = document.createElement("tr");
  const button = text("button", name);
  button.type = "button";
  const first = document.createElement("td");
  first.append(button);
  row.append(first, document.createElement("td"));
  for (let n = 0; n < 3; n++) row.append(text("td", "–", "num"));
  const level = document.createElement("td");
  level.innerHTML = "<span class=bar><i></i></span>";
  row.append(level);
  row.addEventListener("click", () => choose(chosen === name ? null : name));
  return row;
}

function showUniverse(index, [state, rate, contributing, all, gaps, level]) {
  const row = $("universes").tBodies[0].rows[index];
  if (!row) return;
  const [words, kind] = STATES[state];
  const cells = row.cells;
  if (cells[1].textContent !== words) cells[1].replaceChildren(text("span", words, `state ${kind}`));
  cells[2].textContent = rate;
  cells[3].textContent = all > contributing ? `${contributing} of ${all}` : contributing;
  cells[4].textContent = gaps;
  cells[5].firstChild.firstChild.style.width = `${level / 2.55}%`;
}

function choose(name) {
  chosen = name;
  detail = null;
  $("detail").hidden = true;
  scene.universes.forEach((universe, n) => {
    const row = $("universes").tBodies[0].rows[n];
    row.classList.toggle("chosen", universe === name);
    row.querySelector("button").setAttribute("aria-expanded", universe === name);
  });
  connect();
}

function showDetail() {
  if (!detail || detail.universe !== chosen) return;
  $("detail").hidden = false;
  set("detail-name", `${detail.universe}: ${detail.sources.length || "no"} source${detail.sources.length === 1 ? "" : "s"}`);
  set("detail-why", winner(detail));
  $("sources").tBodies[0].replaceChildren(...detail.sources.map(one => {
    const row = document.createElement("tr");
    const counts = one.contributing ? "yes" : WHY[one.reason] || `no: ${one.reason}`;
    row.append(text("td", one.name || "(no name)"), text("td", one.address), text("td", one.priority ?? "–", "num"),
      text("td", one.rate_hz.toFixed(1), "num"), text("td", one.sequence_errors, "num"));
    const cell = document.createElement("td");
    cell.append(text("span", counts, `state ${one.contributing ? "good" : "warn"}`));
    row.append(cell);
    return row;
  }));
  drawLevels($("levels"), detail.levels);
}

/** Who rules a universe, and why. */
function winner({ state, sources }) {
  const name = one => one.name || one.address, rank = one => one.priority == null ? "" : ` (priority ${one.priority})`;
  const rules = sources.filter(one => one.contributing), out = sources.filter(one => !one.contributing);
  if (!rules.length) return state === "waiting" ? "Nobody has sent it yet" : state === "lost" ? "Nobody sends it any more: its groups follow their policy for loss" : "Nobody rules it";
  const words = rules.length === 1 ? `${name(rules[0])}${rank(rules[0])} rules` : `Merged: ${rules.map(one => name(one) + rank(one)).join(" and ")}`;
  const lower = out.filter(one => one.reason === "lower_priority");
  if (lower.length) return `${words}: its priority is higher than ${lower.map(one => `${name(one)}'s${rank(one)}`).join(", ")}`;
  return out.length || rules.length > 1 ? words : `${words}: it is the only one`;
}

// Groups

function listGroups() {
  const wanted = $("group-find").value.toLowerCase();
  const found = scene.groups.map((group, n) => [group, n]).filter(([group]) => group.name.toLowerCase().includes(wanted));
  $("groups").replaceChildren(...found.slice(0, LISTED).map(([group, n]) => {
    const item = document.createElement("li"), label = document.createElement("label"), box = document.createElement("input");
    box.type = "checkbox";
    box.checked = control.selected.has(n);
    box.addEventListener("change", () => select(n, box.checked));
    const swatch = text("span", "", "swatch");
    label.append(box, swatch, text("span", group.name), text("small", ""));
    label.dataset.group = n;
    item.append(label);
    return item;
  }));
  set("groups-more", found.length > LISTED ? `${found.length - LISTED} more: find them by name` : "");
  colourList();
}

function colourList() {
  for (const label of $("groups").querySelectorAll("label")) {
    const n = Number(label.dataset.group), at = n * 4, bits = colours[at + 3];
    label.children[0].checked = control.selected.has(n);
    label.children[1].style.background = `rgb(${colours[at]},${colours[at + 1]},${colours[at + 2]})`;
    const hand = hands.get(scene.groups[n].name);
    const words = [hand?.overridden_by && `overridden: ${hand.overridden_by}`,
      hand && hand.master < 255 && `master ${Math.round(hand.master / 2.55)} %`, bits & 1 && "no signal"].filter(Boolean);
    label.children[3].textContent = words.join(", ");
  }
}

function select(n, on) {
  if (on) control.selected.add(n); else control.selected.delete(n);
  selection();
}

function selection() {
  control.showSelection();
  set("map-hint", control.selected.size ? `${control.selected.size} selected` : "Tap groups to select them");
  mark("map");
  mark("list");
}

function mapInput() {
  const map = $("map");
  let stroke = null;
  const touch = event => {
    const box = map.getBoundingClientRect();
    const n = groupAt(layout, event.clientX - box.left, event.clientY - box.top);
    if (n < 0) return;
    stroke ??= !control.selected.has(n);
    select(n, stroke);
  };
  map.addEventListener("pointerdown", event => { if (layout) touch(event); });
  // A mouse paints over several; a finger scrolls.
  map.addEventListener("pointermove", event => { if (stroke !== null && event.buttons && event.pointerType === "mouse") touch(event); });
  addEventListener("pointerup", () => { stroke = null; });
  addEventListener("pointercancel", () => { stroke = null; });
}

// Radios, bands, events

/** Frames per second since the radio was last looked at; null until then, and after a restart. */
function rateOf({ name, frames_sent: frames }) {
  const at = performance.now(), known = rates.get(name);
  if (!known || frames < known.frames) rates.set(name, { at, frames, rate: null });
  // Two looks that come together say nothing about a second.
  else if (at - known.at > 800) rates.set(name, { at, frames, rate: (frames - known.frames) / (at - known.at) * 1000 });
  return rates.get(name).rate;
}

function showRadios(next, bands) {
  $("radios").tBodies[0].replaceChildren(...next.map(radio => {
    const rate = rateOf(radio);
    const row = document.createElement("tr"), state = document.createElement("td");
    state.append(text("span", radio.detail ? `${radio.state}: ${radio.detail}` : radio.state,
      `state ${radio.state === "up" ? "good" : radio.state === "down" ? "bad" : ""}`));
    row.append(text("td", radio.name), state, text("td", `${radio.bands_connected}/${radio.bands}`, "num"),
      text("td", rate == null ? "–" : Math.round(rate), "num"), text("td", radio.frames_failed, "num"), text("td", radio.conflated, "num"));
    return row;
  }));
  const all = next.reduce((sum, radio) => sum + radio.bands, 0);
  set("bands-title", all > bands.length ? `Bands: the first ${bands.length} of ${all}, those that need you first` : `Bands: ${all}`);
  if (!$("band-list").open) return;
  $("bands").tBodies[0].replaceChildren(...bands.map(band => {
    const row = document.createElement("tr"), state = document.createElement("td"), shows = document.createElement("td");
    state.append(text("span", band.detail || (band.connected ? "connected" : "not connected"), `state ${band.connected ? "good" : "bad"}`));
    const swatch = text("span", "", "swatch"), look = band.look, on = look.dimmer / 255;
    const rgb = [look.red, look.green, look.blue].map(level => Math.min(255, level + look.white) * on);
    swatch.style.background = `rgb(${rgb})`;
    swatch.title = `red ${look.red}, green ${look.green}, blue ${look.blue}, dimmer ${look.dimmer}`;
    shows.append(swatch);
    const battery = text("td", band.battery_percent == null ? "–" : `${band.battery_percent} %`, "num");
    if (band.battery_percent != null && band.battery_percent < BATTERY_LOW) battery.classList.add("low");
    const rssi = text("td", band.rssi_dbm == null ? "–" : `${band.rssi_dbm} dBm`, "num");
    if (band.rssi_dbm != null) rssi.append(" ", text("small", `${age(band.rssi_age_ms)} ago`));
    row.append(text("td", band.id), text("td", band.group), state, shows, text("td", age(band.age_ms), "num"), battery, rssi);
    return row;
  }));
}

function showEvents(events) {
  const list = $("events");
  for (const event of events) {
    const item = document.createElement("li"), when = document.createElement("time"), words = text("span", event.text, "words");
    const at = new Date(event.unix_ms);
    when.dateTime = at.toISOString();
    when.textContent = at.toLocaleTimeString([], { hour12: false });
    item.className = event.severity;
    if (event.by) words.append(" ", text("span", event.by, "by"));
    item.append(when, words);
    list.prepend(item);
  }
  while (list.children.length > EVENTS) list.lastChild.remove();
}

$("select-all").addEventListener("click", () => { scene.groups.forEach((_, n) => control.selected.add(n)); selection(); });
$("select-none").addEventListener("click", () => { control.selected.clear(); selection(); });
$("group-find").addEventListener("input", listGroups);
$("group-list").addEventListener("toggle", () => { if ($("group-list").open) listGroups(); });
addEventListener("resize", place);
mapInput();
control.start();
connect();
