// Keeps a page live: swaps panels as they change, turns moments into ages, and gives the keyboard what the console has.
"use strict";

const body = document.body;
const panels = body.dataset.panels || "";
const held = new Map();
const AGAIN_MS = 3000;
// what changes so shortly before a click was not seen by whoever clicks
const UNSEEN_MS = 700;
let source = null;
let edition = body.dataset.edition || "";
let pointer = null;
let movedAt = -Infinity;

function age(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

function showAges(root) {
  const now = Date.now() / 1000;
  for (const one of root.querySelectorAll("time[datetime]")) {
    const at = Date.parse(one.dateTime) / 1000;
    if (Number.isNaN(at)) continue;
    if (!one.title) one.title = one.textContent;
    const text = age(now - at);
    if (one.textContent !== text) one.textContent = text;
  }
}

function say(words, tone) {
  const state = document.querySelector("#live .state");
  if (!state) return;
  state.textContent = words;
  state.className = `state ${tone}`;
}

// what a person has opened here themselves stays open
function isBusy(panel) {
  const active = document.activeElement;
  return Boolean(active && panel.contains(active) && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName)) || Boolean(panel.querySelector("details[data-opened]"));
}

function meaningOf(one) {
  const form = one.closest("form");
  const fields = form ? [...form.querySelectorAll("input:not([name=csrf])")].map((input) => `${input.name}=${input.value}`) : [];
  return [one.tagName, one.getAttribute("href"), form?.getAttribute("action"), ...fields].join(" ");
}

// returns what puts the focus back where it was: to the same act of the same question, else to its row
function focusIn(panel) {
  const one = document.activeElement;
  if (!panel.contains(one)) return () => {};
  const row = one.closest("[data-row]")?.id || "";
  const meaning = one.id ? "" : meaningOf(one);
  return (fresh) => {
    const home = document.getElementById(row) || fresh;
    const same = meaning && [...home.querySelectorAll("a, button, summary, [tabindex]")].find((other) => meaningOf(other) === meaning);
    (same || document.getElementById(one.id || row))?.focus({ preventScroll: true });
  };
}

// what a click or a digit would do now: the act under the pointer, and the answers of the row with the focus
function aim() {
  const under = pointer && document.elementFromPoint(pointer.x, pointer.y)?.closest("button, a.button");
  const row = document.activeElement?.closest?.("[data-row]");
  const answers = row ? [...row.querySelectorAll("form.answer button")].map(meaningOf) : [];
  return [under ? meaningOf(under) : "", ...answers].join("\n");
}

function scrollOf(panel) {
  return [...panel.querySelectorAll(".scroll, .board, .graph, .cards, pre")].map((one) => [one.scrollLeft, one.scrollTop, one.scrollTop + one.clientHeight >= one.scrollHeight - 4]);
}

function keepScroll(panel, before) {
  [...panel.querySelectorAll(".scroll, .board, .graph, .cards, pre")].forEach((one, at) => {
    const [left, top, atEnd] = before[at] || [0, 0, true];
    one.scrollLeft = left;
    one.scrollTop = one.hasAttribute("data-end") && atEnd ? one.scrollHeight : top;
  });
}

function put(html) {
  const before = aim();
  const made = new DOMParser().parseFromString(html, "text/html");
  for (const fresh of [...made.body.children]) {
    const old = document.getElementById(fresh.id);
    if (!old) continue;
    if (isBusy(old)) {
      held.set(fresh.id, fresh.outerHTML);
      continue;
    }
    const focus = focusIn(old);
    const scrolled = scrollOf(old);
    htmx.swap(old, fresh.outerHTML, { swapStyle: "outerHTML" });
    held.delete(fresh.id);
    const now = document.getElementById(fresh.id);
    showAges(now);
    keepScroll(now, scrolled);
    focus(now);
  }
  if (aim() !== before) movedAt = performance.now();
  title();
}

function title() {
  const count = Number(document.getElementById("head")?.dataset.count || 0);
  document.title = document.title.replace(/^\(\d+\) /, "");
  if (count) document.title = `(${count}) ${document.title}`;
}

function listen() {
  if (source || !panels) return;
  source = new EventSource(`/live?panels=${encodeURIComponent(panels)}&after=${edition}`);
  source.addEventListener("open", () => say("live", "good"));
  source.addEventListener("panels", (event) => {
    edition = event.lastEventId || edition;
    put(event.data);
  });
  source.addEventListener("error", lost);
}

