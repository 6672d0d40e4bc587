/** Approval in place, by the PIN of a manager. */

import { approveByPin } from "../../actions/approval.js";
import { t } from "../../texts/texts.js";
import { dialog, field, form, keypad, money } from "../parts.js";
import { h } from "../render.js";

/** @typedef {import("../../app.js").App} App */

/** A manager approves in place, by PIN. @param {App} app */
export function showApproval(app) {
  const { problem, repeat, chosen, pin = "" } = app.dialog;
  const people = (app.settings.people ?? []).filter((/** @type {any} */ each) => each.id !== app.person.id);
  const change = (/** @type {any} */ facts) => app.update({ dialog: { ...app.dialog, ...facts } });
  const approve = () => app.run(() => approveByPin(app, problem, repeat, chosen, pin));
  const press = (/** @type {string} */ key) => change({ pin: key === "back" ? pin.slice(0, -1) : pin + key });
  return dialog(
    app,
    t("approvalTitle"),
    h("p", null, problem.detail, " ", problem.amount ? t("approvalAmount", { amount: money(app, problem.amount) }) : ""),
    people.length ? null : h("p", null, t("nobodyApproves")),
    h(
      "div",
      { class: "choices", role: "group", "aria-label": t("people") },
      people.map((/** @type {any} */ person) =>
        h("button", { key: person.id, type: "button", "aria-pressed": `${chosen === person.id}`, onclick: () => change({ chosen: person.id, pin: "" }) }, person.display_name),
      ),
    ),
    chosen
      ? form(
          approve,
          { class: "pin", key: `pin ${chosen}` },
          field(t("pin"), {
            name: "pin",
            type: "password",
            inputmode: "numeric",
            required: true,
            value: pin,
            oninput: (/** @type {any} */ event) => change({ pin: event.target.value }),
            onmount: (/** @type {HTMLElement} */ element) => element.focus(),
          }),
          keypad(press, t("pin")),
          h("button", { class: "primary", disabled: app.isBusy }, t("approve")),
        )
      : null,
  );
}
