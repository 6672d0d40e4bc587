/** Texts of the register in the language of the browser. */

import { de } from "./de.js";
import { en } from "./en.js";

/** @type {Record<string, Record<string, string>>} */
const LANGUAGES = { de, en };

export const language = navigator.language.split("-")[0] in LANGUAGES ? navigator.language.split("-")[0] : "en";
/** The language with its region, for amounts and times. */
export const locale = navigator.language.startsWith(language) ? navigator.language : language;

/**
 * Return a text with its parameters: `t("lines", {count: 3})`.
 *
 * @param {string} name
 * @param {Record<string, string | number>} [parameters]
 */
export function t(name, parameters = {}) {
  const text = LANGUAGES[language][name];
  if (text === undefined) throw new Error(`There is no text ${name} in ${language}.`);
  return text.replace(/\{(\w+)\}/g, (_, parameter) => `${parameters[parameter]}`);
}
