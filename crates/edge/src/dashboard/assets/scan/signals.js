// What a hand and an ear notice: three sounds that can't be confused, and a buzz where the device has it.
"use strict";

const Signals = (() => {
  // Tones as [pitch in hertz, start and length in seconds, wave], and a vibration in milliseconds.
  const SIGNALS = {
    good: { tones: [[1320, 0, 0.09, "sine"]], buzz: [40] },
    duplicate: { tones: [[660, 0, 0.07, "triangle"], [660, 0.12, 0.07, "triangle"]], buzz: [30, 60, 30] },
    bad: { tones: [[196, 0, 0.18, "square"], [147, 0.2, 0.28, "square"]], buzz: [180, 60, 180] },
  };
  const LOUDNESS = 0.18;
  let context = null;
  let isMuted = localStorage.getItem("stocktide-muted") === "yes";

  function sound(tones) {
    const Context = window.AudioContext ?? window.webkitAudioContext;
    if (!Context || isMuted) return;
    context ??= new Context();
    // Browsers are silent until somebody has touched the page.
    if (context.state === "suspended") context.resume().catch(() => {});
    for (const [pitch, start, length, wave] of tones) {
      const [tone, loudness, from] = [context.createOscillator(), context.createGain(), context.currentTime + start];
      Object.assign(tone, { type: wave }).frequency.value = pitch;
      loudness.gain.setValueAtTime(wave === "square" ? LOUDNESS / 3 : LOUDNESS, from);
      loudness.gain.exponentialRampToValueAtTime(0.001, from + length);
      tone.connect(loudness).connect(context.destination);
      tone.start(from);
      tone.stop(from + length);
    }
  }

  function give(name) {
    const { tones, buzz } = SIGNALS[name];
    sound(tones);
    // A page that nobody has touched may not move the device.
    if (navigator.userActivation?.hasBeenActive ?? true) navigator.vibrate?.(buzz);
  }

  function mute(muted) {
    isMuted = muted;
    localStorage.setItem("stocktide-muted", muted ? "yes" : "no");
  }

  return { give, mute, isMuted: () => isMuted };
})();
