// #/jobs/ID: one job, live by its event stream; videos page by page, the end of its log.

import { Problem, getJson, pause, send } from "./api.js";
import { ask, h, keyed, problemNote, say, setClass, setText, toast } from "./dom.js";
import { ago, capital, clockTime, count, ended, moment, shortId } from "./format.js";
import { follow, poll } from "./live.js";
import { offer } from "./new.js";
import { gallery } from "./pictures.js";

const PAGE = 50;
const FILTERS = ["all", "waiting", "processing", "success", "failed", "stopped"];
const LOG_LINES = 300;
const SMALL = 500; // items; of larger jobs the list is asked for less often
const SOON_MS = 700, RARELY_MS = 6000, STAGE_MS = 2500, STILL_MS = 30000;

class Item {
  constructor(item, thumb, signal) {
    const path = `${encodeURIComponent(item.platform)}/${encodeURIComponent(item.code)}`;
    this.poster = h("span", { class: "thumb poster" });
    this.name = h("b", null, `${item.platform}/${item.code}`);
    this.link = h("a", { href: `#/videos/${path}` }, `${item.platform}/${item.code}`);
    this.nameBox = h("div", { class: "name" }, this.name,
      item.url && h("div", { class: "soft small break" }, item.url));
    this.state = h("span");
    this.stage = h("span");
    this.progress = h("progress", { max: 100, "aria-label": `Progress of ${item.platform}/${item.code}` });
    this.why = h("div", { class: "why", hidden: true });
    this.element = h("li", { class: "item" }, this.poster, this.nameBox,
      h("div", { class: "how" }, h("div", { class: "how-line" }, this.state, this.stage), this.progress), this.why);
    this.first = async () => {
      const frames = await getJson(`/frames/${path}`, { signal });
      return frames.length ? frames[0].thumbnail : "";
    };
    this.thumb = thumb;
  }

  update(item) {
    const isDone = item.status === "success";
    setClass(this.state, `state state-${item.status}`);
    setText(this.state, capital(item.status));
    setText(this.stage, isDone ? count(item.frames, "frame") : item.status === "processing" ? item.stage : "");
    setClass(this.progress, `state-${item.status}`);
    this.progress.value = isDone ? 100 : item.progress;
    if (isDone && item.frames > 0 && !this.isOpen) this.open();
    this.explain(item);
  }

  open() {
    this.isOpen = true;
    this.name.replaceWith(this.link);
    const picture = this.thumb(this.first, "");
    picture.classList.add("poster");
    this.poster.replaceWith(picture);
  }

  explain(item) {
    const error = item.error;
    const text = error ? JSON.stringify([error, item.attempts]) : "";
    if (text === this.explained) return;
    this.explained = text;
    this.why.hidden = !error;
    if (!error) return;
    const more = [error.stage && `stage ${error.stage}`, count(error.attempts || item.attempts || 1, "attempt"),
      error.retryable ? "may work again" : "will not work again as it is"].filter(Boolean).join(" · ");
    this.why.replaceChildren(h("code", null, error.code), error.message, h("div", { class: "soft" }, more));
  }
}

class Items {
  constructor(signal) {
    this.signal = signal;
    this.thumb = gallery(signal);
    this.rows = new Map();
    this.filter = "all";
    this.page = 0;
    this.items = [];
    this.list = h("ul", { class: "rows" });
    this.none = h("p", { class: "empty", hidden: true }, "No video is in this state.");
    this.buttons = FILTERS.map((word) => {
      const number = h("span", { class: "n" });
      const button = h("button", { type: "button", "aria-pressed": String(word === "all"), onclick: () => this.choose(word) },
        capital(word), number);
      return { word, number, button };
    });
    this.older = h("button", { type: "button", onclick: () => this.turn(-1) }, "Previous");
    this.newer = h("button", { type: "button", onclick: () => this.turn(1) }, "Next");
    this.where = h("span", { class: "soft small" });
    this.pager = h("nav", { class: "pager", "aria-label": "Pages of videos", hidden: true }, this.older, this.where, this.newer);
    this.element = h("section", { "aria-labelledby": "videos" },
      h("div", { class: "section-head" }, h("h2", { id: "videos" }, "Videos"),
        h("div", { class: "segments", role: "group", "aria-label": "Videos by state" }, this.buttons.map((b) => b.button))),
      h("div", { class: "card" }, this.list, this.none), this.pager);
  }

