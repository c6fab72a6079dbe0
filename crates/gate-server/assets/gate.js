// What the pages do beyond showing themselves: look again when something changed,
// write times in the reader's own zone, and move by keyboard. Without it every
// page works the same, and nothing is answered by one key.
"use strict";

const policy = window.trustedTypes
  ? window.trustedTypes.createPolicy("gate", { createHTML: (html) => html })
  : { createHTML: (html) => html };

// Times ----------------------------------------------------------------------

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

function span(seconds) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const at = Math.max(0, units.findIndex(([size]) => seconds >= size));
  const [size, name] = seconds < 1 ? units[3] : units[at];
  const whole = Math.floor(seconds / size);
  if (size === 1) return `${whole} s`;
  const [next, small] = units[at + 1];
  const rest = Math.floor((seconds % size) / next);
  return rest ? `${whole} ${name} ${rest} ${small}` : `${whole} ${name}`;
}

function writeTimes() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = exact.format(at);
    if (time.hasAttribute("data-left")) {
      const left = Math.ceil((at - now) / 1000);
      time.textContent = left > 0 ? `${span(left)} left` : "time is up";
    } else if (time.hasAttribute("data-ago")) {
      const past = Math.floor((now - at) / 1000);
      time.textContent = past < 5 ? "just now" : `${span(past).split(" ").slice(0, 2).join(" ")} ago`;
    } else {
      time.textContent = exact.format(at);
    }
  }
}

// Days and times are of the reader's zone, unless the address says another one.
function sayZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  if (!timeZone) return;
  const isSaid = document.querySelector("[data-zone][data-said]");
  for (const place of document.querySelectorAll("[data-zone]")) {
    if (isSaid && place.closest("form.filters")) continue;
    if (place instanceof HTMLInputElement) place.value = timeZone;
    else place.textContent = timeZone;
  }
}

// Looking again --------------------------------------------------------------

const regions = () => [...document.querySelectorAll("[data-live][id]")];

function say(text) {
  const said = document.getElementById("said");
  if (said) said.textContent = text;
}

/** Names what has the focus so that it is found again in new markup. */
function named(element) {
  if (!element || element === document.body) return null;
  if (element.id) return `#${CSS.escape(element.id)}`;
  const href = element.getAttribute("href");
  return href ? `a[href="${CSS.escape(href)}"]` : null;
}

function replace(region, fresh) {
  // What somebody types in stays, unless there is nothing to answer any more.
  if (region.dataset.keep !== undefined && region.dataset.keep === fresh.dataset.keep) return false;
  const known = new Set([...region.querySelectorAll("a.row")].map((row) => row.getAttribute("href")));
  const open = new Set([...region.querySelectorAll("details[open][id]")].map((fold) => fold.id));
  const focus = region.contains(document.activeElement) ? named(document.activeElement) : null;
  region.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
  if (fresh.dataset.keep !== undefined) region.dataset.keep = fresh.dataset.keep;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  for (const row of region.querySelectorAll("a.row")) {
    if (!known.has(row.getAttribute("href"))) row.classList.add("fresh");
  }
  if (focus) region.querySelector(focus)?.focus({ preventScroll: true });
  return true;
}

let looking = false;
let again = false;

async function look(unattended = false) {
  if (looking) { again = true; return; }
  looking = true;
  // Nobody is there: the session is not to grow younger by it.
  const headers = unattended ? { accept: "text/html", "gate-unattended": "1" } : { accept: "text/html" };
  try {
    const answer = await fetch(location.href, { headers, redirect: "manual" });
    if (answer.type === "opaqueredirect") { location.reload(); return; }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(policy.createHTML(await answer.text()), "text/html");
    const before = document.querySelectorAll("#inbox a.row").length;
    for (const region of regions()) {
      const fresh = page.getElementById(region.id);
      if (fresh) replace(region, fresh);
    }
    document.title = page.title;
    writeTimes();
    const after = document.querySelectorAll("#inbox a.row").length;
    const status = document.querySelector("#head .status")?.textContent;
    if (document.getElementById("inbox")) {
      if (after !== before) say(after > before ? "A new request waits." : "A request was answered.");
    } else if (status) {
      say(status);
    }
  } catch {
    // The stream comes back by itself, and says then what was missed.
  } finally {
    looking = false;
    if (again) { again = false; look(); }
  }
}

