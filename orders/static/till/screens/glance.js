/** What a manager wants to know at a glance. */

import { nameMissing, showGlance } from "../actions/glance.js";
import { compareAmounts } from "../money/engine.js";
import { locale, t } from "../texts/texts.js";
import { formatDateTime, formatTime } from "./format.js";
import { button, money } from "./parts.js";
import { h } from "./render.js";

/** @typedef {import("../app.js").App} App */

/** @param {App} app */
export function showGlanceScreen(app) {
  return [
    h("h1", { class: "visually-hidden", key: "title" }, t("glance")),
    showSales(app),
    showDrawer(app),
    showQueue(app),
    showPayments(app),
    showGaps(app),
  ];
}

/** @param {string} name @param {string} text */
function row(name, text) {
  return h("p", { key: name }, h("span", null, name), h("span", null, text));
}

/** @param {App} app */
function showSales(app) {
  const { sales, at } = app.glance;
  const { total } = sales;
  const again = () => app.run(() => showGlance(app));
  return h(
    "section",
    { class: "card", key: "sales" },
    h("h2", null, t("salesToday", { store: app.settings.store.name })),
    h(
      "div",
      { class: "totals" },
      row(t("salesCount"), `${total.orders}`),
      h("p", { class: "total", key: "total" }, h("span", null, t("total")), h("output", { id: "today" }, money(app, total.net_total))),
      compareAmounts(total.refunded_total, "0") ? row(t("refunds"), money(app, `-${total.refunded_total}`)) : null,
      sales.rows.map((/** @type {any} */ each) => row(t(each.key), money(app, each.net_total ?? each.total))),
    ),
    h("p", { class: "hint" }, t("asOf", { time: formatTime(at, locale) })),
    button(t("refresh"), again, { name: "refresh", disabled: app.isBusy || !app.isOnline }),
  );
}

/** @param {App} app */
function showDrawer(app) {
  const { drawer } = app.glance;
  return h(
    "section",
    { class: "card", key: "drawer" },
    h("h2", null, t("drawerTitle")),
    drawer ? h("p", null, t("shiftSince", { time: formatDateTime(app.shift.opened_at, locale) })) : h("p", { class: "hint" }, t("noShift")),
    drawer?.cash
      ? h(
          "div",
          { class: "totals" },
          row(t("cash_opening_float"), money(app, drawer.cash.opening_float)),
          h("p", { class: "total", key: "expected" }, h("span", null, t("cash_expected")), h("output", { id: "expected" }, money(app, drawer.cash.expected))),
          row(t("cash_no_sales"), `${drawer.cash.no_sales}`),
        )
      : null,
  );
}

/** @param {App} app */
function showQueue(app) {
  const [unsent, rejected] = [app.unsent.length, app.rejected.length];
  return h(
    "section",
    { class: "card", key: "queue" },
    h("h2", null, t("queue")),
    h("p", { role: "status" }, unsent || rejected ? [unsent ? t("unsent", { count: unsent }) : "", rejected ? t("rejected", { count: rejected }) : ""].filter(Boolean).join(" · ") : t("queueEmpty")),
    rejected ? h("p", null, t("rejectedHint")) : null,
    unsent ? h("p", null, t("unsentHint")) : null,
  );
}

/** @param {App} app */
function showPayments(app) {
  const { payments } = app.glance;
  if (!payments.length) return null;
  return h(
    "section",
    { class: "card", key: "payments" },
    h("h2", null, t("openPayments")),
    h("p", null, t("openPaymentsHint")),
    h(
      "ul",
      { class: "sales" },
      payments.map((/** @type {any} */ each) =>
        h("li", { key: each.id }, h("span", null, `${formatDateTime(each.created_at, locale)} · ${t(`payment_${each.status}`)}`), h("span", { class: "amount" }, money(app, each.amount))),
      ),
    ),
  );
}

/** Numbers of sales that a device has given and the server does not have. @param {App} app */
function showGaps(app) {
  const { gaps } = app.glance;
  const missing = gaps.filter((/** @type {any} */ each) => each.gap.missing);
  return h(
    "section",
    { class: "card", key: "gaps" },
    h("h2", null, t("gaps")),
    missing.length ? h("p", null, t("gapsHint")) : h("p", { class: "hint" }, t("noGaps", { count: gaps.length })),
    h(
      "ul",
      { class: "sales" },
      missing.map(({ register, gap }) =>
        h("li", { key: register.id }, h("span", null, `${register.name}: ${t("missingCount", { count: gap.missing })}`), h("span", null, nameMissing(gap, register.number))),
      ),
    ),
  );
}
