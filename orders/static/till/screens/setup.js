/** Set-up, once: log in as a manager, choose the register, pair the device. */

import { beginSetup, finishSetup, keepOffer, pairByCode } from "../actions/setup.js";
import { h } from "./render.js";
import { button, field, form } from "./parts.js";
import { MAX_PAIRING_CODE } from "../scan/address.js";
import { t } from "../texts/texts.js";

/** @param {import("../app.js").App} app */
export function showSetup(app) {
  const offer = app.offer;
  return h("section", { class: "card" }, h("h1", null, t("setupTitle")), offer ? showChoice(app, offer) : [showLogIn(app), showCode(app)]);
}

/** @param {import("../app.js").App} app */
function showLogIn(app) {
  const begin = (/** @type {any} */ credentials) =>
    app.run(async () => {
      const found = await beginSetup(app, credentials);
      keepOffer(app, { ...found, credentials });
    });
  return form(
    begin,
    { key: "log-in" },
    h("p", null, t("setupHint")),
    field(t("shop"), { name: "tenant", required: true, autocapitalize: "none", spellcheck: "false" }),
    field(t("username"), { name: "username", required: true, autocapitalize: "none", autocomplete: "username" }),
    field(t("password"), { name: "password", type: "password", required: true, autocomplete: "current-password" }),
    h("button", { class: "primary", disabled: app.isBusy }, t("logIn")),
  );
}

/** A code that a manager has made; the QR code of the admin pages opens this page with it. @param {import("../app.js").App} app */
function showCode(app) {
  return form(
    ({ code }) => app.run(() => pairByCode(app, code)),
    { key: "code" },
    h("p", null, t("orCode")),
    field(t("pairingCode"), {
      name: "code",
      required: true,
      maxlength: MAX_PAIRING_CODE,
      autocapitalize: "characters",
      spellcheck: "false",
      value: app.pairingCode,
      oninput: (/** @type {any} */ event) => app.update({ pairingCode: event.target.value }),
    }),
    h("button", { disabled: app.isBusy }, t("pairWithCode")),
  );
}

/** @param {import("../app.js").App} app @param {any} offer */
function showChoice(app, { stores, registers, credentials }) {
  const choose = (/** @type {any} */ register) => app.run(() => finishSetup(app, register, credentials));
  return h(
    "div",
    { key: "choice" },
    h("p", null, t("chooseRegister")),
    stores.map((/** @type {any} */ store) =>
      h(
        "section",
        { key: store.id },
        h("h2", null, store.name),
        h(
          "div",
          { class: "choices" },
          registers
            .filter((/** @type {any} */ register) => register.store === store.id)
            .map((/** @type {any} */ register) =>
              button(register.name, () => choose(register), { name: register.id, disabled: app.isBusy }),
            ),
        ),
      ),
    ),
    h("p", { class: "hint" }, t("pairingHint")),
  );
}
