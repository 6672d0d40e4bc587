/** Reports while the shop is open: the X report, and what a manager wants to know at a glance. */

import { t } from "../texts/texts.js";
import { layOutXReport } from "../print/x_report.js";
import { uploadUnsent } from "./sync.js";

/** @typedef {import("../app.js").App} App */

const MAX_REGISTERS = 20;

/** Show the shift so far. @param {App} app */
export async function showXReport(app) {
  await uploadUnsent(app);
  const report = await app.api.get(`shifts/${app.shift.id}/x-report/`);
  const place = { shift: app.shift, settings: app.settings, register: app.pairing.register, at: new Date() };
  app.update({ dialog: { kind: "xReport", text: layOutXReport(report, place) } });
}

/** Show today's sales of the store, the drawer, and sales that the server does not have. @param {App} app */
export async function showGlance(app) {
  await uploadUnsent(app);
  const { store } = app.pairing.register;
  const isOfStore = (/** @type {any} */ register) => register.store === store && register.is_active;
  const [sales, registers, payments, drawer] = await Promise.all([
    app.api.get("reports/sales/", { group_by: "method", store }),
    app.api.getAll("registers/"),
    app.api.get("payments/", { register: app.pairing.register.id }),
    app.shift ? app.api.get(`shifts/${app.shift.id}/x-report/`) : null,
  ]);
  const asked = registers.filter(isOfStore).slice(0, MAX_REGISTERS);
  const gaps = await Promise.all(
    asked.map(async (register) => ({ register, gap: await app.api.get(`registers/${register.id}/gaps/`) })),
  );
  const glance = { at: new Date().toISOString(), sales, drawer, payments: payments.results, gaps };
  app.update({ phase: "glance", glance, message: "" });
}

/** Return the missing numbers of a register as they stand on receipts, such as `1-T17`. @param {any} gap @param {number} number */
export function nameMissing(gap, number) {
  const named = gap.ranges.map(({ first, last }) => (first === last ? `${number}-T${first}` : `${number}-T${first} – ${number}-T${last}`));
  return gap.next === null ? named.join(", ") : `${named.join(", ")} ${t("andMore")}`;
}
