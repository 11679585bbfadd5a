// The console: routes by hash, the key, the line at the top. One view at a time; leaving it aborts
// all that it has under way.

import { getJson, hasKey, isLegalKey, onRefused, request, setKey } from "./api.js";
import { h, setText } from "./dom.js";
import { capital } from "./format.js";
import { poll } from "./live.js";
import * as job from "./job.js";
import * as jobs from "./jobs.js";
import * as newJob from "./new.js";
import * as search from "./search.js";
import * as system from "./system.js";
import * as video from "./video.js";

const READY_MS = 15000;
const main = document.getElementById("main");
const nav = document.getElementById("nav");
let leave = new AbortController();
let isFirst = true;

/** The view of an address; parts are decoded. */
function viewOf(parts) {
  if (parts[0] === "jobs" && parts.length === 1) return { view: jobs, title: "Jobs", mark: "#/jobs" };
  if (parts[0] === "jobs" && parts.length === 2) return { view: job, title: "Job", mark: "#/jobs" };
  if (parts[0] === "new" && parts.length === 1) return { view: newJob, title: "New job", mark: "#/jobs" };
  if (parts[0] === "videos" && parts.length === 3) return { view: video, title: `${parts[1]}/${parts[2]}`, mark: "" };
  if (parts[0] === "search" && parts.length === 1) return { view: search, title: "Search", mark: "#/search" };
  if (parts[0] === "system" && parts.length === 1) return { view: system, title: "System", mark: "#/system" };
  return null;
}

function readHash() {
  const [path, text] = location.hash.replace(/^#\/?/, "").split("?", 2);
  try {
    return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(text || "") };
  } catch {
    return { parts: ["?"], query: new URLSearchParams() };
  }
}

function clear() {
  leave.abort();
  leave = new AbortController();
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  document.getElementById("ready").open = false;
  const root = h("div");
  main.replaceChildren(root);
  return root;
}

function route() {
  const { parts, query } = readHash();
  if (parts.length === 0) {
    history.replaceState(null, "", "#/jobs");
    parts.push("jobs");
  }
  const found = viewOf(parts);
  const root = clear();
  nav.hidden = false;
  for (const link of nav.querySelectorAll("a")) {
    if (found && found.mark === link.getAttribute("href")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = found ? `${found.title} · Oriane` : "Oriane";
  if (found) found.view.show(root, { parts, query, signal: leave.signal });
  else root.append(h("div", { class: "empty" }, h("h1", { tabindex: "-1" }, "No such page"), h("p", null, h("a", { href: "#/jobs" }, "To the jobs"))));
  window.scrollTo(0, 0);
  const title = root.querySelector("h1");
  if (title && !isFirst) title.focus({ preventScroll: true });
  isFirst = false;
}

/** Asks whether the server takes the key; true, or the sentence that says why not. */
async function tryKey() {
  try {
    await request("GET", "/concurrency/stats", { isQuiet: true });
    return true;
  } catch (error) {
    return error;
  }
}

function gate(words) {
  const root = clear();
  nav.hidden = true;
  document.getElementById("forget").hidden = true;
  document.title = "Key · Oriane";
  const input = h("input", { id: "key", type: "password", autocomplete: "current-password", required: true, spellcheck: "false",
    "aria-describedby": "key-hint" });
  const hint = h("p", { class: "hint", id: "key-hint" }, "It stays in this tab until you close it.");
  const trouble = h("div", { role: "alert" });
  const refuse = (text) => {
    trouble.replaceChildren(h("p", { class: "note bad" }, text));
    input.setAttribute("aria-invalid", "true");
    input.select();
    input.focus();
  };
  async function open(event) {
    event.preventDefault();
    if (!isLegalKey(input.value)) {
      refuse("A key has only plain letters, digits and signs.");
      return;
    }
    setKey(input.value);
    const verdict = await tryKey();
    if (verdict === true) {
      begin();
      return;
    }
    setKey("");
    refuse(verdict.status === 401 ? "The server does not take this key." : verdict.message);
  }
  root.append(h("form", { class: "card gate", onsubmit: open },
    h("img", { src: "/ui/icon.svg", alt: "", width: 44, height: 44 }),
    h("h1", { tabindex: "-1" }, "Welcome"), h("p", null, "This server asks for its API key."),
    // password managers want a name beside the key
    h("input", { type: "text", name: "username", autocomplete: "username", value: "api-key", hidden: true }),
    h("div", { class: "form" }, h("div", { class: "field" }, h("label", { for: "key" }, "API key"), input, hint), trouble,
      h("button", { type: "submit", class: "primary" }, "Open"))));
  if (words) refuse(words);
  input.focus();
}

function begin() {
  document.getElementById("forget").hidden = !hasKey();
  route();
}

/* readiness */

function panel(checks, detail) {
  const rows = Object.entries(checks || {}).map(([name, check]) =>
    h("li", { class: check.ok ? "is-ok" : "is-warn" }, h("span", { class: "dot", "aria-hidden": "true" }),
      h("span", null, `${capital(name)}: ${check.ok ? "well" : "not well"}`), check.reason && h("p", null, check.reason)));
  document.getElementById("checks").replaceChildren(...(rows.length ? [h("ul", { class: "checks" }, rows)] : [h("p", null, detail)]));
}

function showReady(word, className, checks, detail) {
  const place = document.getElementById("ready");
  place.className = `ready ${className}`;
  setText(document.getElementById("ready-word"), word);
  const trouble = document.getElementById("unready"); // who sends a first job must see why it waits
  trouble.hidden = className === "is-ok";
  setText(trouble, className === "is-ok" ? "" : detail);
  const key = JSON.stringify([checks, detail]);
  if (place.dataset.shown === key) return;
  place.dataset.shown = key;
  panel(checks, detail);
}

async function lookReady() {
  try {
    const answer = await getJson("/ready", { isQuiet: true, cache: "no-store" });
    showReady("Ready", "is-ok", answer.checks, "All is well.");
  } catch (error) {
    if (error.status === 503) showReady("Not ready", "is-warn", error.checks, error.message);
    else showReady("Unreachable", "is-bad", null, error.message);
  }
}

document.addEventListener("click", (event) => {
  const place = document.getElementById("ready");
  if (place.open && !place.contains(event.target)) place.open = false;
});
document.addEventListener("keydown", (event) => {
  const place = document.getElementById("ready");
  if (event.key !== "Escape" || !place.open) return;
  place.open = false;
  place.querySelector("summary").focus();
});
document.getElementById("forget").addEventListener("click", async () => {
  setKey("");
  if (await tryKey() === true) begin();
  else gate("");
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the hash belongs to the routes
  main.focus();
});
onRefused(() => {
  const had = hasKey();
  setKey("");
  gate(had ? "The server does not take this key any more." : "");
});
window.addEventListener("hashchange", () => {
  if (!nav.hidden) route();
});

poll(lookReady, () => READY_MS, new AbortController().signal);
tryKey().then((verdict) => {
  if (verdict !== true && verdict.status === 401) {
    const had = hasKey();
    setKey("");
    gate(had ? "The server does not take this key any more." : "");
  } else {
    begin();
  }
});
