/** Dialogs above the screens, by the `kind` of `app.dialog`. */

import { showApproval } from "./dialogs/approval.js";
import { showCamera } from "./dialogs/camera.js";
import { showCustomer } from "./dialogs/customer.js";
import { showDrawer } from "./dialogs/drawer.js";
import { showHeld } from "./dialogs/held.js";
import { showLine } from "./dialogs/line.js";
import { showMail } from "./dialogs/mail.js";
import { showOrder } from "./dialogs/order.js";
import { showModifiers, showPrice, showWeight } from "./dialogs/product.js";
import { showXReportText } from "./dialogs/x_report.js";

/** @typedef {import("../app.js").App} App */

/** @type {Record<string, (app: App) => any>} */
const DIALOGS = {
  weight: showWeight,
  price: showPrice,
  modifiers: showModifiers,
  line: showLine,
  order: showOrder,
  camera: showCamera,
  customer: showCustomer,
  held: showHeld,
  approval: showApproval,
  mail: showMail,
  drawer: showDrawer,
  xReport: showXReportText,
};

/** @param {App} app */
export function showDialog(app) {
  return DIALOGS[app.dialog.kind](app);
}