  choose(word) {
    this.filter = word;
    this.page = 0;
    for (const b of this.buttons) b.button.setAttribute("aria-pressed", String(b.word === word));
    this.render();
  }

  turn(by) {
    this.page += by;
    this.render();
    this.element.scrollIntoView({ block: "start" });
  }

  counts(counts) {
    for (const b of this.buttons) {
      const n = b.word === "all" ? counts.total : counts[b.word];
      setText(b.number, n ? n.toLocaleString("en") : "");
    }
  }

  update(items) {
    this.items = items;
    this.render();
  }

  render() {
    const fit = [];
    this.items.forEach((item, i) => {
      if (this.filter === "all" || item.status === this.filter) fit.push(i);
    });
    const pages = Math.max(1, Math.ceil(fit.length / PAGE));
    this.page = Math.min(Math.max(this.page, 0), pages - 1);
    const shown = fit.slice(this.page * PAGE, (this.page + 1) * PAGE);
    keyed(this.list, shown.map((i) => this.row(i).element));
    this.none.hidden = shown.length > 0 || this.items.length === 0;
    this.pager.hidden = pages === 1;
    this.older.disabled = this.page === 0;
    this.newer.disabled = this.page === pages - 1;
    setText(this.where, `Page ${this.page + 1} of ${pages}`);
  }

  row(i) {
    const item = this.items[i];
    if (!this.rows.has(i)) this.rows.set(i, new Item(item, this.thumb, this.signal));
    const row = this.rows.get(i);
    row.update(item);
    return row;
  }
}

class Log {
  constructor() {
    this.known = new Set();
    this.box = h("div", { class: "log card", role: "log", tabindex: "0", "aria-labelledby": "log", "aria-live": "off" });
    this.none = h("p", { class: "soft" }, "No line yet.");
    this.box.append(this.none);
    this.element = h("section", { "aria-labelledby": "log" }, h("div", { class: "section-head" }, h("h2", { id: "log" }, "Log")), this.box);
  }

  add(line) {
    const key = `${line.ts} ${line.level} ${line.msg}`;
    if (this.known.has(key)) return;
    this.known.add(key);
    this.none.remove();
    const isAtEnd = this.box.scrollTop + this.box.clientHeight >= this.box.scrollHeight - 24;
    const row = h("div", { class: line.level === "error" || line.level === "warn" ? line.level : null },
      h("time", { datetime: line.ts, title: moment(line.ts) }, clockTime(line.ts)), h("span", null, line.level), h("span", null, line.msg));
    // lines from before the stream may come after its first ones
    let before = null;
    for (let at = this.box.lastElementChild; at && at.firstChild.dateTime > line.ts; at = at.previousElementSibling) before = at;
    this.box.insertBefore(row, before);
    while (this.box.childElementCount > LOG_LINES) this.box.firstChild.remove();
    if (this.known.size > 4 * LOG_LINES) this.known = new Set([...this.known].slice(-LOG_LINES));
    if (isAtEnd) this.box.scrollTop = this.box.scrollHeight;
  }
}

