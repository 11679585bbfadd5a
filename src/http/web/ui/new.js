// #/new: a job from a list of codes or from JSON.

import { send } from "./api.js";
import { h, problemNote, setText, toast } from "./dom.js";
import { count } from "./format.js";

const URL_START = /^(https?|s3):\/\//i;
let tried = { text: "", key: "" }; // the same body sent again is the same job

let offered = ""; // lines that another view wants here

/** Opens the form with these items, as lines. */
export function offer(items) {
  offered = items.map((item) => `${item.platform}/${item.code}${item.url ? ` ${item.url}` : ""}`).join("\n");
  location.hash = "#/new";
}

/** One line is "code", "platform/code", or either with an address or path behind it. */
export function readLine(line, platform) {
  const [name, ...rest] = line.trim().split(/\s+/);
  const slash = name.indexOf("/");
  const item = slash < 0 ? { platform, code: name } : { platform: name.slice(0, slash), code: name.slice(slash + 1) };
  if (rest.length) item.url = rest.join(" ");
  if (URL_START.test(name)) throw new Error(`"${name}": write the video's code first, then its address`);
  return item;
}

export function readVideos(text, platform) {
  const body = text.trim();
  if (body.startsWith("{") || body.startsWith("[")) {
    let value;
    try {
      value = JSON.parse(body);
    } catch (error) {
      throw new Error(`This is no JSON: ${error.message}`);
    }
    return Array.isArray(value) ? { items: value } : value;
  }
  const lines = body.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  return { items: lines.map((line) => readLine(line, platform)) };
}

function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
}

function field(label, control, hint) {
  const id = `new-${control.name}`;
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control,
    hint && h("p", { class: "hint", id: `${id}-hint` }, hint));
}

function check(label, name) {
  const control = h("input", { type: "checkbox", name });
  return { control, element: h("label", { class: "check" }, control, label) };
}

function form() {
  const number = (name, attributes) => h("input", { type: "number", name, ...attributes });
  return {
    platform: h("input", { name: "platform", value: "local", maxlength: 128, autocomplete: "off", spellcheck: "false" }),
    videos: h("textarea", { name: "videos", rows: 8, spellcheck: "false", autocomplete: "off", autocapitalize: "off",
      placeholder: "holiday-2023\nyoutube/dQw4w9WgXcQ\ninstagram/C7xk2 https://example.com/clip.mp4" }),
    priority: number("priority", { min: -100, max: 100, placeholder: "0" }),
    batch: number("batch_size", { min: 1, max: 100000, placeholder: "as set" }),
    sleep: number("sleep_between_batches", { min: 0, max: 3600, step: "any", placeholder: "as set" }),
    webhook: h("input", { type: "url", name: "webhook_url", placeholder: "https://…", autocomplete: "off" }),
    force: check("Extract again although done", "force"),
    local: check("Keep everything on the server", "local_mode"),
    skip: check("Do not upload frames", "skip_upload"),
  };
}

/** What the fields say on top of what the JSON said. */
function bodyOf(f) {
  const body = readVideos(f.videos.value, f.platform.value.trim());
  for (const control of [f.priority, f.batch, f.sleep]) if (control.value !== "") body[control.name] = Number(control.value);
  for (const { control } of [f.force, f.local, f.skip]) if (control.checked) body[control.name] = true;
  if (f.webhook.value.trim()) body.webhook_url = f.webhook.value.trim();
  return body;
}

export function show(root, { signal }) {
  const f = form();
  f.videos.value = offered;
  offered = "";
  const tally = h("p", { class: "hint", role: "status" }, "One video a line, or the JSON of a request.");
  const trouble = h("div");
  const submit = h("button", { type: "submit", class: "primary" }, "Start job");

  function recount() {
    try {
      const items = f.videos.value.trim() ? readVideos(f.videos.value, f.platform.value.trim()).items : [];
      const n = Array.isArray(items) ? items.length : 0;
      setText(tally, n ? count(n, "video") : "One video a line, or the JSON of a request.");
      f.videos.removeAttribute("aria-invalid");
    } catch (error) {
      setText(tally, error.message);
    }
  }

  async function start(event) {
    event.preventDefault();
    trouble.replaceChildren();
    submit.disabled = true;
    try {
      const body = bodyOf(f);
      const text = JSON.stringify(body);
      if (text !== tried.text) tried = { text, key: randomKey() };
      const job = await send("POST", "/jobs", body, { signal, headers: { "Idempotency-Key": tried.key } });
      tried = { text: "", key: "" };
      toast(`Job with ${count(job.counts.total, "video")} taken`);
      location.hash = `#/jobs/${encodeURIComponent(job.job_id)}`;
    } catch (error) {
      if (signal.aborted) return;
      f.videos.setAttribute("aria-invalid", "true");
      trouble.replaceChildren(problemNote(error));
      trouble.scrollIntoView({ block: "nearest" });
      submit.disabled = false;
    }
  }

  f.videos.addEventListener("input", recount);
  f.videos.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
  });
  recount();
  root.append(h("a", { class: "back", href: "#/jobs" }, "‹ All jobs"),
    h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "New job")),
    h("form", { class: "card pad form", onsubmit: start },
      h("div", { class: "field" }, h("label", { for: "new-videos" }, "Videos"), Object.assign(f.videos, { id: "new-videos" }), tally),
      h("div", { class: "fields" }, field("Platform", f.platform, "of lines without one")),
      h("details", null, h("summary", { class: "more" }, "Options"),
        h("div", { class: "fields" }, field("Priority", f.priority, "-100 to 100, higher is first"),
          field("Batch size", f.batch, "videos between two pauses"), field("Pause", f.sleep, "seconds after each batch"), field("Webhook", f.webhook, "told when the job has ended")),
        h("div", { class: "checkboxes" }, f.force.element, f.local.element, f.skip.element)),
      trouble,
      h("div", { class: "actions" }, submit, h("a", { class: "button", href: "#/jobs" }, "Cancel"))));
}
