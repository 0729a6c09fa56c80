// Drives the status page in a real browser against a real relay: looks, clicks, types, holds, kills the
// relay and starts it again. Every check says what an operator would miss.
// usage: node drive.mjs WRISTCAST WORK

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [binary, work] = process.argv.slice(2).map(name => path.resolve(name));
const require = createRequire(path.join(work, "node_modules", "x.js"));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const API = "http://127.0.0.1:48421";
const PORTS = { sacn: 45569, artnet: 46455 };
const WAIT = 60_000;

/** A hall: three rings of blocks around the floor, and a crew without a place on the map. */
function show() {
  const groups = [];
  const group = (name, x, y, universe, address) => groups.push(
    `[[group]]\nname = "${name}"\nuniverse = "${universe}"\naddress = ${address}\npersonality = "rgb"\n`
    + (x === null ? "" : `position = [${x.toFixed(2)}, ${y.toFixed(2)}]\n`));
  [["inner", 26, 30, "sacn/1"], ["middle", 34, 38, "sacn/2"], ["outer", 42, 46, "artnet/0/0/1"]].forEach(
    ([ring, radius, count, universe]) => {
      for (let n = 0; n < count; n++) {
        const angle = Math.PI * (-.08 + 1.16 * n / (count - 1));
        group(`${ring}-${n + 1}`, Math.cos(angle) * radius * 1.5, Math.sin(angle) * radius, universe, 1 + n * 3);
      }
    });
  for (let row = 0; row < 5; row++) for (let n = 0; n < 12; n++) {
    group(`floor-${row + 1}-${n + 1}`, (n - 5.5) * 4, row * 3.6, "sacn/3", 1 + (row * 12 + n) * 3);
  }
  group("crew", null, null, "sacn/3", 400);
  return `name = "Arena, second night"
[network]
interfaces = ["lo"]
sacn_port = ${PORTS.sacn}
artnet_port = ${PORTS.artnet}
[http]
listen = "127.0.0.1:48421"
token_file = "tokens.txt"
${groups.join("")}
[[radio]]
kind = "simulated"
name = "stands"
bands_per_group = 6
[[radio]]
kind = "simulated"
name = "floor"
bands_per_group = 2
groups = ["${Array.from({ length: 5 }, (_, row) => Array.from({ length: 12 }, (_, n) => `floor-${row + 1}-${n + 1}`).join('", "')).join('", "')}"]
`;
}

const children = new Set();
function start(...args) {
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", openSync(path.join(work, "relay.log"), "a")] });
  children.add(child);
  child.on("exit", () => children.delete(child));
  return child;
}
const runRelay = () => start("run", path.join(work, "show.toml"), "--log", "warn", "--status-every", "0s");
const send = (pattern, universe, ...more) => start("send", pattern, universe, ...more,
  "--sacn-port", PORTS.sacn, "--artnet-port", PORTS.artnet, "--to", "127.0.0.1");

async function until(what, look) {
  const end = Date.now() + WAIT;
  for (;;) {
    const found = await look().catch(() => null);
    if (found) return found;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}
const api = async name => (await fetch(`${API}/api/v1/${name}`)).json();
function holds(what, truth) {
  if (!truth) throw new Error(`not so: ${what}`);
  console.log(`page: ${what}`);
}
const verdict = page => page.textContent("#verdict-words");
const says = (page, words) => until(`the page says "${words}"`, async () => (await verdict(page)).includes(words));

/** Draws attention to what a person with a keyboard, a screen reader or weak eyes would miss. */
async function accessible(page, where) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const words = violations.map(one => `${one.id}: ${one.help}: ${one.nodes.map(node => node.target).join(" ")}`);
  holds(`axe finds nothing ${where}${words.length ? `, but ${words.join("; ")}` : ""}`, violations.length === 0);
}

