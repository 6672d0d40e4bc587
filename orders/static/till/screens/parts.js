/** Parts of which screens are made. */

import { h } from "./render.js";
import { formatMoney } from "./format.js";
import { locale, t } from "../texts/texts.js";

/** @typedef {import("../app.js").App} App */

/** @param {App} app @param {string} amount */
export function money(app, amount) {
  return formatMoney(amount, app.settings.tenant.currency, locale);
}

/**
 * A button, with the key that does the same.
 *
 * @param {string} label
 * @param {() => any} onclick
 * @param {{key?: string, class?: string, disabled?: boolean, name?: string}} [options]
 */
export function button(label, onclick, options = {}) {
  const { key, name, disabled = false } = options;
  const props = { key: name ?? label, name: name ?? null, type: "button", class: options.class ?? "", onclick, disabled };
  return h("button", { ...props, "aria-keyshortcuts": key ?? null }, label, key ? h("kbd", null, key) : null);
}

/** A button that opens the camera, where the browser reads codes. @param {App} app */
export function cameraButton(app) {
  if (!app.cameraFormats.length) return null;
  const open = () => app.update({ dialog: { kind: "camera" }, message: "" });
  return button(t("camera"), open, { name: "camera", disabled: app.isBusy });
}

/**
 * A field with its label.
 *
 * @param {string} label
 * @param {Record<string, any>} props
 */
export function field(label, props) {
  return h("label", { class: "field", key: props.name }, h("span", null, label), h("input", { autocomplete: "off", ...props }));
}

/**
 * A form that calls `onsubmit` with its values.
 *
 * @param {(values: Record<string, string>) => any} onsubmit
 * @param {Record<string, any>} props
 * @param {...any} children
 */
export function form(onsubmit, props, ...children) {
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const data = new FormData(/** @type {HTMLFormElement} */ (event.target), event.submitter);
    onsubmit(/** @type {any} */ (Object.fromEntries(data)));
  };
  return h("form", { ...props, onsubmit: submit }, ...children);
}

/**
 * A dialog above the screen; Escape closes it.
 *
 * @param {App} app
 * @param {string} title
 * @param {...any} children
 */
export function dialog(app, title, ...children) {
  const close = () => app.update({ dialog: null, message: "" });
  const props = {
    key: `dialog ${app.dialog.kind}`,
    "aria-labelledby": "dialog-title",
    onmount: (/** @type {HTMLDialogElement} */ element) => {
      element.showModal();
      const wanted = element.querySelector("[data-focus]") ?? element.querySelector("input, .choices button");
      /** @type {HTMLElement | null} */ (wanted ?? element.querySelector("button"))?.focus();
    },
    onremove: (/** @type {HTMLDialogElement} */ element) => element.close(),
    oncancel: (/** @type {Event} */ event) => {
      event.preventDefault();
      close();
    },
  };
  return h(
    "dialog",
    props,
    h("header", null, h("h2", { id: "dialog-title" }, title), button(t("close"), close, { class: "quiet", name: "close" })),
    app.message ? h("p", { class: "message", role: "alert" }, app.message) : null,
    ...children,
  );
}

/**
 * Keys for digits, for a finger.
 *
 * @param {(key: string) => void} onkey a digit, or "back"
 * @param {string} label
 */
export function keypad(onkey, label) {
  const keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "", "0", "back"];
  return h(
    "div",
    { class: "keypad", role: "group", "aria-label": label, key: "keypad" },
    keys.map((key) =>
      key
        ? button(key === "back" ? "⌫" : key, () => onkey(key), { name: key })
        : h("span", { key: "gap" }),
    ),
  );
}
