/** Who sells: a PIN, a password, or without a connection the person of the last session. */

import { continueOffline, logInWithPassword, logInWithPin } from "../actions/session.js";
import { h } from "./render.js";
import { button, field, form, keypad } from "./parts.js";
import { t } from "../texts/texts.js";

const MAX_PIN = 8;

/** @param {import("../app.js").App} app */
export function showLock(app) {
  if (app.isUnpaired) return showUnpaired(app);
  const people = app.settings?.people ?? [];
  if (app.withPassword || (app.isOnline && !people.length)) return showPassword(app);
  return h(
    "section",
    { class: "card", key: "lock" },
    h("h1", null, t("whoSells")),
    app.isOnline ? null : showOffline(app),
    h(
      "div",
      { class: "choices", role: "group", "aria-label": t("people") },
      people.map((/** @type {any} */ person) =>
        h(
          "button",
          {
            key: person.id,
            type: "button",
            "aria-pressed": app.chosen === person.id ? "true" : "false",
            disabled: !app.isOnline,
            onclick: () => app.update({ chosen: person.id, pin: "", message: "" }),
          },
          person.display_name,
        ),
      ),
    ),
    app.chosen && app.isOnline ? showPinPad(app) : null,
    app.isOnline ? button(t("withPassword"), () => app.update({ withPassword: true, message: "" }), { class: "quiet" }) : null,
  );
}

/** @param {import("../app.js").App} app */
function showUnpaired(app) {
  return h(
    "section",
    { class: "card", key: "unpaired" },
    h("h1", null, t("pairAgain")),
    h("p", null, t("notPaired")),
    button(t("pairAgain"), () => app.update({ phase: "setup", message: "" }), { class: "primary" }),
  );
}

/** @param {import("../app.js").App} app */
function showOffline(app) {
  if (!app.person || !app.settings?.tenant) return h("p", null, t("needsConnection"));
  return h(
    "div",
    null,
    h("p", null, t("offlineLock")),
    button(t("continueAs", { name: app.person.display_name }), () => app.run(() => continueOffline(app)), { class: "primary" }),
  );
}

/** @param {import("../app.js").App} app */
function showPinPad(app) {
  const logIn = () =>
    app.run(async () => {
      const { chosen, pin } = app;
      app.update({ pin: "" });
      if (chosen) await logInWithPin(app, chosen, pin);
      app.update({ chosen: null });
    });
  const press = (/** @type {string} */ key) => {
    const pin = key === "back" ? app.pin.slice(0, -1) : app.pin + key;
    app.update({ pin: pin.slice(0, MAX_PIN) });
  };
  return form(
    logIn,
    { key: `pin ${app.chosen}`, class: "pin" },
    field(t("pin"), {
      name: "pin",
      type: "password",
      inputmode: "numeric",
      pattern: "[0-9]{6,8}",
      required: true,
      maxlength: MAX_PIN,
      value: app.pin,
      oninput: (/** @type {any} */ event) => app.update({ pin: event.target.value }),
      onmount: (/** @type {HTMLElement} */ element) => element.focus(),
    }),
    keypad(press, t("pin")),
    h("button", { class: "primary", disabled: app.isBusy }, t("logIn")),
  );
}

/** @param {import("../app.js").App} app */
function showPassword(app) {
  const logIn = (/** @type {any} */ { username, password }) =>
    app.run(async () => {
      await logInWithPassword(app, username, password);
      app.update({ withPassword: false });
    });
  return h(
    "section",
    { class: "card", key: "password" },
    h("h1", null, t("logInTitle")),
    form(
      logIn,
      {},
      field(t("username"), { name: "username", required: true, autocapitalize: "none", autocomplete: "username" }),
      field(t("password"), { name: "password", type: "password", required: true, autocomplete: "current-password" }),
      h("button", { class: "primary", disabled: app.isBusy }, t("logIn")),
    ),
    app.settings?.people?.length
      ? button(t("withPin"), () => app.update({ withPassword: false, message: "" }), { class: "quiet" })
      : null,
  );
}
