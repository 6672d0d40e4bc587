/** The cash that the device knows of: what is in the drawer by its own sales, refunds and movements. */

import { sumAmounts } from "../money/engine.js";

/** @typedef {import("../app.js").App} App */

/** How many refunds are remembered: more than are followed at once. */
const MAX_REFUNDS = 50;

/** Add amounts to the cash in the drawer; those that were taken out are negative. @param {App} app @param {string[]} amounts */
export async function addToDrawer(app, amounts) {
  const { drawer } = await app.store.get("drawer");
  if (!drawer) return;
  await app.store.set({ drawer: { ...drawer, cash: sumAmounts([drawer.cash, ...amounts], app.exponent) } });
}

/** Take the cash of a refund out once it is paid. An answer that comes again changes nothing. @param {App} app @param {any} refund */
export async function countRefund(app, refund) {
  const { drawer } = await app.store.get("drawer");
  const counted = drawer?.refunds ?? [];
  if (!drawer || refund.status !== "done" || counted.includes(refund.id)) return;
  const paid = refund.payouts.filter((/** @type {any} */ each) => each.method === "cash").map((/** @type {any} */ each) => `-${each.paid}`);
  const cash = sumAmounts([drawer.cash, ...paid], app.exponent);
  await app.store.set({ drawer: { ...drawer, cash, refunds: [...counted, refund.id].slice(-MAX_REFUNDS) } });
}
