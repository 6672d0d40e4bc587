/** The fields of a discount. */

import { compareAmounts } from "../../money/engine.js";
import { t } from "../../texts/texts.js";
import { field } from "../parts.js";
import { h } from "../render.js";
import { requireNumber } from "./number.js";

/** @typedef {import("../../app.js").App} App */

/** Return the discount of a form, or null if its value is empty. @param {App} app @param {any} values */
export function readDiscount(app, { type, value, reason }) {
  if (!value.trim()) return null;
  const number = type === "percent" ? requireNumber(value, 4) : requireNumber(value, app.exponent, true);
  if (type === "percent" && compareAmounts(number, "100") > 0) throw new Error(t("badPercent"));
  return { type, value: number, ...(reason.trim() ? { reason: reason.trim() } : {}) };
}

/** @param {any} [discount] */
export function discountFields(discount) {
  const option = (/** @type {string} */ type, /** @type {string} */ label) =>
    h("option", { value: type, selected: discount?.type === type }, label);
  return h(
    "fieldset",
    null,
    h("legend", null, t("discount")),
    h("label", { class: "field" }, h("span", null, t("kind")), h("select", { name: "type" }, option("percent", t("percent")), option("amount", t("amount")))),
    field(t("value"), { name: "value", inputmode: "decimal", onmount: (/** @type {any} */ element) => (element.value = discount?.value ?? "") }),
    field(t("reason"), { name: "reason", maxlength: 100, onmount: (/** @type {any} */ element) => (element.value = discount?.reason ?? "") }),
  );
}
