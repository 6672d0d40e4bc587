/** After a sale: the change in large figures, and the receipt. */

import { printSale } from "../actions/print.js";
import { startNext } from "../actions/sale.js";
import { h } from "./render.js";
import { button, money } from "./parts.js";
import { compareAmounts } from "../money/engine.js";
import { layOut } from "../print/receipt.js";
import { t } from "../texts/texts.js";

/** @typedef {import("../app.js").App} App */

/** @param {App} app */
export function showDone(app) {
  const sale = app.lastSale;
  const change = sale.change ?? sale.payments.at(-1)?.change ?? "0";
  const isChange = compareAmounts(change, "0") > 0;
  return h(
    "section",
    { class: "card done" },
    h("h1", null, t(sale.state === "sent" ? "sold" : "soldOffline")),
    sale.is_other_total ? h("p", { class: "message", role: "alert" }, t("otherTotal", { amount: money(app, sale.total) })) : null,
    h("p", { class: "change" }, h("span", null, t(isChange ? "change" : "total")), h("output", { id: "change" }, money(app, isChange ? change : sale.total))),
    sale.order ? h("p", null, t("receiptNumber", { number: sale.order.receipt_number })) : h("p", null, t("keptHere")),
    app.codes.map((/** @type {any} */ each) =>
      h("p", { key: each.code, class: "change" }, h("span", null, t("creditCode")), h("output", { class: "code" }, each.code)),
    ),
    h("pre", { class: "receipt", tabindex: "0", "aria-label": t("receipt") }, layOut(sale, app.settings, app.pairing.register)),
    h(
      "div",
      { class: "choices" },
      button(t("next"), () => startNext(app), { key: "Enter", class: "primary", name: "next" }),
      button(t("print"), () => app.run(() => printSale(app, sale)), { name: "print", disabled: app.isBusy }),
      sale.order
        ? button(t("sendMail"), () => app.update({ dialog: { kind: "mail", order: sale.id, email: sale.cart.customer?.email || sale.cart.email } }), { name: "mail", disabled: app.isBusy || !app.isOnline })
        : null,
    ),
  );
}
