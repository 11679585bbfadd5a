// The server, asked with the key. A failure is always a Problem, whatever went wrong underneath.

const STORED = "oriane-key";
const RETRIES = 3;
let key = "";
try {
  key = sessionStorage.getItem(STORED) || "";
} catch { /* storage can be forbidden: the key lives as long as the page */ }

export function hasKey() {
  return key !== "";
}

export function setKey(text) {
  key = text;
  try {
    if (text) sessionStorage.setItem(STORED, text);
    else sessionStorage.removeItem(STORED);
  } catch { /* as above */ }
}

/** A header holds visible Latin characters only; fetch would throw for the rest. */
export function isLegalKey(text) {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text);
}

export class Problem extends Error {
  constructor(status, message, more = {}) {
    super(message);
    this.status = status;
    this.code = more.code || "";
    this.errors = Array.isArray(more.errors) ? more.errors : [];
    this.checks = more.checks || null;
    this.retryAfter = more.retryAfter || 0;
  }
}

async function problemOf(response) {
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  let body = {};
  try {
    body = await response.json();
  } catch { /* not problem+json: the status has to do */ }
  const said = body && typeof body.detail === "string" ? body.detail : "";
  return new Problem(response.status, said || `The server answered ${response.status}.`,
    { ...body, retryAfter });
}

/** What the console does when the key is missing or wrong; set by app.js. */
let whenRefused = () => {};
export function onRefused(fn) {
  whenRefused = fn;
}

/** The response of a success. options: json, body, headers, signal, isOpen (401 is not ours). */
export async function request(method, path, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  if (key) headers["X-API-Key"] = key;
  let body = options.body;
  if (options.json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(options.json);
  }
  let response;
  try {
    response = await fetch(path, { method, headers, body, signal: options.signal, credentials: "same-origin",
      cache: options.cache || "default" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server cannot be reached.");
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (problem.status === 401 && !options.isQuiet) whenRefused(problem);
  throw problem;
}

export async function getJson(path, options) {
  return (await request("GET", path, options)).json();
}

export async function send(method, path, json, options) {
  return (await request(method, path, { ...options, json })).json();
}

/** A picture's bytes; tried again when the server has too much to do. */
export async function getBlob(path, signal) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await (await request("GET", path, { signal, headers: { Accept: "image/*" } })).blob();
    } catch (error) {
      const isBusy = error instanceof Problem && (error.status === 503 || error.status === 429);
      if (!isBusy || attempt >= RETRIES) throw error;
      await pause(Math.min(error.retryAfter || 2 ** attempt, 10) * 1000, signal);
    }
  }
}

export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stopped = () => {
      clearTimeout(timer);
      reject(new DOMException("left", "AbortError"));
    };
    const timer = setTimeout(() => {
      if (signal) signal.removeEventListener("abort", stopped);
      resolve();
    }, ms);
    if (!signal) return;
    if (signal.aborted) stopped();
    else signal.addEventListener("abort", stopped, { once: true });
  });
}

/** Path of a picture from its object key: every segment escaped on its own. */
export function framePath(objectKey, width) {
  const path = `/frames/${String(objectKey).split("/").map(encodeURIComponent).join("/")}`;
  return width ? `${path}?width=${width}` : path;
}
