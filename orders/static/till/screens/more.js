/** Everything besides selling: the shift, receipts of this device, what is unsent, the device. */

import { showGlance, showXReport } from "../actions/glance.js";
import { printDocument, printSale, usePrinter } from "../actions/print.js";
import { loadReceipt, openReceipts } from "../actions/receipt.js";
import { unpairDevice } from "../actions/setup.js";
import { beginClosing, prepareOpening } from "../actions/shift.js";
import { sendAgain } from "../actions/sync.js";
import { formatDateTime } from "./format.js";
import { h } from "./render.js";
import { button, money } from "./parts.js";
import { listConnections } from "../print/printer.js";
import { locale, t } from "../texts/texts.js";

/** @typedef {import("../app.js").App} App */

const SHOWN_SALES = 30;

/** @param {App} app */
export function showMore(app) {
  return [h("h1", { class: "visually-hidden", key: "title" }, t("more")), showShift(app), showRejected(app), showSales(app), showDevice(app)];
}

/** @param {App} app */
function showShift(app) {
  const opened = app.shift ? t("shiftSince", { time: formatDateTime(app.shift.opened_at, locale) }) : t("noShift");
  return h(
    "section",
    { class: "card", key: "shift" },
    h("h2", null, t("shift")),
    h("p", null, opened),
    h("div", { class: "choices" }, app.shift ? listShiftTools(app) : listTools(app)),
    app.isOnline ? null : h("p", { class: "hint" }, t("closeOffline")),
  );
}

/** @param {App} app */
function listShiftTools(app) {
  const isDisabled = !app.isOnline || app.isBusy;
  const move = (/** @type {string} */ type) => () => app.update({ dialog: { kind: "drawer", id: crypto.randomUUID(), type } });
  return [
    button(t("countAndClose"), () => app.run(() => beginClosing(app, app.shift)), { disabled: isDisabled, class: "primary", name: "close-shift", key: "F3" }),
    button(t("xReport"), () => app.run(() => showXReport(app)), { disabled: isDisabled, name: "x-report", key: "F4" }),
    button(t("drawer"), move("paid_in"), { disabled: isDisabled, name: "drawer", key: "F6" }),
    button(t("no_sale"), move("no_sale"), { disabled: isDisabled, name: "no-sale", key: "F7" }),
    app.slip ? button(t("printSlip"), () => app.run(() => printDocument(app, app.slip)), { disabled: isDisabled, name: "slip" }) : null,
    ...listTools(app),
  ];
}

/** @param {App} app */
function listTools(app) {
  const isDisabled = !app.isOnline || app.isBusy;
  return [
    app.shift ? null : button(t("openShift"), () => app.run(() => prepareOpening(app)), { disabled: isDisabled, class: "primary", name: "open-shift", key: "F3" }),
    button(t("receipts"), () => openReceipts(app), { name: "receipts", key: "F10" }),
    isManager(app) ? button(t("glance"), () => app.run(() => showGlance(app)), { disabled: isDisabled, name: "glance", key: "F8" }) : null,
  ];
}

/** @param {App} app */
function isManager(app) {
  return ["manager", "admin"].includes(app.person.role);
}

/** What the server rejects stays here, with the reason. @param {App} app */
function showRejected(app) {
  const sales = app.rejected;
  if (!sales.length) return null;
  return h(
    "section",
    { class: "card", key: "rejected" },
    h("h2", null, t("rejectedTitle")),
    h("p", null, t("rejectedHint")),
    h(
      "ul",
      { class: "sales" },
      sales.map((sale) =>
        h(
          "li",
          { key: sale.id },
          h("span", null, `${formatDateTime(sale.sold_at, locale)} · ${money(app, sale.total)}`),
          h("span", null, [sale.code, ...sale.errors.map((/** @type {any} */ each) => `${each.field}: ${each.detail}`)].join(" ")),
          button(t("sendAgain"), () => app.run(() => sendAgain(app, sale)), { name: "again", disabled: !app.isOnline || app.isBusy }),
        ),
      ),
    ),
  );
}

/** @param {App} app */
function showSales(app) {
  const newest = app.sales.slice(-SHOWN_SALES).reverse();
  return h(
    "section",
    { class: "card", key: "sales" },
    h("h2", null, t("recentSales")),
    newest.length ? null : h("p", { class: "hint" }, t("noSales")),
    h(
      "ul",
      { class: "sales" },
      newest.map((sale) =>
        h(
          "li",
          { key: sale.id },
          h("span", null, `${formatDateTime(sale.sold_at, locale)} · ${sale.cashier.name}`),
          h("span", null, sale.order ? t("receiptNumber", { number: sale.order.receipt_number }) : t(`state_${sale.state}`)),
          h("span", { class: "amount" }, money(app, sale.total)),
          sale.order ? button(t("show"), () => app.run(() => loadReceipt(app, sale.id)), { name: "show", disabled: app.isBusy || !app.isOnline }) : null,
          button(t("print"), () => app.run(() => printSale(app, sale)), { name: "print", disabled: app.isBusy }),
        ),
      ),
    ),
  );
}

/** @param {App} app */
function showDevice(app) {
  const unpair = () => {
    if (window.confirm(t("unpairConfirm"))) app.run(() => unpairDevice(app));
  };
  return h(
    "section",
    { class: "card", key: "device" },
    h("h2", null, t("device")),
    h("p", null, `${app.settings.tenant.name} · ${app.settings.store.name} · ${app.pairing.register.name}`),
    showPrinter(app),
    app.isPersisted ? null : h("p", { class: "hint" }, t("notPersisted")),
    isManager(app) ? button(t("unpair"), unpair, { class: "danger", disabled: app.isBusy }) : null,
  );
}

/** Where receipts are printed; browsers without WebUSB and Web Serial print themselves. @param {App} app */
function showPrinter(app) {
  const connections = listConnections();
  if (!connections.length) return null;
  const use = (/** @type {import("../print/printer.js").Connection | null} */ kind) => app.run(() => usePrinter(app, kind));
  return h(
    "div",
    { key: "printer" },
    h("p", null, t(app.printer ? `printing_${app.printer}` : "printing_browser")),
    h(
      "div",
      { class: "choices" },
      connections.map((kind) => button(t(`printer_${kind}`), () => use(kind), { name: kind, disabled: app.isBusy })),
      app.printer ? button(t("printer_browser"), () => use(null), { name: "browser", disabled: app.isBusy }) : null,
    ),
  );
}