let stream = null;
let soon = 0;

function listen() {
  if (stream || document.hidden || regions().length === 0) return;
  stream = new EventSource("/events");
  const changed = (event) => {
    // A page about one request has nothing to do with the others.
    const own = location.pathname.match(/^\/requests\/([^/]+)$/);
    if (own && event.type === "change" && JSON.parse(event.data).request !== own[1]) return;
    clearTimeout(soon);
    soon = setTimeout(look, 120);
  };
  stream.addEventListener("ready", () => document.body.classList.add("live"));
  stream.addEventListener("reset", (event) => { document.body.classList.add("live"); changed(event); });
  stream.addEventListener("change", changed);
  stream.addEventListener("over", () => location.reload());
  stream.addEventListener("error", () => {
    document.body.classList.remove("live");
    if (stream && stream.readyState === EventSource.CLOSED) {
      stream = null;
      setTimeout(() => { listen(); look(); }, 5000);
    }
  });
}

// A hidden window gives its connection to the others, and looks by itself now and then, so that
// its title says what waits.
const UNATTENDED = 60_000;
let unattended = 0;

function attend() {
  clearInterval(unattended);
  if (!document.hidden) {
    listen();
    return;
  }
  stream?.close();
  stream = null;
  if (regions().length > 0) unattended = setInterval(() => look(true), UNATTENDED);
}

document.addEventListener("visibilitychange", () => {
  const isBack = !document.hidden && !stream;
  attend();
  if (isBack) look();
});

// Keyboard -------------------------------------------------------------------

const KEYS = [
  ["j / k", "next and previous request"],
  ["Enter", "open it"],
  ["a", "go to Approve"],
  ["d", "go to Deny"],
  ["/", "search the history"],
  ["g i / g h", "inbox, history"],
  ["?", "this list"],
];

function help() {
  let box = document.getElementById("keys");
  if (!box) {
    box = document.createElement("dialog");
    box.id = "keys";
    box.setAttribute("aria-labelledby", "keys-title");
    const title = document.createElement("h2");
    title.id = "keys-title";
    title.textContent = "Keys";
    const list = document.createElement("dl");
    list.className = "list";
    for (const [key, what] of KEYS) {
      const name = document.createElement("dt");
      const shown = document.createElement("kbd");
      shown.textContent = key;
      name.append(shown);
      const meaning = document.createElement("dd");
      meaning.textContent = what;
      list.append(name, meaning);
    }
    const form = document.createElement("form");
    form.method = "dialog";
    const close = document.createElement("button");
    close.className = "button";
    close.textContent = "Close";
    form.append(close);
    box.append(title, list, form);
    document.body.append(box);
  }
  box.showModal();
}

function step(by) {
  const rows = [...document.querySelectorAll("a.row")].filter((row) => row.checkVisibility());
  if (rows.length === 0) return;
  const at = rows.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
  rows[next].focus();
}

function go(selector) {
  const element = document.querySelector(selector);
  element?.scrollIntoView({ block: "center" });
  element?.focus();
}

let led = 0;

document.addEventListener("keydown", (event) => {
  const typed = event.target instanceof Element && event.target.closest("input, textarea, select, dialog");
  if (typed || event.ctrlKey || event.metaKey || event.altKey) return;
  const leads = Date.now() - led < 1000;
  led = 0;
  if (leads && event.key === "i") { location.assign("/"); return; }
  if (leads && event.key === "h") { location.assign("/history"); return; }
  switch (event.key) {
    case "j": step(1); break;
    case "k": step(-1); break;
    // To where the answer is given, and no further: one key answers nothing.
    case "a": go("#confirm, button.approve"); break;
    case "d": go("button.deny"); break;
    case "/": if (document.getElementById("text")) go("#text"); else location.assign("/history"); break;
    case "g": led = Date.now(); break;
    case "?": help(); break;
    default: return;
  }
  event.preventDefault();
});

sayZone();
writeTimes();
setInterval(writeTimes, 1000);
attend();
