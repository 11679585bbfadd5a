// The reference page: everything on it comes from /api/openapi.json.

import { h } from "./dom.js";
import { boundsOf, fieldTable, resolve, typeOf } from "./schema.js";
import { tryForm } from "./try.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const WHO = { key: "key", basic: "user and password", none: "open" };
let key = "";
try {
  key = sessionStorage.getItem("oriane-key") || "";
} catch { /* storage can be forbidden */ }

function whoMay(spec, operation) {
  const rules = operation.security || spec.security || [];
  if (!rules.length || rules.every((rule) => Object.keys(rule).length === 0)) return "none";
  const schemes = (spec.components && spec.components.securitySchemes) || {};
  const kinds = rules.flatMap((rule) => Object.keys(rule)).map((name) => schemes[name] || {});
  return kinds.some((scheme) => scheme.type === "apiKey") ? "key" : "basic";
}

function answerType(operation) {
  const good = Object.entries(operation.responses || {}).find(([code]) => code.startsWith("2"));
  return good && good[1].content ? Object.keys(good[1].content)[0] || "" : "";
}

/** Every operation of the description, flat, in its order. */
export function operationsOf(spec) {
  const found = [];
  for (const [path, entry] of Object.entries(spec.paths || {})) {
    for (const method of METHODS) {
      const operation = entry[method];
      if (!operation) continue;
      const parameters = [...(entry.parameters || []), ...(operation.parameters || [])].map((p) => resolve(spec, p));
      found.push({ ...operation, path, method: method.toUpperCase(), parameters, who: whoMay(spec, operation),
        requestBody: operation.requestBody ? resolve(spec, operation.requestBody) : null,
        tag: (operation.tags || ["other"])[0], answer: answerType(operation),
        id: operation.operationId || `${method}-${path.replace(/\W+/g, "-")}` });
    }
  }
  return found;
}

function parameterTable(spec, parameters) {
  return h("div", { class: "wide" }, h("table", null,
    h("thead", null, h("tr", null, ["Parameter", "In", "Type", "Meaning"].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", null, parameters.map((p) => h("tr", null,
      h("td", null, h("code", null, p.name), p.required && h("span", { class: "need" }, " required")),
      h("td", null, p.in), h("td", null, ...typeOf(p.schema)),
      h("td", null, [p.description, boundsOf(resolve(spec, p.schema))].filter(Boolean).join("; ")))))));
}

function bodyPart(spec, body) {
  return Object.entries(body.content || {}).map(([type, media]) => [h("h4", null, "Body, ", h("code", null, type)),
    fieldTable(spec, media.schema)]);
}

function answersPart(spec, responses) {
  return [h("h4", null, "Answers"), h("ul", { class: "answers" }, Object.entries(responses || {}).map(([code, entry]) => {
    const response = resolve(spec, entry);
    const content = Object.entries(response.content || {});
    return h("li", null, h("b", null, code), h("span", null, response.description || "",
      content.map(([type, media]) => [" · ", ...(media.schema && type.includes("json") ? typeOf(media.schema) : [h("code", null, type)])])));
  }))];
}

function inside(spec, operation) {
  return h("div", { class: "inside" },
    operation.description && operation.description !== operation.summary && h("p", { class: "lead" }, operation.description),
    operation.parameters.length > 0 && [h("h4", null, "Parameters"), parameterTable(spec, operation.parameters)],
    operation.requestBody && bodyPart(spec, operation.requestBody).flat(),
    answersPart(spec, operation.responses), tryForm(spec, operation, () => key));
}

/** Closed at first; what is inside is made when it is opened. */
function operationCard(spec, operation) {
  const card = h("details", { class: "card operation", id: operation.id },
    h("summary", null, h("span", { class: `method method-${operation.method.toLowerCase()}` }, operation.method),
      h("code", { class: "path" }, operation.path), h("span", { class: "who" }, WHO[operation.who]),
      h("span", { class: "summary" }, operation.summary || "")));
  card.addEventListener("toggle", () => {
    if (card.open && card.childElementCount === 1) card.append(inside(spec, operation));
  });
  return card;
}

function keyField() {
  return h("form", { class: "card key", onsubmit: (event) => event.preventDefault() }, h("label", null, "API key for “try it”",
    h("input", { type: "password", value: key, autocomplete: "off", spellcheck: "false", oninput: (event) => {
      key = event.target.value.trim();
    } })), h("p", null, "Sent as X-API-Key with what you send from this page; kept nowhere. In the curl lines it is $API_KEY."));
}

function schemasPart(spec) {
  const schemas = Object.entries((spec.components && spec.components.schemas) || {});
  if (!schemas.length) return [];
  return [h("h2", { id: "schemas" }, "Schemas"), h("div", { class: "card schemas" }, schemas.map(([name, schema]) =>
    h("details", { id: `schema-${name}` }, h("summary", null, h("code", null, name)),
      h("div", { class: "inside" }, schema.description && h("p", { class: "soft" }, schema.description), fieldTable(spec, schema)))))];
}

function render(spec) {
  const main = document.getElementById("main");
  const info = spec.info || {};
  const operations = operationsOf(spec);
  const tags = [...new Set(operations.map((operation) => operation.tag))];
  const of = (tag) => operations.filter((operation) => operation.tag === tag);
  document.title = `${info.title || "API"} · reference`;
  document.getElementById("name").textContent = info.title || "API reference";
  document.getElementById("version").textContent = info.version ? `version ${info.version}` : "";
  main.replaceChildren(h("h1", null, info.title || "API reference"),
    h("p", { class: "lead soft" }, info.description || info.summary || "Every operation, as this server describes itself."), keyField(),
    ...tags.flatMap((tag) => [h("h2", { id: `tag-${tag}` }, tag), ...of(tag).map((operation) => operationCard(spec, operation))]),
    ...schemasPart(spec));
  document.getElementById("contents").replaceChildren(...tags.flatMap((tag) => [h("p", null, tag),
    h("ul", null, of(tag).map((operation) => h("li", null, h("a", { href: `#${operation.id}`, title: operation.summary },
      h("span", { class: `method method-${operation.method.toLowerCase()}` }, operation.method === "DELETE" ? "DEL" : operation.method),
      h("code", null, operation.path)))))]));
}

function openTarget() {
  let id = "";
  try {
    id = decodeURIComponent(location.hash.slice(1));
  } catch { /* not an address of ours */ }
  const target = id ? document.getElementById(id) : null;
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView({ block: "start" });
  const summary = target.querySelector("summary");
  if (summary) summary.focus({ preventScroll: true });
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});
window.addEventListener("hashchange", openTarget);
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link && link.getAttribute("href") === location.hash) openTarget();
});
fetch("/api/openapi.json", { headers: { Accept: "application/json" } }).then(async (response) => {
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  render(await response.json());
  openTarget();
}).catch((error) => {
  const state = document.getElementById("state");
  if (state) state.textContent = `The description could not be read: ${error.message}`;
  else throw error;
});
