// #/search: frames by words, by a picture, or like another frame.

import { getJson, request, send } from "./api.js";
import { h, problemNote, say, setText } from "./dom.js";
import { count, position } from "./format.js";
import { gallery } from "./pictures.js";
import { tiles } from "./viewer.js";

const LIMITS = [12, 24, 60, 120];
const FILTERS = ["platform", "video_code", "second_min", "second_max"];
const PICTURE_BYTES_MAX = 60e6;
let kept = null; // the picture last searched by: still there when one comes back from a video

function filterOf(f) {
  const filter = {};
  for (const name of FILTERS) {
    const text = f[name].value.trim();
    if (text) filter[name] = name.startsWith("second") ? Number(text) : text;
  }
  return filter;
}

function shotOf(hit) {
  const p = hit.payload;
  const file = String(p.path).split("/").pop();
  const video = `#/videos/${encodeURIComponent(p.platform)}/${encodeURIComponent(p.video_code)}`;
  return { title: `${p.platform}/${p.video_code}`, path: p.path, file, id: hit.id, second: p.frame_second, scene: p.scene,
    n: p.frame_number, width: p.width, height: p.height, dhash: p.dhash, score: hit.score, video,
    caption: h("div", { class: "caption" },
      h("span", null, position(p.frame_second)), h("span", { class: "soft" }, Number(hit.score).toFixed(3)),
      h("a", { class: "break soft", href: video }, `${p.platform}/${p.video_code}`)) };
}

function controls(query) {
  const text = (name, attributes) => h("input", { name, id: `s-${name}`, value: query.get(name) || "", autocomplete: "off", spellcheck: "false", ...attributes });
  const limit = Number(query.get("limit")) || 24;
  return {
    prompt: text("q", { type: "search", maxlength: 4096, placeholder: "A red car at night", spellcheck: "true" }),
    platform: text("platform", { maxlength: 128, placeholder: "any" }),
    video_code: text("video_code", { maxlength: 128, placeholder: "any" }),
    second_min: text("second_min", { type: "number", min: 0, step: "any", placeholder: "0" }),
    second_max: text("second_max", { type: "number", min: 0, step: "any", placeholder: "end" }),
    limit: h("select", { name: "limit", id: "s-limit" }, [...new Set([...LIMITS, limit])].sort((a, b) => a - b)
      .map((n) => h("option", { value: String(n), selected: n === limit }, String(n)))),
    group: h("input", { type: "checkbox", name: "group", checked: query.get("group") === "video" }),
    file: h("input", { type: "file", accept: "image/*", class: "unseen", tabindex: "-1", "aria-hidden": "true" }),
  };
}

function field(label, control) {
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control);
}

class View {
  constructor(root, query, signal) {
    this.f = controls(query);
    this.query = query;
    this.signal = signal;
    this.frame = query.get("frame") || "";
    this.picture = this.frame || query.get("q") ? null : kept;
    this.run = null;
    this.note = h("div");
    this.status = h("p", { class: "soft small", role: "status" });
    this.results = h("div");
    this.drop = h("div", { class: "drop" });
    const hasFilter = FILTERS.some((name) => query.get(name));
    root.append(h("div", { class: "head" }, h("h1", { tabindex: "-1" }, "Search")),
      h("form", { class: "card pad form", role: "search", onsubmit: (event) => this.submit(event) },
        h("div", { class: "field" }, h("label", { for: "s-q" }, "What is in the picture"),
          h("div", { class: "search-line" }, this.f.prompt, h("button", { type: "submit", class: "primary" }, "Search"))),
        this.drop,
        h("details", { open: hasFilter }, h("summary", { class: "more" }, "Filters"),
          h("div", { class: "fields" }, field("Platform", this.f.platform), field("Video code", this.f.video_code),
            field("From second", this.f.second_min), field("To second", this.f.second_max), field("Frames at most", this.f.limit),
            h("label", { class: "check" }, this.f.group, "Best frame of each video only")))),
      h("section", { "aria-label": "Results" }, this.note, h("div", { class: "section-head" }, this.status), this.results));
    this.listen(root);
    this.showDrop();
    this.advise();
  }

