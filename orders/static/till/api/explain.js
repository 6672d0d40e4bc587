/** What an error means for the person at the register. */

import { Refused, Unreachable } from "./client.js";
import { t } from "../texts/texts.js";

/** Return what an error means for the person at the register. @param {any} error */
export function explain(error) {
  if (error instanceof Unreachable) return t("unreachable");
  if (!(error instanceof Refused)) return error?.name === "QuotaExceededError" ? t("storageFull") : `${error?.message ?? error}`;
  // The details are sentences; the names of fields are for programs.
  const details = (error.problem.errors ?? []).map((/** @type {any} */ each) => each.detail);
  return [...new Set(error.code === "invalid" && details.length ? details : [error.message, ...details])].join(" ");
}
