/** A receipt printer at this device: by WebUSB or Web Serial, where the browser has them. */

import { t } from "../texts/texts.js";

/** @typedef {"usb" | "serial"} Connection */

const PRINTER_CLASS = 7;
const BAUD_RATE = 9600;
/** Small printers have small buffers. */
const CHUNK = 4096;

/** Both are missing in the types of browsers. @type {any} */
const device = navigator;

/** Return how a printer can be connected in this browser. @returns {Connection[]} */
export function listConnections() {
  return /** @type {Connection[]} */ (["usb", "serial"]).filter((kind) => kind in navigator);
}

/** Let the person choose a printer, which the browser allows from then on. @param {Connection} kind */
export async function choosePrinter(kind) {
  try {
    if (kind === "usb") await device.usb.requestDevice({ filters: [{ classCode: PRINTER_CLASS }] });
    else await device.serial.requestPort();
  } catch (error) {
    throw new Error(t(error?.name === "NotFoundError" ? "printerNotChosen" : "printerForbidden"));
  }
}

/** Send bytes to the chosen printer. @param {Connection} kind @param {Uint8Array<ArrayBuffer>} bytes */
export async function sendToPrinter(kind, bytes) {
  try {
    await (kind === "usb" ? sendByUsb(bytes) : sendBySerial(bytes));
  } catch (error) {
    const isForbidden = ["SecurityError", "NotAllowedError"].includes(error?.name);
    throw new Error(t(isForbidden ? "printerForbidden" : "printerGone"));
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function sendByUsb(bytes) {
  const [printer] = await device.usb.getDevices();
  await printer.open();
  try {
    if (!printer.configuration) await printer.selectConfiguration(1);
    const { number, endpoint } = findOutput(printer);
    await printer.claimInterface(number);
    for (let at = 0; at < bytes.length; at += CHUNK) {
      const { status } = await printer.transferOut(endpoint, bytes.subarray(at, at + CHUNK));
      if (status !== "ok") throw new Error(status);
    }
  } finally {
    await printer.close();
  }
}

/** Return the interface that prints, and where it takes bytes. @param {any} printer */
function findOutput(printer) {
  for (const { interfaceNumber: number, alternate } of printer.configuration.interfaces) {
    const output = alternate.endpoints.find((/** @type {any} */ each) => each.direction === "out" && each.type === "bulk");
    if (alternate.interfaceClass === PRINTER_CLASS && output) return { number, endpoint: output.endpointNumber };
  }
  throw new Error("The device has no interface of a printer.");
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function sendBySerial(bytes) {
  const [port] = await device.serial.getPorts();
  await port.open({ baudRate: BAUD_RATE });
  try {
    const writer = port.writable.getWriter();
    await writer.write(bytes);
    await writer.close();
  } finally {
    await port.close();
  }
}
