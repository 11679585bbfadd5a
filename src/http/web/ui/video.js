// #/videos/PLATFORM/CODE: the kept frames of one video.

import { getJson } from "./api.js";
import { h, problemNote } from "./dom.js";
import { count, position } from "./format.js";
import { gallery } from "./pictures.js";
import { tiles } from "./viewer.js";

const AT_FIRST = 120;

function shotOf(frame, title) {
  return { title, path: frame.path, file: frame.file, id: frame.id, second: frame.second, scene: frame.scene, n: frame.n,
    width: frame.width, height: frame.height, dhash: frame.dhash,
    caption: h("div", { class: "caption" }, h("span", null, `Scene ${frame.scene}`), h("span", { class: "soft" }, position(frame.second))) };
}

function render(root, frames, title, signal) {
  const elements = tiles(frames.map((frame) => shotOf(frame, title)), gallery(signal), signal, {});
  const list = h("ul", { class: "grid", "aria-label": "Frames" }, elements.slice(0, AT_FIRST));
  const rest = elements.slice(AT_FIRST);
  const more = h("button", { type: "button", onclick: () => {
    const some = rest.splice(0, AT_FIRST);
    list.append(...some);
    some[0].querySelector("button").focus();
    if (rest.length) more.textContent = `Show more (${rest.length})`;
    else more.remove();
  } }, `Show more (${rest.length})`);
  root.append(list, rest.length ? h("div", { class: "pager" }, more) : "");
}

export async function show(root, { parts, signal }) {
  const [, platform, code] = parts;
  const title = `${platform}/${code}`;
  const sub = h("p", { class: "soft" }, "Loading…");
  const place = h("div");
  root.append(h("a", { class: "back", href: "#/jobs" }, "‹ All jobs"),
    h("div", { class: "head" }, h("div", null, h("h1", { tabindex: "-1", class: "break" }, title), sub),
      h("div", { class: "end" }, h("a", { class: "button",
        href: `#/search?${new URLSearchParams({ platform, video_code: code })}` }, "Search in this video"))),
    place);
  try {
    const frames = await getJson(`/frames/${encodeURIComponent(platform)}/${encodeURIComponent(code)}`, { signal });
    const scenes = new Set(frames.map((frame) => frame.scene)).size;
    sub.textContent = `${count(frames.length, "frame")} of ${count(scenes, "scene")}`;
    if (frames.length) render(place, frames, title, signal);
    else place.append(h("div", { class: "card empty" }, h("h2", null, "No frames"), h("p", null, "This video has nothing to show: solid pictures are left out.")));
  } catch (error) {
    if (signal.aborted) return;
    sub.textContent = error.status === 404 ? "Not extracted" : "";
    place.append(problemNote(error));
  }
}
