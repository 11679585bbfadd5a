// #/jobs: the list, a page of it, kept fresh.

import { getJson } from "./api.js";
import { h, keyed, problemNote, setClass, setText } from "./dom.js";
import { ago, capital, count, ended, jobTitle, moment, shortId } from "./format.js";
import { poll } from "./live.js";

const PAGE_SIZE = 20;
const BUSY_MS = 2500, CALM_MS = 10000;
const STATES = ["", "running", "pending", "completed", "failed", "stopped"];

function address(status, page) {
  const query = new URLSearchParams();
  if (status) query.set("status", status);
  if (page > 1) query.set("page", String(page));
  return query.size ? `#/jobs?${query}` : "#/jobs";
}

function outcome(counts) {
  const parts = [count(counts.total, "video")];
  if (counts.success) parts.push(`${counts.success} done`);
  if (counts.failed) parts.push(`${counts.failed} failed`);
  if (counts.stopped) parts.push(`${counts.stopped} stopped`);
  return parts.join(" · ");
}

class Row {
  constructor(id) {
    this.id = id;
    this.state = h("span");
    this.title = h("div", { class: "title" });
    this.sub = h("div", { class: "sub" });
    this.progress = h("progress", { max: 100 });
    this.percent = h("output");
    this.when = h("time", { class: "when" });
    this.element = h("li", null, h("a", { class: "job-row", href: `#/jobs/${encodeURIComponent(id)}` }, this.state,
      h("div", { class: "what" }, this.title, this.sub), h("div", { class: "bar" }, this.progress, this.percent), this.when));
  }

  update(job) {
    setClass(this.state, `state state-${job.status}`);
    setText(this.state, capital(job.status));
    setText(this.title, jobTitle(job));
    setText(this.sub, `${shortId(job.job_id)} · ${outcome(job.counts)}`);
    setClass(this.progress, `state-${job.status}`);
    this.progress.value = job.percentage;
    this.progress.setAttribute("aria-label", `Progress of job ${shortId(job.job_id)}`);
    setText(this.percent, `${Math.floor(job.percentage)} %`);
    setText(this.when, ago(job.created_at));
    this.when.dateTime = job.created_at;
    this.when.title = moment(job.created_at);
  }
}

function figure(name) {
  const value = h("dd", null, "–");
  return { value, element: h("div", { class: "card figure" }, h("dt", null, name), value) };
}

function figures() {
  const parts = { active: figure("Jobs running"), pending: figure("Jobs waiting"), queue: figure("Videos waiting"), workers: figure("Workers busy"),
    done: figure("Completed"), failed: figure("Failed") };
  const of = (part, n, whole) => {
    const text = Number(n).toLocaleString("en");
    if (part.shown === `${text}/${whole}`) return;
    part.shown = `${text}/${whole}`;
    part.value.replaceChildren(text, whole === undefined ? "" : h("span", null, ` of ${whole}`));
  };
  return {
    element: h("dl", { class: "figures", "aria-label": "Now" }, Object.values(parts).map((p) => p.element)),
    update(stats) {
      of(parts.active, stats.active_jobs, stats.max_parallel_jobs);
      of(parts.pending, stats.pending_jobs);
      of(parts.queue, stats.queue_size);
      of(parts.workers, stats.active_workers, stats.max_workers);
      of(parts.done, stats.completed_jobs);
      of(parts.failed, stats.failed_jobs);
    },
  };
}

function emptyList(status) {
  if (status) return h("div", { class: "empty" }, h("h2", null, `No ${status} jobs`), h("p", null, "Jobs in this state show up here."));
  return h("div", { class: "empty" }, h("h2", null, "Nothing here yet"),
    h("p", null, "A job is a list of videos that are turned into searchable frames."),
    h("div", { class: "actions" }, h("a", { class: "button primary", href: "#/new" }, "New job")));
}

function filters(status) {
  return h("nav", { class: "segments", "aria-label": "Jobs by state" }, STATES.map((word) =>
    h("a", { href: address(word, 1), "aria-current": word === status ? "true" : null }, capital(word) || "All")));
}

function pager(status, page, total) {
  const pages = Math.max(1, Math.ceil(total / PAGE_SIZE));
  if (pages === 1 && page === 1) return "";
  const link = (text, to, isOn) => (isOn ? h("a", { class: "button", href: address(status, to) }, text)
    : h("button", { type: "button", disabled: true }, text));
  return h("nav", { class: "pager", "aria-label": "Pages" }, link("Newer", Math.min(page - 1, pages), page > 1),
    h("span", { class: "soft small" }, `Page ${page} of ${pages}`), link("Older", page + 1, page < pages));
}

export function show(root, { query, signal }) {
  const status = STATES.includes(query.get("status")) ? query.get("status") || "" : "";
  const page = Math.min(Math.max(1, Math.floor(Number(query.get("page"))) || 1), 1000000);
  const rows = new Map();
  const list = h("ul", { class: "rows" });
  const holder = h("div", { class: "card", "aria-busy": "true" }, list);
  const foot = h("div"), trouble = h("div"), now = figures();
  let isBusy = true, shownPager = "";
  root.append(
    h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Jobs"),
      h("div", { class: "end" }, h("a", { class: "button primary", href: "#/new" }, "New job"))),
    now.element, h("div", { class: "section-head" }, filters(status)), trouble, holder, foot);

  function render(answer) {
    const elements = answer.jobs.map((job) => {
      const row = rows.get(job.job_id) || new Row(job.job_id);
      rows.set(job.job_id, row);
      row.update(job);
      return row.element;
    });
    keyed(list, elements);
    for (const [id, row] of rows) if (!row.element.isConnected) rows.delete(id);
    holder.removeAttribute("aria-busy");
    holder.replaceChildren(elements.length ? list : emptyList(status));
    if (shownPager !== `${answer.total}`) {
      shownPager = `${answer.total}`;
      foot.replaceChildren(pager(status, page, answer.total));
    }
    isBusy = answer.jobs.some((job) => !ended(job.status));
  }

  async function refresh() {
    const query = new URLSearchParams({ page, page_size: PAGE_SIZE, order: "desc" });
    if (status) query.set("status", status);
    try {
      const [answer, stats] = await Promise.all([getJson(`/jobs?${query}`, { signal }),
        getJson("/concurrency/stats", { signal })]);
      render(answer);
      now.update(stats);
      trouble.replaceChildren();
    } catch (error) {
      if (!signal.aborted) trouble.replaceChildren(problemNote(error));
      throw error;
    }
  }
  poll(refresh, () => (isBusy ? BUSY_MS : CALM_MS), signal);
}
