#!/usr/bin/env node
// Finds the gt or bd that a Python installer put here, and becomes it. Nothing is downloaded, now or at install time.
"use strict";
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const name = path.basename(process.argv[1]).replace(/\.(js|cmd)$/, "");
const program = name === "bd" ? "bd" : "gt";
const endings = process.platform === "win32" ? [".exe", ".cmd"] : [""];
const own = fs.realpathSync(__filename);
const home = os.homedir();
const folders = [
  ...(process.env.GASTOWN_BIN ? [process.env.GASTOWN_BIN] : []),
  ...(process.env.PATH || "").split(path.delimiter),
  path.join(home, ".local", "bin"),
  path.join(home, ".local", "pipx", "venvs", "gastown-tui", "bin"),
  path.join(home, ".local", "share", "pipx", "venvs", "gastown-tui", "bin"),
  path.join(home, ".local", "share", "uv", "tools", "gastown-tui", "bin"),
  "/opt/homebrew/bin",
  "/usr/local/bin",
];

function isOther(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    const real = fs.realpathSync(file);
    // this very script on PATH, or another wrapper of npm, would call itself for ever
    return fs.statSync(real).isFile() && real !== own && !real.endsWith(path.join("bin", "gt.js"));
  } catch {
    return false;
  }
}

const candidates = folders.filter(Boolean).flatMap((folder) => endings.map((end) => path.join(folder, program + end)));
const found = candidates.find(isOther);
if (!found) {
  process.stderr.write(
    `${program} of Gas Town is not installed\n` +
      "  why:  this npm package only finds it; it brings no Python program\n" +
      "  next: pipx install gastown-tui, or uv tool install gastown-tui; GASTOWN_BIN names another folder\n",
  );
  process.exit(1);
}
const done = spawnSync(found, process.argv.slice(2), { stdio: "inherit" });
if (done.error) {
  process.stderr.write(`cannot start ${found}: ${done.error.message}\n`);
  process.exit(1);
}
if (done.signal) process.kill(process.pid, done.signal);
process.exit(done.status);
