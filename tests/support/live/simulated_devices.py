"""Printers and a camera that are simulated in the page of the browser register."""

# Printers that note what they get. `failing` names the error of the next step.
PRINTERS = """(() => {
  window.printed = [];
  window.failing = "";
  const fail = () => {
    if (window.failing) throw new DOMException("simulated", window.failing);
  };
  const note = (bytes) => { fail(); window.printed.push(...bytes); };
  const endpoints = [{ direction: "in", type: "bulk", endpointNumber: 1 },
    { direction: "out", type: "bulk", endpointNumber: 2 }];
  const printer = {
    configuration: null,
    async open() { fail(); },
    async close() {},
    async selectConfiguration() {
      const alternate = { interfaceClass: 7, endpoints };
      this.configuration = { interfaces: [{ interfaceNumber: 0, alternate }] };
    },
    async claimInterface() {},
    async transferOut(endpoint, bytes) { note(bytes); return { status: "ok" }; },
  };
  const port = {
    async open() { fail(); this.writable = new WritableStream({ write: note }); },
    async close() {},
  };
  const chosen = { usb: [], serial: [] };
  const replace = (name, value) => Object.defineProperty(navigator, name, { value });
  replace("usb", {
    async requestDevice() { fail(); chosen.usb = [printer]; },
    async getDevices() { return chosen.usb; },
  });
  replace("serial", {
    async requestPort() { fail(); chosen.serial = [port]; },
    async getPorts() { return chosen.serial; },
  });
})()"""

# A camera that shows nothing, and a detector that reads what the test names.
CAMERA = """(() => {
  window.code = "";
  window.tracks = [];
  window.failing = "";
  window.BarcodeDetector = class {
    static async getSupportedFormats() { return ["ean_13", "qr_code", "aztec"]; }
    constructor({ formats }) { window.formats = formats; }
    async detect() { return window.code ? [{ rawValue: window.code }] : []; }
  };
  HTMLMediaElement.prototype.play = async () => {};
  navigator.mediaDevices.getUserMedia = async () => {
    if (window.failing) throw new DOMException("simulated", window.failing);
    const stream = document.createElement("canvas").captureStream();
    window.tracks.push(...stream.getTracks());
    return stream;
  };
})()"""
