// Keeps a page live: swaps panels as they change, turns moments into ages, and gives the keyboard what the console has.
"use strict";

const body = document.body;
const panels = body.dataset.panels || "";
const held = new Map();
const AGAIN_MS = 3000;
let source = null;
let edition = body.dataset.edition || "";

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
    if (!one.title) one.title = one.textContent;
    one.textContent = age(now - at);
  }
}

function say(words, tone) {
  const state = document.querySelector("#live .state");
  if (!state) return;
  state.textContent = words;
  state.className = `state ${tone}`;
}

function isBusy(panel) {
  const active = document.activeElement;
  const open = panel.querySelector("details[open]");
  return (active && panel.contains(active) && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName)) || Boolean(open);
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
    const same = meaning && [...home.querySelectorAll("a, button, summary")].find((other) => meaningOf(other) === meaning);
    (same || document.getElementById(one.id || row))?.focus();
  };
}

function put(html) {
  const made = new DOMParser().parseFromString(html, "text/html");
  for (const fresh of [...made.body.children]) {
    const old = document.getElementById(fresh.id);
    if (!old) continue;
    if (isBusy(old)) {
      held.set(fresh.id, fresh.outerHTML);
      continue;
    }
    const focus = focusIn(old);
    htmx.swap(old, fresh.outerHTML, { swapStyle: "outerHTML" });
    held.delete(fresh.id);
    const now = document.getElementById(fresh.id);
    showAges(now);
    focus(now);
  }
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

function rest() {
  if (source) source.close();
  source = null;
}

// a hidden tab costs nothing; when it is seen again it gets what it missed
document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
document.addEventListener("focusout", () => setTimeout(() => [...held.values()].forEach(put), 0));
document.addEventListener("toggle", () => setTimeout(() => [...held.values()].forEach(put), 0), true);

function rows() {
  return [...document.querySelectorAll("[data-row], tbody tr")];
}

function step(by) {
  const all = rows();
  if (!all.length) return;
  const here = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[Math.min(all.length - 1, Math.max(0, here + by))];
  const target = next.matches("[tabindex]") ? next : next.querySelector("a") || next;
  target.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  const row = document.activeElement?.closest?.("[data-row]");
  if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (/^[1-9]$/.test(event.key) && row) row.querySelectorAll("form.answer button")[Number(event.key) - 1]?.click();
  else {
    const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
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

showAges(document);
setInterval(() => document.hidden || showAges(document), 10000);
title();
if (!document.hidden) listen();
if (document.querySelector("[data-pane]")) pane();
