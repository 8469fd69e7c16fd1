// The command palette: what /api/v1/commands offers, filtered as one types; a line that is none of it goes to the server.
"use strict";

const palette = document.getElementById("palette");
const line = document.getElementById("palette-line");
const list = document.getElementById("palette-list");
const MOST = 40;
let commands = [];
let chosen = 0;

// letters in their order; words that begin with them first
function score(text, wanted) {
  const low = text.toLowerCase();
  if (!wanted) return 1;
  const at = low.indexOf(wanted);
  if (at >= 0) return 1000 - at - (at && /\w/.test(low[at - 1]) ? 50 : 0);
  let place = -1;
  for (const letter of wanted) {
    place = low.indexOf(letter, place + 1);
    if (place < 0) return 0;
  }
  return 100 - Math.min(99, low.length / 2);
}

function found() {
  const wanted = line.value.trim().toLowerCase().replace(/^gt\s+/, "");
  return commands
    .map((one, at) => [Math.max(score(one.label, wanted), score(`${one.label} ${one.help}`, wanted) - 200), at, one])
    .filter(([value]) => value > 0)
    .sort((a, b) => b[0] - a[0] || a[1] - b[1])
    .slice(0, MOST)
    .map(([, , one]) => one);
}

function part(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

function show() {
  const shown = found();
  chosen = Math.max(0, Math.min(chosen, shown.length - 1));
  list.replaceChildren(
    ...shown.map((one, at) => {
      const row = document.createElement("li");
      row.id = `palette-${at}`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(at === chosen));
      row.append(part("span", "kind", one.group), part("span", "label", one.label), part("span", "dim", one.help));
      row.addEventListener("click", () => (location.href = one.path));
      return row;
    }),
  );
  line.setAttribute("aria-activedescendant", shown.length ? `palette-${chosen}` : "");
  document.getElementById("palette-note").textContent = shown.length ? "Enter opens; an order asks before it acts." : "Enter runs it as a gt command, if the dashboard may run it.";
  list.children[chosen]?.scrollIntoView({ block: "nearest" });
}

async function open(event) {
  event?.preventDefault();
  if (!palette || palette.open) return;
  palette.showModal();
  line.value = "";
  chosen = 0;
  line.focus();
  show();
  try {
    const answer = await fetch("/api/v1/commands");
    if (!answer.ok) throw new Error((await answer.text()).trim());
    commands = (await answer.json()).commands;
    show();
  } catch (error) {
    document.getElementById("palette-note").textContent = `✗ the commands cannot be read: ${error.message}`;
  }
}

function go() {
  const typed = line.value.trim();
  const shown = found();
  // a line with arguments is a command, whatever it resembles
  if (typed.startsWith("gt ") || !shown.length) location.href = `/palette?q=${encodeURIComponent(typed)}`;
  else location.href = shown[chosen].path;
}

if (palette && line) {
  document.querySelector("[data-palette]")?.addEventListener("click", open);
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if ((event.key === "k" && (event.ctrlKey || event.metaKey)) || (event.key === ":" && !typing && !document.querySelector("dialog[open]"))) open(event);
  });
  line.addEventListener("input", () => {
    chosen = 0;
    show();
  });
  line.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      chosen += event.key === "ArrowDown" ? 1 : -1;
      show();
      event.preventDefault();
    } else if (event.key === "Enter") {
      event.preventDefault();
      go();
    }
  });
}
