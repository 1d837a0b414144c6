// The device check's own words.

import type { Language } from "../lib/config";

const zh = {
  title: "入庭前检查设备", lead: "请逐项检查。没有摄像头也可以入庭，但应尽量让法庭看到您。", case: "案号", start: "开庭时间", seat: "您的身份",
  "seat.judge": "审判员", "seat.clerk": "书记员", "seat.plaintiff": "原告", "seat.defendant": "被告", "seat.third_party": "第三人", "seat.observer": "旁听",
  camera: "摄像头", "camera.ok": "请确认画面中能看清您的脸。", "camera.off": "未使用摄像头", "camera.none": "不使用摄像头", "camera.wait": "请在浏览器的提示中选择“允许”", "camera.dark": "画面很暗，请面向光源。",
  microphone: "麦克风", "microphone.ok": "声音正常。", "microphone.say": "请说一句话，看绿条是否跟着动。", "microphone.level": "音量",
  speaker: "扬声器", "speaker.play": "播放测试音", "speaker.playing": "正在播放", "speaker.ask": "您听到两个音了吗？", "speaker.yes": "听到了", "speaker.no": "没听到", "speaker.ok": "扬声器正常。", "speaker.fault": "请调大音量，检查是否接了耳机，或在下方换一个扬声器。",
  network: "网络", "network.wait": "正在测试连接", "network.socket": "无法连接法院服务器。请检查网络，或换一个网络再试。", "network.media": "可以连接法院，但音视频的通道被网络拦截。请换一个网络（如手机热点），或请网络管理员放行法院的媒体端口（UDP 或 TCP）。", "network.ok": "连接正常，往返 {ms} 毫秒。", "network.slow": "连接较慢，往返 {ms} 毫秒。请靠近路由器，或改用有线网络。",
  "way.udp": "音视频直接传送（UDP），这是最好的方式。", "way.tcp": "您的网络不放行 UDP，音视频改用 TCP 传送。网络不稳时画面可能停顿；如有其他网络，建议改用。", "way.relay": "音视频经法院的中继服务器传送。可以正常参加庭审，延迟可能略高。",
  default: "系统默认", retry: "重试", enter: "进入法庭", "enter.without": "不带摄像头进入", "enter.observer": "进入旁听", back: "返回案件", "enter.hint": "接下来请确认法庭纪律，然后等候书记员准许入庭。", "enter.blocked": "网络尚未连通，您仍可以进入后等待。",
  "state.ok": "正常", "state.wait": "检查中", "state.bad": "需要处理", "state.ask": "待确认",
  "fault.insecure": "浏览器只在安全连接（https）下允许使用摄像头和麦克风。请用 https 开头的地址打开本页。", "fault.denied": "浏览器未获准使用。请点地址栏左侧的图标，把权限改为“允许”，再点“重试”。在手机上，请到系统设置中允许浏览器使用。", "fault.missing": "没有找到设备。请检查是否插好，再点“重试”。", "fault.busy": "设备正被其他程序占用。请关闭其他视频会议软件，再点“重试”。", "fault.failed": "设备没有打开。请重新插拔，或重启浏览器后再试。",
};

export type Key = keyof typeof zh;

const en: Record<Key, string> = {
  title: "Check your devices", lead: "Go through each item. You can enter without a camera, but the court should see you if it can.", case: "Case", start: "Hearing begins", seat: "You are",
  "seat.judge": "Judge", "seat.clerk": "Clerk", "seat.plaintiff": "Plaintiff", "seat.defendant": "Defendant", "seat.third_party": "Third party", "seat.observer": "Observer",
  camera: "Camera", "camera.ok": "Make sure that your face is clearly seen.", "camera.off": "No camera in use", "camera.none": "No camera", "camera.wait": "Choose Allow when the browser asks", "camera.dark": "The picture is dark. Face the light.",
  microphone: "Microphone", "microphone.ok": "Your voice comes through.", "microphone.say": "Say something and see whether the bar moves.", "microphone.level": "Level",
  speaker: "Speaker", "speaker.play": "Play a test tone", "speaker.playing": "Playing", "speaker.ask": "Did you hear two notes?", "speaker.yes": "Yes", "speaker.no": "No", "speaker.ok": "The speaker works.", "speaker.fault": "Turn up the volume, check whether headphones are plugged in, or choose another speaker below.",
  network: "Network", "network.wait": "Testing the connection", "network.socket": "The court's server cannot be reached. Check your network or use another.", "network.media": "The court can be reached, but your network blocks sound and picture. Use another network (a phone's hotspot), or ask its administrator to allow the court's media port (UDP or TCP).", "network.ok": "The connection works, round trip {ms} ms.", "network.slow": "The connection is slow, round trip {ms} ms. Go nearer to the router or use a cable.",
  "way.udp": "Sound and picture go directly (UDP), which is best.", "way.tcp": "Your network lets no UDP out, so sound and picture go by TCP. The picture may pause when the network is poor; use another network if you can.", "way.relay": "Sound and picture go through the court's relay. You can take part as usual; the delay may be a little longer.",
  default: "System default", retry: "Try again", enter: "Enter the hearing", "enter.without": "Enter without a camera", "enter.observer": "Enter as observer", back: "Back to the case", "enter.hint": "Next you confirm the court's rules and wait for the clerk to let you in.", "enter.blocked": "The network is not reached yet; you may enter and wait.",
  "state.ok": "Fine", "state.wait": "Checking", "state.bad": "Needs attention", "state.ask": "To confirm",
  "fault.insecure": "Browsers allow camera and microphone only over a secure connection. Open this page by its https address.", "fault.denied": "The browser may not use it. Click the icon left of the address, change the permission to Allow, then try again. On a phone, allow it for the browser in the system's settings.", "fault.missing": "No device was found. Check that it is plugged in, then try again.", "fault.busy": "Another program is using the device. Close other video meetings, then try again.", "fault.failed": "The device did not open. Plug it in again or restart the browser.",
};

export type Say = (key: Key | string, params?: Record<string, string | number>) => string;

export function speaker(language: Language): Say {
  const table: Record<string, string> = language === "zh" ? zh : en;
  return (key, params = {}) => (table[key] ?? key).replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? ""));
}
