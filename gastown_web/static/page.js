// Keeps a page live: swaps panels as they change, turns moments into ages, and gives the keyboard what the console has.
"use strict";

const body = document.body;
const panels = body.dataset.panels || "";
const held = new Map();
let source = null;
let revision = Number(body.dataset.revision || 0);

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

function put(html) {
  const made = new DOMParser().parseFromString(html, "text/html");
  for (const fresh of [...made.body.children]) {
    const old = document.getElementById(fresh.id);
    if (!old) continue;
    if (isBusy(old)) {
      held.set(fresh.id, fresh.outerHTML);
      continue;
    }
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    htmx.swap(old, fresh.outerHTML, { swapStyle: "outerHTML" });
    held.delete(fresh.id);
    const now = document.getElementById(fresh.id);
    showAges(now);
    if (focused) document.getElementById(focused)?.focus();
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
  source = new EventSource(`/live?panels=${encodeURIComponent(panels)}&after=${revision}`);
  source.addEventListener("open", () => say("live", "good"));
  source.addEventListener("panels", (event) => {
    revision = Number(event.lastEventId) || revision;
    put(event.data);
  });
  source.addEventListener("error", () => say("△ not live: the server does not answer", "warn"));
}

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
