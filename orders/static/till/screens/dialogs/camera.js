/** The picture of the camera, until it has read a code. */

import { scanCode } from "../../actions/cart.js";
import { startCamera } from "../../scan/camera.js";
import { t } from "../../texts/texts.js";
import { dialog } from "../parts.js";
import { h } from "../render.js";

/** @typedef {import("../../app.js").App} App */

/** @type {WeakMap<Element, () => void>} */
const running = new WeakMap();

/** @param {App} app */
export function showCamera(app) {
  const onscan = (/** @type {string} */ code) => {
    app.update({ dialog: null });
    scanCode(app, code);
  };
  const start = (/** @type {HTMLVideoElement} */ video) => {
    video.muted = true;
    running.set(video, startCamera(video, app.cameraFormats, onscan, (message) => app.say(message)));
  };
  return dialog(
    app,
    t("cameraTitle"),
    h("video", {
      class: "camera",
      playsinline: true,
      "aria-label": t("cameraTitle"),
      onmount: start,
      onremove: (/** @type {HTMLVideoElement} */ video) => running.get(video)?.(),
    }),
    h("p", { class: "hint" }, t("cameraHint")),
  );
}
