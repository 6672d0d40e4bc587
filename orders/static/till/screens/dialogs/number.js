/** What a person types into a field of a dialog. */

import { t } from "../../texts/texts.js";
import { readNumber } from "../format.js";

/** Return a typed number, or say that it is none. @param {string} text @param {number} decimals @param {boolean} [isPadded] */
export function requireNumber(text, decimals, isPadded) {
  const number = readNumber(text, decimals, isPadded);
  if (number === null) throw new Error(t("badAmount"));
  return number;
}