class Top {
  constructor(id, act) {
    this.state = h("span", { class: "state pill" });
    this.link = h("span", { class: "live small soft", hidden: true });
    this.number = h("span", null, "–");
    this.progress = h("progress", { max: 100, "aria-label": "Progress of the job" });
    this.said = h("span");
    this.done = h("span");
    this.facts = h("div", { class: "facts" });
    this.stop = h("button", { type: "button", hidden: true, onclick: () => act("stop") }, "Stop");
    this.start = h("button", { type: "button", hidden: true, onclick: () => act("start") }, "Run again");
    // a completed job stays as it is: what failed in it goes into a new one
    this.again = h("button", { type: "button", hidden: true, onclick: () => act("again") }, "Failed ones again");
    this.remove = h("button", { type: "button", class: "danger", onclick: () => act("delete") }, "Delete");
    this.element = h("div", null,
      h("a", { class: "back", href: "#/jobs" }, "‹ All jobs"),
      h("div", { class: "head" }, h("h1", { tabindex: "-1" }, `Job ${shortId(id)}`), this.state, this.link,
        h("div", { class: "end" }, this.stop, this.start, this.again, this.remove)),
      this.facts,
      h("div", { class: "card pad job-top" },
        h("div", { class: "percent" }, this.number, h("small", null, "%")),
        h("div", null, this.progress, h("div", { class: "line" }, this.said, this.done))));
  }

  update(job) {
    setClass(this.state, `state pill state-${job.status}`);
    setText(this.state, capital(job.status));
    this.measure(job.percentage, job.counts, job.status);
    const isAgain = job.status === "failed" || job.status === "stopped";
    const hadFocus = document.activeElement === this.stop || document.activeElement === this.start;
    this.stop.hidden = ended(job.status);
    this.start.hidden = !isAgain;
    this.again.hidden = job.status !== "completed" || !job.counts.failed;
    if (hadFocus && document.activeElement.hidden) (isAgain ? this.start : this.remove).focus();
    const parts = [`Created ${moment(job.created_at)} (${ago(job.created_at)})`, job.priority ? `priority ${job.priority}` : "",
      job.force ? "extracts again" : "", job.webhook ? `webhook ${job.webhook.status || "waits"}` : ""].filter(Boolean);
    const text = `${job.job_id} ${parts.join(" · ")}`;
    if (text !== this.shown) {
      this.shown = text;
      this.facts.replaceChildren(h("code", { class: "break" }, job.job_id), ...parts.map((p) => h("span", null, p)));
    }
    setText(this.done, job.results && typeof job.results.frames === "number" ? `${count(job.results.frames, "frame")} kept` : "");
  }

  measure(percentage, counts, status) {
    const shown = Math.floor(percentage);
    setText(this.number, String(shown));
    this.progress.value = percentage;
    setClass(this.progress, `state-${status}`);
    const parts = [`${(counts.total - counts.waiting - counts.processing).toLocaleString("en")} of ${count(counts.total, "video")} ended`];
    if (counts.processing) parts.push(`${counts.processing} in work`);
    if (counts.failed) parts.push(`${counts.failed} failed`);
    setText(this.said, parts.join(" · "));
  }

  online(isLive) {
    this.link.hidden = isLive === null;
    this.link.classList.toggle("is-ok", isLive === true);
    this.link.classList.toggle("is-warn", isLive === false);
    this.link.replaceChildren(h("span", { class: "dot", "aria-hidden": "true" }), isLive ? "live" : "reconnecting");
  }
}

class View {
  constructor(root, id, signal) {
    this.id = id;
    this.path = `/jobs/${encodeURIComponent(id)}`;
    this.signal = signal;
    this.top = new Top(id, (verb) => this.act(verb));
    this.items = new Items(signal);
    this.log = new Log();
    this.trouble = h("div");
    this.job = null;
    this.asked = false;
    root.append(this.top.element, this.trouble, this.items.element, this.log.element);
  }

  async load() {
    const before = this.job;
    try {
      const job = await getJson(this.path, { signal: this.signal });
      this.job = job;
      this.trouble.replaceChildren(job.error ? h("div", { class: "note bad" }, job.error) : "");
      this.top.update(job);
      this.items.counts(job.counts);
      this.items.update(job.items);
      this.tell(before);
    } catch (error) {
      if (!this.signal.aborted) this.fail(error);
      throw error;
    }
  }

