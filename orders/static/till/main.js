/** Starts the register: in one tab only, on a secure address, with its service worker. */

import { scanCode } from "./actions/cart.js";
import { keepInTouch, lockIfIdle, lockRegister, startRegister } from "./actions/session.js";
import { dropOffer, takePairingCode } from "./actions/setup.js";
import { noteConnection, noteServerTime } from "./actions/sync.js";
import { explain } from "./api/explain.js";
import { App } from "./app.js";
import { readPairingCode } from "./scan/address.js";
import { listenForScans } from "./scan/keyboard.js";
import { listenForKeys } from "./screens/keys.js";
import { render } from "./screens/render.js";
import { showNotice, view } from "./screens/view.js";
import { Store } from "./store/store.js";
import { language, t } from "./texts/texts.js";

const SYNC_SECONDS = 5;
const UPDATE_MINUTES = 60;
const root = /** @type {HTMLElement} */ (document.getElementById("till"));
/** The code with which the page was opened, also in a tab that waits. */
const scannedCode = takeCodeFromAddress();

document.documentElement.lang = language;
if (window.isSecureContext) holdTill();
else render(root, showNotice(t("insecure")));

/** Only one tab is the till; another one waits until it is closed. */
function holdTill() {
  const wait = setTimeout(() => render(root, showNotice(t("otherTab"))), 500);
  navigator.locks.request("till", async () => {
    clearTimeout(wait);
    await run().catch((error) => render(root, showNotice(explain(error))));
    await new Promise(() => {});
  });
}

async function run() {
  let isScheduled = false;
  const draw = () => {
    isScheduled = false;
    render(root, view(app));
    activateWhenIdle();
  };
  const app = new App(await Store.open(), () => {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(draw);
  });
  app.api.onreachable = (isOnline) => noteConnection(app, isOnline);
  app.api.onclock = (server) => noteServerTime(app, server);
  app.api.onloggedout = () => lockRegister(app, t("loggedOut"));
  listenForScans((code) => scanCode(app, code));
  listenForKeys(app);
  for (const name of ["pointerdown", "keydown"]) {
    addEventListener(name, () => (app.lastInput = Date.now()), { capture: true });
  }
  // An address that differs only in its fragment does not load the page again.
  addEventListener("hashchange", () => takePairingCode(app, takeCodeFromAddress()));
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && dropOffer(app));
  addEventListener("offline", () => noteConnection(app, false));
  const exchange = () => keepInTouch(app).catch((error) => app.say(explain(error)));
  addEventListener("online", exchange);
  setInterval(() => lockIfIdle(app), 1000);
  setInterval(exchange, SYNC_SECONDS * 1000);
  const registration = navigator.serviceWorker.register("/till/sw.js");
  navigator.serviceWorker.addEventListener("controllerchange", reloadOnce());
  registration.catch((error) => app.say(explain(error)));
  // A register is open for days, and browsers look for a new version only when a page is loaded.
  setInterval(() => registration.then((found) => found.update()).catch(() => {}), UPDATE_MINUTES * 60_000);

  /** A new version waits until nothing is being sold. */
  function activateWhenIdle() {
    const isIdle = !app.cart.lines.length && !app.parts.length && !app.isBusy && !app.dialog;
    // Elsewhere something is read or typed: the change, a count, a refund.
    if (isIdle && ["lock", "sell"].includes(app.phase)) registration.then(({ waiting }) => waiting?.postMessage("activate")).catch(() => {});
  }

  draw();
  await startRegister(app);
  takePairingCode(app, scannedCode);
}

/** Return the pairing code of the address, and remove it there and from the history: it should not stay. */
function takeCodeFromAddress() {
  const code = readPairingCode(location.hash);
  if (code !== null) history.replaceState(null, "", location.pathname);
  return code;
}

/** The first worker takes over a page that is current; only a later one brings new files. */
function reloadOnce() {
  let isControlled = Boolean(navigator.serviceWorker.controller);
  return () => {
    if (isControlled) location.reload();
    isControlled = true;
  };
}