  listen(root) {
    const { drop, f, signal } = this;
    const hasFile = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
    const on = (target, name, fn) => target.addEventListener(name, fn, { signal });
    on(document, "dragover", (event) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      drop.classList.add("over");
    });
    on(document, "dragleave", (event) => {
      if (!event.relatedTarget) drop.classList.remove("over");
    });
    on(document, "drop", (event) => {
      drop.classList.remove("over");
      if (!hasFile(event)) return;
      event.preventDefault();
      this.take(event.dataTransfer.files[0]);
    });
    on(document, "paste", (event) => {
      const file = [...(event.clipboardData ? event.clipboardData.files : [])].find((x) => x.type.startsWith("image/"));
      if (!file) return;
      event.preventDefault();
      this.take(file);
    });
    on(f.file, "change", () => this.take(f.file.files[0]));
    root.append(f.file);
  }

  /** Models without words are known by name; others say so when asked. */
  async advise() {
    const model = await getJson("/models/status", { signal: this.signal }).catch(() => null);
    if (!model || !String(model.clip_model_name).startsWith("builtin/") || this.note.firstChild) return;
    this.f.prompt.placeholder = "This model compares pictures only";
    this.wordless = true;
  }

  take(file) {
    if (!file) return;
    if (file.size > PICTURE_BYTES_MAX) {
      this.fail(new Error("This picture is larger than the server takes."));
      return;
    }
    this.picture = kept = file;
    this.frame = "";
    this.f.prompt.value = "";
    this.f.file.value = "";
    this.showDrop();
    this.remember();
    this.search();
  }

  forget() {
    this.picture = kept = null;
    this.frame = "";
    this.showDrop();
    this.remember();
    if (this.run) this.run.abort();
    this.note.replaceChildren();
    this.results.replaceChildren();
    setText(this.status, "");
    this.choose.focus();
  }

  showDrop() {
    const { f } = this;
    this.choose = h("button", { type: "button", onclick: () => f.file.click() }, this.picture || this.frame ? "Another picture" : "Choose a picture");
    const clear = h("button", { type: "button", class: "quiet", onclick: () => this.forget() }, "Clear");
    if (this.picture) {
      const address = URL.createObjectURL(this.picture);
      const image = h("img", { alt: "The picture searched by", class: "there", src: address, onload: () => URL.revokeObjectURL(address),
        onerror: () => URL.revokeObjectURL(address) });
      this.drop.replaceChildren(h("span", { class: "thumb" }, image),
        h("div", { class: "drop-text" }, h("span", null, this.picture.name || "Pasted picture"), this.choose, clear));
    } else if (this.frame) {
      this.like = h("span", { class: "thumb" });
      this.drop.replaceChildren(this.like, h("div", { class: "drop-text" }, h("span", null, "Frames like this one"), this.choose, clear));
    } else {
      this.drop.replaceChildren(h("div", { class: "drop-text" }, this.choose, h("span", null, "or drop one anywhere, or paste it")));
    }
  }

  /** The address tells what was asked, so that it can be kept and sent; a picture cannot be in it. */
  remember() {
    const query = new URLSearchParams();
    const put = (name, value) => value && query.set(name, value);
    if (this.frame) put("frame", this.frame);
    else put("q", this.f.prompt.value.trim());
    for (const name of FILTERS) put(name, this.f[name].value.trim());
    if (this.f.limit.value !== "24") put("limit", this.f.limit.value);
    if (this.f.group.checked) put("group", "video");
    history.replaceState(null, "", query.size ? `#/search?${query}` : "#/search");
  }

  submit(event) {
    event.preventDefault();
    if (this.f.prompt.value.trim()) {
      this.picture = kept = null;
      this.frame = "";
      this.showDrop();
    }
    this.remember();
    this.search();
  }

  ask(signal) {
    const limit = Number(this.f.limit.value), filter = filterOf(this.f);
    const group = this.f.group.checked ? { group_by: "video" } : {};
    if (this.picture) {
      const form = new FormData();
      form.append("file", this.picture, this.picture.name || "picture");
      const query = new URLSearchParams({ limit, ...filter, ...group });
      return request("POST", `/search-by/image?${query}`, { body: form, signal }).then((response) => response.json());
    }
    const more = { limit, ...group, ...(Object.keys(filter).length ? { filter } : {}) };
    if (this.frame) return send("POST", "/search-by/frame", { id: this.frame, ...more }, { signal });
    return send("POST", "/search-by/text", { prompt: this.f.prompt.value.trim(), ...more }, { signal });
  }

  async search() {
    if (this.run) this.run.abort();
    if (!this.picture && !this.frame && !this.f.prompt.value.trim()) {
      this.f.prompt.focus();
      return;
    }
    const own = this.run = new AbortController();
    const left = () => own.abort();
    this.signal.addEventListener("abort", left, { once: true });
    this.note.replaceChildren();
    setText(this.status, "Searching…");
    this.results.setAttribute("aria-busy", "true");
    try {
      this.render(await this.ask(own.signal), own.signal);
    } catch (error) {
      if (!own.signal.aborted) this.fail(error);
    }
    this.results.removeAttribute("aria-busy");
  }

  fail(error) {
    setText(this.status, "");
    this.results.replaceChildren();
    if (error.code === "text_not_supported") {
      this.note.replaceChildren(h("div", { class: "note warn", role: "alert" },
        h("p", null, "The server's model has no text encoder, so it cannot search by words. Search by a picture instead: choose, drop or paste one."),
        h("p", { class: "soft small" }, error.message)));
    } else {
      this.note.replaceChildren(problemNote(error, error.status === 0 || error.status >= 500 ? () => this.search() : null));
    }
  }

  render(hits, signal) {
    const text = hits.length ? `${count(hits.length, "frame")}, most alike first` : "";
    setText(this.status, text);
    say(hits.length ? text : "No frame found");
    if (!hits.length) {
      this.results.replaceChildren(h("div", { class: "card empty" }, h("h2", null, "No frame found"), h("p", null, "Nothing stored fits these filters.")));
      return;
    }
    const thumb = gallery(signal);
    const shots = hits.map(shotOf);
    this.results.replaceChildren(h("ul", { class: "grid", "aria-label": "Frames found" }, tiles(shots, thumb, signal, { isAway: true })));
    const own = this.frame && shots.find((shot) => shot.id === this.frame);
    if (own && this.like) {
      const picture = thumb(`/frames/${own.path.split("/").map(encodeURIComponent).join("/")}?width=320`, "The frame searched by");
      this.like.replaceWith(picture);
      this.like = picture;
    }
  }
}

export function show(root, { query, signal }) {
  const view = new View(root, query, signal);
  if (view.frame || view.picture || query.get("q")) view.search();
}