async function desktop(browser, token) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const wrong = [];
  page.on("pageerror", error => wrong.push(String(error)));
  page.on("console", message => { if (message.type() === "error") wrong.push(message.text()); });
  await page.goto(API);
  await says(page, "The crowd gets its light");
  const weight = await page.evaluate(() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter(one => !one.name.includes("/api/")).reduce((sum, one) => sum + one.encodedBodySize, 0));
  holds(`the page weighs ${(weight / 1000).toFixed(1)} kB, less than 100`, weight > 5_000 && weight < 100_000);
  await until("the map shows light", () => page.evaluate(() => {
    const map = document.getElementById("map");
    const { data } = map.getContext("2d").getImageData(0, 0, map.width, map.height);
    let lit = 0;
    for (let at = 0; at < data.length; at += 4) if (Math.max(data[at], data[at + 1], data[at + 2]) > 180) lit++;
    return lit > 2000;
  }));
  holds("control is locked without a token", await page.isDisabled("#panic") && await page.isDisabled("#grand"));

  await page.click("#unlock");
  await page.fill("#token", "not-the-right-token-at-all");
  await page.click("#token-ok");
  await until("a wrong token is refused", async () => (await page.textContent("#token-answer")).includes("not in the relay's token file"));
  wrong.length = 0; // The browser tells of the 401 itself.
  await page.fill("#token", token);
  await page.keyboard.press("Enter");
  await until("unlocked", async () => (await page.textContent("#who")) === "as operator");

  await page.focus("#grand");
  for (let n = 0; n < 5; n++) await page.keyboard.press("PageDown");
  const master = await until("the grand master moved", async () => {
    const { grand_master } = await api("status");
    return grand_master < 240 && String(grand_master) === await page.inputValue("#grand") && grand_master;
  });
  holds(`the grand master moves by keyboard, to ${master}`, true);
  await page.keyboard.press("End");
  await until("full again", async () => (await api("status")).grand_master === 255);

  await page.click("#group-list summary");
  await page.fill("#group-find", "floor-1-");
  await page.check("#groups label:has-text('floor-1-1') >> nth=0");
  await page.click("[data-pattern=identify]");
  await until("one group is identified", async () => (await api("control")).groups.some(one => one.overridden_by === "identify"));
  await says(page, "1 group is overridden by hand");
  await page.click("#release");
  await until("given back", async () => (await api("control")).groups.length === 0);
  await page.click("#select-none");
  await page.fill("#group-find", "");
  await page.click("#group-list summary");

  await page.click("#universes button:has-text('sacn/1')");
  await until("two consoles are named", async () => (await page.locator("#sources tbody tr").count()) === 2);
  holds("the backup says why it does not count",
    (await page.textContent("#sources")).includes("another source has a higher priority"));
  const why = await page.textContent("#detail-why");
  holds(`who wins and why: "${why}"`, why.includes("FOH desk (priority 120) rules") && why.includes("higher than Backup's (priority 80)"));
  await page.click("#band-list summary");
  const band = await until("bands tell their battery and how they are heard", async () => {
    const text = await page.textContent("#bands tbody tr:first-child");
    return /\d+ %/.test(text) && /-\d+ dBm .*ago/.test(text) && text;
  });
  holds(`a band: ${band}`, true);
  await page.click("#band-list summary");
  await page.click("#ends summary");
  await page.fill("#colour", "#204060");
  await page.click("[data-end=colour]");
  await until("an end look is chosen", async () => (await api("control")).end_look?.blue === 0x60);
  await page.click("[data-end=hold]");
  await until("to hold is chosen", async () => (await api("control")).end_look === null);
  await page.click("#ends-file");
  await until("the show file's again", async () => (await api("control")).end_look?.dimmer === 0);
  await page.click("#ends summary");

  await page.click("#panic");
  await until("panic", async () => (await api("status")).panic);
  await says(page, "PANIC");
  await page.click("#panic");
  holds("a tap does not release panic", (await api("status")).panic);
  await page.screenshot({ path: path.join(work, "panic.png") });
  const box = await page.locator("#panic").boundingBox();
  await page.mouse.move(box.x + 40, box.y + 30);
  await page.mouse.down();
  await until("released by holding", async () => !(await api("status")).panic);
  await page.mouse.up();
  await says(page, "The crowd gets its light");
  await page.focus("#panic");
  await page.keyboard.press("Enter");
  await says(page, "PANIC");
  await page.keyboard.down("Enter");
  await until("released by keyboard", async () => !(await api("status")).panic);
  await page.keyboard.up("Enter");
  await says(page, "The crowd gets its light");
  const roles = await page.evaluate(() => Object.fromEntries(["verdict", "answer", "map", "latency"].map(id => {
    const { role, ariaLive, ariaLabel } = document.getElementById(id);
    return [id, [role ?? document.getElementById(id).getAttribute("role"), ariaLive, ariaLabel]];
  })));
  holds("what changes is read out, and pictures have words", roles.verdict[0] === "status" && roles.verdict[1] === "polite"
    && roles.answer[0] === "alert" && roles.map[0] === "img" && /median .* from console to radio/.test(roles.latency[2]));
  await page.focus("body");
  await page.evaluate(() => { document.activeElement?.blur(); scrollTo(0, 0); });
  const reached = new Set();
  for (let n = 0; n < 80; n++) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.dataset.pattern || document.activeElement.textContent.trim().slice(0, 24)));
  }
  const wanted = ["unlock", "grand", "freeze", "seconds", "identify", "colours", "chase", "colour", "apply", "release", "sacn/1", "panic"];
  const missed = wanted.filter(one => !reached.has(one));
  holds(`Tab reaches every control${missed.length ? `, but ${missed}` : ""}`, missed.length === 0);
  const events = await page.textContent("#events");
  holds("the events say who it was", events.includes("PANIC") && events.includes("operator (page, 127.0.0.1)"));

  await until("some latency is plotted", async () => (await page.textContent("#l99")) !== "–");
  await accessible(page, "at a desk");
  await page.evaluate(() => { document.activeElement?.blur(); scrollTo(0, 0); });
  await page.screenshot({ path: path.join(work, "desktop.png") });
  await page.screenshot({ path: path.join(work, "desktop-full.png"), fullPage: true });
  holds(`no script failed${wrong.length ? `, but ${wrong.join("; ")}` : ""}`, wrong.length === 0);
  return page;
}

