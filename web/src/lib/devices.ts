// Cameras and microphones: the person's choice, opening them, and why they will not open.

export interface DeviceChoice {
  camera: string; // device id; "" is the system's default, "none" goes without
  microphone: string;
  speaker: string;
  picture: PictureSize | "auto";
  codec: VideoCodec | "auto";
}

/** How large a picture the camera sends at most: 360 lines, or 720. */
export type PictureSize = "small" | "large";

/** How the picture is encoded. */
export type VideoCodec = "VP8" | "H264" | "VP9" | "AV1";

/** The picture that a device can send without labouring: several encodings of 720 lines want more than four cores. */
export function pictureOf(choice: DeviceChoice): PictureSize {
  if (choice.picture !== "auto") return choice.picture;
  return (navigator.hardwareConcurrency ?? 4) > 4 ? "large" : "small";
}

const key = "yunting.devices";

export function loadChoice(): DeviceChoice {
  const none: DeviceChoice = { camera: "", microphone: "", speaker: "", picture: "auto", codec: "auto" };
  try {
    return { ...none, ...(JSON.parse(localStorage.getItem(key) ?? "{}") as Partial<DeviceChoice>) };
  } catch {
    return none; // storage is off or holds something else: begin with the defaults
  }
}

export function saveChoice(choice: DeviceChoice): void {
  try {
    localStorage.setItem(key, JSON.stringify(choice));
  } catch {
    // Private windows may refuse storage; the room then begins with the default devices.
  }
}

/** Why a device did not open; each has its own advice. */
export type DeviceFault = "insecure" | "denied" | "missing" | "busy" | "failed";

export function faultOf(error: unknown): DeviceFault {
  if (!navigator.mediaDevices) return "insecure";
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "failed";
  }
}

function pick(id: string): { deviceId?: ConstrainDOMString } {
  return id && id !== "none" ? { deviceId: { ideal: id } } : {};
}

export async function openCamera(id: string, picture: PictureSize = "small"): Promise<MediaStreamTrack> {
  const media = navigator.mediaDevices;
  if (!media) throw new DOMException("no media devices", "NotSupportedError");
  const stream = await media.getUserMedia({
    video: { ...pick(id), width: { ideal: picture === "large" ? 1280 : 640 }, height: { ideal: picture === "large" ? 720 : 360 }, frameRate: { ideal: 20, max: 20 } },
  });
  const track = stream.getVideoTracks()[0]!;
  track.contentHint = "motion";
  return track;
}

export async function openMicrophone(id: string): Promise<MediaStreamTrack> {
  const media = navigator.mediaDevices;
  if (!media) throw new DOMException("no media devices", "NotSupportedError");
  const stream = await media.getUserMedia({
    audio: { ...pick(id), echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
  });
  const track = stream.getAudioTracks()[0]!;
  track.contentHint = "speech";
  return track;
}

export interface DeviceList {
  cameras: MediaDeviceInfo[];
  microphones: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

export async function listDevices(): Promise<DeviceList> {
  const all = navigator.mediaDevices ? await navigator.mediaDevices.enumerateDevices() : [];
  const named = all.filter((d) => d.deviceId !== "");
  return {
    cameras: named.filter((d) => d.kind === "videoinput"),
    microphones: named.filter((d) => d.kind === "audioinput"),
    speakers: named.filter((d) => d.kind === "audiooutput"),
  };
}
