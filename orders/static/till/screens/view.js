/** The whole page for a state of the register. */

import { openReceipts } from "../actions/receipt.js";
import { lockRegister } from "../actions/session.js";
import { formatDateTime, formatTime } from "./format.js";
import { h } from "./render.js";
import { button } from "./parts.js";
import { showClose, showClosed } from "./close.js";
import { showDialog } from "./dialogs.js";
import { showDone } from "./done.js";
import { showGlanceScreen } from "./glance.js";
import { showLock } from "./lock.js";
import { showMore } from "./more.js";
import { showReceipt, showReceipts } from "./receipts.js";
import { showOpen } from "./open.js";
import { showCharging, showPay } from "./pay.js";
import { showSell } from "./sell.js";
import { showSetup } from "./setup.js";
import { locale, t } from "../texts/texts.js";

/** @typedef {import("../app.js").App} App */

/** @type {Record<string, (app: App) => any>} */
const SCREENS = {
  loading: () => h("p", { class: "loading" }, "Till …"),
  setup: showSetup,
  lock: showLock,
  open: showOpen,
  sell: showSell,
  pay: showPay,
  charging: showCharging,
  done: showDone,
  more: showMore,
  glance: showGlanceScreen,
  receipts: showReceipts,
  receipt: showReceipt,
  close: showClose,
  closed: showClosed,
};

/** One sentence in place of the register. @param {string} text */
export function showNotice(text) {
  return h("main", { class: "notice" }, h("h1", null, "Till"), h("p", null, text));
}

/** @param {App} app */
export function view(app) {
  return [
    app.pairing ? showHeader(app) : null,
    h("p", { class: app.message && !app.dialog ? "message" : "message empty", role: "status", key: "message" }, app.dialog ? "" : app.message),
    app.phase === "loading" ? null : listNotices(app).map((text) => h("p", { class: "message", role: "status", key: text }, text)),
    h("main", { class: app.phase, key: app.phase, "aria-busy": app.isBusy ? "true" : null }, SCREENS[app.phase](app)),
    app.dialog ? showDialog(app) : null,
  ];
}

/** What stays on the screen until it is repaired. @param {App} app */
function listNotices(app) {
  const notices = [];
  if (app.clocks) {
    const { device, server } = app.clocks;
    notices.push(t("clockWrong", { device: formatDateTime(device, locale), server: formatDateTime(server, locale) }));
  }
  if (app.isStorageLost) notices.push(t("storageLost"));
  return notices;
}

/** @param {App} app */
function showHeader(app) {
  const isIn = !["lock", "loading"].includes(app.phase);
  return h(
    "header",
    { class: "bar", key: "bar" },
    h("strong", null, app.pairing.register.name),
    h("span", { class: "grow" }, isIn && app.person ? app.person.display_name : ""),
    showConnection(app),
    isIn && app.phase === "sell" ? button(t("receipts"), () => openReceipts(app), { name: "receipts", key: "F10" }) : null,
    isIn && app.phase === "sell" ? button(t("more"), () => app.update({ phase: "more", message: "" }), { name: "more" }) : null,
    isIn && ["more", "glance", "receipts", "receipt"].includes(app.phase)
      ? button(t("back"), () => app.update({ phase: app.choosePhase(), message: "" }), { name: "back", disabled: app.isBusy })
      : null,
    isIn && !app.isBusy ? button(t("lock"), () => lockRegister(app), { name: "lock" }) : null,
  );
}

/** A dot with words: online, or offline since when, and what is unsent. @param {App} app */
function showConnection(app) {
  const waiting = app.unsent.length;
  const isLoggedOut = !app.api.access && !["lock", "loading", "setup"].includes(app.phase);
  const words = app.isOnline
    ? t(isLoggedOut ? "onlineAgain" : "online")
    : t("offlineSince", { time: app.offlineSince ? formatTime(app.offlineSince, locale) : "" });
  const unsent = waiting ? ` · ${t("unsent", { count: waiting })}` : "";
  const rejected = app.rejected.length ? ` · ${t("rejected", { count: app.rejected.length })}` : "";
  return h(
    "span",
    { class: `connection ${app.isOnline ? "online" : "offline"}`, role: "status" },
    h("span", { class: "dot", "aria-hidden": "true" }),
    words + unsent + rejected,
  );
}
