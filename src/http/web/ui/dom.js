// Elements by code. Values become text or attributes, never markup: nothing here parses HTML.

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "selected", "open", "max"]);

/** h("a", {class: "x", href: "#/"}, "text", child, null): an element with its children. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(2).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

/** Changes a text only when it differs, so that a screen reader and a selection are left alone. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element, text) {
  if (element.className !== text) element.className = text;
}

/** Makes the list's children those of `keys`, in order; rows that stay are the same elements. */
export function keyed(list, rows) {
  const wanted = new Set(rows);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  rows.forEach((row, i) => {
    if (list.children[i] !== row) list.insertBefore(row, list.children[i] || null);
  });
}

let sayTimer = 0;
/** For those who listen to the page; the last of many quick words is said. */
export function say(text) {
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => setText(document.getElementById("say"), text), 150);
}

const TOAST_MS = 6000;
const TOASTS_MAX = 3;
export function toast(text) {
  const list = document.getElementById("toasts");
  const element = h("div", { class: "toast" }, text);
  while (list.children.length >= TOASTS_MAX) list.firstChild.remove();
  list.append(element);
  setTimeout(() => element.remove(), TOAST_MS);
}

/** A question with two answers: true only for the button that does it. Esc is no. */
export function ask(title, text, verb) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { class: "ask", "aria-labelledby": "ask-title", "aria-describedby": "ask-text" },
      h("h2", { id: "ask-title" }, title),
      h("p", { id: "ask-text" }, text),
      h("div", { class: "actions" },
        h("button", { type: "button", autofocus: true, onclick: () => dialog.close("") }, "Cancel"),
        h("button", { type: "button", class: "primary danger", onclick: () => dialog.close("yes") }, verb)));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A failed request as people read it: the sentence first, then each fault. */
export function problemNote(problem, retry) {
  const all = problem.errors || [];
  const faults = all.length === 1 && problem.message.includes(all[0].msg) ? [] : all;
  return h("div", { class: "note bad", role: "alert" },
    h("p", null, problem.message),
    faults.length > 0 && h("ul", null, faults.slice(0, 20).map((f) => h("li", null,
      f.loc ? `${f.loc}: ${f.msg}` : String(f.msg)))),
    retry && h("div", { class: "actions" }, h("button", { type: "button", onclick: retry }, "Try again")));
}
