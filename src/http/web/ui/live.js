// What changes by itself: an event stream that comes back, and a gentle poll.

import { Problem, pause, request } from "./api.js";

const SILENCE_MS = 45000; // three heartbeats of the server
const BACKOFF_MS = [500, 1000, 2000, 5000, 10000, 20000];
const EVENT_CHARS_MAX = 1 << 20;

/** Text of an event stream in, whole events out: {id, event, data}. */
export class EventParser {
  constructor() {
    this.rest = "";
    this.clear();
  }

  clear() {
    this.event = "";
    this.data = [];
    this.id = null;
  }

  push(text) {
    const found = [];
    this.rest += text;
    if (this.rest.length > EVENT_CHARS_MAX) throw new Problem(0, "The event stream makes no sense.");
    // a \r at the end may be the first half of \r\n: it waits
    const lines = this.rest.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (this.data.length) found.push({ id: this.id, event: this.event || "message", data: this.data.join("\n") });
        this.clear();
      } else {
        this.field(line);
      }
    }
    return found;
  }

  field(line) {
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.data.push(value);
    else if (name === "event") this.event = value;
    else if (name === "id" && !value.includes("\0")) this.id = value;
  }
}

/** One connection: resolves when the server ended it. */
async function readStream(path, lastId, onEvent, signal) {
  const own = new AbortController();
  const left = () => own.abort();
  signal.addEventListener("abort", left, { once: true });
  let watch = 0;
  const heard = () => {
    clearTimeout(watch);
    watch = setTimeout(left, SILENCE_MS);
  };
  try {
    const headers = { Accept: "text/event-stream" };
    if (lastId) headers["Last-Event-ID"] = lastId;
    heard();
    const response = await request("GET", path, { headers, signal: own.signal, cache: "no-store" });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventParser();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      parser.push(value).forEach(onEvent);
    }
  } finally {
    clearTimeout(watch);
    signal.removeEventListener("abort", left);
    own.abort();
  }
}

/**
 * Follows an event stream until isOver() or the signal. onLink(true) with the first word of a
 * connection, onLink(false) when it broke. Ends on a refusal that trying again cannot mend.
 */
export async function follow(path, { onEvent, onLink, isOver, signal }) {
  let lastId = "", failures = 0;
  while (!signal.aborted) {
    try {
      await readStream(path, lastId, (event) => {
        failures = 0;
        if (event.id) lastId = event.id;
        onLink(true);
        onEvent(event);
      }, signal);
    } catch (error) {
      if (signal.aborted) return;
      const isFinal = error instanceof Problem && [401, 403, 404].includes(error.status);
      if (isFinal) throw error;
    }
    if (signal.aborted || isOver()) return;
    onLink(false);
    const wait = BACKOFF_MS[Math.min(failures++, BACKOFF_MS.length - 1)];
    await pause(wait * (0.75 + Math.random() / 2), signal).catch(() => {});
  }
}

function whenVisible(signal) {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look, { once: true });
  });
}

/** Calls fn again and again: delayMs() after it ended, slower while it fails, not while hidden. */
export async function poll(fn, delayMs, signal) {
  let failures = 0;
  while (!signal.aborted) {
    try {
      await fn();
      failures = 0;
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.status === 401) return;
      failures++;
    }
    try {
      await pause(Math.min(delayMs() * 2 ** Math.min(failures, 4), 60000), signal);
    } catch {
      return;
    }
    await whenVisible(signal);
  }
}
