// "Try it": one form an operation, and the curl line that does the same.

import { h } from "./dom.js";
import { exampleOf, resolve } from "./schema.js";

const SHOWN_CHARS = 20000;
const STREAM_MS = 10000;

function quote(text) {
  return `'${String(text).replace(/'/g, "'\\''")}'`;
}

/** {platform} and the query filled in from values; what is empty in the query is left out. */
function addressOf(operation, values) {
  const path = operation.path.replace(/\{(\w+)\}/g, (all, name) => (values[name] ? encodeURIComponent(values[name]) : all));
  const query = new URLSearchParams();
  for (const p of operation.parameters) if (p.in === "query" && values[p.name]) query.set(p.name, values[p.name]);
  return query.size ? `${path}?${query}` : path;
}

export function bodyKind(operation) {
  const content = operation.requestBody ? operation.requestBody.content || {} : {};
  const types = Object.keys(content);
  return types.find((type) => type.startsWith("multipart/")) || types.find((type) => type.includes("json")) || "";
}

export function curlLine(operation, values, body) {
  const parts = ["curl"];
  if (operation.method === "DELETE") parts.push("-X DELETE");
  if (operation.who === "key") parts.push('-H "X-API-Key: $API_KEY"');
  if (operation.who === "basic") parts.push('-u "$API_USERNAME:$API_PASSWORD"');
  if (operation.answer === "text/event-stream") parts.push("-N");
  const kind = bodyKind(operation);
  if (kind.startsWith("multipart/")) parts.push("-F file=@picture.jpg");
  else if (kind && body) parts.push("-H 'Content-Type: application/json'", `-d ${quote(body)}`);
  else if (operation.method === "POST") parts.push("-X POST");
  parts.push(quote(location.origin + addressOf(operation, values)));
  return parts.join(" ");
}

export function exampleBody(spec, operation) {
  const kind = bodyKind(operation);
  if (!kind.includes("json")) return "";
  const media = operation.requestBody.content[kind];
  const value = media.example !== undefined ? media.example : exampleOf(spec, media.schema);
  return JSON.stringify(value, null, 2);
}

async function readText(response) {
  const type = response.headers.get("Content-Type") || "";
  if (/^(image|application\/octet)/.test(type)) {
    const blob = await response.blob();
    return `(${blob.size.toLocaleString("en")} bytes of ${type})`;
  }
  let text = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const isStream = type.startsWith("text/event-stream");
  const timer = isStream ? setTimeout(() => reader.cancel(), STREAM_MS) : 0;
  while (text.length < SHOWN_CHARS) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  clearTimeout(timer);
  reader.cancel();
  const isCut = text.length >= SHOWN_CHARS;
  if (/json/.test(type) && !isCut) text = JSON.stringify(JSON.parse(text), null, 2);
  return isCut ? `${text.slice(0, SHOWN_CHARS)}\n… (more was sent)` : text;
}

export function tryForm(spec, operation, keyOf) {
  const values = {};
  const kind = bodyKind(operation);
  const line = h("pre", { class: "curl" });
  const body = kind.includes("json") ? h("textarea", { spellcheck: "false", value: exampleBody(spec, operation), "aria-label": "Body" }) : null;
  const file = kind.startsWith("multipart/") ? h("input", { type: "file", "aria-label": "Picture" }) : null;
  const status = h("span", { role: "status" });
  const answer = h("pre", { hidden: true, tabindex: "0", "aria-label": "Answer" });
  const compact = () => {
    try {
      return JSON.stringify(JSON.parse(body.value));
    } catch {
      return body.value;
    }
  };
  const renew = () => { line.textContent = curlLine(operation, values, body ? compact() : ""); };
  const fields = operation.parameters.filter((p) => p.in !== "header").map((p) => h("label", null, p.name,
    h("input", { name: p.name, required: p.in === "path", autocomplete: "off", spellcheck: "false",
      placeholder: String((resolve(spec, p.schema).default ?? "")),
      oninput: (event) => {
        values[p.name] = event.target.value.trim();
        renew();
      } })));
  if (body) body.addEventListener("input", renew);

  async function run(event) {
    event.preventDefault();
    status.textContent = "Asking…";
    const headers = {};
    if (operation.who === "key" && keyOf()) headers["X-API-Key"] = keyOf();
    let payload;
    if (file) {
      payload = new FormData();
      if (file.files[0]) payload.append("file", file.files[0]);
    } else if (body) {
      payload = body.value;
      headers["Content-Type"] = "application/json";
    }
    const began = performance.now();
    try {
      const response = await fetch(addressOf(operation, values), { method: operation.method, headers, body: payload });
      status.textContent = `${response.status} ${response.statusText} after ${Math.round(performance.now() - began)} ms`;
      status.className = response.ok ? "" : "bad";
      answer.hidden = false;
      answer.textContent = "";
      answer.textContent = await readText(response);
    } catch (error) {
      status.className = "bad";
      status.textContent = `No answer: ${error.message}`;
    }
  }
  renew();
  return h("div", null, h("h4", null, "On the command line"), line, h("h4", null, "Try it"),
    h("form", { class: "try", onsubmit: run }, fields.length > 0 && h("div", { class: "try-fields" }, fields), body, file,
      h("div", { class: "line" }, h("button", { type: "submit", class: "primary" }, "Send"), status), answer));
}