async function phone(browser, token) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
  const page = await context.newPage();
  await page.goto(`${API}/#token=${token}`);
  await until("unlocked by the link", async () => (await page.textContent("#who")) === "as operator");
  holds("the token is not left in the address", !page.url().includes(token));
  await says(page, "The crowd gets its light");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  holds(`nothing hangs over the edge of a phone (${wide} px)`, wide <= 0);
  const small = await page.evaluate(() => [...document.querySelectorAll("button, select, input, summary")]
    .filter(one => one.checkVisibility() && (one.closest("label, tr") ?? one).getBoundingClientRect().height < 32).map(one => one.id || one.textContent));
  holds(`everything can be hit with a finger${small.length ? `, but ${small}` : ""}`, small.length === 0);
  await page.tap("#panic");
  await until("panic by finger", async () => (await api("status")).panic);
  await says(page, "PANIC");
  await page.screenshot({ path: path.join(work, "phone-panic.png") });
  await fetch(`${API}/api/v1/control/panic`, {
    method: "POST", body: '{"on":false}',
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
  });
  await says(page, "The crowd gets its light");
  await accessible(page, "on a phone");
  await page.screenshot({ path: path.join(work, "phone.png") });
  await page.screenshot({ path: path.join(work, "phone-full.png"), fullPage: true });
  await context.close();
}

async function main() {
  mkdirSync(work, { recursive: true });
  for (const name of ["tokens.txt", "relay.log"]) rmSync(path.join(work, name), { force: true });
  writeFileSync(path.join(work, "show.toml"), show());
  let relay = runRelay();
  const token = await until("the token is written", async () =>
    readFileSync(path.join(work, "tokens.txt"), "utf8").match(/^operator (\S+)/m)?.[1]);
  await until("the relay is ready", async () => (await fetch(`${API}/readyz`)).ok);
  send("rainbow", "sacn/1", "sacn/2", "sacn/3", "artnet/0/0/1", "--priority", "120", "--source-name", "FOH desk");
  send("solid", "sacn/1", "--colour", "#203040", "--priority", "80", "--source-name", "Backup");
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  try {
    const page = await desktop(browser, token);
    await phone(browser, token);
    relay.kill("SIGTERM");
    await says(page, "No connection to the relay");
    await new Promise(resolve => relay.exitCode === null ? relay.once("exit", resolve) : resolve());
    relay = runRelay();
    await says(page, "The crowd gets its light");
    holds("the page survives the relay's restart", true);
  } finally {
    await browser.close();
  }
}

try {
  await main();
} catch (error) {
  console.error(`page: ${error.stack}`);
  process.exitCode = 1;
} finally {
  for (const child of children) child.kill("SIGTERM");
}
