// When a device that did not open, or was lost, may be there again.

const every = 10_000; // what another program holds is given back without a word
const patience = 1500; // a device that is silent for less than that is not held by the system

/** Calls try again whenever there is hope: devices changed, the page is in view again, some time has passed. */
export function onDeviceHope(tryAgain: () => void): void {
  navigator.mediaDevices?.addEventListener("devicechange", tryAgain);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) tryAgain();
  });
  window.setInterval(() => {
    if (!document.hidden) tryAgain();
  }, every);
}

/** Tells when the person lets the page use a device after all; some browsers do not say. */
export function onPermission(given: (kind: "microphone" | "camera") => void): void {
  for (const kind of ["microphone", "camera"] as const) {
    navigator.permissions?.query({ name: kind as PermissionName }).then(
      (status) => (status.onchange = () => {
        if (status.state === "granted") given(kind);
      }),
      (e: unknown) => console.info("permission", e),
    );
  }
}

/** Tells when the system keeps a track's device for itself, as a telephone does in a call or behind its locked screen, and when it gives it back. */
export function watchHeld(track: MediaStreamTrack, told: (held: boolean) => void): void {
  let held = false;
  track.onmute = () => {
    window.setTimeout(() => {
      if (held || !track.muted || track.readyState === "ended") return;
      held = true;
      told(true);
    }, patience);
  };
  track.onunmute = () => {
    if (!held) return;
    held = false;
    told(false);
  };
}
