// #/system: how fast it goes, where time is spent, what waits, and every setting.

import { getJson, request } from "./api.js";
import { h, problemNote, setText } from "./dom.js";
import { bytes, count } from "./format.js";
import { poll } from "./live.js";

const EVERY_MS = 5000;
const SAMPLES_MAX = 13; // a minute: rates are over the last of these

/** Prometheus text as [{name, labels, value}]. */
export function readMetrics(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] || "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[name] = value.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
    }
    found.push({ name: match[1], labels, value: Number(match[3]) });
  }
  return found;
}

class Sample {
  constructor(text) {
    this.rows = readMetrics(text);
    this.at = performance.now() / 1000;
  }

  of(name, labels = {}) {
    const fit = this.rows.filter((row) => row.name === name
      && Object.entries(labels).every(([key, value]) => row.labels[key] === value));
    return fit.length ? fit.reduce((sum, row) => sum + row.value, 0) : null;
  }

  by(name, label) {
    return this.rows.filter((row) => row.name === name).map((row) => [row.labels[label], row.value]);
  }
}

function rate(samples, name, labels) {
  if (samples.length < 2) return null;
  const first = samples[0], last = samples[samples.length - 1];
  const from = first.of(name, labels), to = last.of(name, labels);
  return from === null || to === null || to < from ? null : (to - from) / (last.at - first.at);
}

function number(value, digits = 0) {
  return value === null ? "–" : value.toLocaleString("en", { maximumFractionDigits: digits });
}

function seconds(value) {
  if (!Number.isFinite(value)) return "–";
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

function scaled(value, by, digits) {
  return value === null ? "–" : number(value * by, digits);
}

const FIGURES = [
  ["Videos an hour", (s) => scaled(rate(s, "oriane_items_total", { state: "success" }), 3600)],
  ["Frames a minute", (s) => scaled(rate(s, "oriane_frames_total"), 60)],
  ["Vectors a second", (s) => scaled(rate(s, "oriane_embeddings_total"), 1, 1)],
  ["Processor", (s) => {
    const own = rate(s, "process_cpu_seconds_total"), children = rate(s, "oriane_children_cpu_seconds_total");
    const cores = s[s.length - 1].of("oriane_cpu_cores") || 1;
    return own === null ? "–" : `${number(((own + (children || 0)) / cores) * 100)} %`;
  }],
  ["Memory", (s) => {
    const value = s[s.length - 1].of("process_resident_memory_bytes");
    return value === null ? "–" : bytes(value);
  }],
  ["GPU memory", (s) => {
    const last = s[s.length - 1], total = last.of("oriane_gpu_memory_total_bytes");
    return total ? `${bytes(last.of("oriane_gpu_memory_used_bytes"))} of ${bytes(total)}` : "none";
  }],
  ["Network", (s) => {
    const both = [rate(s, "oriane_network_receive_bytes_total"), rate(s, "oriane_network_transmit_bytes_total")];
    return both[0] === null ? "–" : `${bytes(both[0] + (both[1] || 0))}/s`;
  }],
];

function table(caption, heads, rows) {
  return h("table", { class: "table" }, h("caption", { class: "unseen" }, caption),
    h("thead", null, h("tr", null, heads.map((text, i) => h("th", { scope: "col", class: i ? "num" : null }, text)))),
    h("tbody", null, rows.map((cells) => h("tr", null, cells.map((text, i) => h("td", { class: i ? "num" : "break" }, text))))));
}

function stageRows(sample) {
  const failures = new Map(sample.by("oriane_stage_failures_total", "stage"));
  const sums = new Map(sample.by("oriane_stage_duration_seconds_sum", "stage"));
  const counts = new Map(sample.by("oriane_stage_duration_seconds_count", "stage"));
  return [...new Set([...counts.keys(), ...failures.keys()])]
    .filter((stage) => counts.get(stage) || failures.get(stage))
    .map((stage) => [stage, number(counts.get(stage) || 0), seconds(sums.get(stage) / counts.get(stage)), number(failures.get(stage) || 0)]);
}

function figureBox(name) {
  const value = h("dd", null, "–");
  return { value, element: h("div", { class: "card figure" }, h("dt", null, name), value) };
}

function block(title, element) {
  return h("section", null, h("div", { class: "section-head" }, h("h2", null, title)), h("div", { class: "card" }, element));
}

function showModel(place, model) {
  const state = model.clip_model_loaded ? "loaded" : "not loaded";
  const facts = [`${count(model.dim, "number")} a vector`, model.backend, model.precision, model.device].filter(Boolean).join(" · ");
  place.replaceChildren(h("p", null, h("b", null, model.clip_model_name), ` ${state}`), h("p", { class: "soft small" }, facts),
    model.reason ? h("p", { class: "note warn" }, model.reason) : "");
}

function showSettings(place, config) {
  const text = (value) => (value === null || value === "" ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));
  place.replaceChildren(h("table", { class: "table" }, h("caption", { class: "unseen" }, "Settings"),
    h("tbody", null, Object.entries(config).map(([name, value]) =>
      h("tr", null, h("th", { scope: "row" }, h("code", null, name)), h("td", { class: "break" }, text(value)))))));
}

export function show(root, { signal }) {
  const samples = [];
  const boxes = FIGURES.map(([name]) => figureBox(name));
  const trouble = h("div"), model = h("div", { class: "pad" }, "…"), settings = h("div");
  const stages = h("div"), queues = h("div"), failures = h("div");
  root.append(h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "System"),
    h("div", { class: "end" }, h("a", { class: "button", href: "/api/docs" }, "API reference"))),
    h("dl", { class: "figures", "aria-label": "Over the last minute" }, boxes.map((box) => box.element)), trouble,
    block("Model", model), block("Stages", stages), block("Waiting", queues), block("Failures", failures),
    h("section", null, h("details", { class: "card pad" }, h("summary", { class: "more" }, "Settings"), settings)));

  function render() {
    const last = samples[samples.length - 1];
    FIGURES.forEach(([, of], i) => setText(boxes[i].value, of(samples)));
    const rows = stageRows(last);
    stages.replaceChildren(rows.length ? table("Stages of a video", ["Stage", "Times", "Mean", "Failures"], rows)
      : h("p", { class: "pad soft" }, "No video has been worked through since the start."));
    queues.replaceChildren(table("What waits", ["Queue", "Waiting"], last.by("oriane_queue_depth", "queue").map(([name, n]) => [name, number(n)])));
    const codes = last.by("oriane_failures_total", "code").filter(([, n]) => n > 0);
    failures.replaceChildren(codes.length ? table("Failures", ["Code", "Times"], codes.map(([name, n]) => [name, number(n)]))
      : h("p", { class: "pad soft" }, "None since the start."));
  }
  poll(async () => {
    try {
      const response = await request("GET", "/metrics", { signal, headers: { Accept: "text/plain" }, cache: "no-store" });
      samples.push(new Sample(await response.text()));
      if (samples.length > SAMPLES_MAX) samples.shift();
      render();
      trouble.replaceChildren();
    } catch (error) {
      if (!signal.aborted) trouble.replaceChildren(problemNote(error));
      throw error;
    }
  }, () => EVERY_MS, signal);
  poll(async () => showModel(model, await getJson("/models/status", { signal })), () => 15000, signal);
  getJson("/config", { signal }).then((config) => showSettings(settings, config), () => {});
}
