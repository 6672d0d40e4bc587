/** The shift and its cash: open, count, close, cash in and out. */

import { Refused } from "../api/client.js";
import { t } from "../texts/texts.js";
import { repeatWithApproval } from "./approval.js";
import { addToDrawer } from "./drawer.js";
import { uploadUnsent } from "./sync.js";

/** @typedef {import("../app.js").App} App */

/** @param {App} app */
export async function loadShift(app) {
  if (!app.isOnline && app.shift) return;
  try {
    app.shift = await app.api.get("shifts/current/", { register: app.pairing.register.id });
    app.suggestedFloat = null;
    app.ended = null;
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== "no_current_shift") throw error;
    app.shift = null;
    app.suggestedFloat = error.problem.suggested_float;
    const query = { register: app.pairing.register.id, status: "ended" };
    app.ended = (await app.api.get("shifts/", query)).results[0] ?? null;
  }
  await app.store.set({ shift: app.shift });
}

/** Show what was sold so far, and the form for the count. @param {App} app @param {any} shift */
export async function beginClosing(app, shift) {
  await uploadUnsent(app);
  const report = await app.api.get(`shifts/${shift.id}/x-report/`);
  app.update({ shift, report, phase: "close" });
}

/** @param {App} app */
export async function prepareShift(app) {
  await loadShift(app);
  app.update({ phase: app.choosePhase(), report: null });
}

/** Show the form that opens a shift, also where sales need none. @param {App} app */
export async function prepareOpening(app) {
  await loadShift(app);
  app.update({ phase: app.shift ? app.choosePhase() : "open", message: "" });
}

/** @param {App} app @param {string} float */
export async function openShift(app, float) {
  const body = { id: crypto.randomUUID(), register: app.pairing.register.id, opening_float: float };
  try {
    app.shift = await app.api.post("shifts/", body);
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== "shift_already_open") throw error;
    // By an attempt whose answer was lost, or by somebody else.
    await loadShift(app);
  }
  const { id, opening_float: cash } = app.shift;
  await app.store.set({ shift: app.shift, drawer: { shift: id, cash, sales: 0 } });
  app.update({ phase: app.choosePhase() });
}

/**
 * Close the shift: end it if it is open, and hand in the count.
 *
 * @param {App} app
 * @param {{denominations: any[], counted: any[], note: string}} count
 */
export async function closeShift(app, { denominations, counted, note }) {
  await uploadUnsent(app);
  const { id } = app.shift;
  // An attempt whose answer was lost may have ended or closed it.
  app.shift = await app.api.get(`shifts/${id}/`);
  if (app.shift.status === "open") app.shift = await app.api.post(`shifts/${id}/end/`);
  await app.store.set({ shift: app.shift });
  const body = { denominations, counted, ...(note ? { note } : {}) };
  if (app.shift.status !== "closed") await app.api.post(`shifts/${id}/close/`, body);
  const text = await app.api.getText(`shifts/${id}/z-report/`, { format: "text" });
  app.shift = null;
  await app.store.set({ shift: null, drawer: null });
  app.suggestedFloat = null;
  app.update({ phase: "closed", report: text });
}

/**
 * Book cash that is put into the drawer or taken out of it, or that it is opened without a sale.
 *
 * @param {App} app
 * @param {{id: string, type: string, amount?: string, reason: string}} movement
 */
export async function moveCash(app, movement) {
  // The server knows what is in the drawer only with all sales.
  await uploadUnsent(app);
  await repeatWithApproval(app, movement, async (body) => {
    await app.api.post(`shifts/${app.shift.id}/cash-movements/`, body);
    const { type, amount } = movement;
    if (amount) await addToDrawer(app, [type === "paid_in" ? amount : `-${amount}`]);
    const slip = `shifts/${app.shift.id}/cash-movements/${movement.id}/`;
    app.update({ dialog: null, slip, message: t("cashMoved") });
  });
}
