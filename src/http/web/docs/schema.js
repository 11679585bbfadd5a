// JSON Schema as people read it: a type in words, a table of fields, an example.

import { h } from "./dom.js";

const DEPTH_MAX = 6;

export function resolve(spec, schema) {
  let found = schema;
  for (let i = 0; i < 8 && found && found.$ref; i++) {
    const path = String(found.$ref);
    if (!path.startsWith("#/")) return {};
    found = path.slice(2).split("/").reduce((at, part) =>
      (at ? at[part.replace(/~1/g, "/").replace(/~0/g, "~")] : undefined), spec);
  }
  return found || {};
}

function nameOf(schema) {
  return schema && schema.$ref ? String(schema.$ref).split("/").pop() : "";
}

/** "integer", "list of Item", "text or null" with links to the named schemas. */
export function typeOf(schema) {
  if (!schema || schema === true) return ["anything"];
  const name = nameOf(schema);
  if (name) return [h("a", { href: `#schema-${name}` }, name)];
  for (const key of ["oneOf", "anyOf", "allOf"]) {
    if (Array.isArray(schema[key])) return schema[key].flatMap((part, i) => [...(i ? [key === "allOf" ? " and " : " or "] : []), ...typeOf(part)]);
  }
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (Array.isArray(schema.enum)) return [schema.enum.map((v) => JSON.stringify(v)).join(" · ")];
  const types = [schema.type || "anything"].flat();
  return types.flatMap((type, i) => [...(i ? [" or "] : []), ...(type === "array" ? ["list of ", ...typeOf(schema.items)] : [type])]);
}

const RANGES = [["minimum", "maximum", ""], ["minLength", "maxLength", " characters"], ["minItems", "maxItems", " of them"]];
const WORDS = ["exclusiveMinimum", "exclusiveMaximum", "pattern", "format", "default"];
const NAMES = { exclusiveMinimum: "above", exclusiveMaximum: "below" };

function rangeOf(schema, [least, most, unit]) {
  const from = schema[least], to = schema[most];
  if (from === undefined && to === undefined) return "";
  if (to === undefined) return `at least ${from}${unit}`;
  return from === undefined ? `at most ${to}${unit}` : `${from} to ${to}${unit}`;
}

/** "1 to 255 characters, pattern ...": of the schema, or of its parts when it is a choice. */
export function boundsOf(schema) {
  if (!schema || typeof schema !== "object") return "";
  const parts = schema.anyOf || schema.oneOf;
  if (Array.isArray(parts)) return parts.map(boundsOf).filter(Boolean).join(", ");
  return [...RANGES.map((range) => rangeOf(schema, range)),
    ...WORDS.filter((key) => schema[key] !== undefined && schema[key] !== null).map((key) => `${NAMES[key] || key} ${schema[key]}`)]
    .filter(Boolean).join(", ");
}

export function fieldTable(spec, schema) {
  const real = resolve(spec, schema);
  const fields = Object.entries(real.properties || {});
  if (!fields.length) return h("p", { class: "soft" }, ...typeOf(real));
  const required = new Set(real.required || []);
  return h("div", { class: "wide" }, h("table", null,
    h("thead", null, h("tr", null, ["Field", "Type", "Meaning"].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", null, fields.map(([name, field]) => h("tr", null,
      h("td", null, h("code", null, name), required.has(name) && h("span", { class: "need" }, " required")),
      h("td", null, ...typeOf(field)),
      h("td", null, [field.description, boundsOf(field)].filter(Boolean).join("; ")))))));
}

/** A value that fits: the schema's own example first, else one made from its parts. */
export function exampleOf(spec, schema, depth = 0) {
  const real = resolve(spec, schema);
  if (real.example !== undefined) return real.example;
  if (Array.isArray(real.examples) && real.examples.length) return real.examples[0];
  if (real.default !== undefined) return real.default;
  if (real.const !== undefined) return real.const;
  if (Array.isArray(real.enum)) return real.enum[0];
  if (depth >= DEPTH_MAX) return null;
  for (const key of ["oneOf", "anyOf", "allOf"]) if (Array.isArray(real[key]) && real[key].length) return exampleOf(spec, real[key][0], depth + 1);
  const type = [real.type].flat()[0];
  if (type === "object" || real.properties) {
    return Object.fromEntries(Object.entries(real.properties || {}).map(([name, field]) => [name, exampleOf(spec, field, depth + 1)]));
  }
  if (type === "array") return [exampleOf(spec, real.items, depth + 1)];
  if (type === "integer" || type === "number") return real.minimum || 0;
  if (type === "boolean") return false;
  return type === "string" ? "text" : null;
}
