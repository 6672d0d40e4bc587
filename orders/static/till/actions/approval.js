/** Approval in place, by the PIN of a manager. */

import { Refused } from "../api/client.js";

/** @typedef {import("../app.js").App} App */

/**
 * Approve by a manager's PIN in place, and repeat what was refused.
 *
 * @param {App} app
 * @param {any} problem
 * @param {(approval: string) => Promise<any>} repeat
 * @param {string} user
 * @param {string} pin
 */
export async function approveByPin(app, problem, repeat, user, pin) {
  const names = ["action", "object", "amount", "method"];
  const wanted = Object.fromEntries(names.filter((name) => name in problem).map((name) => [name, problem[name]]));
  const approval = await app.api.post("approvals/", wanted);
  await app.api.post(`approvals/${approval.id}/approve/`, { user, pin });
  await repeat(approval.id);
}

/**
 * Send a request; if it exceeds the limits of the person, ask for an approval and send it again with that.
 *
 * @param {App} app
 * @param {any} body
 * @param {(body: any) => Promise<any>} send
 */
export async function repeatWithApproval(app, body, send) {
  try {
    await send(body);
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== "approval_required") throw error;
    const repeat = (/** @type {string} */ approval) => send({ ...body, approval });
    app.update({ dialog: { kind: "approval", problem: error.problem, repeat } });
  }
}