// a browser asks again by itself after a break, but never again after a refusal
async function lost() {
  say("△ not live: the server does not answer", "warn");
  if (source?.readyState !== EventSource.CLOSED) return;
  rest();
  try {
    const answer = await fetch("/api/v1/status", { headers: { "HX-Request": "true" } });
    if (answer.status === 401) say("△ not live: the server is another one now; open the link that gt dashboard printed last", "warn");
    else if (!answer.ok) say(`△ not live: ${(await answer.text()).trim()}`, "warn");
  } catch {
    // it does not answer, as the header says
  }
  setTimeout(() => document.hidden || listen(), AGAIN_MS);
}

function complain(words) {
  const list = document.createElement("ol");
  list.className = "receipts bad";
  list.append(Object.assign(document.createElement("li"), { textContent: `✗ ${words}` }));
  document.getElementById("receipts")?.replaceChildren(list);
}

document.addEventListener("htmx:responseError", (event) => complain(event.detail.xhr.responseText.trim() || "refused"));
document.addEventListener("htmx:sendError", () => complain("the server does not answer; look whether this was done"));
document.addEventListener("pointermove", (event) => (pointer = { x: event.clientX, y: event.clientY }), { passive: true });

// an act whose place changed under the hand was not the one that was meant
for (const kind of ["click", "submit"]) {
  document.addEventListener(
    kind,
    (event) => {
      const act = event.target.closest?.(kind === "click" ? "button[type=submit], a.button" : "form[hx-post]");
      if (!act || !act.closest("[data-row]") || performance.now() - movedAt > UNSEEN_MS) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      complain("nothing was done: this place changed just before; look again");
    },
    true,
  );
}

function rest() {
  if (source) source.close();
  source = null;
}

// a hidden tab costs nothing; when it is seen again it gets what it missed
document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
const release = () => setTimeout(() => [...held.values()].forEach(put), 0);
document.addEventListener("focusout", release);
// a click opens and closes it, a key does so as a click; what the server draws open is nobody's doing
document.addEventListener("click", (event) => {
  const box = event.target.closest?.("summary")?.parentElement;
  if (!box) return;
  setTimeout(() => {
    if (box.open) box.dataset.opened = "";
    else delete box.dataset.opened;
    release();
  }, 0);
});

function rows() {
  return [...document.querySelectorAll("main [data-row]")].filter((row) => row.offsetParent !== null);
}

function step(by) {
  const all = rows();
  if (!all.length) return;
  const here = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[Math.min(all.length - 1, Math.max(0, here + by))];
  const target = next.matches("[tabindex]") ? next : next.querySelector("a") || next;
  target.focus();
  next.scrollIntoView({ block: "nearest" });
}

const rowOrders = new Map((document.getElementById("keys")?.dataset.orders || "").trim().split(" ").filter(Boolean).map((one) => [one.slice(0, one.indexOf("=")), one.slice(one.indexOf("=") + 1)]));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const row = document.activeElement?.closest?.("[data-row]");
  const order = row?.dataset.agent && rowOrders.get(event.key);
  if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "?") document.getElementById("keys")?.showModal();
  else if (event.key === "/") {
    document.querySelector("[data-search]")?.focus();
    event.preventDefault();
  } else if (event.key === "Escape") {
    if (row) document.activeElement.blur();
    else document.querySelector("[data-back]")?.click();
  } else if (event.key === "Enter" && row && document.activeElement === row) row.querySelector("a")?.click();
  else if (/^[1-9]$/.test(event.key) && row) row.querySelectorAll("form.answer button")[Number(event.key) - 1]?.click();
  else if (order) location.href = `/act/${order}?target=${encodeURIComponent(row.dataset.agent)}`;
  else {
    const link = document.querySelector(`#menu a[data-key="${CSS.escape(event.key)}"]`);
    if (link) location.href = link.href;
  }
});

async function pane() {
  const place = document.querySelector("[data-pane]");
  if (place && !document.hidden) {
    try {
      const answer = await fetch(place.dataset.pane);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("pre");
      const old = place.querySelector("pre");
      if (answer.ok && fresh && fresh.textContent !== old.textContent) old.textContent = fresh.textContent;
    } catch {
      // the header says that the server does not answer
    }
  }
  setTimeout(pane, 1000);
}

document.querySelector("#menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
document.querySelectorAll("pre[data-end]").forEach((one) => (one.scrollTop = one.scrollHeight));
showAges(document);
setInterval(() => document.hidden || showAges(document), 10000);
title();
if (!document.hidden) listen();
if (document.querySelector("[data-pane]")) pane();
