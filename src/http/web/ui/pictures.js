// Pictures behind the key: fetched as blobs when they come into sight, a few at once.

import { getBlob } from "./api.js";
import { h } from "./dom.js";

const AT_ONCE = 4;
const MARGIN = "300px";
const waiting = [];
let busy = 0;

function next() {
  while (busy < AT_ONCE && waiting.length) {
    const job = waiting.shift();
    if (job.signal.aborted) continue;
    busy++;
    job.run().finally(() => {
      busy--;
      next();
    });
  }
}

async function load(image, box, path, signal) {
  try {
    const address = URL.createObjectURL(await getBlob(path, signal));
    signal.addEventListener("abort", () => URL.revokeObjectURL(address), { once: true });
    image.addEventListener("load", () => image.classList.add("there"), { once: true });
    image.addEventListener("error", () => box.classList.add("broken"), { once: true });
    image.src = address;
  } catch {
    if (!signal.aborted) box.classList.add("broken");
  }
}

/** A view's pictures: one observer, one life. path may be a function that finds it out when seen. */
export function gallery(signal) {
  const todo = new WeakMap();
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      observer.unobserve(entry.target);
      waiting.push({ signal, run: todo.get(entry.target) });
    }
    next();
  }, { rootMargin: MARGIN });
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });

  /** thumb(path, alt, {ratio}): a box of fixed shape that the picture fills when it is there. */
  return function thumb(path, alt) {
    const image = h("img", { alt, decoding: "async" });
    const box = h("span", { class: "thumb" }, image);
    todo.set(box, async () => {
      const found = typeof path === "function" ? await path().catch(() => "") : path;
      if (found) await load(image, box, found, signal);
      else box.classList.add("broken");
    });
    observer.observe(box);
    return box;
  };
}
