// Barcodes through the camera, where the browser can read them by itself.
"use strict";

const Camera = (() => {
  const FORMATS = ["code_128", "data_matrix", "ean_13", "ean_8", "itf", "qr_code", "upc_a", "upc_e", "code_39"];
  const LOOK_MILLIS = 120;
  const SAME_MILLIS = 2000; // a code that stays in sight is read once
  let [stream, timer] = [null, 0];

  // What the camera can read here; null when it can't.
  async function formats() {
    if (!("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return null;
    const readable = await BarcodeDetector.getSupportedFormats().catch(() => []);
    const ours = FORMATS.filter(format => readable.includes(format));
    return ours.length > 0 ? ours : null;
  }

  // Shows what the camera sees in `video` and gives each code to `take`, until `take` returns false or it is stopped.
  async function start(video, readable, take) {
    stop();
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
    video.srcObject = stream;
    await video.play();
    const detector = new BarcodeDetector({ formats: readable });
    let [last, seenAt] = ["", 0];
    const look = async () => {
      const [found] = await detector.detect(video).catch(() => []);
      if (!stream) return;
      if (found) {
        const isSame = found.rawValue === last && Date.now() - seenAt < SAME_MILLIS;
        [last, seenAt] = [found.rawValue, Date.now()];
        if (!isSame && take(found.rawValue) === false) return;
      }
      timer = setTimeout(look, LOOK_MILLIS);
    };
    look();
  }

  function stop() {
    clearTimeout(timer);
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
  }

  return { formats, start, stop };
})();
