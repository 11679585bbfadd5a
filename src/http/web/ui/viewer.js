// One picture large, its neighbours by arrow keys.

import { framePath, getBlob } from "./api.js";
import { h, setText, toast } from "./dom.js";
import { position } from "./format.js";

function fact(name, value) {
  return value === "" || value === null || value === undefined ? null
    : h("div", null, h("dt", null, name), h("dd", { class: "break" }, String(value)));
}

function facts(shot) {
  return [fact("time", position(shot.second)), fact("scene", shot.scene), fact("frame", shot.n),
    fact("size", shot.width ? `${shot.width} × ${shot.height}` : ""),
    fact("score", shot.score === undefined ? "" : Number(shot.score).toFixed(4)), fact("dhash", shot.dhash)];
}

class Viewer {
  constructor(shots, options) {
    this.shots = shots;
    this.options = options;
    this.address = "";
    this.image = h("img", { alt: "" });
    this.wait = h("p", { class: "wait", role: "status" });
    this.title = h("h2", { id: "viewer-title", "aria-live": "polite" });
    this.list = h("dl");
    this.links = h("div", { class: "end" });
    this.previous = this.button("‹", "Previous frame", () => this.show(this.at - 1));
    this.next = this.button("›", "Next frame", () => this.show(this.at + 1));
    this.dialog = h("dialog", { class: "viewer", "aria-labelledby": "viewer-title" },
      h("header", null, this.title,
        h("div", { class: "end" }, this.previous, this.next, this.button("×", "Close", () => this.dialog.close()))),
      h("div", { class: "stage" }, this.image, this.wait),
      h("footer", null, this.list, this.links));
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    this.dialog.addEventListener("close", () => this.end());
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    this.left = () => this.dialog.close();
    options.signal.addEventListener("abort", this.left, { once: true });
  }

  button(text, label, onclick) {
    return h("button", { type: "button", class: "quiet round", "aria-label": label, title: label, onclick }, text);
  }

  key(event) {
    const last = this.shots.length - 1;
    const to = { ArrowLeft: this.at - 1, ArrowRight: this.at + 1, Home: 0, End: last }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.show(to);
  }

  show(index) {
    if (index < 0 || index >= this.shots.length) return;
    this.at = index;
    const shot = this.shots[index];
    const hadFocus = document.activeElement;
    this.previous.disabled = index === 0;
    this.next.disabled = index === this.shots.length - 1;
    if (hadFocus && hadFocus.disabled) (hadFocus === this.next ? this.previous : this.next).focus();
    setText(this.title, `${shot.title} · ${index + 1} of ${this.shots.length}`);
    this.list.replaceChildren(...facts(shot).filter(Boolean));
    this.links.replaceChildren(
      shot.video && this.options.isAway ? h("a", { class: "button", href: shot.video }, "Open video") : "",
      shot.id ? h("a", { class: "button", href: `#/search?frame=${encodeURIComponent(shot.id)}` }, "Find similar") : "",
      this.save = h("a", { class: "button", download: shot.file, hidden: true }, "Save"));
    this.fetch(shot);
  }

  async fetch(shot) {
    if (this.loading) this.loading.abort();
    const own = this.loading = new AbortController();
    setText(this.wait, "Loading…");
    this.image.alt = `${shot.title}, ${position(shot.second)}`;
    try {
      const address = URL.createObjectURL(await getBlob(framePath(shot.path), own.signal));
      this.release();
      this.address = address;
      this.image.src = address;
      this.save.href = address;
      this.save.hidden = false;
      setText(this.wait, "");
    } catch (error) {
      if (own.signal.aborted) return;
      this.release();
      this.image.removeAttribute("src");
      setText(this.wait, error.message);
    }
  }

  release() {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = "";
  }

  end() {
    if (this.loading) this.loading.abort();
    this.options.signal.removeEventListener("abort", this.left);
    this.dialog.remove();
    this.release();
    if (this.options.onEnd) this.options.onEnd(this.at);
  }
}

/** shots: [{title, path, file, id, second, scene, n, width, height, score?, video?}] */
export function openViewer(shots, index, options) {
  if (!shots.length) {
    toast("There is no picture.");
    return;
  }
  const viewer = new Viewer(shots, options);
  document.body.append(viewer.dialog);
  viewer.dialog.showModal();
  viewer.show(index);
}

/** The tiles of a page: a click opens the viewer, closing it puts the focus on the last one seen. */
export function tiles(shots, thumb, signal, options) {
  const buttons = [];
  return shots.map((shot, i) => {
    const picture = thumb(framePath(shot.path, 320), "");
    const button = h("button", { type: "button",
      "aria-label": `${shot.title}, ${position(shot.second)}: show large`,
      onclick: () => openViewer(shots, i, { signal, ...options, onEnd: (at) => buttons[at] && buttons[at].focus() }) },
    picture);
    buttons.push(button);
    return h("li", { class: "shot" }, button, shot.caption);
  });
}
