/** Codes by the camera, where the browser reads them itself (`BarcodeDetector`). */

import { t } from "../texts/texts.js";

/** What stands on goods, labels and receipts. */
const FORMATS = ["ean_13", "ean_8", "upc_a", "upc_e", "code_128", "code_39", "itf", "qr_code", "data_matrix"];
const PAUSE = 150;

/** Missing in the types of browsers. @type {any} */
const browser = window;

/** Return the formats that this browser reads; none if it has no camera or cannot read codes. */
export async function listFormats() {
  if (!browser.BarcodeDetector || !navigator.mediaDevices?.getUserMedia) return [];
  const supported = await browser.BarcodeDetector.getSupportedFormats();
  return FORMATS.filter((format) => supported.includes(format));
}

/**
 * Show the camera and call `onscan` with the first code that is read. Returns a function that ends it.
 *
 * @param {HTMLVideoElement} video
 * @param {string[]} formats
 * @param {(code: string) => void} onscan
 * @param {(message: string) => void} onfail
 */
export function startCamera(video, formats, onscan, onfail) {
  let isEnded = false;
  /** @type {MediaStream | null} */
  let stream = null;
  const stop = () => {
    isEnded = true;
    for (const track of stream?.getTracks() ?? []) track.stop();
  };
  const watch = async () => {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    if (isEnded) return stop();
    video.srcObject = stream;
    await video.play();
    const detector = new browser.BarcodeDetector({ formats });
    while (!isEnded) {
      const [found] = await detector.detect(video);
      if (found && !isEnded) {
        stop();
        return onscan(found.rawValue);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  };
  watch().catch((error) => {
    if (isEnded) return;
    stop();
    onfail(t(error?.name === "NotAllowedError" ? "cameraForbidden" : "cameraMissing"));
  });
  return stop;
}
