/** The cash that the device knows of: what is in the drawer by its own sales, refunds and movements. */

import { sumAmounts } from "../money/engine.js";

/** @typedef {import("../app.js").App} App */

/** Add amounts to the cash in the drawer; those that were taken out are negative. @param {App} app @param {string[]} amounts */
export async function addToDrawer(app, amounts) {
  const { drawer } = await app.store.get("drawer");
  if (!drawer) return;
  await app.store.set({ drawer: { ...drawer, cash: sumAmounts([drawer.cash, ...amounts], app.exponent) } });
}