  fail(error) {
    if (error.status === 404) {
      this.top.element.querySelector(".head .end").hidden = true;
      this.items.element.hidden = this.log.element.hidden = true;
    }
    this.trouble.replaceChildren(problemNote(error));
  }

  tell(before) {
    const { status, percentage } = this.job;
    const quarter = Math.floor(percentage / 25);
    const isNews = !before || before.status !== status || quarter !== Math.floor(before.percentage / 25);
    if (isNews) say(`Job ${status}, ${Math.floor(percentage)} percent`);
  }

  /** Many events, one question: the list is asked for when some time has passed. */
  async soon() {
    if (this.asked) return;
    this.asked = true;
    const isSmall = !this.job || this.job.counts.total <= SMALL;
    try {
      await pause(isSmall ? SOON_MS : RARELY_MS, this.signal);
      this.asked = false;
      await this.load();
    } catch {
      this.asked = false;
    }
  }

  onEvent(event) {
    let data;
    try {
      data = JSON.parse(event.data);
    } catch {
      return;
    }
    if (event.event === "log") {
      this.log.add(data);
      return;
    }
    if (this.job && data.counts && typeof data.progress === "number") {
      const status = data.status || this.job.status;
      this.top.measure(data.progress, data.counts, status);
      this.items.counts(data.counts);
    }
    if (event.event === "state" && ended(data.status)) this.isOver = true;
    if (event.event === "state" && !ended(data.status)) this.isOver = false;
    this.soon();
  }

  async readLog() {
    const answer = await getJson(`/status/${encodeURIComponent(this.id)}?tail=200`, { signal: this.signal });
    answer.logs.forEach((line) => this.log.add(line));
  }

  async listen() {
    if (this.listening) return;
    this.listening = true;
    this.isOver = false;
    let hasLog = false;
    try {
      await follow(`${this.path}/events`, { signal: this.signal, isOver: () => this.isOver,
        onEvent: (event) => this.onEvent(event),
        onLink: (isLive) => {
          this.top.online(isLive);
          if (isLive && !hasLog) {
            hasLog = true;
            this.readLog().catch(() => {});
          }
        } });
    } catch (error) {
      if (error instanceof Problem && error.status === 404) this.fail(error);
    }
    this.listening = false;
    if (this.signal.aborted) return;
    this.top.online(null);
    await this.load().catch(() => {});
    await this.readLog().catch(() => {});
  }

  async act(verb) {
    if (verb === "again") {
      offer(this.job.items.filter((item) => item.status === "failed"));
      return;
    }
    const isSure = verb === "start" || await ask(verb === "stop" ? "Stop this job?" : "Delete this job?",
      verb === "stop" ? "Videos in work end at once, waiting ones are not begun. The job can be run again later."
        : "The job and its log are forgotten; if it runs it is stopped first. Frames that were kept stay searchable.",
      verb === "stop" ? "Stop job" : "Delete job");
    if (!isSure) return;
    try {
      const answer = verb === "delete" ? await send("DELETE", this.path) : await send("POST", `${this.path}/${verb}`, {});
      toast(answer.message || "Done");
      if (verb === "delete") {
        location.hash = "#/jobs";
        return;
      }
      await this.load();
      if (verb === "start") this.listen();
    } catch (error) {
      if (!this.signal.aborted) toast(error.message);
    }
  }
}

export function show(root, { parts, signal }) {
  const view = new View(root, parts[1], signal);
  view.load().then(() => {
    if (ended(view.job.status)) return view.readLog();
    return view.listen();
  }).catch(() => {});
  // a job that ended can be started by someone else; a stage's name comes with no event
  poll(async () => {
    if (!view.job) return;
    await view.load();
    if (!ended(view.job.status)) view.listen();
  }, () => (!view.job || (!ended(view.job.status) && view.job.counts.total <= SMALL) ? STAGE_MS : STILL_MS), signal);
}
